//! A refusal as an HTTP answer: one shape, `application/problem+json` (RFC 9457), for the whole API.
//!
//! A handler fails with a [`Refusal`]. It travels inside the response to the frame around all
//! handlers, which knows the request id and writes the body once.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Fault, Problem, ProblemKind};

/// Most faults that one answer lists; a body of a megabyte can hold a hundred thousand.
const MAX_ERRORS: usize = 100;
/// Longest path that an answer repeats as its `instance`, in bytes.
const MAX_INSTANCE: usize = 200;

/// What a handler of the API answers.
pub type Reply = Result<HttpResponse, Refusal>;

/// A problem on its way to the caller.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The status it is answered with.
    pub status: StatusCode,
    /// What is wrong.
    pub problem: Problem,
    allow: Option<String>,
}

/// The body of every answer that is not a success.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem, title = "Problem")]
pub struct ProblemBody {
    /// A name for this kind of problem, as a URI.
    #[serde(rename = "type")]
    #[schema(example = "urn:hookstead:problem:invalid")]
    pub kind: String,
    /// What the status means, in words.
    #[schema(example = "Not acceptable")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// Stable machine-readable name.
    #[schema(example = "invalid")]
    pub code: &'static str,
    /// What is wrong and what to do.
    pub detail: String,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The same as the header `Request-Id`; the server's log has it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Every fault of the input at once, at most 100.
    pub errors: Vec<ErrorBody>,
}

