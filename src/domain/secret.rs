//! The signing key of a webhook, as its owner typed it or as we made it.

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Fault, with_thousands};

const PREFIX: &str = "whsec_";
const MIN_CHARS: usize = 16;
const MAX_CHARS: usize = 256;
const MIN_KEY_BYTES: usize = 16;
const MAX_KEY_BYTES: usize = 192;

/// A signing key: 16 to 256 characters of text, and the bytes that text stands for.
///
/// `whsec_` says that the rest is base64, as Standard Webhooks 1.0.0 has it; any other text is its
/// UTF-8 bytes. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    key: Vec<u8>,
}

impl Secret {
    /// Reads a Secret as a person types it. No fault repeats any of it.
    pub fn parse(text: &str) -> Result<Secret, Fault> {
        // White space at the ends first: a line break there was pasted along, and is not a choice.
        let has_spaces = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
        if has_spaces && (MIN_CHARS..=MAX_CHARS).contains(&text.chars().count()) {
            return Err(Fault::new("secret_spaces", "The Secret begins or ends with a space."));
        }
        Secret::parse_with_spaces(text)
    }

    /// The same for somebody who means the spaces at its ends.
    pub fn parse_with_spaces(text: &str) -> Result<Secret, Fault> {
        let chars = text.chars().count();
        if chars < MIN_CHARS {
            let message = "Use at least 16 characters, or leave the Secret empty to have one made.";
            return Err(Fault::new("secret_too_short", message));
        }
        if chars > MAX_CHARS {
            let chars = with_thousands(chars as u64);
            let message = format!("The Secret is {chars} characters long. The limit is {MAX_CHARS}.");
            return Err(Fault::new("secret_too_long", message));
        }
        if text.contains(char::is_control) {
            let message = "The Secret holds a control character, such as a tab or a line break. Remove it.";
            return Err(Fault::new("secret_control_character", message));
        }
        let key = match text.strip_prefix(PREFIX) {
            Some(encoded) => decode(encoded)?,
            None => text.as_bytes().to_vec(),
        };
        Ok(Secret { text: text.to_owned(), key })
    }

    /// The secret made of 32 random bytes.
    pub fn generate(random: [u8; 32]) -> Secret {
        Secret { text: format!("{PREFIX}{}", STANDARD.encode(random)), key: random.to_vec() }
    }

    /// The text, for the owner's eyes and for the store.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key of the signature.
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

fn decode(encoded: &str) -> Result<Vec<u8>, Fault> {
    let key = STANDARD_PAD_INDIFFERENT.decode(encoded).map_err(|_| {
        let message = "The text after whsec_ is not base64. Paste it again, or remove the whsec_ prefix to use it \
                       as plain text.";
        Fault::new("secret_not_base64", message)
    })?;
    if (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&key.len()) {
        return Ok(key);
    }
    let message = format!(
        "The text after whsec_ stands for {} bytes. Use {MIN_KEY_BYTES} to {MAX_KEY_BYTES}, \
         or leave the Secret empty to have one made.",
        key.len()
    );
    Err(Fault::new("secret_key_length", message))
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Secret::parse_with_spaces(&text).map_err(|fault| serde::de::Error::custom(fault.message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base64_of(bytes: usize) -> String {
        format!("whsec_{}", STANDARD.encode(vec![7; bytes]))
    }

    #[test]
    fn plain_text_is_its_utf_8_bytes_and_whsec_is_base64() {
        assert_eq!(Secret::parse("my typed secret é").expect("long enough").key(), "my typed secret é".as_bytes());
        for bytes in [16, 24, 32, 64] {
            let secret = Secret::parse(&base64_of(bytes)).expect("whole base64");
            assert_eq!(secret.key(), vec![7; bytes]);
            let unpadded = base64_of(bytes).trim_end_matches('=').to_owned();
            assert_eq!(Secret::parse(&unpadded).expect("padding may be missing").key(), secret.key());
        }
        let meant = " my typed secret ";
        assert_eq!(Secret::parse_with_spaces(meant).expect("long enough").key(), meant.as_bytes());
        let record = rmp_serde::to_vec(&Secret::parse_with_spaces(meant).expect("long enough")).expect("a string");
        assert_eq!(rmp_serde::from_slice::<Secret>(&record).expect("the same").as_str(), meant);
        assert!(Secret::parse(&"x".repeat(256)).is_ok());
        assert!(Secret::parse(&"é".repeat(256)).is_ok(), "characters, not bytes");
    }

    #[test]
    fn each_mistake_is_named_with_what_to_do() {
        let too_short = "Use at least 16 characters, or leave the Secret empty to have one made.";
        let spaces = "The Secret begins or ends with a space.";
        let not_base64 = "The text after whsec_ is not base64. Paste it again, or remove the whsec_ prefix to use it \
                          as plain text.";
        let few = "The text after whsec_ stands for 12 bytes. Use 16 to 192, or leave the Secret empty to have one \
                   made.";
        let control = "The Secret holds a control character, such as a tab or a line break. Remove it.";
        for (text, code, message) in [
            ("", "secret_too_short", too_short),
            ("x", "secret_too_short", too_short),
            ("whsec_", "secret_too_short", too_short),
            ("123456789012345", "secret_too_short", too_short),
            (&"x".repeat(1024), "secret_too_long", "The Secret is 1,024 characters long. The limit is 256."),
            (" my typed secret", "secret_spaces", spaces),
            ("my typed secret\n", "secret_spaces", spaces),
            ("my\ttyped\tsecret too", "secret_control_character", control),
            ("my typed \0 secret", "secret_control_character", control),
            ("whsec_not-base64-at-all!", "secret_not_base64", not_base64),
            ("whsec_AAAA=AAAAAAAAAAAAAAAAAAA", "secret_not_base64", not_base64),
            (&base64_of(12), "secret_key_length", few),
        ] {
            assert_eq!(Secret::parse(text), Err(Fault::new(code, message)), "{text:?}");
        }
    }

    #[test]
    fn a_secret_is_its_text_in_records_and_hidden_in_debug() {
        let secret = Secret::generate([9; 32]);
        assert!(secret.as_str().starts_with("whsec_CQkJ"));
        assert_eq!(format!("{:?}", Some(&secret)), "Some(Secret(…))");
        let record = rmp_serde::to_vec(&secret).expect("a string");
        assert_eq!(rmp_serde::from_slice::<Secret>(&record).expect("the same"), secret);
    }

    proptest! {
        #[test]
        fn what_is_generated_can_be_read(random: [u8; 32]) {
            let secret = Secret::generate(random);
            prop_assert_eq!(Secret::parse(secret.as_str()), Ok(secret));
        }

        #[test]
        fn no_fault_repeats_the_secret(text in "[!-~]{5,15}|whsec_[!-~]{10,40}") {
            if let Err(fault) = Secret::parse(&text) {
                prop_assert!(!fault.message.contains(&text));
            }
        }
    }
}
