//! `/integration/webhook/{id}/verify`: how a receiver verifies the signature, and a check of a request
//! that was refused.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask,
    form::Posted,
    page::{Errors, Frame, show as show_page},
    parts::{Icon, Tone},
    snippets::Snippets,
    text::length,
    visitor::Visitor,
    webhook_edit::find,
    webhook_head::{Tab, WebhookHead},
};
use crate::{
    domain::{Finding, PastedRequest, Timestamp, with_thousands},
    web::{
        State,
        problem::{Refusal, Reply},
        query::Query,
    },
};

#[derive(Template)]
#[template(path = "webhook_verify.html")]
struct WebhookVerifyPage {
    frame: Frame,
    head: WebhookHead,
    errors: Errors,
    snippets: Snippets,
    secret_kind: &'static str,
    headers: String,
    body: String,
    steps: Vec<Step>,
    result: &'static str,
    result_tone: Tone,
}

/// What one step of the check found.
struct Step {
    tone: Tone,
    icon: Icon,
    words: String,
}

/// What was typed, and what was found.
#[derive(Default)]
struct Checked {
    headers: String,
    body: String,
    findings: Vec<Finding>,
    errors: Errors,
}

/// Shows the function of one language and the empty check.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    page(&state, &request, &visitor, StatusCode::OK, Checked::default()).await
}

/// Checks what was pasted. Nothing is kept of it.
pub async fn check(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let form = posted.of(&visitor.key);
    let (headers, body) = (form.fields.get("headers").to_owned(), form.fields.get("body").to_owned());
    if !form.fresh {
        let checked = Checked { headers, body, errors: Errors::expired(), ..Checked::default() };
        return page(&state, &request, &visitor, StatusCode::FORBIDDEN, checked).await;
    }
    let findings = findings(&state, &request, &visitor, PastedRequest::read(&headers, &body)).await?;
    page(&state, &request, &visitor, StatusCode::OK, Checked { headers, body, findings, ..Checked::default() }).await
}

async fn findings(
    state: &State,
    request: &HttpRequest,
    visitor: &Visitor,
    pasted: PastedRequest,
) -> Result<Vec<Finding>, Refusal> {
    let (actor, id) = (visitor.actor.clone(), find(state, request, visitor).await?.webhook.id);
    ask(state, move |service| service.check_request(&actor, id, &pasted)).await
}

async fn page(state: &State, request: &HttpRequest, visitor: &Visitor, status: StatusCode, checked: Checked) -> Reply {
    let view = find(state, request, visitor).await?;
    let language = Query::parse(request.query_string()).take("language").unwrap_or_default();
    let head = WebhookHead::new(&view, visitor, Tab::Verify);
    let is_right = checked.findings.iter().all(|finding| finding.is_right());
    let (result, result_tone) = match (checked.findings.is_empty(), is_right) {
        (true, _) => ("", Tone::Calm),
        (false, true) => ("A receiver with this Secret accepts the request.", Tone::Good),
        (false, false) => ("A receiver refuses the request.", Tone::Bad),
    };
    let is_base64 = view.webhook.secret().as_str().starts_with("whsec_");
    let page = WebhookVerifyPage {
        frame: head.frame(visitor).with_errors(&checked.errors),
        snippets: Snippets::of(&head.id, &language),
        head,
        secret_kind: match is_base64 {
            true => "The Secret of this webhook begins with whsec_: the rest is base64 of the key.",
            false => "The Secret of this webhook is plain text: its UTF-8 bytes are the key.",
        },
        headers: checked.headers,
        body: checked.body,
        steps: checked.findings.into_iter().map(|finding| step(finding, visitor)).collect(),
        errors: checked.errors,
        result,
        result_tone,
    };
    show_page(visitor, status, &page)
}

fn step(finding: Finding, visitor: &Visitor) -> Step {
    let (tone, icon) = if finding.is_right() { (Tone::Good, Icon::Tick) } else { (Tone::Bad, Icon::Cross) };
    Step { tone, icon, words: words(finding, |at| visitor.zone.clock(at, visitor.now)) }
}

fn words(finding: Finding, clock: impl Fn(Timestamp) -> String) -> String {
    let time = |seconds| length(std::time::Duration::from_secs(seconds));
    match finding {
        Finding::HeadersThere => "The three headers are there.".to_owned(),
        Finding::HeaderMissing(name) => format!("The header {name} is missing."),
        Finding::InTime => "The timestamp is within 5 minutes of now.".to_owned(),
        Finding::TimestampUnreadable => "The webhook-timestamp is not a whole number of seconds since 1970.".to_owned(),
        Finding::TooOld { seconds } => format!("The timestamp is {} old. Receivers take 5 minutes.", time(seconds)),
        Finding::TooNew { seconds } => {
            format!("The timestamp is {} ahead. Check the receiver's clock, or ours.", time(seconds))
        }
        Finding::NoV1 => "The webhook-signature has no value that begins with v1,.".to_owned(),
        Finding::SignedRight => "The signature is right.".to_owned(),
        Finding::SignedByOlder { until } => format!("Signed with the old secret (still valid until {}).", clock(until)),
        Finding::SignedByEnded { until } => {
            format!("Signed with an old secret that ended at {}. Give the receiver the new one.", clock(until))
        }
        Finding::LineBreakAdded => "The body has a final newline that was not signed.".to_owned(),
        Finding::LineBreakLost => "The body lacks the final newline that was signed.".to_owned(),
        Finding::BodyRewritten => {
            "The body is the same JSON, but not the same bytes. Verify the raw body, before a JSON parser reads it."
                .to_owned()
        }
        Finding::BodyDiffers { at } => {
            format!("The body differs from the one that was sent, from character {} on.", with_thousands(at as u64))
        }
        Finding::OtherSecret => {
            "The body is the one that was sent. Another Secret signed it, or the webhook-id or the webhook-timestamp \
             is another."
                .to_owned()
        }
        Finding::NothingFits => {
            "The signature does not fit: another Secret or another body was signed. The event is not kept here any \
             more, so it cannot be said which."
                .to_owned()
        }
    }
}
