//! One attempt of a delivery: the request as it was made, and what came of it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{Outcome, Timestamp, Timings, TlsVersion},
    service::AttemptView,
};

/// One HTTP request and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptBody {
    /// From 1.
    pub number: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// `first`, `automatic`, `resend`, `bulk`, `test` or `catch_up`.
    #[schema(example = "first")]
    pub started_by: &'static str,
    /// Who asked for it, if somebody did.
    pub started_by_name: Option<String>,
    /// How long it took.
    pub duration_ms: u32,
    /// What came of it.
    pub outcome: OutcomeBody,
    /// The request.
    pub request: RequestBody,
    /// How its time was spent; null where that was not kept.
    pub timings: Option<TimingsBody>,
    /// When the next attempt was to be, as decided after this one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
}

/// What came of a request: an answer, or no answer and the cause.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Outcome)]
pub struct OutcomeBody {
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "connect_refused")]
    pub cause: Option<&'static str>,
    /// More about the cause, such as the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The headers of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Vec<ShownHeaderBody>>,
    /// The body of the answer, as much of it as is kept, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The same bytes in base64, if they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// Whether the body was longer than what is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_truncated: Option<bool>,
}

/// A request as it was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Request)]
pub struct RequestBody {
    /// Where it went; null once that is no longer kept.
    pub url: Option<String>,
    /// The address that was dialled.
    #[schema(example = "203.0.113.7:443")]
    pub address: Option<String>,
    /// Its headers.
    pub headers: Vec<ShownHeaderBody>,
}

/// How the time of a request was spent. A phase that was not come to took none.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Timings)]
pub struct TimingsBody {
    /// Finding the addresses of the host name.
    pub name_ms: u32,
    /// Connecting.
    pub connect_ms: u32,
    /// Agreeing on encryption.
    pub tls_ms: u32,
    /// From sending to the first byte of the answer.
    pub waiting_ms: u32,
    /// From there to the end of what is read of it.
    pub reading_ms: u32,
    /// How it was encrypted; null if it was not.
    #[schema(example = "1.3")]
    pub tls_version: Option<&'static str>,
    /// Whether it went over a connection that was kept from an earlier request.
    pub kept_connection: bool,
}

/// A header of a request or an answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownHeader)]
pub struct ShownHeaderBody {
    /// Its name.
    pub name: String,
    /// Its value; null if it is hidden.
    pub value: Option<String>,
}

impl From<&AttemptView> for AttemptBody {
    fn from(view: &AttemptView) -> Self {
        let attempt = &view.attempt;
        let headers = view
            .headers
            .iter()
            .map(|header| ShownHeaderBody { name: header.name.clone(), value: header.value.clone() });
        AttemptBody {
            number: attempt.number,
            started_at: attempt.started_at,
            started_by: attempt.started_by.code(),
            started_by_name: attempt.started_by_name.clone(),
            duration_ms: attempt.duration_ms,
            outcome: OutcomeBody::from(&attempt.outcome),
            request: RequestBody {
                url: view.url.as_ref().map(ToString::to_string),
                address: attempt.address.map(|address| address.to_string()),
                headers: headers.collect(),
            },
            timings: attempt.timings.map(TimingsBody::from),
            next_attempt_at: attempt.next_attempt_at,
        }
    }
}

impl From<Timings> for TimingsBody {
    fn from(timings: Timings) -> Self {
        let Timings { name_ms, connect_ms, tls_ms, waiting_ms, reading_ms, kept_connection, .. } = timings;
        let tls_version = timings.tls().map(TlsVersion::number);
        TimingsBody { name_ms, connect_ms, tls_ms, waiting_ms, reading_ms, tls_version, kept_connection }
    }
}

impl From<&Outcome> for OutcomeBody {
    fn from(outcome: &Outcome) -> Self {
        let answer = match outcome {
            Outcome::Answered(answer) => answer,
            Outcome::NoAnswer { cause, detail } => {
                let detail = Some(detail.clone()).filter(|detail| !detail.is_empty());
                return OutcomeBody { cause: Some(cause.code()), detail, ..OutcomeBody::default() };
            }
        };
        let headers = answer.headers.iter().map(|(name, value)| ShownHeaderBody {
            name: name.clone(),
            value: Some(String::from_utf8_lossy(value).into_owned()),
        });
        let is_text = std::str::from_utf8(&answer.body).is_ok();
        OutcomeBody {
            http_status: Some(answer.http_status),
            headers: Some(headers.collect()),
            body: Some(String::from_utf8_lossy(&answer.body).into_owned()),
            body_base64: (!is_text).then(|| STANDARD.encode(&answer.body)),
            body_truncated: Some(answer.body_truncated),
            ..OutcomeBody::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Answer, Cause};

    fn shown(outcome: &Outcome) -> String {
        serde_json::to_string(&OutcomeBody::from(outcome)).unwrap()
    }

    #[test]
    fn an_outcome_is_an_answer_or_a_cause() {
        let answer = Answer {
            http_status: 503,
            headers: vec![("x-a".into(), vec![b'b', 0xff])],
            body: b"busy".to_vec(),
            body_truncated: false,
            retry_after: None,
        };
        assert_eq!(
            shown(&Outcome::Answered(answer.clone())),
            r#"{"http_status":503,"headers":[{"name":"x-a","value":"b�"}],"body":"busy","body_truncated":false}"#
        );
        let binary = Answer { headers: vec![], body: vec![0xff, 0], body_truncated: true, ..answer };
        assert_eq!(
            shown(&Outcome::Answered(binary)),
            r#"{"http_status":503,"headers":[],"body":"�\u0000","body_base64":"/wA=","body_truncated":true}"#
        );
        let refused = Outcome::NoAnswer { cause: Cause::ConnectRefused, detail: String::new() };
        assert_eq!(shown(&refused), r#"{"cause":"connect_refused"}"#);
    }
}
