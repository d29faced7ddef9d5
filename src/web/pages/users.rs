//! `/system/users`: the people who may sign in.

use actix_web::http::StatusCode;
use askama::Template;

use super::{
    ask,
    page::{Frame, USERS, show as show_page},
    parts::{Moment, Name},
    text,
    visitor::Visitor,
};
use crate::{
    service::Person,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    frame: Frame,
    head: String,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    email: Name,
    is_own: bool,
    role: &'static str,
    second_factor: &'static str,
    added: Moment,
    sessions: String,
    seen: Option<Moment>,
}

/// Shows the list.
pub async fn show(state: State, visitor: Visitor) -> Reply {
    let actor = visitor.actor.clone();
    let people = ask(&state, move |service| service.people(&actor)).await?;
    let page = UsersPage {
        frame: Frame::new(&visitor, USERS, "Users"),
        head: visitor.zone.head(visitor.now),
        rows: people.iter().map(|person| row(person, &visitor)).collect(),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

fn row(person: &Person, visitor: &Visitor) -> Row {
    Row {
        id: person.id.to_string(),
        email: Name::new(&person.email),
        is_own: visitor.actor.user_id() == Some(person.id),
        role: person.role.word(),
        second_factor: if person.second_factor.is_some() { "on" } else { "off" },
        added: visitor.zone.seconds(person.created_at),
        sessions: text::count(person.sessions.len() as u64, "session", "sessions"),
        seen: person.sessions.first().map(|view| visitor.zone.seconds(view.session.seen_at())),
    }
}
