//! The `webhook-signature` header of Standard Webhooks 1.0.0: HMAC-SHA256 over the id, the time of
//! the attempt and the body, so that a receiver knows who sent it, what, and when.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::Secret;

/// How far the time of a request may be from the receiver's clock, in seconds either way.
pub const TOLERANCE_S: u64 = 5 * 60;

/// Why a request's signature is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyFailure {
    /// The `webhook-id` is missing.
    MissingId,
    /// The `webhook-timestamp` is missing or is not a whole number of seconds.
    BadTimestamp,
    /// The request was signed longer ago than the tolerance.
    TooOld {
        /// Its age.
        seconds: u64,
    },
    /// The request was signed further in the future than the tolerance.
    TooNew {
        /// How far ahead.
        seconds: u64,
    },
    /// The `webhook-signature` is missing or has no value that begins with `v1,`.
    NoV1,
    /// Another secret, id, time or body was signed.
    Mismatch,
}

impl fmt::Display for VerifyFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VerifyFailure::MissingId => formatter.write_str("The webhook-id is missing."),
            VerifyFailure::BadTimestamp => {
                formatter.write_str("The webhook-timestamp is not a whole number of seconds since 1970.")
            }
            VerifyFailure::TooOld { seconds } => write!(formatter, "The timestamp is {seconds} s old."),
            VerifyFailure::TooNew { seconds } => write!(formatter, "The timestamp is {seconds} s in the future."),
            VerifyFailure::NoV1 => formatter.write_str("The webhook-signature has no value that begins with v1,."),
            VerifyFailure::Mismatch => formatter
                .write_str("The signature does not fit. The Secret or the body is not the one that was signed."),
        }
    }
}

impl std::error::Error for VerifyFailure {}

/// The value of `webhook-signature`: one `v1,…` per secret, separated by a space.
///
/// There is more than one secret while a webhook's secret is being rotated.
pub fn sign(secrets: &[&Secret], id: &str, timestamp_s: u64, body: &[u8]) -> String {
    let timestamp = timestamp_s.to_string();
    let values: Vec<String> = secrets.iter().map(|secret| value(secret, id, &timestamp, body)).collect();
    values.join(" ")
}

/// Whether a receiver with this secret would accept the request, and if not, why.
///
/// Takes the headers as text, as a receiver gets them; a missing header is an empty text.
pub fn verify(
    secret: &Secret,
    id: &str,
    timestamp_text: &str,
    header: &str,
    body: &[u8],
    now_s: u64,
) -> Result<(), VerifyFailure> {
    if id.is_empty() {
        return Err(VerifyFailure::MissingId);
    }
    let is_number = timestamp_text.bytes().all(|byte| byte.is_ascii_digit());
    let signed_at: u64 = timestamp_text.parse().ok().filter(|_| is_number).ok_or(VerifyFailure::BadTimestamp)?;
    if now_s.saturating_sub(signed_at) > TOLERANCE_S {
        return Err(VerifyFailure::TooOld { seconds: now_s - signed_at });
    }
    if signed_at.saturating_sub(now_s) > TOLERANCE_S {
        return Err(VerifyFailure::TooNew { seconds: signed_at - now_s });
    }
    let expected = value(secret, id, timestamp_text, body);
    let mut given = header.split_ascii_whitespace().filter(|value| value.starts_with("v1,")).peekable();
    given.peek().ok_or(VerifyFailure::NoV1)?;
    // Every value is compared in full, so that the time taken does not tell how much of it fits.
    let fits = given.fold(Choice::from(0), |fits, value| fits | value.as_bytes().ct_eq(expected.as_bytes()));
    if bool::from(fits) { Ok(()) } else { Err(VerifyFailure::Mismatch) }
}

