//! `/webhooks/{id}/enable`: switch a webhook on.

use actix_web::{HttpRequest, web};
use utoipa::ToSchema;

use super::{WebhookBody, reply};
use crate::{
    domain::Fault,
    service::Missed,
    web::{
        State,
        api::{carry_out, id, read_body},
        auth::Caller,
        body,
        json::{Object, parsed},
        problem::Reply,
    },
};

/// What becomes of the events that came while the webhook was off.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `read_missed` reads; a test compares the names")]
pub struct EnableWebhook {
    /// `send` (oldest first) or `skip`.
    #[schema(default = "send", example = "send")]
    missed: Option<String>,
}

/// Enable a webhook
///
/// What it missed is sent, oldest first, or skipped.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/enable", tag = "Webhooks", operation_id = "enable_webhook",
    params(("id" = String, Path, description = "The webhook's id, whk_…")),
    request_body(content = Option<EnableWebhook>),
    responses((status = 200, body = WebhookBody, description = "It is on")),
)]
pub async fn enable(state: State, caller: Caller, request: HttpRequest, payload: web::Payload) -> Reply {
    let id = id(&request, "webhook")?;
    let body = body::receive_optional(&request, payload, body::SMALL).await?;
    let missed = read_body(&body, read_missed)?;
    let service = state.service().clone();
    let view = carry_out(async move { service.enable_webhook(&caller.actor, id, missed).await }).await?;
    Ok(reply(&view))
}

/// Reads what is to become of missed events. Nothing is lost unless the caller says so.
pub fn read_missed(input: &mut Object) -> Option<Missed> {
    let missed = input.optional(
        "missed",
        parsed(|text| match text {
            "send" => Ok(Missed::Send),
            "skip" => Ok(Missed::Skip),
            _ => Err(Fault::new("not_understood", "Use send or skip.")),
        }),
    );
    Some(missed.unwrap_or(Missed::Send))
}
