//! The list of a person's sessions, on their own page and on the admins'.

use askama::{Template, filters::HtmlSafe};

use super::{
    form::FormMark,
    parts::{Moment, Name},
    visitor::Visitor,
};
use crate::service::Person;

/// The list, each session with a button that ends it.
#[derive(Template)]
#[template(path = "parts/sessions.html")]
pub struct Sessions {
    form: FormMark,
    /// The page it is on: buttons lead below it.
    base: String,
    head: String,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    browser: Name,
    address: String,
    since: Moment,
    seen: Moment,
    ends: Moment,
    is_own: bool,
}

impl Sessions {
    /// The sessions of `person`, for the page `base`.
    pub fn of(person: &Person, visitor: &Visitor, base: &str) -> Sessions {
        let row = |view: &crate::service::SessionView| Row {
            id: view.id.clone(),
            browser: Name::new(match view.session.browser.as_str() {
                "" => "unknown browser",
                browser => browser,
            }),
            address: view.session.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string()),
            since: visitor.zone.seconds(view.session.created_at),
            seen: visitor.zone.seconds(view.session.seen_at()),
            ends: visitor.zone.seconds(view.session.expires_at),
            is_own: view.is_own,
        };
        Sessions {
            form: visitor.mark.clone(),
            base: base.to_owned(),
            head: visitor.zone.head(visitor.now),
            rows: person.sessions.iter().map(row).collect(),
        }
    }
}

impl HtmlSafe for Sessions {}