fn value(secret: &Secret, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.key()).expect("HMAC takes a key of any length");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/vectors/vectors.json"));
    const CONTACT_CREATED: &[u8] =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/payloads/product/contact.created.json"));

    fn vectors() -> Value {
        serde_json::from_str(VECTORS).expect("the fixture is JSON")
    }

    fn secret(text: &str) -> Secret {
        Secret::parse(text).expect("a secret")
    }

    fn text<'a>(value: &'a Value, member: &str) -> &'a str {
        value[member].as_str().unwrap_or_else(|| panic!("{member} is text in {value}"))
    }

    #[test]
    fn the_published_vectors_are_signed_as_published() {
        for vector in vectors()["sign"].as_array().expect("a list") {
            let at = vector["timestamp"].as_u64().expect("seconds");
            let signed =
                sign(&[&secret(text(vector, "secret"))], text(vector, "id"), at, text(vector, "body").as_bytes());
            assert_eq!(signed, text(vector, "signature"));
        }
    }

    #[test]
    fn the_known_answers_of_the_sample_payloads() {
        for (typed, expected) in [
            ("whsec_ZXhhbXBsZS1zZWNyZXQtZm9yLXRlc3Rz", "v1,/dP+lICiOzAH3Rho8kyTb+LOb4CElZUNVavlRoPlwoA="),
            ("my typed secret é", "v1,f58lffVJGwZM4fGwDi9O1K9r/CSSbligghenEVEd/WQ="),
        ] {
            let signed = sign(&[&secret(typed)], "evt_01KE6Q00000000000000000001", 1_767_605_400, CONTACT_CREATED);
            assert_eq!(signed, expected);
        }
    }

    /// The vectors of `verify` name a case each; those without a header say in words what is wrong.
    #[test]
    fn a_verifier_takes_and_refuses_what_the_vectors_say() {
        let vectors = vectors();
        let signed = &vectors["sign"][0];
        let (key, id, body) = (secret(text(signed, "secret")), text(signed, "id"), text(signed, "body"));
        let (valid, at) = (text(signed, "signature"), signed["timestamp"].as_u64().expect("seconds"));
        for case in vectors["verify"].as_array().expect("a list") {
            let header = match (case["header"].as_str(), case["header_template"].as_str()) {
                (Some(header), _) => header.to_owned(),
                (_, Some(template)) => template.replace("<valid>", valid),
                _ => valid.to_owned(),
            };
            let check = |id: &str, at_text: &str, header: &str, now_s: u64| {
                verify(&key, id, at_text, header, body.as_bytes(), now_s)
            };
            let at_text = at.to_string();
            let (result, expected) = match text(case, "case") {
                "multi signature list, 3rd of 4 valid, one unknown version v2" => {
                    (check(id, &at_text, &header, at), Ok(()))
                }
                "multi signature list, none valid" | "one byte changed" | "only 'v1,'" => {
                    (check(id, &at_text, &header, at), Err(VerifyFailure::Mismatch))
                }
                "first 8 characters of the valid header" => {
                    (check(id, &at_text, &header[..8], at), Err(VerifyFailure::Mismatch))
                }
                "timestamp 'hello'" => (check(id, "hello", &header, at), Err(VerifyFailure::BadTimestamp)),
                "timestamp now-301 s" => {
                    (check(id, &at_text, &header, at + 301), Err(VerifyFailure::TooOld { seconds: 301 }))
                }
                "timestamp now+301 s" => {
                    (check(id, &at_text, &header, at - 301), Err(VerifyFailure::TooNew { seconds: 301 }))
                }
                "webhook-id missing" => (check("", &at_text, &header, at), Err(VerifyFailure::MissingId)),
                "webhook-timestamp missing" => (check(id, "", &header, at), Err(VerifyFailure::BadTimestamp)),
                "webhook-signature missing" => (check(id, &at_text, "", at), Err(VerifyFailure::NoV1)),
                "secret '' or 'whsec_'" => {
                    assert!(Secret::parse("").is_err() && Secret::parse("whsec_").is_err());
                    continue;
                }
                // Without the prefix a Secret is plain text here, by the form's own promise.
                "secret with and without whsec_ prefix" => (check(id, &at_text, &header, at), Ok(())),
                "timestamp '161426533.0', 'invalid timestamp', '-161426533' (sign side)" => {
                    for bad in ["161426533.0", "invalid timestamp", "-161426533", "+161426533"] {
                        assert_eq!(check(id, bad, &header, at), Err(VerifyFailure::BadTimestamp), "{bad}");
                    }
                    continue;
                }
                other => panic!("a case this test does not know: {other}"),
            };
            assert_eq!(result, expected, "{case}");
        }
    }

    #[test]
    fn the_tolerance_is_five_minutes_either_way() {
        let key = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let header = sign(&[&key], "evt_1", 1_000, b"{}");
        for now_s in [700, 1_000, 1_300] {
            assert_eq!(verify(&key, "evt_1", "1000", &header, b"{}", now_s), Ok(()), "{now_s}");
        }
        assert_eq!(verify(&key, "evt_1", "1000", &header, b"{} ", 1_000), Err(VerifyFailure::Mismatch));
        assert_eq!(verify(&key, "evt_2", "1000", &header, b"{}", 1_000), Err(VerifyFailure::Mismatch));
    }

    #[test]
    fn while_a_secret_is_rotated_both_secrets_verify() {
        let (old, new) = (Secret::generate([1; 32]), Secret::generate([2; 32]));
        let header = sign(&[&new, &old], "evt_1", 1_000, b"{}");
        assert_eq!(header.split(' ').count(), 2);
        for known in [&old, &new] {
            assert_eq!(verify(known, "evt_1", "1000", &header, b"{}", 1_000), Ok(()));
        }
        let stranger = Secret::generate([3; 32]);
        assert_eq!(verify(&stranger, "evt_1", "1000", &header, b"{}", 1_000), Err(VerifyFailure::Mismatch));
    }

    proptest! {
        #[test]
        fn an_independent_implementation_signs_the_same(
            random: [u8; 32],
            id in "evt_[0-9A-Z]{26}",
            at in 0..10_000_000_000_u64,
            body: String,
        ) {
            let ours = Secret::generate(random);
            let theirs = standardwebhooks::Webhook::new(ours.as_str()).expect("a secret");
            let signed = theirs.sign(&id, at as i64, body.as_bytes()).expect("signed");
            prop_assert_eq!(sign(&[&ours], &id, at, body.as_bytes()), signed.clone());
            prop_assert_eq!(verify(&ours, &id, &at.to_string(), &signed, body.as_bytes(), at), Ok(()));
        }

        #[test]
        fn any_header_is_judged_without_a_panic(at: String, header: String, now_s: u64) {
            let key = Secret::generate([1; 32]);
            let verified = verify(&key, "evt_1", &at, &header, b"{}", now_s);
            prop_assert!(verified.is_err());
        }
    }
}
