//! `/account`: one's own account: where one is signed in, the password, the second factor.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    form::Posted,
    notes::Note,
    page::{ACCOUNT, Frame, see_other_with, show as show_page},
    parts::Moment,
    sessions::Sessions,
    text,
    visitor::Visitor,
};
use crate::{
    domain::Problem,
    web::{State, problem::Reply},
};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    email: String,
    role: &'static str,
    meaning: &'static str,
    password_since: Moment,
    second_factor: Option<Moment>,
    recovery_codes: String,
    has_others: bool,
    sessions: Sessions,
}

/// Shows it.
pub async fn show(state: State, visitor: Visitor) -> Reply {
    let (actor, token) = (visitor.actor.clone(), visitor.token.clone());
    let person = ask(&state, move |service| service.myself(&actor, &token)).await?;
    let left = person.recovery_codes as u64;
    let page = AccountPage {
        frame: Frame::new(&visitor, ACCOUNT, "Your account"),
        email: text::display_line(&person.email).into_owned(),
        role: person.role.word(),
        meaning: person.role.meaning(),
        password_since: visitor.zone.seconds(person.password_changed_at),
        second_factor: person.second_factor.map(|at| visitor.zone.seconds(at)),
        recovery_codes: format!("{} left", text::count(left, "recovery code", "recovery codes")),
        has_others: person.sessions.len() > 1,
        sessions: Sessions::of(&person, &visitor, ACCOUNT),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Ends every other session.
pub async fn sign_out_elsewhere(state: State, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let (service, actor, token) = (state.service().clone(), visitor.actor, visitor.token);
    carry_out(async move { service.sign_out_elsewhere(&actor, &token).await }).await?;
    Ok(see_other_with(ACCOUNT, Note::SessionsEnded, visitor.secure))
}

/// Ends one session.
pub async fn end_session(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let session = request.match_info().get("session").unwrap_or_default().to_owned();
    let own = visitor.actor.user_id().ok_or_else(|| Problem::not_found("session"))?;
    let (service, actor) = (state.service().clone(), visitor.actor);
    carry_out(async move { service.end_session(&actor, own, &session).await }).await?;
    Ok(see_other_with(ACCOUNT, Note::SessionsEnded, visitor.secure))
}
