//! `/webhooks/{id}/rotate-secret`: sign with a new secret.

use std::time::Duration;

use actix_web::{HttpRequest, web};
use utoipa::ToSchema;

use super::{WebhookBody, reply};
use crate::{
    domain::Secret,
    web::{
        State,
        api::{carry_out, id, read_body},
        auth::Caller,
        body,
        json::{Object, parsed, whole_number},
        problem::Reply,
    },
};

/// How long the old secret signs along if the caller does not say.
const DEFAULT_OVERLAP_HOURS: u64 = 24;
/// The longest overlap: thirty days.
const MAX_OVERLAP_HOURS: u64 = 30 * 24;

/// A new secret.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `read_rotation` reads; a test compares the names")]
pub struct RotateSecret {
    /// The new secret; one is made if it is left out.
    secret: Option<String>,
    /// How long requests are signed with the present one too; 0 ends it at once.
    #[schema(minimum = 0, maximum = 720, default = 24)]
    overlap_hours: Option<u16>,
}

/// A rotation as it was read.
pub struct Rotation {
    secret: Option<Secret>,
    overlap: Duration,
}

/// Rotate a secret
///
/// Requests are signed with the new secret from now on, and with the present one too until the
/// overlap is over. The new one is read at `/webhooks/{id}/secret`.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/rotate-secret", tag = "Webhooks", operation_id = "rotate_secret",
    params(("id" = String, Path, description = "The webhook's id, whk_…")),
    request_body(content = Option<RotateSecret>),
    responses((status = 200, body = WebhookBody, description = "The webhook, without its secrets")),
)]
pub async fn rotate(state: State, caller: Caller, request: HttpRequest, payload: web::Payload) -> Reply {
    let id = id(&request, "webhook")?;
    let body = body::receive_optional(&request, payload, body::SMALL).await?;
    let Rotation { secret, overlap } = read_body(&body, read_rotation)?;
    let service = state.service().clone();
    let view = carry_out(async move { service.rotate_secret(&caller.actor, id, secret, overlap).await }).await?;
    Ok(reply(&view))
}

/// Reads a rotation.
pub fn read_rotation(input: &mut Object) -> Option<Rotation> {
    let secret = input.optional("secret", parsed(Secret::parse));
    let hours = input.optional("overlap_hours", whole_number(0..=MAX_OVERLAP_HOURS));
    let overlap = Duration::from_secs(hours.unwrap_or(DEFAULT_OVERLAP_HOURS) * 3600);
    Some(Rotation { secret, overlap })
}
