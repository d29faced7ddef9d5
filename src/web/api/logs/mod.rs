//! `/logs`: one entry for each event and webhook.

mod attempt;
pub mod one;
pub mod payload;
pub mod resend;

use actix_web::HttpRequest;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{PageBody, ask, page};
use crate::{
    domain::Timestamp,
    service::LogEntry,
    web::{State, auth::Caller, problem::Reply, query::LogQuery},
};

pub use attempt::AttemptBody;

/// A log entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogEntry)]
pub struct LogBody {
    /// What it is about and where it stands.
    #[serde(flatten)]
    pub facts: LogFacts,
    /// Number of attempts made.
    pub attempts: u32,
}

/// What a log entry is about and where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogFacts {
    /// The Log ID.
    #[schema(example = "log_01KE6RAA2V3W4X5Y6Z7A8B9C9K")]
    pub id: String,
    /// The event, also the `webhook-id` of every request.
    pub event_id: String,
    /// Your own id for the event.
    pub external_id: Option<String>,
    /// The event's kind.
    pub event_type: String,
    /// Whose event.
    pub account: String,
    /// The webhook.
    pub webhook_id: String,
    /// Where it sends to at present; null once that is no longer kept.
    pub request_url: Option<String>,
    /// `pending`, `success` or `failed`.
    #[schema(example = "success")]
    pub status: &'static str,
    /// Why it stands there: `queued`, `retry_scheduled`, `throttled`, `behind` (an earlier event of
    /// the same key), `retries_paused`, `sending_paused` or `webhook_disabled` while pending;
    /// `delivered`; `gave_up`, `gone`, `webhook_deleted` or `skipped` once failed.
    #[schema(example = "delivered")]
    pub reason: &'static str,
    /// The event's ordering key.
    pub ordering_key: Option<String>,
    /// Its number among the entries of its webhook, from 1 and without gaps, as the header
    /// `webhook-sequence` says on each attempt; null for tests.
    pub sequence: Option<u64>,
    /// When the event happened.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// When the event was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// When the next attempt is to be.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    /// The status of the last answer.
    pub last_http_status: Option<u16>,
    /// Why the last attempt got no answer.
    #[schema(example = "connect_refused")]
    pub last_cause: Option<&'static str>,
    /// How long the last attempt took.
    pub last_duration_ms: Option<u32>,
    /// It was sent as a test.
    pub test: bool,
}

/// Which entries. The same names are the query string of the page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes what `LogQuery` reads; a test compares the names")]
pub struct LogParams {
    /// Of this account.
    account: Option<String>,
    /// For this webhook.
    webhook_id: Option<String>,
    /// Of this event type.
    event_type: Option<String>,
    /// `pending`, `success` or `failed`; `success_after_retry` for those that took more than one attempt.
    status: Option<String>,
    /// Whose last answer was this: `503`, or `5xx`; `none` if there was no answer.
    http_status: Option<String>,
    /// Whose last attempt got no answer for this cause.
    cause: Option<String>,
    /// About this event.
    event_id: Option<String>,
    /// Accepted at or after this.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Accepted before this.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// A log id, an event id, your own id, or text in the payload.
    q: Option<String>,
    /// How many, 50 if left out.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u8>,
    /// `next_cursor` or `prev_cursor` of another page.
    cursor: Option<String>,
}

/// List log entries
///
/// Newest first.
#[utoipa::path(
    get, path = "/api/v1/logs", tag = "Logs", operation_id = "list_logs", params(LogParams),
    responses((status = 200, body = PageBody<LogBody>, description = "A page of log entries")),
)]
pub async fn list(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let LogQuery { filter, cursor, limit } = LogQuery::parse(request.query_string(), &[])?;
    let found = ask(&state, move |service| service.logs(&caller.actor, filter, cursor, limit)).await?;
    Ok(page::reply(&request, found, |entry| LogBody::from(&entry)))
}

impl From<&LogEntry> for LogBody {
    fn from(entry: &LogEntry) -> Self {
        LogBody { facts: LogFacts::from(entry), attempts: entry.delivery.attempts }
    }
}

impl From<&LogEntry> for LogFacts {
    fn from(entry: &LogEntry) -> Self {
        let LogEntry { delivery, event, webhook, .. } = entry;
        let last = delivery.last;
        LogFacts {
            id: delivery.id.to_string(),
            event_id: event.id.to_string(),
            external_id: event.external_id.as_ref().map(ToString::to_string),
            event_type: event.event_type.to_string(),
            account: event.account.to_string(),
            webhook_id: delivery.webhook.to_string(),
            request_url: webhook.as_ref().map(|webhook| webhook.request_url.to_string()),
            status: delivery.status.code(),
            reason: entry.reason(),
            ordering_key: event.ordering_key.as_ref().map(ToString::to_string),
            sequence: delivery.sequence,
            timestamp: event.timestamp,
            received_at: event.received_at,
            next_attempt_at: entry.next_attempt_at(),
            last_http_status: last.and_then(|last| last.http_status),
            last_cause: last.and_then(|last| last.cause).map(|cause| cause.code()),
            last_duration_ms: last.map(|last| last.duration_ms),
            test: event.test,
        }
    }
}
