//! `/developers/api-keys/{id}/revoke`: says who would notice, then revokes.

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    api_keys::last_used,
    ask, carry_out,
    form::Posted,
    id,
    notes::Note,
    page::{API_KEYS, Frame, see_other_with, show as show_page},
    parts::Name,
    visitor::Visitor,
};
use crate::{
    domain::{ApiKeyId, Problem},
    service::KeyView,
    web::{
        State,
        problem::{Refusal, Reply},
    },
};

#[derive(Template)]
#[template(path = "api_key_revoke.html")]
struct ApiKeyRevokePage {
    frame: Frame,
    id: String,
    name: Name,
    key: String,
    last_used: String,
}

/// Says who would notice.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let view = find(&state, &request, &visitor).await?;
    let page = ApiKeyRevokePage {
        frame: Frame::new(&visitor, API_KEYS, "Revoke API key").under(&view.key.name, ""),
        id: view.key.id.to_string(),
        name: Name::new(&view.key.name),
        key: format!("hsk_…{}", view.key.last_four),
        last_used: last_used(&view, &visitor),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Revokes.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let id = find(&state, &request, &visitor).await?.key.id;
    let (service, actor) = (state.service().clone(), visitor.actor);
    carry_out(async move { service.revoke_key(&actor, id).await }).await?;
    Ok(see_other_with(API_KEYS, Note::KeyRevoked, visitor.secure))
}

/// The key of the address.
pub async fn find(state: &State, request: &HttpRequest, visitor: &Visitor) -> Result<KeyView, Refusal> {
    let id = id::<ApiKeyId>(request, "API key")?;
    let actor = visitor.actor.clone();
    let keys = ask(state, move |service| service.keys(&actor)).await?;
    Ok(keys.into_iter().find(|view| view.key.id == id).ok_or_else(|| Problem::not_found("API key"))?)
}
