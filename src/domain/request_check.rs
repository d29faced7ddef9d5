//! Finds out why a receiver refused a request: goes through what a receiver checks, step by step, and
//! says where it ends, and why, as far as that can be known.

use super::{SigningSecret, Timestamp, VerifyFailure, verify};

/// The headers that a signature needs.
const NEEDED: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// A request as somebody pasted it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastedRequest {
    headers: Vec<(String, String)>,
    /// The body with line breaks as one character, because browsers send them as two.
    body: String,
}

/// What one step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// All three headers are there.
    HeadersThere,
    /// This header is missing.
    HeaderMissing(&'static str),
    /// The timestamp is near enough to now.
    InTime,
    /// The timestamp is no whole number of seconds since 1970.
    TimestampUnreadable,
    /// The timestamp is older than the tolerance.
    TooOld {
        /// Its age.
        seconds: u64,
    },
    /// The timestamp is further ahead than the tolerance.
    TooNew {
        /// How far ahead.
        seconds: u64,
    },
    /// No signature begins with `v1,`.
    NoV1,
    /// A signature fits the newest secret.
    SignedRight,
    /// A signature fits an older secret only, which signs until then.
    SignedByOlder {
        /// When it stops.
        until: Timestamp,
    },
    /// A signature fits a secret that signs no more.
    SignedByEnded {
        /// When it stopped.
        until: Timestamp,
    },
    /// It would fit without the line break at the end of the body.
    LineBreakAdded,
    /// It would fit with a line break at the end of the body.
    LineBreakLost,
    /// What was sent is the same JSON, written differently.
    BodyRewritten,
    /// What was sent differs from this character on, counted from 1.
    BodyDiffers {
        /// Where.
        at: usize,
    },
    /// The body is the one that was sent, so another secret signed it, or the id or the timestamp
    /// is not the one that was signed.
    OtherSecret,
    /// Nothing fits: another secret or another body was signed.
    NothingFits,
}

impl Finding {
    /// Whether a receiver would go on from there.
    pub fn is_right(self) -> bool {
        use Finding::{HeadersThere, InTime, SignedByOlder, SignedRight};
        matches!(self, HeadersThere | InTime | SignedRight | SignedByOlder { .. })
    }
}

impl PastedRequest {
    /// Reads headers, one a line, as tools show them: with or without quotes, commas and the `>` of
    /// curl. Lines that are no header are passed over.
    pub fn read(headers: &str, body: &str) -> PastedRequest {
        let unquoted = |text: &str| text.trim().trim_matches(['"', '\'', ',']).trim().to_owned();
        let lines = headers.lines().filter_map(|line| line.trim_start_matches(['>', '<', ' ', '\t']).split_once(':'));
        let headers = lines.map(|(name, value)| (unquoted(name).to_lowercase(), unquoted(value))).collect();
        PastedRequest { headers, body: body.replace("\r\n", "\n") }
    }

    /// The value of a header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// What a receiver with `secrets` (the newest first) finds at `now`. `sent` is the body that was
    /// sent under this `webhook-id`, if that is known.
    pub fn check(&self, secrets: &[SigningSecret], sent: Option<&[u8]>, now: Timestamp) -> Vec<Finding> {
        let missing: Vec<_> = NEEDED.into_iter().filter(|name| self.header(name).is_empty()).collect();
        if !missing.is_empty() {
            return missing.into_iter().map(Finding::HeaderMissing).collect();
        }
        let mut found = vec![Finding::HeadersThere];
        // An empty list of values: only what comes before them is asked.
        let key = secrets.first().map(|one| &one.secret);
        let time = key.map(|key| verify(key, "id", self.header(NEEDED[1]), "", b"", now.as_seconds()));
        found.push(match time {
            Some(Err(VerifyFailure::BadTimestamp)) => Finding::TimestampUnreadable,
            Some(Err(VerifyFailure::TooOld { seconds })) => Finding::TooOld { seconds },
            Some(Err(VerifyFailure::TooNew { seconds })) => Finding::TooNew { seconds },
            _ => Finding::InTime,
        });
        // An old request is looked at to its end: whoever pastes one wants to know more than its age.
        if found[1] != Finding::TimestampUnreadable {
            found.push(self.signature(secrets, sent, now));
        }
        found
    }

