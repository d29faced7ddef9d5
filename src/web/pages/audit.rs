//! `/system/audit`: who did what, when, from where, and what it changed.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask,
    page::{AUDIT, Errors, FieldError, Frame, show as show_page},
    parts::{Moment, Name},
    text,
    visitor::Visitor,
};
use crate::{
    domain::{AuditEntry, AuditFilter, Timestamp},
    web::{State, problem::Reply, query::Query},
};

/// Entries on a page.
const ROWS: usize = 50;
/// Most characters looked for.
const MOST_CHARS: usize = 200;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditLogPage {
    frame: Frame,
    errors: Errors,
    head: String,
    who: String,
    what: String,
    since: String,
    until: String,
    is_filtered: bool,
    is_first: bool,
    rows: Vec<Row>,
    older: Option<String>,
}

struct Row {
    at: Moment,
    who: Name,
    from: String,
    action: String,
    object: Name,
    changed: Vec<Change>,
}

struct Change {
    what: String,
    old: String,
    new: String,
}

/// Shows some entries, the newest first.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let mut query = Query::parse(request.query_string());
    let mut take = |name| query.take(name).unwrap_or_default().chars().take(MOST_CHARS).collect::<String>();
    let (who, what, since, until, before) = (take("who"), take("what"), take("since"), take("until"), take("before"));
    let mut errors = Errors::default();
    let filter = AuditFilter {
        who: some(&who),
        what: some(&what),
        since: time("since", &since, &visitor, &mut errors),
        until: time("until", &until, &visitor, &mut errors),
    };
    let start = before.parse::<u64>().ok();
    let is_filtered = filter != AuditFilter::default();
    let actor = visitor.actor.clone();
    let page = ask(&state, move |service| service.audit_log(&actor, &filter, start, ROWS)).await?;
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let rows = page.entries.iter().map(|(_, entry)| row(entry, &visitor)).collect();
    let older =
        page.next.map(|next| address(&[("who", &who), ("what", &what), ("since", &since), ("until", &until)], next));
    let page = AuditLogPage {
        frame: Frame::new(&visitor, AUDIT, "Audit log").with_errors(&errors),
        head: visitor.zone.head(visitor.now),
        who,
        what,
        // A field for a time takes nothing else.
        since: if errors.at("since").is_empty() { since } else { String::new() },
        until: if errors.at("until").is_empty() { until } else { String::new() },
        is_filtered,
        is_first: start.is_none(),
        rows,
        older,
        errors,
    };
    show_page(&visitor, status, &page)
}

fn some(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn time(field: &str, text: &str, visitor: &Visitor, errors: &mut Errors) -> Option<Timestamp> {
    if text.is_empty() {
        return None;
    }
    let read = visitor.zone.read(text);
    if read.is_none() {
        let message = "Enter a date and a time, such as 2026-01-05T15:00.".to_owned();
        errors.of_fields.push(FieldError { field: field.to_owned(), message });
    }
    read
}

fn address(filter: &[(&str, &String)], before: u64) -> String {
    let kept = filter.iter().filter(|(_, value)| !value.is_empty());
    let kept: String = kept.map(|(name, value)| format!("{name}={}&", text::query_value(value))).collect();
    format!("{AUDIT}?{kept}before={before}")
}

fn row(entry: &AuditEntry, visitor: &Visitor) -> Row {
    let shown = |value: &str| text::display_line(value).into_owned();
    let change = |changed: &crate::domain::Changed| Change {
        what: shown(&changed.what),
        old: shown(&changed.old),
        new: shown(&changed.new),
    };
    Row {
        at: visitor.zone.seconds(entry.at),
        who: Name::new(&entry.actor),
        from: entry.address.map(|address| address.to_string()).unwrap_or_default(),
        action: shown(&entry.action),
        object: Name::new(&entry.object),
        changed: entry.changed.iter().map(change).collect(),
    }
}
