//! Why a request got no answer, in the words of the domain.
//!
//! Our own parts of the way (resolver, dialler, TLS, watch) make a [`Failure`] where they know the
//! cause; it travels through ureq as `Error::Other`. What ureq itself reports is told apart by the
//! types of its errors. A detail names addresses, dates and limits, never anything of the request.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind},
};

use ureq::Error as UreqError;

use super::call::Call;
use crate::domain::Cause;

/// The cause and what is special to this case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The cause.
    pub cause: Cause,
    /// What is special to this case; may be empty.
    pub detail: String,
}

impl Failure {
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Failure { cause, detail: detail.into() }
    }

    /// What stop leaves of a request.
    pub fn interrupted() -> Self {
        Failure::new(Cause::Interrupted, "")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.cause.code(), self.detail)
    }
}

impl Error for Failure {}

impl From<Failure> for UreqError {
    fn from(failure: Failure) -> Self {
        UreqError::Other(Box::new(failure))
    }
}

/// What an error of ureq means, knowing how far `call` had come.
pub(super) fn of_error(error: UreqError, call: &Call) -> Failure {
    match error {
        UreqError::Other(inner) => match inner.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(_) => internal("An unexpected error of the HTTP client."),
        },
        UreqError::Io(error) => of_io(&error, call),
        UreqError::Timeout(_) => timed_out(call),
        UreqError::HostNotFound => Failure::new(Cause::DnsNotFound, ""),
        UreqError::ConnectionFailed => Failure::new(Cause::ConnectFailed, ""),
        UreqError::ConnectProxyFailed(_) => Failure::new(Cause::ConnectFailed, "The proxy refused to connect."),
        UreqError::LargeResponseHeader(_, limit) => bad_response(format!("Its head is over {limit} bytes.")),
        UreqError::Protocol(error) => of_protocol(&error),
        UreqError::Http(_) | UreqError::BadUri(_) => internal("The HTTP client refused the request."),
        _ => internal("An unexpected error of the HTTP client."),
    }
}

/// An error of a connection that was made.
fn of_io(error: &io::Error, call: &Call) -> Failure {
    match error.kind() {
        // Linux reports a peer that no longer acknowledges anything as ETIMEDOUT.
        ErrorKind::TimedOut | ErrorKind::WouldBlock => timed_out(call),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            Failure::new(Cause::ConnectFailed, error.to_string())
        }
        _ if !call.connected => Failure::new(Cause::ConnectFailed, error.to_string()),
        _ => Failure::new(Cause::ClosedEarly, ""),
    }
}

fn timed_out(call: &Call) -> Failure {
    let cause = if call.connected { Cause::ResponseTimeout } else { Cause::ConnectTimeout };
    Failure::new(cause, "")
}

/// Mistakes of the receiver's answer apart from requests that ureq would not send.
fn of_protocol(error: &ureq_proto::Error) -> Failure {
    use ureq_proto::Error as Protocol;
    match error {
        Protocol::HttpParseFail(_) => bad_response("It does not begin as an HTTP answer does."),
        Protocol::HttpParseTooManyHeaders => bad_response("It has over 128 headers."),
        Protocol::UnsupportedVersion => bad_response("Its HTTP version is not 1.0 or 1.1."),
        Protocol::HeadersWith100 => bad_response("Its 100 Continue has headers."),
        Protocol::BadContentLengthHeader | Protocol::TooManyContentLengthHeaders | Protocol::ConflictingBodyHeaders => {
            bad_response("Its content-length makes no sense.")
        }
        Protocol::ChunkLenNotAscii | Protocol::ChunkLenNotANumber | Protocol::ChunkExpectedCrLf => {
            bad_response("Its chunks make no sense.")
        }
        Protocol::BadAuthorizationHeader => internal("The authorization header is not plain ASCII."),
        Protocol::OutputOverflow => internal("A header is too long to be sent."),
        _ => internal("The HTTP client refused the request."),
    }
}

fn bad_response(detail: impl Into<String>) -> Failure {
    Failure::new(Cause::BadResponse, detail)
}

fn internal(detail: &str) -> Failure {
    Failure::new(Cause::Internal, detail)
}