    fn signature(&self, secrets: &[SigningSecret], sent: Option<&[u8]>, now: Timestamp) -> Finding {
        if !self.header(NEEDED[2]).split_ascii_whitespace().any(|value| value.starts_with("v1,")) {
            return Finding::NoV1;
        }
        let body = self.body.as_str();
        // The form cannot tell the two line breaks apart, so either is taken.
        let as_windows = body.replace('\n', "\r\n");
        for written in [body, &as_windows] {
            if let Some(index) = self.signer(secrets, written.as_bytes()) {
                return match secrets[index].until {
                    None => Finding::SignedRight,
                    Some(until) if until > now => Finding::SignedByOlder { until },
                    Some(until) => Finding::SignedByEnded { until },
                };
            }
        }
        let fits = |body: &str| self.signer(secrets, body.as_bytes()).is_some();
        if body.ends_with('\n') && fits(body.trim_end_matches('\n')) {
            return Finding::LineBreakAdded;
        }
        if fits(&format!("{body}\n")) || fits(&format!("{as_windows}\r\n")) {
            return Finding::LineBreakLost;
        }
        match sent {
            None => Finding::NothingFits,
            Some(sent) if sent == body.as_bytes() => Finding::OtherSecret,
            Some(sent) if same_json(sent, body.as_bytes()) => Finding::BodyRewritten,
            Some(sent) => Finding::BodyDiffers { at: first_difference(&String::from_utf8_lossy(sent), body) },
        }
    }

    /// Which of the secrets signed this with that body.
    fn signer(&self, secrets: &[SigningSecret], body: &[u8]) -> Option<usize> {
        let [id, timestamp, signatures] = NEEDED.map(|name| self.header(name));
        let at = timestamp.parse().unwrap_or(0);
        secrets.iter().position(|one| verify(&one.secret, id, timestamp, signatures, body, at).is_ok())
    }
}

fn same_json(left: &[u8], right: &[u8]) -> bool {
    let read = serde_json::from_slice::<serde_json::Value>;
    matches!((read(left), read(right)), (Ok(left), Ok(right)) if left == right)
}

