//! `/integration/webhook-logs/{id}`: one delivery, with exactly what was sent and answered.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;
use sha2::{Digest, Sha256};

use super::{
    ask, id,
    log_row::{LogRow, label},
    log_status::{LogStatus, long_result},
    page::{Frame, WEBHOOK_LOGS, show as show_page},
    parts::{CopyValue, Icon, Moment, Name},
    payload::Payload,
    text::{display_bytes, display_line, length, size},
    visitor::Visitor,
};
use crate::{
    domain::{Answer, DeliveryId, Outcome, Problem, StartedBy, Status, status_words, with_thousands},
    service::{AttemptView, LogDetail},
    web::{State, problem::Reply, query::Query},
};

#[derive(Template)]
#[template(path = "webhook_log.html")]
struct WebhookLogPage {
    frame: Frame,
    id: String,
    log_id: CopyValue,
    status: LogStatus,
    remedy: String,
    is_test: bool,
    asks_first: bool,
    event: Name,
    event_type: String,
    event_id: CopyValue,
    external_id: Option<Name>,
    ordering_key: Option<Name>,
    sequence: Option<String>,
    waits_for: Option<String>,
    webhook: Option<WebhookShown>,
    timestamp: Moment,
    received_at: Moment,
    siblings: Vec<LogRow>,
    attempts: Vec<AttemptShown>,
    attempts_head: String,
    payload: Payload,
    payload_facts: String,
    is_raw: bool,
}

struct WebhookShown {
    id: String,
    url: String,
    has_page: bool,
}

struct AttemptShown {
    number: u32,
    at: Moment,
    started_by: String,
    is_good: bool,
    icon: Icon,
    result: String,
    took: String,
    then: String,
    is_open: bool,
    request: String,
    answer: String,
    body: Option<BodyShown>,
}

struct BodyShown {
    head: String,
    text: String,
}

