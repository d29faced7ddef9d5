//! The query string of Webhook Logs. It has the names and values of the API's `/logs`, so an address
//! means the same in both. What the page's form adds, a period of its menu and times in the
//! visitor's zone, is turned into those names at once.

use std::time::Duration;

use url::form_urlencoded;

use super::{log_row::webhook_name, page::WEBHOOK_LOGS, text::display_line, visitor::Visitor};
use crate::{
    domain::{Fault, LogFilter, Problem, ProblemKind, Status, Timestamp},
    service::WebhookView,
    web::query::{LogQuery, Query, pairs_of, query_of},
};

/// Periods a click away: code, words, seconds.
pub const PERIODS: [(&str, &str, u64); 4] = [
    ("15m", "Last 15 minutes", 900),
    ("1h", "Last hour", 3_600),
    ("24h", "Last 24 hours", 86_400),
    ("7d", "Last 7 days", 604_800),
];
/// The choice of the menu that two times belong to.
pub const BETWEEN: &str = "between";
/// Names that only the form of the page has.
const FORM_ONLY: [&str; 4] = ["period", "since_local", "until_local", "had_times"];
/// Names that a page takes besides the filter.
const PAGE_ONLY: [&str; 4] = ["refresh", "view", "all", "order"];

/// What a page of the log is asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// The part of the log.
    pub query: LogQuery,
    /// Seconds after which the page is to be loaded again.
    pub refresh: bool,
    /// It came from the form; the same is better said by [`Asked::query_string`].
    pub from_form: bool,
}

/// A filter in words.
pub struct FilterWord {
    /// The name of the parameter.
    pub name: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// Its value as people read it.
    pub value: String,
}

impl Asked {
    /// Reads the query string of a page.
    ///
    /// # Errors
    /// As for [`LogQuery::parse`], of what the form has besides too.
    pub fn read(text: &str, visitor: &Visitor) -> Result<Asked, Problem> {
        let mut also = FORM_ONLY.to_vec();
        also.extend(PAGE_ONLY);
        let mut form = Query::parse(text);
        let refresh = form.take("refresh").is_some();
        let [period, since, until, had_times] = FORM_ONLY.map(|name| form.take(name));
        let mut query = LogQuery::parse(text, &also)?;
        let local = |name: &str, text: Option<String>| text.map(|text| read_local(name, &text, visitor)).transpose();
        let times = match period.as_deref() {
            Some(BETWEEN) => Some((local("since_local", since)?, local("until_local", until)?)),
            Some(code) => Some((Some(begin_of(code, visitor)?), None)),
            None if had_times.is_some() || (since.is_none() && until.is_none()) => None,
            None => Some((local("since_local", since)?, local("until_local", until)?)),
        };
        if let Some((since, until)) = times {
            if since.zip(until).is_some_and(|(since, until)| since > until) {
                return Err(wrong("until_local", "The second time must not be earlier than the first."));
            }
            (query.filter.since, query.filter.until) = (since, until);
        }
        let pairs = form_urlencoded::parse(text.as_bytes());
        let from_form = pairs.into_iter().any(|(name, value)| value.is_empty() || FORM_ONLY.contains(&&*name));
        Ok(Asked { query, refresh, from_form })
    }

    /// The filter, and the number of rows if it is not the usual one.
    pub fn query_string(&self) -> String {
        limited(&self.query.filter, self.query.limit)
    }
}

/// A filter with a number of rows, as a query string.
pub fn limited(filter: &LogFilter, limit: usize) -> String {
    let base = query_of(filter);
    if limit == 50 || limit == 0 { base } else { joined(&base, &format!("limit={limit}")) }
}

/// Two parts of a query string.
pub fn joined(query: &str, more: &str) -> String {
    match (query.is_empty(), more.is_empty()) {
        (true, _) => more.to_owned(),
        (_, true) => query.to_owned(),
        _ => format!("{query}&{more}"),
    }
}

/// The address of a list with that query string.
pub fn list_address(query: &str) -> String {
    address(WEBHOOK_LOGS, query)
}

/// An address with a query string.
pub fn address(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A filter in words, in the order of the query string.
pub fn words_of(filter: &LogFilter, views: &[WebhookView], visitor: &Visitor) -> Vec<FilterWord> {
    let word = |(name, value): (&'static str, String)| {
        let (label, shown) = match name {
            "account" => ("Account", value),
            "webhook_id" => {
                let view = views.iter().find(|view| view.webhook.id.to_string() == value);
                ("Webhook", view.map_or(value, |view| webhook_name(&view.webhook)))
            }
            "event_type" => ("Event", value),
            "status" if filter.after_retry => ("Status", "Success after retry".to_owned()),
            "status" => ("Status", filter.status.map_or("", Status::word).to_owned()),
            "http_status" if value == "none" => ("Response", "No response".to_owned()),
            "http_status" => ("Response", value),
            "cause" => ("Cause", filter.cause.map_or("", |cause| cause.words()).to_owned()),
            "event_id" => ("Event ID", value),
            "since" => ("Since", filter.since.map(|at| visitor.zone.seconds(at).text).unwrap_or_default()),
            "until" => ("Until", filter.until.map(|at| visitor.zone.seconds(at).text).unwrap_or_default()),
            _ => ("Search", value),
        };
        FilterWord { name, label, value: display_line(&shown).into_owned() }
    };
    pairs_of(filter).into_iter().map(word).collect()
}

/// The filter without one of its parameters, as a query string.
pub fn without(filter: &LogFilter, name: &str) -> String {
    let rest = pairs_of(filter).into_iter().filter(|(other, _)| *other != name);
    form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish()
}

/// The filter with one of its parameters set, as a query string.
pub fn with(filter: &LogFilter, name: &str, value: &str) -> String {
    let rest = pairs_of(filter).into_iter().filter(|(other, _)| *other != name);
    form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).append_pair(name, value).finish()
}

fn begin_of(code: &str, visitor: &Visitor) -> Result<Timestamp, Problem> {
    let period = PERIODS.iter().find(|(known, _, _)| *known == code);
    let seconds = period.ok_or_else(|| wrong("period", "Use one of 15m, 1h, 24h, 7d and between."))?.2;
    let now = Timestamp::from_millis(visitor.now.as_seconds() * 1000);
    Ok(now.minus(Duration::from_secs(seconds)))
}

fn read_local(name: &str, text: &str, visitor: &Visitor) -> Result<Timestamp, Problem> {
    let message = "Use a day and a time such as 2026-01-05 15:00:00.";
    visitor.zone.read(text).ok_or_else(|| wrong(name, message))
}

fn wrong(name: &str, message: &str) -> Problem {
    let fault = Fault::new("not_understood", message).at(format_args!("/{name}"));
    Problem { kind: ProblemKind::NotUnderstood, code: "bad_query", ..Problem::invalid(vec![fault]) }
}
