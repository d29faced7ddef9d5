//! Where a delivery stands, in the words of the list: one of three words, and why.

use super::{
    parts::Badge,
    text::{count, ordinal},
    zone::Zone,
};
use crate::{
    domain::{FailedReason, LastAttempt, RetrySchedule, Status, Timestamp, status_words},
    service::LogEntry,
};

/// Where a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStatus {
    /// The word.
    pub badge: Badge,
    /// Why.
    pub why: String,
}

impl LogStatus {
    /// Where `entry` stands at `now`.
    pub fn of(entry: &LogEntry, zone: &Zone, now: Timestamp, default_schedule: &RetrySchedule) -> LogStatus {
        let why = match entry.delivery.status {
            Status::Success => success(entry),
            Status::Failed => failed(entry),
            Status::Pending => pending(entry, zone, now, default_schedule),
        };
        LogStatus { badge: entry.delivery.status.into(), why }
    }
}

fn success(entry: &LogEntry) -> String {
    let Some(last) = &entry.delivery.last else { return String::new() };
    let answer = format!("{} · {} ms", result(last), crate::domain::with_thousands(last.duration_ms.into()));
    match entry.delivery.attempts {
        0 | 1 => answer,
        attempts => format!("{answer} · {} attempt", ordinal(attempts)),
    }
}

fn failed(entry: &LogEntry) -> String {
    let last = entry.delivery.last.as_ref();
    match entry.delivery.failed_reason {
        Some(FailedReason::Gone) => "410 Gone · webhook disabled".to_owned(),
        Some(FailedReason::WebhookDeleted) => "The webhook was deleted before it was sent".to_owned(),
        Some(FailedReason::Skipped) => "Skipped: it came while the webhook was off".to_owned(),
        Some(FailedReason::GaveUp) | None if entry.event.test => last.map(result).unwrap_or_default(),
        Some(FailedReason::GaveUp) | None => {
            let attempts = count(entry.delivery.attempts.into(), "attempt", "attempts");
            match last {
                Some(last) => format!("Gave up after {attempts} · last: {}", result(last)),
                None => format!("Gave up after {attempts}"),
            }
        }
    }
}

fn pending(entry: &LogEntry, zone: &Zone, now: Timestamp, default_schedule: &RetrySchedule) -> String {
    let next = entry.next_attempt_at();
    match entry.reason() {
        "webhook_disabled" => "Waiting: webhook disabled".to_owned(),
        "retries_paused" => "Waiting: retries paused".to_owned(),
        "sending_paused" => "Waiting: sending paused".to_owned(),
        "throttled" => match next {
            Some(at) => format!("Waiting for the receiver until {}", zone.clock(at, now)),
            None => "Waiting for the receiver".to_owned(),
        },
        "behind" => "Waiting: an earlier event of the same key".to_owned(),
        "queued" => "Queued".to_owned(),
        _ => {
            let schedule = entry.webhook.as_ref().and_then(|webhook| webhook.retry_schedule.as_ref());
            let most = schedule.unwrap_or(default_schedule).attempts();
            let number = entry.delivery.round_attempts + 1;
            match next {
                Some(at) if at > now => format!("Attempt {number} of {most} at {}", zone.clock(at, now)),
                _ => format!("Attempt {number} of {most} now"),
            }
        }
    }
}

/// What came of an attempt, in a word: `503` or `Connection refused`.
pub fn result(last: &LastAttempt) -> String {
    match (last.http_status, last.cause) {
        (Some(status @ (301 | 302 | 303 | 307 | 308)), _) => format!("{status} · redirect not followed"),
        (Some(status), _) => status.to_string(),
        (None, Some(cause)) => cause.words_after(last.duration_ms),
        (None, None) => "no answer".to_owned(),
    }
}

/// What came of an attempt, in full: `503 Service Unavailable` or `Connection refused`.
pub fn long_result(last: &LastAttempt) -> String {
    last.http_status.map_or_else(|| result(last), status_words)
}
