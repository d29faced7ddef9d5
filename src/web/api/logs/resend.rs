//! `/logs/{id}/resend`: send again.

use actix_web::{HttpRequest, http::StatusCode};

use super::LogBody;
use crate::web::{
    State,
    api::{carry_out, id, json},
    auth::Caller,
    problem::{ProblemBody, Reply},
};

/// Send again
///
/// At once, with the same `webhook-id` and body, and the webhook's present URL, headers and
/// secret. A waiting automatic retry is replaced, never doubled. An entry that has ended goes at
/// once, whatever order its webhook keeps; one that waits for an earlier event of its key is
/// refused.
#[utoipa::path(
    post, path = "/api/v1/logs/{id}/resend", tag = "Logs", operation_id = "resend",
    params(("id" = String, Path, description = "The Log ID, log_…")),
    responses(
        (status = 202, body = LogBody, description = "It will be sent again"),
        (status = 409, body = ProblemBody, description = "Its webhook is off or deleted, it waits for an earlier one, or it was a test"),
    ),
)]
pub async fn resend(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "log entry")?;
    let service = state.service().clone();
    let entry = carry_out(async move { service.resend(&caller.actor, id).await }).await?;
    Ok(json(StatusCode::ACCEPTED, &LogBody::from(&entry)))
}
