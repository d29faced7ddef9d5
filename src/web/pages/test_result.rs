//! What came of a test event, as it is shown on the page that asked for it.

use askama::{Template, filters::HtmlSafe};

use super::{
    log_status::long_result,
    parts::{Icon, Tone},
    text::display_bytes,
};
use crate::{
    domain::{Actor, DeliveryId, Outcome, WebhookId, with_thousands},
    service::{LogDetail, Service},
};

/// Bytes shown of the answer.
const ANSWER_BYTES: usize = 4 * 1024;

/// What came of a test.
#[derive(Template)]
#[template(path = "parts/test_result.html")]
pub struct TestResult {
    id: String,
    event_type: String,
    tone: Tone,
    icon: Icon,
    result: String,
    remedy: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// The test with that Log ID, if it is one of this webhook.
pub fn find(service: &Service, actor: &Actor, webhook: WebhookId, id: Option<DeliveryId>) -> Option<TestResult> {
    let test = service.log(actor, id?).ok()?;
    (test.entry.event.test && test.entry.delivery.webhook == webhook).then(|| TestResult::of(&test))
}

impl TestResult {
    fn of(test: &LogDetail) -> TestResult {
        let mut shown = TestResult {
            id: test.entry.delivery.id.to_string(),
            event_type: test.entry.event.event_type.to_string(),
            tone: Tone::Wait,
            icon: Icon::Clock,
            result: "The test is under way.".to_owned(),
            remedy: String::new(),
            headers: Vec::new(),
            body: String::new(),
        };
        let Some(view) = test.attempts.last() else { return shown };
        let outcome = &view.attempt.outcome;
        let took = with_thousands(view.attempt.duration_ms.into());
        (shown.tone, shown.icon) =
            if outcome.is_success() { (Tone::Good, Icon::Tick) } else { (Tone::Bad, Icon::Cross) };
        shown.result = format!("{} in {took} ms", long_result(&view.attempt.summary()));
        shown.remedy = test.remedy(view);
        if let Outcome::Answered(answer) = outcome {
            shown.headers = answer.headers.iter().map(|(name, value)| (name.clone(), display_bytes(value))).collect();
            let part = &answer.body[..answer.body.len().min(ANSWER_BYTES)];
            let more = if part.len() < answer.body.len() || answer.body_truncated { "\n…" } else { "" };
            shown.body = display_bytes(part) + more;
        }
        shown
    }
}

impl HtmlSafe for TestResult {}
