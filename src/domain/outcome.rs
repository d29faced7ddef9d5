//! What came of an attempt: an answer, or no answer and the cause.
//!
//! A failed attempt is not an error of ours but a result to keep and to show. The words for each
//! cause stand here once, for the list, the page and the API.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TargetUrl;

/// What came of one HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The receiver answered with a status, whichever it was.
    Answered(Answer),
    /// There was no complete answer.
    NoAnswer {
        /// Why not.
        cause: Cause,
        /// What is special to this case, such as the address dialled or the certificate's names.
        /// Shown beside [`Cause::remedy`]; may be empty.
        detail: String,
    },
}

/// A receiver's answer, as much of it as is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The status, 100 to 999.
    pub http_status: u16,
    /// Header names in lower case with their values as received, in the order received.
    #[serde(with = "header_bytes")]
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, or its beginning.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// Whether the body was longer than what is kept.
    pub body_truncated: bool,
    /// How long the receiver asks us to wait, from the end of the answer.
    #[serde(rename = "retry_after_ms", with = "optional_millis")]
    pub retry_after: Option<Duration>,
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The host name has no address.
    DnsNotFound,
    /// The look-up itself failed: our resolver did not answer, or gave an error.
    DnsFailed,
    /// The receiver's machine refused the connection.
    ConnectRefused,
    /// No connection came about in time.
    ConnectTimeout,
    /// The connection failed in another way, such as an unreachable network.
    ConnectFailed,
    /// The request was sent and the answer was not complete in time.
    ResponseTimeout,
    /// The receiver's certificate has expired, or is not valid yet.
    TlsExpired,
    /// The receiver's certificate is for another name.
    TlsName,
    /// The receiver's certificate comes from an issuer we do not know.
    TlsUntrusted,
    /// The TLS handshake failed in another way.
    TlsFailed,
    /// The receiver closed the connection before its answer was complete.
    ClosedEarly,
    /// What came back is not an HTTP answer, or is over a limit of its head.
    BadResponse,
    /// The address rule refuses where the Request URL leads.
    BlockedAddress,
    /// This server stopped while sending.
    Interrupted,
    /// The sender itself failed.
    Internal,
}

impl Outcome {
    /// Whether the delivery has arrived: 200 to 299, nothing else.
    pub fn is_success(&self) -> bool {
        self.http_status().is_some_and(|status| (200..=299).contains(&status))
    }

    /// The status of the answer, if there was one.
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Outcome::Answered(answer) => Some(answer.http_status),
            Outcome::NoAnswer { .. } => None,
        }
    }

    /// Why there was no answer, if there was none.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Outcome::Answered(_) => None,
            Outcome::NoAnswer { cause, .. } => Some(*cause),
        }
    }

    /// Whether the receiver, or what stands before it, has too much to do; the whole webhook then
    /// waits, not only this delivery.
    pub fn throttles(&self) -> bool {
        matches!(self.http_status(), Some(429 | 502 | 503 | 504))
    }

    /// Whether the receiver says that its address is gone for good (410).
    pub fn gone(&self) -> bool {
        self.http_status() == Some(410)
    }

    /// Whether this counts as an attempt of the schedule and of the webhook's health. One that our
    /// own stop cut short does not.
    pub fn counts(&self) -> bool {
        self.cause() != Some(Cause::Interrupted)
    }

    /// A few words for a list, such as `503` or `Connection refused`.
    pub fn words(&self) -> String {
        match self {
            Outcome::NoAnswer { cause, .. } => cause.words().to_owned(),
            Outcome::Answered(Answer { http_status: 429, retry_after: Some(wait), .. }) => {
                format!("429 · asked to wait {} s", wait.as_millis().div_ceil(1000))
            }
            Outcome::Answered(Answer { http_status: 410, .. }) => "410 · webhook disabled".to_owned(),
            Outcome::Answered(answer) if answer.redirects() => {
                format!("{} · redirect not followed", answer.http_status)
            }
            Outcome::Answered(answer) => answer.http_status.to_string(),
        }
    }

    /// One or two sentences: what happened and what to do about it. Empty after success.
    pub fn remedy(&self, url: &TargetUrl) -> String {
        match self {
            Outcome::NoAnswer { cause, .. } => cause.remedy(url),
            Outcome::Answered(answer) => answer.remedy(),
        }
    }
}

impl Answer {
    /// The first value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_slice())
    }

    fn redirects(&self) -> bool {
        matches!(self.http_status, 301 | 302 | 303 | 307 | 308)
    }

    fn remedy(&self) -> String {
        let text = match self.http_status {
            200..=299 => "",
            301 | 302 | 303 | 307 | 308 => {
                return match self.header("location") {
                    Some(to) => format!("The receiver points to {}", String::from_utf8_lossy(to)),
                    None => "The receiver points elsewhere without saying where.".to_owned(),
                };
            }
            401 | 403 => "The receiver refused the request. Check the Secret and the Headers.",
            404 => "Nothing is at this path on the receiver. Check the Request URL.",
            410 => "The receiver says this address is gone for good, so the webhook was disabled.",
            413 => "The receiver takes smaller bodies only.",
            429 => "The receiver asked for a slower pace. Waiting as asked.",
            status => return format!("The receiver answered {}.", status_words(status)),
        };
        text.to_owned()
    }
}

