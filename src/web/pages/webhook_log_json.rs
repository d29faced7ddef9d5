//! `/integration/webhook-logs/{id}/json`: the entry as the API gives it, for somebody who is signed in.

use actix_web::{HttpRequest, HttpResponse};

use super::{ask, id, visitor::Visitor};
use crate::{
    domain::DeliveryId,
    web::{State, api::logs::one::LogDetailBody, problem::Reply},
};

/// Shows it.
pub async fn show(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let id = id::<DeliveryId>(&request, "log entry")?;
    let detail = ask(&state, move |service| service.log(&visitor.actor, id)).await?;
    Ok(HttpResponse::Ok().json(LogDetailBody::from(detail)))
}