/// Shows it.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let id = id::<DeliveryId>(&request, "log entry")?;
    let mut query = Query::parse(request.query_string());
    let (is_raw, all) = (query.take("view").as_deref() == Some("raw"), query.take("all").is_some());
    let actor = visitor.actor.clone();
    let found = ask(&state, move |service| Ok((service.log(&actor, id)?, service.event_types(&actor)?))).await;
    let retention_days = state.service().settings().retention.as_secs() / 86_400;
    let (detail, types) = found.map_err(|refusal| match refusal.problem.code {
        "not_found" => {
            let detail = format!("{id} was not found. It may be older than {retention_days} days.");
            Problem { detail, ..refusal.problem }.into()
        }
        _ => refusal,
    })?;
    let settings = state.service().settings();
    let LogDetail { entry, attempts, body, waits_for, siblings } = &detail;
    let event = &entry.event;
    let status = LogStatus::of(entry, &visitor.zone, visitor.now, &settings.retry_schedule);
    let page = WebhookLogPage {
        frame: Frame::new(&visitor, WEBHOOK_LOGS, id.to_string()).under(&id.to_string(), ""),
        id: id.to_string(),
        log_id: CopyValue { id: "log-id", label: "Log ID", value: id.to_string() },
        remedy: remedy(&detail),
        is_test: event.test,
        asks_first: entry.delivery.status == Status::Success,
        status,
        event: Name::new(&label(&event.event_type, &types)),
        event_type: event.event_type.to_string(),
        event_id: CopyValue { id: "event-id", label: "Event ID", value: event.id.to_string() },
        external_id: event.external_id.as_ref().map(|id| Name::new(id.as_str())),
        ordering_key: event.ordering_key.as_ref().map(|key| Name::new(key.as_str())),
        sequence: entry.delivery.sequence.map(|number| number.to_string()),
        waits_for: waits_for.map(|id| id.to_string()),
        webhook: entry.webhook.as_ref().map(|webhook| WebhookShown {
            id: webhook.id.to_string(),
            url: display_line(webhook.request_url.as_str()).into_owned(),
            has_page: webhook.deleted_at.is_none(),
        }),
        timestamp: visitor.zone.millis(event.timestamp),
        received_at: visitor.zone.millis(event.received_at),
        siblings: siblings.iter().map(|entry| LogRow::of(entry, &visitor, settings, &types)).collect(),
        attempts_head: format!("Attempts ({})", attempts.len()),
        attempts: attempts.iter().rev().enumerate().map(|(index, view)| attempt(view, index == 0, &visitor)).collect(),
        payload_facts: facts(body),
        payload: Payload::new(body, is_raw, all),
        is_raw,
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// What to do about it, from the last attempt.
fn remedy(detail: &LogDetail) -> String {
    let Some(last) = detail.attempts.last() else { return String::new() };
    let outcome = &last.attempt.outcome;
    let url = last.url.as_ref().or(detail.entry.webhook.as_ref().map(|webhook| &webhook.request_url));
    let sentence = url.map(|url| outcome.remedy(url)).unwrap_or_default();
    match outcome {
        Outcome::NoAnswer { detail, .. } if !detail.is_empty() => {
            format!("{sentence} ({})", display_line(detail))
        }
        Outcome::Answered(answer) if !outcome.is_success() && answer.http_status != 410 => {
            let id = detail.entry.event.id;
            format!("{sentence} The receiver's own log may say more, under webhook-id {id}.")
        }
        _ => sentence,
    }
}

fn attempt(view: &AttemptView, is_open: bool, visitor: &Visitor) -> AttemptShown {
    let attempt = &view.attempt;
    let is_good = attempt.outcome.is_success();
    let (answer, body) = match &attempt.outcome {
        Outcome::Answered(answer) => (answer_head(answer), Some(answer_body(answer))),
        Outcome::NoAnswer { cause, detail } => {
            let more = if detail.is_empty() { String::new() } else { format!("\n{}", display_line(detail)) };
            (format!("No answer: {}{more}", cause.words()), None)
        }
    };
    AttemptShown {
        number: attempt.number,
        at: visitor.zone.millis(attempt.started_at),
        started_by: started_by(attempt.started_by, attempt.started_by_name.as_deref()),
        is_good,
        icon: if is_good { Icon::Tick } else { Icon::Cross },
        result: long_result(&attempt.summary()),
        took: format!("{} ms", with_thousands(attempt.duration_ms.into())),
        then: match attempt.next_attempt_at {
            Some(next) => format!("next: {} later", length(next - attempt.started_at)),
            None if is_good => String::new(),
            None => "no further attempt".to_owned(),
        },
        is_open,
        request: request_text(view),
        answer,
        body,
    }
}

fn request_text(view: &AttemptView) -> String {
    let mut lines = Vec::new();
    match &view.url {
        Some(url) => lines.push(format!("POST {}", display_line(url.as_str()))),
        None => lines.push("POST (the webhook of that time is no longer kept)".to_owned()),
    }
    if let Some(address) = view.attempt.address {
        lines.push(format!("to {address}"));
    }
    for header in &view.headers {
        let value = header.value.as_deref().map_or("•••••••• (hidden)".into(), display_line);
        lines.push(format!("{}: {value}", header.name));
    }
    lines.join("\n")
}

fn answer_head(answer: &Answer) -> String {
    let mut lines = vec![status_words(answer.http_status)];
    lines.extend(answer.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value);
        format!("{}: {}", display_line(name), display_line(&value))
    }));
    lines.join("\n")
}

fn answer_body(answer: &Answer) -> BodyShown {
    let kept = size(answer.body.len());
    let head = match (answer.body.is_empty(), answer.body_truncated) {
        (true, _) => "no body".to_owned(),
        (false, false) => format!("body, {kept}"),
        (false, true) => format!("body, first {kept} kept"),
    };
    let is_text = std::str::from_utf8(&answer.body).is_ok() || answer.body_truncated;
    let is_binary = answer.body.iter().take(1_024).any(|byte| *byte == 0) || !is_text;
    let text = match is_binary {
        true => {
            let bytes: Vec<String> = answer.body.iter().take(256).map(|byte| format!("{byte:02x}")).collect();
            bytes.chunks(16).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n")
        }
        false => display_bytes(&answer.body),
    };
    let head = if is_binary && !answer.body.is_empty() { format!("{head}, binary: first bytes in hex") } else { head };
    BodyShown { head, text }
}

fn started_by(by: StartedBy, name: Option<&str>) -> String {
    let words = match by {
        StartedBy::First => "first",
        StartedBy::Automatic => "automatic",
        StartedBy::Resend => "resend",
        StartedBy::Bulk => "bulk resend",
        StartedBy::Test => "test",
        StartedBy::CatchUp => "sent after the webhook was enabled",
    };
    name.map_or_else(|| words.to_owned(), |name| format!("{words} by {}", display_line(name)))
}

fn facts(body: &[u8]) -> String {
    if body.is_empty() {
        return "no longer kept".to_owned();
    }
    let bytes = with_thousands(body.len() as u64);
    let sum: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{bytes} bytes · application/json · SHA-256 {sum}")
}
