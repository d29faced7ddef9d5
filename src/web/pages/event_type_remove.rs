//! `/integration/event-types/{name}/remove`: says who uses an event type, then deletes or retires it.
//! `…/offer` offers a retired one again.

use std::sync::Arc;

use actix_web::{HttpRequest, http::StatusCode};
use askama::Template;

use super::{
    ask, carry_out,
    event_types::listening,
    form::Posted,
    notes::Note,
    page::{EVENT_TYPES, Frame, see_other_with, show as show_page},
    parts::Name,
    visitor::Visitor,
};
use crate::{
    domain::EventTypeInfo,
    service::{EventTypeChange, Removed},
    web::{
        State,
        problem::{Refusal, Reply},
    },
};

#[derive(Template)]
#[template(path = "event_type_remove.html")]
struct EventTypeRemovePage {
    frame: Frame,
    name: String,
    label: Name,
    is_built_in: bool,
    listeners: String,
}

/// Says who uses it.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let info = find(&state, &request, &visitor).await?;
    let actor = visitor.actor.clone();
    let name = info.name.clone();
    let listeners = ask(&state, move |service| service.listeners(&actor, &name)).await?.len();
    let page = EventTypeRemovePage {
        frame: Frame::new(&visitor, EVENT_TYPES, "Retire event type").under(info.name.as_str(), ""),
        name: info.name.to_string(),
        label: Name::new(&info.label),
        is_built_in: info.built_in,
        listeners: listening(listeners),
    };
    show_page(&visitor, StatusCode::OK, &page)
}

/// Deletes it if nothing uses it, and retires it otherwise.
pub async fn submit(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let name = find(&state, &request, &visitor).await?.name.clone();
    let (service, actor) = (state.service().clone(), visitor.actor);
    let removed = carry_out(async move { service.remove_event_type(&actor, name.as_str()).await }).await?;
    let note = match removed {
        Removed::Deleted => Note::EventTypeDeleted,
        Removed::Retired(_) => Note::EventTypeRetired,
    };
    Ok(see_other_with(EVENT_TYPES, note, visitor.secure))
}

/// Offers it again.
pub async fn offer(state: State, request: HttpRequest, visitor: Visitor, posted: Posted) -> Reply {
    posted.of(&visitor.key).fresh()?;
    let name = find(&state, &request, &visitor).await?.name.clone();
    let (service, actor) = (state.service().clone(), visitor.actor);
    let change = EventTypeChange { retired: Some(false), ..EventTypeChange::default() };
    carry_out(async move { service.change_event_type(&actor, name.as_str(), change).await }).await?;
    Ok(see_other_with(EVENT_TYPES, Note::EventTypeOffered, visitor.secure))
}

/// The event type of the address.
pub async fn find(state: &State, request: &HttpRequest, visitor: &Visitor) -> Result<Arc<EventTypeInfo>, Refusal> {
    let name = request.match_info().query("name").to_owned();
    let actor = visitor.actor.clone();
    ask(state, move |service| service.event_type(&actor, &name)).await
}
