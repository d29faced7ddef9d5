//! `/integration/webhook-logs/{id}`: one delivery, with exactly what was sent and answered.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;
use sha2::{Digest, Sha256};

use super::{
    ask, id,
    log_query::{Asked, address, joined, list_address},
    log_row::{LogRow, label},
    log_status::{LogStatus, long_result},
    page::{Frame, WEBHOOK_LOGS, WEBHOOKS, base_address, show as show_page},
    parts::{CopyValue, Icon, Moment, Name},
    payload::Payload,
    text::{display_bytes, display_line, length, query_value, size},
    visitor::Visitor,
};
use crate::{
    domain::{
        Answer, ChangedField, Circumstances, Cursor, DeliveryId, Outcome, Problem, StartedBy, Status, changes,
        status_words, with_thousands,
    },
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
    first_sent: Option<Moment>,
    siblings: Vec<LogRow>,
    siblings_head: String,
    attempts: Vec<AttemptShown>,
    attempts_head: String,
    payload: Payload,
    payload_facts: String,
    payload_deleted: Option<String>,
    changes: Vec<ChangedField>,
    is_raw: bool,
    is_pending: bool,
    version: String,
    can_resend: bool,
    can_copy: bool,
    countdown: Option<Countdown>,
    changed_since: bool,
    redirect: Option<String>,
    newer: Option<String>,
    older: Option<String>,
    link: CopyValue,
    links: Links,
}

/// How long it is until the next attempt. Counted from when the page was made, so that the clock of
/// who reads it does not matter.
struct Countdown {
    seconds: u64,
    words: String,
}

/// The addresses of the same page seen in other ways; each keeps the list's filter.
struct Links {
    here: String,
    formatted: String,
    raw: String,
    newest_first: String,
    oldest_first: String,
    is_oldest_first: bool,
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
    let is_oldest_first = query.take("order").as_deref() == Some("oldest");
    // A filter that is not understood is no reason not to show the entry.
    let asked = Asked::read(request.query_string(), &visitor).unwrap_or_default();
    let (actor, filter) = (visitor.actor.clone(), asked.query.filter.clone());
    let found = ask(&state, move |service| {
        let detail = service.log(&actor, id)?;
        let neighbour = |cursor| -> Result<_, Problem> {
            let found = service.logs(&actor, filter.clone(), Some(cursor), 1)?.items;
            Ok(found.first().map(|entry| entry.delivery.id))
        };
        let neighbours = (neighbour(Cursor::NewerThan(id))?, neighbour(Cursor::OlderThan(id))?);
        Ok((detail, neighbours, service.event_types(&actor)?))
    })
    .await;
    let retention_days = state.service().settings().retention.as_secs() / 86_400;
    let (detail, (newer, older), types) = found.map_err(|refusal| match refusal.problem.code {
        "not_found" => {
            let detail = format!("{id} was not found. It may be older than {retention_days} days.");
            Problem { detail, ..refusal.problem }.into()
        }
        _ => refusal,
    })?;
    let settings = state.service().settings();
    let LogDetail { entry, attempts, body, masked, waits_for, siblings } = &detail;
    let event = &entry.event;
    let status = LogStatus::of(entry, &visitor.zone, visitor.now, &settings.retry_schedule);
    let list = asked.query_string();
    let page_of = |id: DeliveryId| address(&format!("{WEBHOOK_LOGS}/{id}"), &list);
    let here = |more: &str, part: &str| address(&format!("{WEBHOOK_LOGS}/{id}"), &joined(&list, more)) + part;
    let mut frame = Frame::new(&visitor, WEBHOOK_LOGS, id.to_string());
    if let Some(crumb) = frame.crumbs.last_mut() {
        crumb.href = list_address(&list);
    }
    let has_webhook = entry.webhook.as_ref().is_some_and(|webhook| webhook.deleted_at.is_none());
    let is_deleted = event.payload_deleted.is_some();
    let mut shown: Vec<_> =
        attempts.iter().rev().enumerate().map(|(index, view)| attempt(view, index == 0, &visitor)).collect();
    if is_oldest_first {
        shown.reverse();
    }
    let next = entry.next_attempt_at().filter(|at| *at > visitor.now);
    let present = entry.webhook.as_ref().map(|webhook| webhook.version);
    let page = WebhookLogPage {
        frame: frame.under(&id.to_string(), ""),
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
        first_sent: attempts.first().map(|first| visitor.zone.millis(first.attempt.started_at)),
        siblings: siblings.iter().map(|entry| LogRow::of(entry, &visitor, settings, &types)).collect(),
        siblings_head: format!("({} in all)", siblings.len() + 1),
        attempts_head: format!("Attempts ({})", attempts.len()),
        attempts: shown,
        payload_facts: facts(body, *masked),
        payload_deleted: event.payload_deleted.as_ref().map(|deleted| {
            let at = visitor.zone.seconds(deleted.at).text;
            format!("Payload deleted on {at} by {}.", display_line(&deleted.by))
        }),
        changes: body.get(event.payload_range()).map(changes).unwrap_or_default().into_iter().map(fit).collect(),
        payload: Payload::new(body, is_raw, all)
            .all_at(here(if is_raw { "view=raw&all=1" } else { "all=1" }, "#payload")),
        is_raw,
        is_pending: entry.delivery.status == Status::Pending,
        version: format!("{} {}", entry.delivery.status.code(), entry.delivery.attempts),
        can_resend: !event.test && !is_deleted && has_webhook && waits_for.is_none(),
        can_copy: !body.is_empty() && attempts.last().is_some_and(|last| last.url.is_some()),
        countdown: next
            .map(|at| at.since(visitor.now))
            .map(|left| Countdown { seconds: left.as_secs(), words: format!("in {}", length(left)) }),
        changed_since: has_webhook && attempts.last().is_some_and(|last| Some(last.attempt.webhook_version) != present),
        redirect: redirect(&detail).filter(|_| has_webhook),
        newer: newer.map(page_of),
        older: older.map(page_of),
        link: CopyValue {
            id: "link",
            label: "Link to this page",
            value: format!("{}{WEBHOOK_LOGS}/{id}", base_address(&request, settings)),
        },
        links: Links {
            here: here("", ""),
            formatted: here("", "#payload"),
            raw: here("view=raw", "#payload"),
            newest_first: here("", "#attempts"),
            oldest_first: here("order=oldest", "#attempts"),
            is_oldest_first,
        },
    };
    show_page(&visitor, StatusCode::OK, &page)
}

