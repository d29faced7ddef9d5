//! Receiving the body of a request: the right media type, within its limit, in time.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap, HeaderName},
    web::{self, Bytes},
};

use super::problem::Refusal;
use crate::domain::{Problem, ProblemKind};

/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);
/// The limit of every body that carries no payload of an event.
pub const SMALL: usize = 256 * 1024;
/// What may stand around a payload in a body: the other members, and white space.
pub const AROUND_PAYLOAD: usize = 8 * 1024;

/// Receives a JSON body of at most `limit` bytes.
///
/// # Errors
/// 415 before anything is read; 413 at once if the length is known beforehand, otherwise as soon
/// as it is over; 408 if it comes too slowly; 400 if it breaks off.
pub async fn receive(request: &HttpRequest, payload: web::Payload, limit: usize) -> Result<Bytes, Refusal> {
    receive_or(request, payload, limit, || too_large(limit)).await
}

/// Receives a JSON body that may be left out; nothing is then the same as `{}`.
///
/// # Errors
/// As for [`receive`].
pub async fn receive_optional(request: &HttpRequest, payload: web::Payload, limit: usize) -> Result<Bytes, Refusal> {
    match has_body(request.headers()) {
        true => receive(request, payload, limit).await,
        false => Ok(Bytes::from_static(b"{}")),
    }
}

/// Receives a JSON body with words of its own for one that is too large.
///
/// # Errors
/// As for [`receive`].
pub async fn receive_or(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
    too_large: impl Fn() -> Problem,
) -> Result<Bytes, Refusal> {
    let headers = request.headers();
    check_media_type(headers)?;
    if declared_length(headers).is_some_and(|length| length > limit as u64) {
        return Err(too_large().into());
    }
    match tokio::time::timeout(DEADLINE, payload.to_bytes_limited(limit)).await {
        Err(_) => Err(Refusal::slow_body(DEADLINE.as_secs())),
        Ok(Err(_)) => Err(too_large().into()),
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => {
            let detail = "The body broke off before its end. Send it again.";
            Err(Problem::new(ProblemKind::NotUnderstood, "malformed_json", detail).into())
        }
    }
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("The body of this request may have {limit} bytes at the most.");
    Problem::new(ProblemKind::TooLarge, "payload_too_large", detail)
}

fn has_body(headers: &HeaderMap) -> bool {
    declared_length(headers).is_some_and(|length| length > 0) || headers.contains_key(header::TRANSFER_ENCODING)
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Only JSON in UTF-8, not compressed. A page of another site cannot send this media type without
/// asking first, which keeps its forms out.
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(ProblemKind::UnsupportedMediaType, "unsupported_media_type", detail));
    if !only(headers, header::CONTENT_TYPE).is_some_and(|value| is_json(&value)) {
        return refuse("Send the body as Content-Type: application/json, in UTF-8.");
    }
    let encoded = headers.contains_key(header::CONTENT_ENCODING);
    if encoded && only(headers, header::CONTENT_ENCODING).is_none_or(|value| value != "identity") {
        return refuse("Send the body as it is, without Content-Encoding.");
    }
    Ok(())
}

/// The value of a header that is there once, in lower case.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let mut values = headers.get_all(name);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    Some(value.to_str().ok()?.trim().to_ascii_lowercase())
}

fn is_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    parts.next() == Some("application/json")
        && parts.all(|parameter| match parameter.split_once('=') {
            Some(("charset", charset)) => matches!(charset.trim_matches('"'), "utf-8" | "utf8"),
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_plain_json_in_utf_8_is_taken() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            let request = TestRequest::default().insert_header((header::CONTENT_TYPE, good)).to_http_request();
            assert_eq!(check_media_type(request.headers()), Ok(()), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "application/jsonx",
            "application/merge-patch+json",
        ] {
            let request = TestRequest::default().insert_header((header::CONTENT_TYPE, bad)).to_http_request();
            assert_eq!(check_media_type(request.headers()).unwrap_err().code, "unsupported_media_type", "{bad}");
        }
        assert!(check_media_type(TestRequest::default().to_http_request().headers()).is_err());
    }

    #[test]
    fn a_compressed_body_is_refused() {
        for (encoding, taken) in [("identity", true), ("gzip", false), ("gzip, identity", false), ("", false)] {
            let request = TestRequest::default()
                .insert_header((header::CONTENT_TYPE, "application/json"))
                .insert_header((header::CONTENT_ENCODING, encoding))
                .to_http_request();
            assert_eq!(check_media_type(request.headers()).is_ok(), taken, "{encoding:?}");
        }
    }
}
