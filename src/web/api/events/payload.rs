//! `/events/{id}/payload`: the caller's bytes.

use actix_web::HttpRequest;

use crate::web::{
    State,
    api::{ask, id, json_bytes},
    auth::Caller,
    problem::Reply,
};

/// Show an event's data
///
/// Exactly the bytes that were posted as `data`.
#[utoipa::path(
    get, path = "/api/v1/events/{id}/payload", tag = "Events", operation_id = "get_event_payload",
    params(("id" = String, Path, description = "The event's id, evt_…")),
    responses((status = 200, body = serde_json::Value, content_type = "application/json", description = "The data")),
)]
pub async fn show(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "event")?;
    let payload = ask(&state, move |service| service.event_payload(&caller.actor, id)).await?;
    Ok(json_bytes(payload))
}
