//! `/system/users/{id}/delete`: says what ends, then removes the person.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    account_password::errors_of,
    carry_out,
    form::Posted,
    notes::Note,
    page::{Errors, Frame, USERS, see_other_with, show as show_page},
    parts::Name,
    text,
    user::find,
    visitor::Visitor,
};
use crate::{
    domain::ProblemKind,
    service::Person,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "user_delete.html")]
struct UserDeletePage {
    frame: Frame,
    errors: Errors,
    id: String,
    email: Name,
    role: &'static str,
    sessions: String,
}

/// Says what ends.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let person = find(&state, &request, &visitor).await?;
    page(&visitor, StatusCode::OK, &person, Errors::default())
}

/// Removes them.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let person = find(&state, &request, &visitor).await?;
    let (service, actor, id) = (state.service().clone(), visitor.actor.clone(), person.id);
    match carry_out(async move { service.delete_user(&actor, id).await }).await {
        Ok(()) => Ok(see_other_with(USERS, Note::UserDeleted, visitor.secure)),
        Err(refusal) if refusal.problem.kind == ProblemKind::Conflict => {
            page(&visitor, StatusCode::CONFLICT, &person, errors_of(&refusal.problem))
        }
        Err(refusal) => Err(refusal),
    }
}

fn page(visitor: &Visitor, status: StatusCode, person: &Person, errors: Errors) -> Reply {
    let page = UserDeletePage {
        frame: Frame::new(visitor, USERS, "Delete user").under(&person.email, "").with_errors(&errors),
        errors,
        id: person.id.to_string(),
        email: Name::new(&person.email),
        role: person.role.word(),
        sessions: text::count(person.sessions.len() as u64, "session ends", "sessions end"),
    };
    show_page(visitor, status, &page)
}