/// Says how much there is and not what: an answer may repeat the payload or a secret.
impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Answer")
            .field("http_status", &self.http_status)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .field("body_truncated", &self.body_truncated)
            .field("retry_after", &self.retry_after)
            .finish()
    }
}

impl Cause {
    /// Every cause, in the order of an attempt.
    pub const ALL: [Cause; 15] = [
        Cause::DnsNotFound,
        Cause::DnsFailed,
        Cause::ConnectRefused,
        Cause::ConnectTimeout,
        Cause::ConnectFailed,
        Cause::ResponseTimeout,
        Cause::TlsExpired,
        Cause::TlsName,
        Cause::TlsUntrusted,
        Cause::TlsFailed,
        Cause::ClosedEarly,
        Cause::BadResponse,
        Cause::BlockedAddress,
        Cause::Interrupted,
        Cause::Internal,
    ];

    /// The name in records, in the API and in filters. Never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Cause::DnsNotFound => "dns_not_found",
            Cause::DnsFailed => "dns_failed",
            Cause::ConnectRefused => "connect_refused",
            Cause::ConnectTimeout => "connect_timeout",
            Cause::ConnectFailed => "connect_failed",
            Cause::ResponseTimeout => "response_timeout",
            Cause::TlsExpired => "tls_expired",
            Cause::TlsName => "tls_name",
            Cause::TlsUntrusted => "tls_untrusted",
            Cause::TlsFailed => "tls_failed",
            Cause::ClosedEarly => "closed_early",
            Cause::BadResponse => "bad_response",
            Cause::BlockedAddress => "blocked_address",
            Cause::Interrupted => "interrupted",
            Cause::Internal => "internal",
        }
    }

    /// The cause with this code.
    pub fn from_code(code: &str) -> Option<Cause> {
        Cause::ALL.into_iter().find(|cause| cause.code() == code)
    }

    /// A few words for a list. They name no seconds, because each webhook has its own time limit.
    pub fn words(&self) -> &'static str {
        match self {
            Cause::DnsNotFound => "Host not found",
            Cause::DnsFailed => "Name look-up failed",
            Cause::ConnectRefused => "Connection refused",
            Cause::ConnectTimeout => "No connection in time",
            Cause::ConnectFailed => "Connection failed",
            Cause::ResponseTimeout => "No response in time",
            Cause::TlsExpired => "Certificate expired",
            Cause::TlsName => "Certificate for another name",
            Cause::TlsUntrusted => "Certificate not trusted",
            Cause::TlsFailed => "TLS failed",
            Cause::ClosedEarly => "Closed without a full answer",
            Cause::BadResponse => "Not an HTTP answer",
            Cause::BlockedAddress => "Private address refused",
            Cause::Interrupted => "Interrupted",
            Cause::Internal => "Our fault",
        }
    }

    /// One or two sentences: what happened at `url` and what to do about it.
    pub fn remedy(&self, url: &TargetUrl) -> String {
        let (host, port) = (url.host(), url.port());
        let text = match self {
            Cause::DnsNotFound => {
                return format!("{host} has no address. Check the spelling of the Request URL.");
            }
            Cause::DnsFailed => {
                return format!(
                    "The address of {host} could not be looked up. Your operator can check the name server."
                );
            }
            Cause::ConnectRefused => return format!("{host} refused port {port}. Is the receiver running?"),
            Cause::ConnectTimeout => {
                return format!("{host} did not answer on port {port}. A firewall may be dropping the packets.");
            }
            Cause::ConnectFailed => {
                return format!("No connection to {host} on port {port} was possible. Is it reachable from here?");
            }
            Cause::TlsName => return format!("The certificate is for another name, not {host}."),
            Cause::TlsUntrusted => {
                return format!(
                    "Self-signed, or an intermediate certificate is missing. \
                     Check: openssl s_client -connect {host}:{port}"
                );
            }
            Cause::TlsFailed => {
                return format!("No encrypted connection came about. Does port {port} of {host} speak TLS 1.2 or 1.3?");
            }
            Cause::ResponseTimeout => {
                "The receiver took the request but did not answer in time. Answer first, then do the work."
            }
            Cause::TlsExpired => "The receiver's certificate is not valid at this date. Renew it there.",
            Cause::ClosedEarly => "The receiver closed the connection before the answer was complete.",
            Cause::BadResponse => "What came back is not an HTTP answer. Check the port of the Request URL.",
            Cause::BlockedAddress => {
                "The Request URL does not lead to a public address. Setting: allowed_private_targets."
            }
            Cause::Interrupted => {
                "This server stopped while sending. It will be sent again and does not count as a failure."
            }
            Cause::Internal => "The sender failed. Tell your operator.",
        };
        text.to_owned()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Cause::from_code(&code).ok_or_else(|| serde::de::Error::custom("not the code of a cause"))
    }
}

