//! Reading query strings. The log's filter is read here once, for the API, for the pages, whose
//! links carry the same names, and for the filter of a bulk resend.

use url::form_urlencoded;

use super::cursor;
use crate::domain::{
    AccountId, Cause, EventCursor, EventType, ExternalId, Fault, HttpStatusFilter, LogCursor, LogFilter, Problem,
    ProblemKind, Status, Timestamp, nearest,
};
use crate::service::EventFilter;

/// Entries of a page if the caller does not say.
const DEFAULT_LIMIT: usize = 50;
/// Most entries of a page.
const MAX_LIMIT: usize = 100;
/// Longest search text in characters.
const MAX_TEXT_CHARS: usize = 200;
/// The `status` of those that arrived, and not at the first attempt.
pub const AFTER_RETRY: &str = "success_after_retry";
/// Most parameters that are looked at; a form of ours has under twenty.
const MAX_PAIRS: usize = 100;

/// A query string that is being read. Names without a value count as left out, because a form
/// sends its empty fields too.
#[derive(Debug)]
pub struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
    understood: bool,
}

/// Which part of the log is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Which entries.
    pub filter: LogFilter,
    /// From where on.
    pub cursor: Option<LogCursor>,
    /// How many, 1 to 100.
    pub limit: usize,
}

/// Which part of the list of events is asked for.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// Which events.
    pub filter: EventFilter,
    /// From where on.
    pub cursor: Option<EventCursor>,
    /// How many, 1 to 100.
    pub limit: usize,
}

impl LogQuery {
    /// Reads the query string of `/logs`, which is also the page's. `also` names parameters that
    /// may be there besides.
    ///
    /// # Errors
    /// `bad_query` and `bad_cursor` (400), `invalid` (422); each fault points to its parameter.
    pub fn parse(text: &str, also: &[&'static str]) -> Result<LogQuery, Problem> {
        let mut query = Query::parse(text);
        let filter = log_filter(&mut query);
        let limit = query.limit();
        let cursor = query.take("cursor");
        query.finish(also)?;
        let cursor = cursor.as_deref().map(cursor::decode).transpose()?;
        Ok(LogQuery { filter, cursor, limit })
    }
}

impl EventQuery {
    /// Reads the query string of `/events`.
    ///
    /// # Errors
    /// As for [`LogQuery::parse`].
    pub fn parse(text: &str) -> Result<EventQuery, Problem> {
        let mut query = Query::parse(text);
        let (since, until) = query.period();
        let filter = EventFilter {
            account: query.read("account", AccountId::parse),
            event_type: query.read("type", EventType::parse),
            since,
            until,
            external_id: query.read("external_id", ExternalId::parse),
        };
        let limit = query.limit();
        let cursor = query.take("cursor");
        query.finish(&[])?;
        let cursor = cursor.as_deref().map(cursor::decode).transpose()?;
        Ok(EventQuery { filter, cursor, limit })
    }
}

/// Reads the filter of a bulk resend, given as names and values.
///
/// # Errors
/// `invalid` (422) with each fault.
pub fn log_filter_of(pairs: Vec<(String, String)>) -> Result<LogFilter, Vec<Fault>> {
    let mut query = Query { pairs, known: Vec::new(), faults: Vec::new(), understood: true };
    let filter = log_filter(&mut query);
    query.finish(&[]).map_err(|problem| problem.faults)?;
    Ok(filter)
}

/// A filter as the names and values it is read from.
pub fn pairs_of(filter: &LogFilter) -> Vec<(&'static str, String)> {
    let LogFilter { account, webhook, event_type, status, after_retry, http_status, cause, event, since, until, text } =
        filter;
    let pairs = [
        ("account", account.as_ref().map(ToString::to_string)),
        ("webhook_id", webhook.as_ref().map(ToString::to_string)),
        ("event_type", event_type.as_ref().map(ToString::to_string)),
        ("status", status.map(|status| if *after_retry { AFTER_RETRY } else { status.code() }.to_owned())),
        ("http_status", http_status.as_ref().map(ToString::to_string)),
        ("cause", cause.map(|cause| cause.code().to_owned())),
        ("event_id", event.as_ref().map(ToString::to_string)),
        ("since", since.as_ref().map(ToString::to_string)),
        ("until", until.as_ref().map(ToString::to_string)),
        ("q", text.clone()),
    ];
    pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A filter as a query string without the question mark; empty if nothing is asked for.
pub fn query_of(filter: &LogFilter) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs_of(filter)).finish()
}

