//! Why an attempt got no answer: the code, the words of a list, and the sentence that says what to do.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Circumstances;

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

    /// The same after an attempt that took so long: it names the seconds where they are the point.
    pub fn words_after(&self, duration_ms: u32) -> String {
        let seconds = duration_ms.saturating_add(500).max(1_000) / 1_000;
        match self {
            Cause::ConnectTimeout => format!("No connection in {seconds} s"),
            Cause::ResponseTimeout => format!("No response in {seconds} s"),
            other => other.words().to_owned(),
        }
    }

    /// One or two sentences: what happened and what to do about it. `detail` is what the record of
    /// the attempt says.
    pub fn remedy(&self, at: &Circumstances, detail: &str) -> String {
        let (host, port) = (at.url.host(), at.url.port());
        // A cause of the dialler has the address it dialled as its detail.
        let dialled = detail.parse().ok().or(at.address);
        let place = dialled.map_or_else(|| host.to_owned(), |address: SocketAddr| address.ip().to_string());
        let seconds = at.duration_ms.saturating_add(500).max(1_000) / 1_000;
        let ended = detail.strip_prefix("It ended on ").and_then(|rest| rest.strip_suffix('.'));
        let named = detail.strip_prefix("It is for ").and_then(|rest| rest.strip_suffix('.'));
        let more = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
        match (self, ended, named) {
            (Cause::DnsNotFound, ..) => {
                format!("{host} has no address. Check the spelling of the Request URL.{more}")
            }
            (Cause::DnsFailed, ..) => {
                format!("The address of {host} could not be looked up. Your operator can check the name server.{more}")
            }
            (Cause::ConnectRefused, ..) => format!("{place} refused port {port}. Is the receiver running?"),
            (Cause::ConnectTimeout, ..) => {
                format!("{place} did not answer on port {port}. A firewall may be dropping the packets.")
            }
            (Cause::ConnectFailed, ..) => {
                format!("No connection to {host} on port {port} was possible. Is it reachable from here?{more}")
            }
            (Cause::ResponseTimeout, ..) => format!(
                "The receiver took the request but did not answer in {seconds} s. Answer first, then do the work."
            ),
            (Cause::TlsExpired, Some(day), _) => format!("The receiver's certificate ended on {day}. Renew it there."),
            (Cause::TlsExpired, ..) => {
                format!("The receiver's certificate is not valid at this date. Renew it there.{more}")
            }
            (Cause::TlsName, _, Some(names)) => format!("The certificate is for {names}, not {host}."),
            (Cause::TlsName, ..) => format!("The certificate is for another name, not {host}.{more}"),
            (Cause::TlsUntrusted, ..) => format!(
                "Self-signed, or an intermediate certificate is missing. \
                 Check: openssl s_client -connect {host}:{port}{more}"
            ),
            (Cause::TlsFailed, ..) => {
                format!("No encrypted connection came about. Does port {port} of {host} speak TLS 1.2 or 1.3?{more}")
            }
            (Cause::ClosedEarly, ..) => {
                format!("The receiver closed the connection before the answer was complete.{more}")
            }
            (Cause::BadResponse, ..) => {
                format!("What came back is not an HTTP answer. Check the port of the Request URL.{more}")
            }
            (Cause::BlockedAddress, ..) => {
                format!("The Request URL does not lead to a public address. Setting: allowed_private_targets.{more}")
            }
            (Cause::Interrupted, ..) => {
                "This server stopped while sending. It will be sent again and does not count as a failure.".to_owned()
            }
            (Cause::Internal, ..) => format!("The sender failed ({}). Tell your operator.{more}", at.log),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeliveryId, TargetUrl};

    fn at(url: &TargetUrl) -> Circumstances<'_> {
        Circumstances {
            url,
            address: Some("203.0.113.7:443".parse().expect("an address")),
            duration_ms: 15_003,
            body_bytes: 204_800,
            log: DeliveryId(0),
            disables: true,
        }
    }

    #[test]
    fn every_cause_has_its_own_code_and_words() {
        let url = TargetUrl::parse("https://hooks.example.com/x").expect("a URL");
        for (position, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(Cause::from_code(cause.code()), Some(cause));
            let json = serde_json::to_string(&cause).expect("a code");
            assert_eq!(json, format!("\"{cause}\""));
            assert_eq!(serde_json::from_str::<Cause>(&json).expect("the same"), cause);
            assert!(Cause::ALL[..position].iter().all(|other| other.words() != cause.words()), "{cause}");
            assert!(cause.remedy(&at(&url), "").ends_with(['.', '?', '3']), "{cause}");
        }
        assert_eq!(Cause::from_code("moon_phase"), None);
    }

    #[test]
    fn what_is_known_of_an_attempt_is_said() {
        let url = TargetUrl::parse("https://hooks.example.com/in").expect("a URL");
        let at = at(&url);
        for (cause, detail, words) in [
            (Cause::DnsNotFound, "", "hooks.example.com has no address. Check the spelling of the Request URL."),
            (Cause::ConnectRefused, "198.51.100.1:443", "198.51.100.1 refused port 443. Is the receiver running?"),
            (
                Cause::ConnectTimeout,
                "",
                "203.0.113.7 did not answer on port 443. A firewall may be dropping the packets.",
            ),
            (
                Cause::ResponseTimeout,
                "",
                "The receiver took the request but did not answer in 15 s. Answer first, then do the work.",
            ),
            (
                Cause::TlsExpired,
                "It ended on 2026-01-01.",
                "The receiver's certificate ended on 2026-01-01. Renew it there.",
            ),
            (
                Cause::TlsExpired,
                "It begins on 2027-01-01.",
                "The receiver's certificate is not valid at this date. Renew it there. (It begins on 2027-01-01.)",
            ),
            (
                Cause::TlsName,
                "It is for other.example.com.",
                "The certificate is for other.example.com, not hooks.example.com.",
            ),
            (
                Cause::TlsUntrusted,
                "",
                "Self-signed, or an intermediate certificate is missing. \
                 Check: openssl s_client -connect hooks.example.com:443",
            ),
            (Cause::Internal, "", "The sender failed (log_00000000000000000000000000). Tell your operator."),
        ] {
            assert_eq!(cause.remedy(&at, detail), words);
        }
        assert_eq!(Cause::ConnectTimeout.words_after(5_001), "No connection in 5 s");
        assert_eq!(Cause::ResponseTimeout.words_after(200), "No response in 1 s");
        assert_eq!(Cause::TlsName.words_after(5_001), "Certificate for another name");
    }
}
