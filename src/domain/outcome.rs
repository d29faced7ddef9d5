//! What came of an attempt: an answer, or no answer and the cause.
//!
//! A failed attempt is not an error of ours but a result to keep and to show. The words for each
//! answer stand here once, for the list and the page; those for each [`Cause`] stand with it.

use std::{fmt, net::SocketAddr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Cause, DeliveryId, TargetUrl, status_words, with_thousands};

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

/// What is known of the attempt that an outcome is of, for the words about it.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Where it went.
    pub url: &'a TargetUrl,
    /// The address that was dialled.
    pub address: Option<SocketAddr>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// Bytes of the body.
    pub body_bytes: usize,
    /// The *Log ID*.
    pub log: DeliveryId,
    /// Whether 410 disables the webhook: not if it answers a test, or comes from an earlier URL.
    pub disables: bool,
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
    pub fn remedy(&self, at: &Circumstances) -> String {
        match self {
            Outcome::NoAnswer { cause, detail } => cause.remedy(at, detail),
            Outcome::Answered(answer) => answer.remedy(at),
        }
    }

    /// Where a redirect points to, as an absolute URL that could be a Request URL.
    pub fn points_to(&self, from: &TargetUrl) -> Option<TargetUrl> {
        let Outcome::Answered(answer) = self else { return None };
        let location = answer.header("location").filter(|_| answer.redirects())?;
        let to = url::Url::parse(from.as_str()).ok()?.join(std::str::from_utf8(location).ok()?).ok()?;
        TargetUrl::parse(to.as_str()).ok()
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

    fn remedy(&self, at: &Circumstances) -> String {
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
            410 if at.disables => "The receiver says this address is gone for good, so the webhook was disabled.",
            410 => "The receiver says this address is gone for good. Check the Request URL.",
            413 => {
                let bytes = with_thousands(at.body_bytes as u64);
                return format!("The receiver takes smaller bodies only. This one has {bytes} bytes.");
            }
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

    fn at(url: &TargetUrl) -> Circumstances<'_> {
        Circumstances { url, address: None, duration_ms: 1, body_bytes: 204_800, log: DeliveryId(1), disables: true }
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
            assert_eq!((&*outcome.words(), &*outcome.remedy(&at(&url()))), (words, remedy));
        }
    }

    #[test]
    fn a_redirect_points_to_another_request_url() {
        let moved = |to: &str| {
            let headers = vec![("location".to_owned(), to.as_bytes().to_vec())];
            let outcome = Outcome::Answered(Answer { headers, ..answered(301) });
            outcome.points_to(&url()).map(|url| url.as_str().to_owned())
        };
        assert_eq!(moved("https://www.example.com/in").as_deref(), Some("https://www.example.com/in"));
        assert_eq!(moved("/other").as_deref(), Some("https://hooks.example.com/other"));
        for bad in ["javascript:alert(1)", "ftp://x/", "https://user:password@x/"] {
            assert_eq!(moved(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_known_of_the_request_is_said() {
        let url = url();
        let told = |status: u16, disables: bool| {
            Outcome::Answered(answered(status)).remedy(&Circumstances { disables, ..at(&url) })
        };
        assert_eq!(told(413, true), "The receiver takes smaller bodies only. This one has 204,800 bytes.");
        assert!(told(410, true).ends_with("gone for good, so the webhook was disabled."));
        assert!(told(410, false).ends_with("gone for good. Check the Request URL."));
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
            let record = rmp_serde::to_vec(&outcome).expect("a record");
            assert_eq!(rmp_serde::from_slice::<Outcome>(&record).expect("the same"), outcome);
        }
        let echoing = Outcome::Answered(Answer { body: b"token=123".to_vec(), ..answered(200) });
        assert!(!format!("{echoing:?}").contains("token"));
    }
}
