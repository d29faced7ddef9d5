//! `/integration/webhook-logs/{id}/payload`: the exact bytes that were sent, as a file.

use actix_web::{HttpRequest, HttpResponse, http::header};

use super::{ask, id, visitor::Visitor};
use crate::{
    domain::DeliveryId,
    web::{State, problem::Reply},
};

/// Sends the file. It is named after the Log ID and never shown in place, whatever is in it.
pub async fn download(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let id = id::<DeliveryId>(&request, "log entry")?;
    let body = ask(&state, move |service| service.log_body(&visitor.actor, id)).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.json\"")))
        .body(body))
}
