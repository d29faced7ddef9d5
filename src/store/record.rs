//! Records to bytes and back: one byte for the version of the form, then MessagePack, a struct being
//! an array of its fields. Names would be more than half of most records.
//!
//! A newer program reads what an older one wrote as long as fields are only added, at the end of
//! their struct and with `#[serde(default)]`. No stored struct may leave fields out when writing
//! (`skip_serializing_if`): that would move those behind.

use serde::{Serialize, de::DeserializeOwned};

use super::fail::Fail;

/// The form written today.
pub(super) const VERSION: u8 = 2;

/// The bytes of a record.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(VERSION);
    rmp_serde::encode::write(&mut bytes, value).expect("records hold nothing that MessagePack cannot");
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::domain::{
        AccountId, Delivery, Event, EventId, EventType, LastAttempt, NewEvent, Status, Timestamp, WebhookId,
    };

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn event() -> Event {
        let event_type = EventType::parse("contact.created").expect("a type");
        let at = Timestamp::from_millis(1_767_605_400_123);
        NewEvent::build(EventId(7 << 16), AccountId::default(), event_type, None, None, at, "{}").event
    }

    fn delivery() -> Delivery {
        let at = Timestamp::from_millis(1_767_605_400_123);
        let mut delivery = Delivery::new(EventId(7 << 16).delivery(2), WebhookId(9), at, true);
        delivery.status = Status::Failed;
        delivery.last = Some(LastAttempt { started_at: at, duration_ms: 12, http_status: Some(503), cause: None });
        delivery
    }

    /// These bytes are on people's disks. If this fails, a field was moved or removed: files would be
    /// misread. Fields are added at the end only.
    #[test]
    fn records_have_the_form_that_is_on_disk() {
        assert_eq!(
            hex(&encode(&event())),
            "029dc41000000000000000000000000000070000a764656661756c74af636f6e746163742e63726561746564c0c0cf0000019b8d7df23bcf0000019b8d7df23b926e02c41043304c829a0a4bd48eab3d1a968b18940000c2c0"
        );
        assert_eq!(
            hex(&encode(&delivery())),
            "02dc0010c41000000000000000000000000000070003c41000000000000000000000000000000009a66661696c6564c00000c0c0c2cf0000019b8d7df23ba56669727374c0c0c394cf0000019b8d7df23b0ccd01f7c0c0"
        );
        assert_eq!(decode::<Event>(&encode(&event())).expect("an event"), event());
        assert_eq!(decode::<Delivery>(&encode(&delivery())).expect("a delivery"), delivery());
    }

    #[test]
    fn a_record_from_before_a_field_was_added_is_read() {
        #[derive(serde::Serialize)]
        struct Before {
            name: &'static str,
        }
        #[derive(Deserialize, PartialEq, Debug)]
        struct Today {
            name: String,
            #[serde(default)]
            added: Option<u32>,
            #[serde(default)]
            also: bool,
        }
        let read: Today = decode(&encode(&Before { name: "a" })).expect("the older form");
        assert_eq!(read, Today { name: "a".to_owned(), added: None, also: false });
    }

    /// A field that is left out moves those behind it, and nothing would notice.
    #[test]
    fn no_stored_struct_leaves_fields_out() {
        let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut read = 0;
        for folder in ["domain", "store"] {
            for file in std::fs::read_dir(sources.join(folder)).expect("it is there") {
                let path = file.expect("a file").path();
                // Alarms are sent as JSON and never stored.
                if path.extension().is_none_or(|kind| kind != "rs")
                    || path.ends_with("alarm.rs")
                    || path.ends_with("record.rs")
                {
                    continue;
                }
                read += 1;
                let text = std::fs::read_to_string(&path).expect("text");
                assert!(!text.contains("serde(skip") && !text.contains(", skip_ser"), "{}", path.display());
            }
        }
        assert!(read > 40, "{read} files");
    }

    #[test]
    fn what_is_no_record_of_ours_is_refused() {
        let good = encode(&delivery());
        for bad in [&[][..], &[1, 0x90], &[VERSION], &good[..good.len() - 1]] {
            assert!(decode::<Delivery>(bad).is_err(), "{bad:?}");
        }
    }
}
