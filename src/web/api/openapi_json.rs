//! `/openapi.json`: the description of the API, for programs.

use actix_web::HttpResponse;

use crate::web::{State, openapi};

/// Show this description
///
/// Needs no key.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "Access and system", operation_id = "get_openapi",
    responses((status = 200, body = serde_json::Value, content_type = "application/json", description = "OpenAPI 3.1")),
)]
pub async fn show(state: State) -> HttpResponse {
    let document = openapi::document_below(state.mount().path());
    HttpResponse::Ok().content_type("application/json").body(document)
}