/// The status and its name in the IANA registry, such as `503 Service Unavailable`; the number
/// alone where the registry has none.
pub fn status_words(status: u16) -> String {
    let name = match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => return status.to_string(),
    };
    format!("{status} {name}")
}

/// Header values are bytes, not text: a receiver may send anything.
mod header_bytes {
    use super::*;
    use serde_bytes::{ByteBuf, Bytes};

    pub fn serialize<S: Serializer>(headers: &[(String, Vec<u8>)], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(headers.iter().map(|(name, value)| (name, Bytes::new(value))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Vec<u8>)>, D::Error> {
        let headers = Vec::<(String, ByteBuf)>::deserialize(deserializer)?;
        Ok(headers.into_iter().map(|(name, value)| (name, value.into_vec())).collect())
    }
}

mod optional_millis {
    use super::*;

    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        millis.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(http_status: u16) -> Answer {
        Answer { http_status, headers: Vec::new(), body: Vec::new(), body_truncated: false, retry_after: None }
    }

    fn no_answer(cause: Cause) -> Outcome {
        Outcome::NoAnswer { cause, detail: String::new() }
    }

    fn url() -> TargetUrl {
        TargetUrl::parse("https://hooks.example.com/x").expect("a URL")
    }

    #[test]
    fn success_is_200_to_299_and_nothing_else() {
        for status in [199, 300, 304, 404, 500, 999] {
            assert!(!Outcome::Answered(answered(status)).is_success(), "{status}");
        }
        for status in [200, 202, 204, 299] {
            assert!(Outcome::Answered(answered(status)).is_success(), "{status}");
        }
        assert!(!no_answer(Cause::ClosedEarly).is_success());
    }

    #[test]
    fn some_answers_say_more_than_that_it_failed() {
        for (status, throttles, gone) in
            [(410, false, true), (429, true, false), (500, false, false), (502, true, false), (504, true, false)]
        {
            let outcome = Outcome::Answered(answered(status));
            assert_eq!((outcome.throttles(), outcome.gone()), (throttles, gone), "{status}");
        }
        assert!(!no_answer(Cause::Interrupted).counts());
        assert!(no_answer(Cause::Internal).counts());
    }

    #[test]
    fn every_cause_has_its_own_code_and_words() {
        for (position, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(Cause::from_code(cause.code()), Some(cause));
            let json = serde_json::to_string(&cause).expect("a code");
            assert_eq!(json, format!("\"{cause}\""));
            assert_eq!(serde_json::from_str::<Cause>(&json).expect("the same"), cause);
            assert!(Cause::ALL[..position].iter().all(|other| other.words() != cause.words()), "{cause}");
            assert!(cause.remedy(&url()).ends_with(['.', '?', '3']), "{cause}");
        }
        assert_eq!(Cause::from_code("moon_phase"), None);
    }

    #[test]
    fn the_words_of_a_list_and_the_sentence_of_the_page() {
        let slow_down = Answer { retry_after: Some(Duration::from_millis(59_500)), ..answered(429) };
        let moved =
            Answer { headers: vec![("location".to_owned(), b"https://www.example.com/in".to_vec())], ..answered(301) };
        for (outcome, words, remedy) in [
            (Outcome::Answered(answered(200)), "200", ""),
            (Outcome::Answered(answered(503)), "503", "The receiver answered 503 Service Unavailable."),
            (Outcome::Answered(answered(599)), "599", "The receiver answered 599."),
            (
                Outcome::Answered(moved),
                "301 · redirect not followed",
                "The receiver points to https://www.example.com/in",
            ),
            (
                Outcome::Answered(slow_down),
                "429 · asked to wait 60 s",
                "The receiver asked for a slower pace. Waiting as asked.",
            ),
            (
                no_answer(Cause::ConnectRefused),
                "Connection refused",
                "hooks.example.com refused port 443. Is the receiver running?",
            ),
            (
                no_answer(Cause::TlsUntrusted),
                "Certificate not trusted",
                "Self-signed, or an intermediate certificate is missing. \
                 Check: openssl s_client -connect hooks.example.com:443",
            ),
        ] {
            assert_eq!((&*outcome.words(), &*outcome.remedy(&url())), (words, remedy));
        }
    }

    #[test]
    fn an_answer_keeps_its_bytes_in_records_and_out_of_debug() {
        let answer = Answer {
            headers: vec![("x-note".to_owned(), vec![0xff, b'a'])],
            body: vec![0, 159, 146, 150],
            retry_after: Some(Duration::from_millis(1500)),
            ..answered(503)
        };
        for outcome in [
            Outcome::Answered(answer),
            Outcome::NoAnswer { cause: Cause::ConnectRefused, detail: "203.0.113.7:443".to_owned() },
        ] {
            let record = rmp_serde::to_vec_named(&outcome).expect("a record");
            assert_eq!(rmp_serde::from_slice::<Outcome>(&record).expect("the same"), outcome);
        }
        let echoing = Outcome::Answered(Answer { body: b"token=123".to_vec(), ..answered(200) });
        assert!(!format!("{echoing:?}").contains("token"));
    }
}
