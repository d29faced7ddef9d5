//! `/bulk-resends/{id}`: how far a bulk resend is, and its end.

use actix_web::{HttpRequest, http::StatusCode};

use super::BulkJobBody;
use crate::web::{
    State,
    api::{ask, carry_out, id, json},
    auth::Caller,
    problem::{ProblemBody, Reply},
};

/// Show a bulk resend
#[utoipa::path(
    get, path = "/api/v1/bulk-resends/{id}", tag = "Logs", operation_id = "get_bulk_resend",
    params(("id" = String, Path, description = "Its id, job_…")),
    responses((status = 200, body = BulkJobBody, description = "How far it is")),
)]
pub async fn show(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "bulk resend")?;
    let job = ask(&state, move |service| service.bulk_resend(&caller.actor, id)).await?;
    Ok(json(StatusCode::OK, &BulkJobBody::from(&job)))
}

/// Cancel a bulk resend
///
/// What is queued already is still sent; the rest is not.
#[utoipa::path(
    delete, path = "/api/v1/bulk-resends/{id}", tag = "Logs", operation_id = "cancel_bulk_resend",
    params(("id" = String, Path, description = "Its id, job_…")),
    responses(
        (status = 200, body = BulkJobBody, description = "Cancelled"),
        (status = 409, body = ProblemBody, description = "It had ended"),
    ),
)]
pub async fn cancel(state: State, caller: Caller, request: HttpRequest) -> Reply {
    let id = id(&request, "bulk resend")?;
    let service = state.service().clone();
    let job = carry_out(async move { service.cancel_bulk_resend(&caller.actor, id).await }).await?;
    Ok(json(StatusCode::OK, &BulkJobBody::from(&job)))
}