fn log_filter(query: &mut Query) -> LogFilter {
    let (since, until) = query.period();
    let (status, after_retry) = match query.read("status", status) {
        Some((status, after_retry)) => (Some(status), after_retry),
        None => (None, false),
    };
    LogFilter {
        account: query.read("account", AccountId::parse),
        webhook: query
            .read("webhook_id", |text| text.parse().map_err(|_| not_understood("Use an id that begins with whk_."))),
        event_type: query.read("event_type", EventType::parse),
        status,
        after_retry,
        http_status: query.read("http_status", |text| {
            HttpStatusFilter::parse(text)
                .ok_or_else(|| not_understood("Use a status such as 503, or 2xx to 5xx, or none."))
        }),
        cause: query.read("cause", cause),
        event: query
            .read("event_id", |text| text.parse().map_err(|_| not_understood("Use an id that begins with evt_."))),
        since,
        until,
        text: query.check("q", search_text),
    }
}

impl Query {
    /// Splits a query string.
    pub fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes()).into_owned().take(MAX_PAIRS).collect();
        Query { pairs, known: Vec::new(), faults: Vec::new(), understood: true }
    }

    /// Takes a parameter; `None` if it is left out or empty.
    pub fn take(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let index = self.pairs.iter().position(|(key, _)| key == name)?;
        let (_, value) = self.pairs.remove(index);
        if self.pairs.iter().any(|(key, _)| key == name) {
            self.pairs.retain(|(key, _)| key != name);
            self.misunderstood(name, not_understood("This parameter is there twice. Keep one."));
        }
        Some(value).filter(|value| !value.is_empty())
    }

    /// Takes a parameter and reads it; what cannot be read is not understood (400).
    pub fn read<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, Fault>) -> Option<T> {
        match read(&self.take(name)?) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.misunderstood(name, fault);
                None
            }
        }
    }

    /// Takes a parameter and reads it; what cannot be read is not acceptable (422).
    pub fn check<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, Fault>) -> Option<T> {
        match read(&self.take(name)?) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.faults.push(fault.at(format_args!("/{name}")));
                None
            }
        }
    }

    /// Refuses what is left over, and everything that was at fault, at once.
    ///
    /// # Errors
    /// `bad_query` (400) if something was not understood, otherwise `invalid` (422).
    pub fn finish(mut self, also: &[&'static str]) -> Result<(), Problem> {
        self.known.extend(also);
        for (name, _) in std::mem::take(&mut self.pairs) {
            if self.known.contains(&name.as_str()) {
                continue;
            }
            let hint = match nearest(&name, self.known.iter().copied()) {
                Some(known) => format!("Did you mean {known}?"),
                None => format!("Known are {}.", self.known.join(", ")),
            };
            let name: String = name.chars().take(60).collect();
            let message = format!("There is no parameter “{name}” here. {hint}");
            self.misunderstood(&name, Fault::new("unknown_parameter", message));
        }
        if self.faults.is_empty() {
            return Ok(());
        }
        let problem = Problem::invalid(self.faults);
        match self.understood {
            true => Err(problem),
            false => Err(Problem { kind: ProblemKind::NotUnderstood, code: "bad_query", ..problem }),
        }
    }

    fn misunderstood(&mut self, name: &str, fault: Fault) {
        self.understood = false;
        self.faults.push(fault.at(format_args!("/{}", name.replace('~', "~0").replace('/', "~1"))));
    }

    fn limit(&mut self) -> usize {
        let read = |text: &str| {
            text.parse()
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| Fault::new("out_of_range", format!("Use a whole number from 1 to {MAX_LIMIT}.")))
        };
        self.check("limit", read).unwrap_or(DEFAULT_LIMIT)
    }

    fn period(&mut self) -> (Option<Timestamp>, Option<Timestamp>) {
        let (since, until) = (self.check("since", time), self.check("until", time));
        if since.zip(until).is_some_and(|(since, until)| since > until) {
            self.faults.push(Fault::new("out_of_range", "until must not be earlier than since.").at("/until"));
        }
        (since, until)
    }
}

/// Reads a time as the API has it.
///
/// # Errors
/// Text that is no RFC 3339 time with a time zone.
pub fn time(text: &str) -> Result<Timestamp, Fault> {
    // A plus sign that was not escaped arrives as a space.
    text.replace(' ', "+").parse().map_err(|_| {
        let message = "Use a time with its time zone, such as 2026-01-05T09:30:00Z.";
        Fault::new("invalid_time", message)
    })
}

/// Where an entry stands, and whether only those that took more than one attempt are meant.
fn status(text: &str) -> Result<(Status, bool), Fault> {
    if text == AFTER_RETRY {
        return Ok((Status::Success, true));
    }
    [Status::Pending, Status::Success, Status::Failed]
        .into_iter()
        .find(|status| status.code() == text)
        .map(|status| (status, false))
        .ok_or_else(|| not_understood(format!("Use pending, success, failed or {AFTER_RETRY}.")))
}

