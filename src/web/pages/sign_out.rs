//! `POST /sign-out`.

use actix_web::http::header;

use super::{carry_out, cookies::Cookie, form::Posted, notes::Note, page::see_other_with, visitor::Visitor};
use crate::web::{State, problem::Reply};

/// Ends the session.
pub async fn submit(state: State, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let (service, actor, token) = (state.service().clone(), visitor.actor.clone(), visitor.token.clone());
    carry_out(async move { service.sign_out(&actor, &token).await }).await?;
    let mut response = see_other_with("/sign-in", Note::SignedOut, visitor.secure);
    response.headers_mut().append(header::SET_COOKIE, Cookie::Session.drop(visitor.secure));
    Ok(response)
}
