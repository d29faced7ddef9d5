//! `/webhooks/{id}/secret`: what receivers verify with.

use actix_web::{HttpRequest, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    State,
    api::{carry_out, id, json},
    auth::Caller,
    problem::Reply,
};

/// What receivers verify with.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
pub struct SecretBody {
    /// The newest secret.
    pub secret: String,
}

/// Show a secret
///
/// Needs the scope `secrets:read`, and is written to the audit log.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/secret", tag = "Webhooks", operation_id = "get_secret",
    params(("id" = String, Path, description = "The webhook's id, whk_…")),
    responses((status = 200, body = SecretBody, description = "The newest secret")),
)]
pub async fn show(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "webhook")?;
    let service = state.service().clone();
    let secret = carry_out(async move { service.webhook_secret(&caller.actor, id).await }).await?;
    Ok(json(StatusCode::OK, &SecretBody { secret: secret.as_str().to_owned() }))
}
