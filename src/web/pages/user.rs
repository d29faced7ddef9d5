//! `/system/users/{id}`: one person: role, password, second factor, sessions.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    account_password::{errors_of, new_password},
    ask, carry_out,
    field::TextField,
    form::Posted,
    id,
    notes::Note,
    page::{Errors, Frame, USERS, see_other_with, show as show_page},
    parts::{Moment, Name},
    sessions::Sessions,
    user_new::{RoleChoice, roles},
    visitor::Visitor,
};
use crate::{
    domain::{Problem, ProblemKind, Role, UserId},
    service::Person,
    web::{
        State,
        problem::{Refusal, Reply, status},
    },
};

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage {
    frame: Frame,
    errors: Errors,
    id: String,
    email: Name,
    is_own: bool,
    added: Moment,
    password_since: Moment,
    second_factor: Option<Moment>,
    roles: Vec<RoleChoice>,
    password: TextField,
    has_sessions: bool,
    sessions: Sessions,
}

/// Shows them.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let person = find(&state, &request, &visitor).await?;
    page(&visitor, StatusCode::OK, &person, Errors::default())
}

/// Gives them another role.
pub async fn change_role(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let unknown = || Problem::new(ProblemKind::NotUnderstood, "unknown_choice", "There is no role of that name.");
    let role = Role::from_code(fields.get("role")).ok_or_else(unknown)?;
    let person = find(&state, &request, &visitor).await?;
    let (service, actor, id) = (state.service().clone(), visitor.actor.clone(), person.id);
    match carry_out(async move { service.set_role(&actor, id, role).await }).await {
        Ok(()) => Ok(done(id, Note::RoleChanged, &visitor)),
        Err(refusal) if refusal.problem.kind == ProblemKind::Conflict => {
            page(&visitor, StatusCode::CONFLICT, &person, errors_of(&refusal.problem))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Sets their password.
pub async fn reset_password(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    let fields = posted.of(&visitor.key).fresh()?;
    let person = find(&state, &request, &visitor).await?;
    let (service, actor, id) = (state.service().clone(), visitor.actor.clone(), person.id);
    let password = fields.get("password").to_owned();
    match carry_out(async move { service.reset_password(&actor, id, password).await }).await {
        Ok(()) => Ok(done(id, Note::PasswordReset, &visitor)),
        Err(refusal) if refusal.problem.kind == ProblemKind::Invalid => {
            page(&visitor, status(refusal.problem.kind), &person, errors_of(&refusal.problem))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Ends their sessions.
pub async fn sign_out(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let id = id::<UserId>(&request, "user")?;
    let (service, actor) = (state.service().clone(), visitor.actor.clone());
    carry_out(async move { service.sign_out_everywhere(&actor, id).await }).await?;
    Ok(done(id, Note::SessionsEnded, &visitor))
}

/// Ends one session of theirs.
pub async fn end_session(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let id = id::<UserId>(&request, "user")?;
    let session = request.match_info().get("session").unwrap_or_default().to_owned();
    let (service, actor) = (state.service().clone(), visitor.actor.clone());
    carry_out(async move { service.end_session(&actor, id, &session).await }).await?;
    Ok(done(id, Note::SessionsEnded, &visitor))
}

/// Takes their second factor away.
pub async fn reset_second_factor(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let id = id::<UserId>(&request, "user")?;
    let (service, actor) = (state.service().clone(), visitor.actor.clone());
    carry_out(async move { service.reset_second_factor(&actor, id).await }).await?;
    Ok(done(id, Note::SecondFactorRemoved, &visitor))
}

/// The person of the address.
pub async fn find(state: &State, request: &HttpRequest, visitor: &Visitor) -> Result<Person, Refusal> {
    let id = id::<UserId>(request, "user")?;
    let (actor, token) = (visitor.actor.clone(), visitor.token.clone());
    ask(state, move |service| service.person(&actor, id, &token)).await
}

fn done(id: UserId, note: Note, visitor: &Visitor) -> actix_web::HttpResponse {
    see_other_with(&format!("{USERS}/{id}"), note, visitor.secure)
}

fn page(visitor: &Visitor, status: StatusCode, person: &Person, errors: Errors) -> Reply {
    let base = format!("{USERS}/{}", person.id);
    let page = UserPage {
        frame: Frame::new(visitor, USERS, person.email.as_str()).with_errors(&errors),
        id: person.id.to_string(),
        email: Name::new(&person.email),
        is_own: visitor.actor.user_id() == Some(person.id),
        added: visitor.zone.seconds(person.created_at),
        password_since: visitor.zone.seconds(person.password_changed_at),
        second_factor: person.second_factor.map(|at| visitor.zone.seconds(at)),
        roles: roles(person.role),
        password: new_password("New password", &errors),
        has_sessions: !person.sessions.is_empty(),
        sessions: Sessions::of(person, visitor, &base),
        errors,
    };
    show_page(visitor, status, &page)
}
