//! The key that puts events in order: those of one key go one after another.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Fault, account::is_invisible};

/// What an event is about, in the caller's words, such as `contact:42`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderingKey(String);

impl OrderingKey {
    /// Most characters of a key.
    pub const MAX_CHARS: usize = 255;

    /// 1 to 255 printable characters.
    ///
    /// # Errors
    /// Empty or longer text, control characters, or characters that hide or reorder text.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let count = text.chars().count();
        if (1..=Self::MAX_CHARS).contains(&count) && !text.chars().any(|c| c.is_control() || is_invisible(c)) {
            return Ok(OrderingKey(text.to_owned()));
        }
        Err(Fault::new("invalid_ordering_key", "An ordering key is 1 to 255 printable characters."))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands for it where keys must be of one size.
    pub fn tag(&self) -> OrderTag {
        let hash = Sha256::digest(&self.0);
        OrderTag(u128::from_be_bytes(std::array::from_fn(|index| hash[index])))
    }
}

impl fmt::Display for OrderingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The first 128 bits of an ordering key's SHA-256. Should two keys ever share them, their events
/// wait for each other, and nothing else happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderTag(pub u128);

impl fmt::Debug for OrderTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

// As bytes, for a record cannot hold a number of this size otherwise.
impl Serialize for OrderTag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.to_be_bytes())
    }
}

impl<'de> Deserialize<'de> for OrderTag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteArray::<16>::deserialize(deserializer)?;
        Ok(OrderTag(u128::from_be_bytes(bytes.into_array())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_printable_and_of_bounded_length() {
        for good in ["contact:42", "ä", &"x".repeat(255), " with spaces "] {
            assert_eq!(OrderingKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "\u{202E}x", &"x".repeat(256)] {
            assert_eq!(OrderingKey::parse(bad).unwrap_err().code, "invalid_ordering_key", "{bad:?}");
        }
    }

    #[test]
    fn a_tag_is_the_beginning_of_the_hash_and_survives_a_record() {
        let tag = OrderingKey::parse("contact:42").unwrap().tag();
        assert_ne!(tag, OrderingKey::parse("contact:43").unwrap().tag());
        let record = rmp_serde::to_vec(&tag).expect("a record");
        assert_eq!((rmp_serde::from_slice::<OrderTag>(&record).expect("the same"), record.len()), (tag, 18));
    }
}
