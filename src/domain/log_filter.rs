//! Which entries of the log are asked for. The same filter serves the API, the page and a bulk
//! resend.

use serde::{Deserialize, Serialize};

use super::{AccountId, Cause, DeliveryId, EventId, EventType, LastAttempt, Status, Timestamp, WebhookId};

/// Which entries of the log are asked for; every member that is set must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogFilter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// For this webhook.
    pub webhook: Option<WebhookId>,
    /// Of this event type.
    pub event_type: Option<EventType>,
    /// Standing there.
    pub status: Option<Status>,
    /// Which took more than one attempt.
    pub after_retry: bool,
    /// Whose last attempt was answered with this, or not at all.
    pub http_status: Option<HttpStatusFilter>,
    /// Whose last attempt got no answer for this cause.
    pub cause: Option<Cause>,
    /// About this event.
    pub event: Option<EventId>,
    /// Accepted at or after this.
    pub since: Option<Timestamp>,
    /// Accepted before this.
    pub until: Option<Timestamp>,
    /// What a person typed: a log id, an event id, the caller's id, or text in the payload.
    pub text: Option<String>,
}

/// A status as `503`, a class of them as `5xx`, or none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpStatusFilter {
    /// Exactly this status, 100–599.
    Exactly(u16),
    /// All that begin with this digit, 1–5.
    Class(u16),
    /// An attempt was made and got no answer.
    NoAnswer,
}

impl HttpStatusFilter {
    /// Reads `503`, `5xx` or `none`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(HttpStatusFilter::NoAnswer);
        }
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse().ok().filter(|number| (1..=5).contains(number) && class.len() == 1)?;
            return Some(HttpStatusFilter::Class(class));
        }
        // Digits and nothing else: a number would also be read with a sign or zeros before it.
        let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|status| digits && (100..=599).contains(status)).map(HttpStatusFilter::Exactly)
    }

    /// Whether a delivery with this last attempt fits.
    pub fn fits(self, last: &LastAttempt) -> bool {
        match (self, last.http_status) {
            (HttpStatusFilter::Exactly(wanted), Some(status)) => status == wanted,
            (HttpStatusFilter::Class(class), Some(status)) => status / 100 == class,
            (HttpStatusFilter::NoAnswer, answered) => answered.is_none(),
            (_, None) => false,
        }
    }
}

impl std::fmt::Display for HttpStatusFilter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HttpStatusFilter::Exactly(status) => write!(formatter, "{status}"),
            HttpStatusFilter::Class(class) => write!(formatter, "{class}xx"),
            HttpStatusFilter::NoAnswer => formatter.write_str("none"),
        }
    }
}

/// Where a page of the log begins: just older or just newer than an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor<Id> {
    /// The newest entries older than this one.
    OlderThan(Id),
    /// The oldest entries newer than this one.
    NewerThan(Id),
}

/// A cursor in the log.
pub type LogCursor = Cursor<DeliveryId>;
/// A cursor in the list of events.
pub type EventCursor = Cursor<EventId>;

/// A part of a list, newest first.
#[derive(Debug, Clone)]
pub struct Page<T, Id> {
    /// The entries. A page may hold fewer than asked for, or none, although older ones follow: a
    /// search ends after a bounded number of entries looked at.
    pub items: Vec<T>,
    /// Where the next page of older entries begins, if there may be any.
    pub older: Option<Cursor<Id>>,
    /// Where the next page of newer entries begins, if there may be any.
    pub newer: Option<Cursor<Id>>,
    /// Number of entries that were looked at, if the search ended at its bound.
    pub looked_at: Option<usize>,
}

/// How many entries fit, counted up to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogCount {
    /// The number counted.
    pub number: u64,
    /// There may be more.
    pub at_least: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_or_a_class_of_them() {
        assert_eq!(HttpStatusFilter::parse("503"), Some(HttpStatusFilter::Exactly(503)));
        assert_eq!(HttpStatusFilter::parse("5xx"), Some(HttpStatusFilter::Class(5)));
        assert_eq!(HttpStatusFilter::parse("none"), Some(HttpStatusFilter::NoAnswer));
        for bad in ["", "xx", "9xx", "5XX", "99", "600", "-1", "200 ", "None"] {
            assert_eq!(HttpStatusFilter::parse(bad), None, "{bad:?}");
        }
        let last =
            |http_status| LastAttempt { started_at: Timestamp::default(), duration_ms: 1, http_status, cause: None };
        let fits = |text: &str, status| HttpStatusFilter::parse(text).is_some_and(|filter| filter.fits(&last(status)));
        assert!(fits("5xx", Some(503)) && fits("503", Some(503)) && fits("none", None));
        assert!(!fits("4xx", Some(503)) && !fits("none", Some(503)) && !fits("5xx", None));
    }
}
