//! Signatures of other forms beside that of Standard Webhooks, for receivers that were written for
//! another sender and go on as they are.
//!
//! Both are HMAC-SHA256 as hex. Their key is the Secret exactly as it is shown, `whsec_` included,
//! because that is what such receivers were given.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{CustomHeaders, Fault, Secret, headers::check_name};

/// Longest name of a header, in characters: the head of a request has a bound at every receiver.
const MOST_NAME_CHARS: usize = 256;

/// Which other signatures a webhook sends, each under a header of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherSignatures {
    /// The header of `sha256=<hex>` over the body, often `X-Hub-Signature-256`. There is one value,
    /// so it is made with the newest Secret also while that is being rotated.
    #[serde(default)]
    pub hub: Option<String>,
    /// The header of `t=<seconds>,v1=<hex>` over the seconds, a full stop and the body. While a
    /// Secret is being rotated there is a `v1` for each.
    #[serde(default)]
    pub timestamped: Option<String>,
}

impl OtherSignatures {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.hub.is_none() && self.timestamped.is_none()
    }

    /// What is wrong with a header's name by itself: it is none, too long, or one of the sender's.
    ///
    /// # Errors
    /// `header_name_too_long`, and those of the headers that a webhook adds.
    pub fn check_name(name: &str) -> Result<(), Fault> {
        let chars = name.chars().count();
        if chars > MOST_NAME_CHARS {
            let message = format!("The name of the header has {chars} characters. The limit is {MOST_NAME_CHARS}.");
            return Err(Fault::new("header_name_too_long", message));
        }
        check_name(name)
    }

    /// Each header that would be sent twice: with `own`, or by both signatures. Points to its member.
    pub fn clashes(&self, own: &CustomHeaders) -> Vec<Fault> {
        let members = [("/hub_signature_header", &self.hub), ("/timestamped_signature_header", &self.timestamped)];
        let mut taken: Vec<String> = own.iter().map(|header| header.name.to_lowercase()).collect();
        let mut faults = Vec::new();
        for (pointer, name) in members {
            let Some(name) = name else { continue };
            if taken.contains(&name.to_lowercase()) {
                let message = format!("“{name}” is there twice. Keep one.");
                faults.push(Fault::new("header_twice", message).at(pointer));
            }
            taken.push(name.to_lowercase());
        }
        faults
    }

    /// Names and values to send, for the secrets that sign at that time, the newest first.
    pub fn sign(&self, secrets: &[&Secret], timestamp_s: u64, body: &[u8]) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        if let (Some(name), Some(newest)) = (&self.hub, secrets.first()) {
            headers.push((name.clone(), format!("sha256={}", hex(newest, &[body]))));
        }
        if let Some(name) = &self.timestamped {
            let timestamp = timestamp_s.to_string();
            let values = secrets.iter().map(|secret| hex(secret, &[timestamp.as_bytes(), b".", body]));
            let values: String = values.map(|value| format!(",v1={value}")).collect();
            headers.push((name.clone(), format!("t={timestamp}{values}")));
        }
        headers
    }
}

fn hex(secret: &Secret, parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_str().as_bytes()).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CustomHeader;

    const BODY: &[u8] = br#"{"id":"evt_1","data":{"name":"Ann"}}"#;

    fn both() -> OtherSignatures {
        OtherSignatures { hub: Some("X-Hub-Signature-256".into()), timestamped: Some("X-Acme-Signature".into()) }
    }

    /// Computed with OpenSSL, the body being that of `BODY`:
    ///
    /// ```sh
    /// printf '%s' "$BODY" | openssl dgst -sha256 -hmac 'my typed secret 1'
    /// printf '%s' "1767605400.$BODY" | openssl dgst -sha256 -hmac 'my typed secret 1'
    /// printf '%s' "1767605400.$BODY" | openssl dgst -sha256 -hmac 'whsec_AAECAwQFBgcICQoLDA0ODw=='
    /// ```
    #[test]
    fn known_answers_of_another_implementation() {
        let (typed, generated) = ("my typed secret 1", "whsec_AAECAwQFBgcICQoLDA0ODw==");
        let (typed, generated) = (Secret::parse(typed).unwrap(), Secret::parse(generated).unwrap());
        let hub = "sha256=6a1879f8a517f2bf9d324ca628f240634b169ab46a512b516236d3c71d71376d";
        let (first, second) = (
            "648efe0600b7567d069aba4b70d49323702875747be606a365b45d5494f5bac1",
            "b6581d1e80ac248bd9fdadf1f688be487fa1200c18967b056fe59f85c0e7863a",
        );
        assert_eq!(
            both().sign(&[&typed], 1_767_605_400, BODY),
            [
                ("X-Hub-Signature-256".to_owned(), hub.to_owned()),
                ("X-Acme-Signature".to_owned(), format!("t=1767605400,v1={first}")),
            ]
        );
        let rotating = both().sign(&[&typed, &generated], 1_767_605_400, BODY);
        assert_eq!(rotating[0].1, hub, "one value only, of the newest");
        assert_eq!(rotating[1].1, format!("t=1767605400,v1={first},v1={second}"));
        assert!(OtherSignatures::default().sign(&[&typed], 1, BODY).is_empty());
    }

    #[test]
    fn a_header_is_sent_once() {
        let own = |name: &str| {
            CustomHeaders::parse(vec![CustomHeader { name: name.into(), value: "1".into(), hidden: false }]).unwrap()
        };
        assert_eq!(both().clashes(&own("x-env")), []);
        let clash = both().clashes(&own("x-acme-signature"));
        assert_eq!((clash.len(), &*clash[0].pointer), (1, "/timestamped_signature_header"));
        let same = OtherSignatures { hub: Some("x-acme-signature".into()), ..both() };
        assert_eq!(same.clashes(&own("x-env")).len(), 1);
        for name in ["webhook-signature", "Content-Type", "X Y", ""] {
            assert!(OtherSignatures::check_name(name).is_err(), "{name}");
        }
        assert_eq!(OtherSignatures::check_name(&"x".repeat(256)), Ok(()));
        let too_long = OtherSignatures::check_name(&"x".repeat(257)).unwrap_err();
        assert_eq!(too_long.message, "The name of the header has 257 characters. The limit is 256.");
    }
}
