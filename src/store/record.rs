//! Records to bytes and back: one byte for the version of the form, then MessagePack with named
//! fields, so that a newer program reads what an older one wrote.

use serde::{Serialize, de::DeserializeOwned};

use super::fail::Fail;

/// The form written today.
const VERSION: u8 = 1;

/// The bytes of a record.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(VERSION);
    rmp_serde::encode::write_named(&mut bytes, value).expect("records hold nothing that MessagePack cannot");
    bytes
}

/// The record of some bytes.
///
/// # Errors
/// Bytes of a newer form, or damaged ones: the file is not what this program wrote.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fail> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => rmp_serde::from_slice(rest).map_err(|error| Fail::damaged(error.to_string())),
        Some((version, _)) => Err(Fail::damaged(format!("record of unknown form {version}"))),
        None => Err(Fail::damaged("empty record")),
    }
}
