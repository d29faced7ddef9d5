//! `/webhooks/{id}/disable`: switch a webhook off.

use actix_web::HttpRequest;

use super::{WebhookBody, reply};
use crate::web::{
    State,
    api::{carry_out, id},
    auth::Caller,
    problem::Reply,
};

/// Disable a webhook
///
/// Events from now on are kept and wait for it.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/disable", tag = "Webhooks", operation_id = "disable_webhook",
    params(("id" = String, Path, description = "The webhook's id, whk_…")),
    responses((status = 200, body = WebhookBody, description = "It is off")),
)]
pub async fn disable(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "webhook")?;
    let service = state.service().clone();
    let view = carry_out(async move { service.disable_webhook(&caller.actor, id).await }).await?;
    Ok(reply(&view))
}
