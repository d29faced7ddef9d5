//! What stands around every handler, of the API and of the pages: the request id, the security
//! headers, the body of refusals, and one line of log.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use tracing::Instrument;

use super::{WebState, idle, problem::Refusal};

/// Most bytes of the request line and headers. The framework's own bound of 128 KiB and 96 headers
/// stands before it.
const MAX_HEAD: usize = 32 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Where events are posted, one by one or many.
const EVENTS: &str = "/api/v1/events";

/// Set unless a handler has set its own.
const SECURITY: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
];

/// Set where people reach this server by https: browsers then take no other way for a year.
const HTTPS_ONLY: &str = "max-age=31536000";

/// The id of this request, `req_…`: in the answer, on error pages and in the log. Made here;
/// nothing from outside is taken over.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Frames a request.
///
/// # Errors
/// What the framework itself fails with.
pub async fn frame(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    idle::begin(request.request());
    let state = request.app_data::<web::Data<WebState>>().expect("the server is built with its state").clone();
    let id = state.next_request_id();
    // The path without the query, which may hold what does not belong into a log.
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", request_id = %id);
    let answered = match head_bytes(&request) > MAX_HEAD {
        true => Ok(request.into_response(Refusal::head_too_large(MAX_HEAD).response(&path, &id))),
        false => next.call(request).instrument(span.clone()).await.map(ServiceResponse::map_into_boxed_body),
    };
    let mut response = answered?;
    let refusal = response.response().extensions().get::<Refusal>().cloned();
    if let Some(refusal) = refusal {
        response = response.into_response(refusal.response(&path, &id));
    }
    let (request, answer) = response.into_parts();
    response = ServiceResponse::new(request, state.mount().move_answer(answer));
    idle::end(response.request(), matches!(response.response().body().size(), BodySize::Stream));
    set_headers(response.headers_mut(), &id, state.service().settings().is_secure());
    let (status, took) = (response.status().as_u16(), began.elapsed());
    let ms = took.as_millis() as u64;
    // Only what posts events is answered so.
    if status == 202 && method == Method::POST && path.starts_with(EVENTS) {
        state.meters().ingest.observe(took);
    }
    // What the test receiver answers it was told to answer, and its name is nobody's to read.
    let scripted = path.starts_with("/in/");
    let path: String = if scripted { "/in/…".to_owned() } else { path.chars().take(200).collect() };
    let _entered = span.enter();
    match status {
        500.. if !scripted => tracing::warn!(%method, path, status, ms, "answered"),
        _ => tracing::debug!(%method, path, status, ms, "answered"),
    }
    Ok(response)
}

fn head_bytes(request: &ServiceRequest) -> usize {
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let query = request.uri().query().map_or(0, str::len);
    headers + request.uri().path().len() + query
}

fn set_headers(headers: &mut HeaderMap, id: &str, secure: bool) {
    if secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HTTPS_ONLY));
    }
    headers.insert(REQUEST_ID, HeaderValue::from_str(id).expect("an id is plain text"));
    for (name, value) in SECURITY {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    // Browsers heed it over TLS only, so that it does no harm where the proxy is passed by.
    if secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}
