//! What stands around the pages alone: refusals become pages that people can read.

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web,
};

use super::{error::ErrorPage, theme::Theme, visitor::reached_by};
use crate::web::{RequestId, WebState, problem::Refusal};

/// Lets a request in, and turns a refusal into a page.
///
/// # Errors
/// What the framework itself fails with.
pub async fn door(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let path = request.path().to_owned();
    let state = request.app_data::<web::Data<WebState>>().expect("the server is built with its state");
    let theme = Theme::of(request.request(), reached_by(state));
    let response = next.call(request).await?.map_into_boxed_body();
    let refusal = response.response().extensions().get::<Refusal>().cloned();
    let Some(refusal) = refusal else { return Ok(response) };
    // `Allow` and `Retry-After` are for programs and stay; the body is for people.
    let for_programs = refusal.response(&path, &id);
    let mut answer = ErrorPage::new(&refusal, &id, theme).response();
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = for_programs.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response.into_response(answer))
}
