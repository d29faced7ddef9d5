//! `/events/{id}`: an event, where it went, and why it did not go elsewhere.

use actix_web::{HttpRequest, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{EventBody, NotSentBody};
use crate::{
    service::EventDetail,
    web::{
        State,
        api::{ask, id, json, logs::LogBody},
        auth::Caller,
        problem::Reply,
    },
};

/// An event and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventDetail)]
pub struct EventDetailBody {
    /// The event.
    #[serde(flatten)]
    pub event: EventBody,
    /// Its log entries, one for each webhook it is for.
    pub logs: Vec<LogBody>,
    /// The other webhooks of its account, and why they did not get it.
    pub not_sent: Vec<NotSentBody>,
}

/// Show an event
///
/// With its log entries and, for webhooks that did not get it, why.
#[utoipa::path(
    get, path = "/api/v1/events/{id}", tag = "Events", operation_id = "get_event",
    params(("id" = String, Path, description = "The event's id, evt_…")),
    responses((status = 200, body = EventDetailBody, description = "The event")),
)]
pub async fn show(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "event")?;
    let detail = ask(&state, move |service| service.event(&caller.actor, id)).await?;
    Ok(json(StatusCode::OK, &EventDetailBody::from(detail)))
}

impl From<EventDetail> for EventDetailBody {
    fn from(detail: EventDetail) -> Self {
        EventDetailBody {
            event: EventBody::from(&detail.event),
            logs: detail.entries.iter().map(LogBody::from).collect(),
            not_sent: detail.not_sent.iter().map(NotSentBody::from).collect(),
        }
    }
}
