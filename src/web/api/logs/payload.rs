//! `/logs/{id}/payload`: the bytes that were sent.

use actix_web::HttpRequest;

use crate::web::{
    State,
    api::{ask, id, json_bytes},
    auth::Caller,
    problem::Reply,
};

/// Show what was sent
///
/// Exactly the bytes of the body, the same for every attempt.
#[utoipa::path(
    get, path = "/api/v1/logs/{id}/payload", tag = "Logs", operation_id = "get_log_payload",
    params(("id" = String, Path, description = "The Log ID, log_…")),
    responses((status = 200, body = serde_json::Value, content_type = "application/json", description = "The body")),
)]
pub async fn show(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "log entry")?;
    let body = ask(&state, move |service| service.log_body(&caller.actor, id)).await?;
    Ok(json_bytes(body))
}
