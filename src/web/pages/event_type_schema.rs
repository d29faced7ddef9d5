//! `/integration/event-types/{name}/schema`: the JSON Schema of an event type as a file.

use actix_web::{HttpRequest, HttpResponse, http::header};

use super::{event_type_remove::find, visitor::Visitor};
use crate::{
    domain::Problem,
    web::{State, problem::Reply},
};

/// Sends the file.
pub async fn download(state: State, request: HttpRequest, visitor: Visitor) -> Reply {
    let info = find(&state, &request, &visitor).await?;
    let schema = info.schema.clone().ok_or_else(|| Problem::not_found("JSON Schema"))?;
    // A name is letters, digits, _ and full stops.
    let disposition = format!("attachment; filename=\"{}.schema.json\"", info.name);
    Ok(HttpResponse::Ok()
        .content_type("application/schema+json")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(schema))
}