fn first_difference(left: &str, right: &str) -> usize {
    left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Secret, sign};

    const BODY: &str = r#"{"id":"evt_1","type":"contact.created","data":{"n":1}}"#;
    const AT: u64 = 1_767_605_400;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn secret(number: u8, until: Option<u64>) -> SigningSecret {
        SigningSecret { secret: Secret::generate([number; 32]), since: at(0), until: until.map(at) }
    }

    /// A request signed by secret `number`, pasted with `body`.
    fn pasted(number: u8, signed: &str, body: &str) -> PastedRequest {
        let signature = sign(&[&secret(number, None).secret], "evt_1", AT, signed.as_bytes());
        let headers = format!("webhook-id: evt_1\nwebhook-timestamp: {AT}\nwebhook-signature: {signature}\n");
        PastedRequest::read(&headers, body)
    }

    #[track_caller]
    fn signature_of(request: &PastedRequest, secrets: &[SigningSecret], sent: Option<&str>) -> Finding {
        let found = request.check(secrets, sent.map(str::as_bytes), at(AT));
        assert_eq!(found[..2], [Finding::HeadersThere, Finding::InTime]);
        found[2]
    }

    #[test]
    fn a_genuine_request_is_right_at_every_step() {
        let found = pasted(1, BODY, BODY).check(&[secret(1, None)], None, at(AT + 300));
        assert_eq!(found, [Finding::HeadersThere, Finding::InTime, Finding::SignedRight]);
        assert!(found.into_iter().all(Finding::is_right));
        // A browser makes two characters of each line break.
        let lines = BODY.replace(',', ",\n");
        assert_eq!(
            signature_of(&pasted(1, &lines, &lines.replace('\n', "\r\n")), &[secret(1, None)], None),
            Finding::SignedRight
        );
    }

    #[test]
    fn headers_are_read_as_tools_show_them() {
        let request = PastedRequest::read(
            "POST /in HTTP/1.1\r\n> Webhook-Id: evt_1\r\n  \"webhook-timestamp\": \"17\",\r\nHost: a:8080\r\n",
            "",
        );
        assert_eq!((request.header("webhook-id"), request.header("webhook-timestamp")), ("evt_1", "17"));
        assert_eq!(request.header("host"), "a:8080");
        let missing = request.check(&[secret(1, None)], None, at(AT));
        assert_eq!(missing, [Finding::HeaderMissing("webhook-signature")]);
        let all = PastedRequest::default().check(&[secret(1, None)], None, at(AT));
        assert_eq!(all, NEEDED.map(Finding::HeaderMissing));
    }

    #[test]
    fn an_old_request_is_said_to_be_old_and_looked_at_to_its_end() {
        let request = pasted(1, BODY, BODY);
        let found = request.check(&[secret(1, None)], None, at(AT + 420));
        assert_eq!(found[1..], [Finding::TooOld { seconds: 420 }, Finding::SignedRight]);
        let found = request.check(&[secret(1, None)], None, at(AT - 301));
        assert_eq!(found[1..], [Finding::TooNew { seconds: 301 }, Finding::SignedRight]);
        let headers = "webhook-id: evt_1\nwebhook-timestamp: today\nwebhook-signature: v1,x";
        let found = PastedRequest::read(headers, BODY).check(&[secret(1, None)], None, at(AT));
        assert_eq!(found[1..], [Finding::TimestampUnreadable]);
    }

    #[test]
    fn the_secret_that_signed_is_named() {
        let request = pasted(2, BODY, BODY);
        let until = at(AT + 3_600);
        let rotated = [secret(1, None), secret(2, Some(AT + 3_600))];
        assert_eq!(signature_of(&request, &rotated, None), Finding::SignedByOlder { until });
        let ended = [secret(1, None), secret(2, Some(AT - 60))];
        assert_eq!(signature_of(&request, &ended, None), Finding::SignedByEnded { until: at(AT - 60) });
        assert_eq!(signature_of(&request, &[secret(1, None)], None), Finding::NothingFits);
        assert_eq!(signature_of(&request, &[secret(1, None)], Some(BODY)), Finding::OtherSecret);
    }

    #[test]
    fn what_became_of_the_body_is_named() {
        let secrets = [secret(1, None)];
        let longer = format!("{BODY}\r\n");
        assert_eq!(signature_of(&pasted(1, BODY, &longer), &secrets, Some(BODY)), Finding::LineBreakAdded);
        assert_eq!(signature_of(&pasted(1, &format!("{BODY}\n"), BODY), &secrets, None), Finding::LineBreakLost);
        let pretty = BODY.replace(',', ", ");
        assert_eq!(signature_of(&pasted(1, BODY, &pretty), &secrets, Some(BODY)), Finding::BodyRewritten);
        assert_eq!(signature_of(&pasted(1, BODY, &pretty), &secrets, None), Finding::NothingFits);
        let other = BODY.replace("contact", "c0ntact");
        assert_eq!(signature_of(&pasted(1, BODY, &other), &secrets, Some(BODY)), Finding::BodyDiffers { at: 24 });
    }

    #[test]
    fn a_signature_of_another_kind_is_named() {
        let headers = format!("webhook-id: evt_1\nwebhook-timestamp: {AT}\nwebhook-signature: v2,abc sha256=def");
        let request = PastedRequest::read(&headers, BODY);
        assert_eq!(signature_of(&request, &[secret(1, None)], None), Finding::NoV1);
    }
}