fn cause(text: &str) -> Result<Cause, Fault> {
    Cause::from_code(text).ok_or_else(|| {
        let names: Vec<_> = Cause::ALL.iter().map(Cause::code).collect();
        not_understood(format!("Use one of {}.", names.join(", ")))
    })
}

fn search_text(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    if text.chars().count() > MAX_TEXT_CHARS {
        return Err(Fault::new("too_long", format!("Search for at most {MAX_TEXT_CHARS} characters.")));
    }
    Ok(text.to_owned())
}

fn not_understood(message: impl Into<String>) -> Fault {
    Fault::new("not_understood", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cursor, DeliveryId};

    /// What is refused: status kind, code, and the faults' pointers.
    fn refused(text: &str) -> (ProblemKind, &'static str, Vec<String>) {
        let problem = LogQuery::parse(text, &[]).expect_err(text);
        (problem.kind, problem.code, problem.faults.into_iter().map(|fault| fault.pointer).collect())
    }

    #[test]
    fn every_name_is_read_and_written_back() {
        let text = "account=acme&webhook_id=whk_00000000000000000000000001&event_type=contact.created&status=failed\
                    &http_status=5xx&cause=connect_refused&event_id=evt_00000000000000000000000002\
                    &since=2026-01-05T09%3A30%3A00.000Z&until=2026-01-06T09%3A30%3A00.000Z&q=a+b%26";
        let query = LogQuery::parse(text, &[]).unwrap();
        assert_eq!(query_of(&query.filter), text);
        assert_eq!((query.limit, query.cursor), (50, None));
        assert_eq!(query.filter.text.as_deref(), Some("a b&"));
        for text in ["status=success_after_retry", "http_status=none"] {
            assert_eq!(query_of(&LogQuery::parse(text, &[]).unwrap().filter), text);
        }
        let cursor = Cursor::NewerThan(DeliveryId(5));
        let query = LogQuery::parse(&format!("limit=100&cursor={}", cursor::encode(cursor)), &[]).unwrap();
        assert_eq!((query.limit, query.cursor), (100, Some(cursor)));
    }

    #[test]
    fn empty_fields_of_a_form_ask_for_nothing() {
        let query = LogQuery::parse("status=&event_type=&q=&since=&limit=&refresh=10", &["refresh"]).unwrap();
        assert_eq!(query.filter, LogFilter::default());
        assert_eq!(query.limit, 50);
    }

    #[test]
    fn what_is_not_understood_is_400_and_what_is_not_acceptable_422() {
        for (text, kind, code, pointers) in [
            ("statsu=failed", ProblemKind::NotUnderstood, "bad_query", vec!["/statsu"]),
            ("status=Failed", ProblemKind::NotUnderstood, "bad_query", vec!["/status"]),
            ("status=failed&status=success", ProblemKind::NotUnderstood, "bad_query", vec!["/status"]),
            (
                "http_status=99&cause=x&limit=0",
                ProblemKind::NotUnderstood,
                "bad_query",
                vec!["/http_status", "/cause", "/limit"],
            ),
            ("event_id=log_00000000000000000000000001", ProblemKind::NotUnderstood, "bad_query", vec!["/event_id"]),
            ("cursor=abc", ProblemKind::NotUnderstood, "bad_cursor", vec![]),
            ("limit=-1", ProblemKind::Invalid, "invalid", vec!["/limit"]),
            ("limit=101", ProblemKind::Invalid, "invalid", vec!["/limit"]),
            ("limit=abc", ProblemKind::Invalid, "invalid", vec!["/limit"]),
            ("since=2026-02-30T00:00:00Z", ProblemKind::Invalid, "invalid", vec!["/since"]),
            ("since=2026-01-05T09:30:00", ProblemKind::Invalid, "invalid", vec!["/since"]),
            ("until=99999-01-01T00:00:00Z", ProblemKind::Invalid, "invalid", vec!["/until"]),
            ("since=2026-01-06T00:00:00Z&until=2026-01-05T00:00:00Z", ProblemKind::Invalid, "invalid", vec!["/until"]),
        ] {
            assert_eq!(refused(text), (kind, code, pointers.into_iter().map(String::from).collect()), "{text}");
        }
        let problem = LogQuery::parse("statsu=failed", &[]).unwrap_err();
        assert!(problem.faults[0].message.contains("Did you mean status?"), "{}", problem.detail);
    }

    #[test]
    fn a_plus_sign_in_a_time_zone_need_not_be_escaped() {
        let query = LogQuery::parse("since=2026-01-05T15:00:00+05:30", &[]).unwrap();
        assert_eq!(query.filter.since.unwrap().to_string(), "2026-01-05T09:30:00.000Z");
    }
}