/// One thing wrong with one member of the input.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody {
    /// JSON Pointer (RFC 6901) to the member; for a query, a slash and the parameter's name.
    #[schema(example = "/events/0/type")]
    pub pointer: String,
    /// Stable machine-readable name.
    #[schema(example = "unknown_event_type")]
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl Refusal {
    /// The path is there and not for this method (405).
    pub fn method_not_allowed(allow: String) -> Self {
        let detail = format!("This path takes {allow}.");
        let problem = Problem::new(ProblemKind::NotFound, "method_not_allowed", detail);
        Refusal { status: StatusCode::METHOD_NOT_ALLOWED, problem, allow: Some(allow) }
    }

    /// The body did not come in time (408).
    pub fn slow_body(seconds: u64) -> Self {
        let detail = format!("The body did not arrive within {seconds} seconds. Send it again.");
        Self::with_status(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
    }

    /// The request line and headers are too many bytes (431).
    pub fn head_too_large(limit: usize) -> Self {
        let detail = format!("The headers of a request may have {limit} bytes together.");
        Self::with_status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", detail)
    }

    /// Nothing is at this path (404).
    pub fn no_such_path() -> Self {
        let detail = "There is nothing at this path. The API's paths are listed at /api/v1/openapi.json.";
        Problem::new(ProblemKind::NotFound, "not_found", detail).into()
    }

    /// The caller is not known (401). The same words for every reason.
    pub fn unauthorized() -> Self {
        let detail = "Send a valid API key in the header Authorization: Bearer hsk_…, once, and nowhere else.";
        Problem::new(ProblemKind::Unauthorized, "unauthorized", detail).into()
    }

    fn with_status(status: StatusCode, code: &'static str, detail: String) -> Self {
        Refusal { status, problem: Problem::new(ProblemKind::NotUnderstood, code, detail), allow: None }
    }

    /// The body of the answer.
    pub fn body(&self, instance: &str, request_id: &str) -> ProblemBody {
        let instance = instance.get(..MAX_INSTANCE).unwrap_or(instance).to_owned();
        let body = ProblemBody::new(self.status, &self.problem);
        ProblemBody { instance: Some(instance), request_id: Some(request_id.to_owned()), ..body }
    }

    /// The answer itself.
    pub fn response(&self, instance: &str, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.content_type("application/problem+json");
        if let Some(seconds) = self.retry_after_s() {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        response.body(serde_json::to_vec(&self.body(instance, request_id)).expect("texts and numbers are JSON"))
    }

    /// Always there with 429 and 503, so that no caller has to guess.
    fn retry_after_s(&self) -> Option<u32> {
        let always = matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        self.problem.retry_after_s.or(always.then_some(5))
    }
}

impl ProblemBody {
    fn new(status: StatusCode, problem: &Problem) -> Self {
        ProblemBody {
            kind: format!("urn:hookstead:problem:{}", problem.code),
            title: title(status),
            status: status.as_u16(),
            code: problem.code,
            detail: problem.detail.clone(),
            instance: None,
            request_id: None,
            errors: problem.faults.iter().take(MAX_ERRORS).map(ErrorBody::from).collect(),
        }
    }
}

impl From<&Problem> for ProblemBody {
    fn from(problem: &Problem) -> Self {
        ProblemBody::new(status(problem.kind), problem)
    }
}

impl From<&Fault> for ErrorBody {
    fn from(fault: &Fault) -> Self {
        ErrorBody { pointer: fault.pointer.clone(), code: fault.code, message: fault.message.clone() }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal { status: status(problem.kind), problem, allow: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(formatter)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status);
        response.extensions_mut().insert(self.clone());
        response
    }
}

/// The one place where a kind of problem becomes a status.
pub fn status(kind: ProblemKind) -> StatusCode {
    match kind {
        ProblemKind::NotUnderstood => StatusCode::BAD_REQUEST,
        ProblemKind::Unauthorized => StatusCode::UNAUTHORIZED,
        ProblemKind::Forbidden => StatusCode::FORBIDDEN,
        ProblemKind::NotFound => StatusCode::NOT_FOUND,
        ProblemKind::Conflict => StatusCode::CONFLICT,
        ProblemKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ProblemKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ProblemKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ProblemKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ProblemKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        ProblemKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ProblemKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "Not understood",
        401 => "Who are you?",
        403 => "Not allowed",
        404 => "Not found",
        405 => "Method not allowed",
        408 => "Too slow",
        409 => "Conflict",
        412 => "Changed meanwhile",
        413 => "Too large",
        415 => "Media type not accepted",
        422 => "Not acceptable",
        429 => "Too many requests",
        431 => "Head too large",
        503 => "Not possible at present",
        _ => "Our own fault",
    }
}

/// The value of `Allow` for the methods of a path.
pub fn allow(methods: &[Method]) -> String {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.sort_unstable();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_every_member_of_the_contract() {
        let problem = Problem::invalid(vec![Fault::new("missing", "Add data.").at("/data")]);
        let body = serde_json::to_string(&Refusal::from(problem).body("/api/v1/events", "req_1")).unwrap();
        assert_eq!(
            body,
            r#"{"type":"urn:hookstead:problem:invalid","title":"Not acceptable","status":422,"code":"invalid","#
                .to_owned()
                + r#""detail":"Add data.","instance":"/api/v1/events","request_id":"req_1","#
                + r#""errors":[{"pointer":"/data","code":"missing","message":"Add data."}]}"#
        );
    }

    #[test]
    fn what_can_be_tried_again_says_when() {
        for (problem, expected) in [
            (Problem::cannot_write(), Some("5")),
            (Problem::new(ProblemKind::TooMany, "rate_limited", "Wait."), Some("5")),
            (Problem::new(ProblemKind::Unavailable, "queue_full", "Wait."), Some("5")),
            (Problem::conflict("No."), None),
        ] {
            let response = Refusal::from(problem).response("/", "req_1");
            let header = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(header, expected);
        }
    }

    #[test]
    fn a_stranger_is_asked_for_a_key_and_a_wrong_method_told_the_right_ones() {
        let response = Refusal::unauthorized().response("/", "req_1");
        assert_eq!(response.headers().get(header::WWW_AUTHENTICATE).unwrap(), "Bearer");
        let allow = allow(&[Method::POST, Method::GET]);
        let response = Refusal::method_not_allowed(allow).response("/", "req_1");
        assert_eq!(response.headers().get(header::ALLOW).unwrap(), "GET, HEAD, POST");
    }

    #[test]
    fn a_flood_of_faults_is_cut() {
        let faults = (0..10_000).map(|index| Fault::new("x", "y").at(format_args!("/{index}"))).collect();
        let body = Refusal::from(Problem::invalid(faults)).body("/", "req_1");
        assert_eq!(body.errors.len(), MAX_ERRORS);
        assert!(body.detail.contains("10000"));
    }
}