fn fit(field: ChangedField) -> ChangedField {
    let shown = |text: String| display_line(&text).into_owned();
    ChangedField { field: shown(field.field), from: shown(field.from), to: shown(field.to) }
}

/// What to do about it, from the last attempt.
fn remedy(detail: &LogDetail) -> String {
    let Some(last) = detail.attempts.last() else { return String::new() };
    let outcome = &last.attempt.outcome;
    let url = last.url.as_ref().or(detail.entry.webhook.as_ref().map(|webhook| &webhook.request_url));
    let Some(url) = url else { return String::new() };
    let sentence = outcome.remedy_of(&Circumstances {
        url,
        address: last.attempt.address,
        duration_ms: last.attempt.duration_ms,
        body_bytes: detail.body.len(),
        log: detail.entry.delivery.id,
    });
    let sentence = display_line(&sentence).into_owned();
    match outcome {
        Outcome::Answered(answer) if !outcome.is_success() && answer.http_status != 410 => {
            let id = detail.entry.event.id;
            format!("{sentence} The receiver's own log may say more, under webhook-id {id}.")
        }
        _ => sentence,
    }
}

/// The form of the webhook, with the address that the last answer points to as its Request URL.
fn redirect(detail: &LogDetail) -> Option<String> {
    let last = detail.attempts.last()?;
    let to = last.attempt.outcome.points_to(last.url.as_ref()?)?;
    let webhook = detail.entry.delivery.webhook;
    Some(format!("{WEBHOOKS}/{webhook}/edit?request_url={}", query_value(to.as_str())))
}

fn attempt(view: &AttemptView, is_open: bool, visitor: &Visitor) -> AttemptShown {
    let attempt = &view.attempt;
    let is_good = attempt.outcome.is_success();
    let (answer, body) = match &attempt.outcome {
        Outcome::Answered(answer) => (answer_head(answer), Some(answer_body(answer))),
        Outcome::NoAnswer { cause, detail } => {
            let more = if detail.is_empty() { String::new() } else { format!("\n{}", display_line(detail)) };
            (format!("No answer: {}{more}", cause.words_after(attempt.duration_ms)), None)
        }
    };
    AttemptShown {
        number: attempt.number,
        at: visitor.zone.millis(attempt.started_at),
        started_by: started_by(attempt.started_by, attempt.started_by_name.as_deref()),
        is_good,
        icon: if is_good { Icon::Tick } else { Icon::Cross },
        result: match &attempt.outcome {
            Outcome::Answered(answer) if matches!(answer.http_status, 300..=399 | 410 | 429) => attempt.outcome.words(),
            _ => long_result(&attempt.summary()),
        },
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
        (true, true) => "The body is no longer kept.".to_owned(),
        (true, false) => "no body".to_owned(),
        (false, false) => format!("body, {kept}, shown as text"),
        (false, true) => format!("body, shown as text, first {kept} kept"),
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
    let head = if is_binary && !answer.body.is_empty() {
        format!("{}: binary, first bytes in hex", head.replace(", shown as text", ""))
    } else {
        head
    };
    BodyShown { head, text }
}

fn started_by(by: StartedBy, name: Option<&str>) -> String {
    let words = match by {
        StartedBy::First => "first",
        StartedBy::Automatic => "automatic",
        StartedBy::Resend => "resend",
        StartedBy::Bulk => "bulk job",
        StartedBy::Test => "test",
        StartedBy::CatchUp => "catch-up",
    };
    name.map_or_else(|| words.to_owned(), |name| format!("{words} by {}", display_line(name)))
}

fn facts(body: &[u8], masked: bool) -> String {
    if body.is_empty() {
        return "no longer kept".to_owned();
    }
    let bytes = with_thousands(body.len() as u64);
    if masked {
        return format!("{bytes} bytes as shown · application/json · masked fields have *** in place of their values");
    }
    let sum: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{bytes} bytes · application/json · SHA-256 {sum}")
}
