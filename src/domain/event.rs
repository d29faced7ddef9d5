//! Something that happened in the CRM, and the exact bytes that are sent about it.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{AccountId, EventId, EventType, ExternalId, OrderingKey, Timestamp};

/// Something that happened, as it is remembered; its body is kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its id, also the `webhook-id` of every request about it.
    pub id: EventId,
    /// Whose event it is.
    pub account: AccountId,
    /// Its kind.
    pub event_type: EventType,
    /// The caller's own id for it.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// What it is about: webhooks that keep order get events of one key one after another.
    #[serde(default)]
    pub ordering_key: Option<OrderingKey>,
    /// When it happened, as the caller says; the time of acceptance otherwise.
    pub timestamp: Timestamp,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// Where the caller's payload stands in the body: first byte and number of bytes.
    pub payload_at: (u32, u32),
    /// Proof of what was accepted under the caller's id, to tell a repeat from a clash.
    #[serde(with = "serde_bytes")]
    pub digest: [u8; 16],
    /// Number of webhooks it was for, which is its number of deliveries.
    pub webhooks_matched: u16,
    /// Which state of the webhooks it met (see [`super::Webhook::version`]); says afterwards why a
    /// webhook did not get it.
    pub met_version: u64,
    /// A test event, sent on request to one webhook.
    #[serde(default)]
    pub test: bool,
    /// Its body was deleted on request.
    #[serde(default)]
    pub payload_deleted: Option<PayloadDeleted>,
}

/// When the body of an event was deleted, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadDeleted {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

impl Event {
    /// Where the caller's payload stands in the body.
    pub fn payload_range(&self) -> Range<usize> {
        let (start, length) = self.payload_at;
        start as usize..start as usize + length as usize
    }
}

/// An event that is about to be accepted, with the body that will be sent.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What will be remembered. `webhooks_matched` and `met_version` are filled in on acceptance.
    pub event: Event,
    /// The body of every request about it.
    pub body: Vec<u8>,
}

impl NewEvent {
    /// Builds the body once: the same bytes go to every webhook on every attempt. `payload` is the
    /// caller's JSON value, byte for byte.
    ///
    /// `timestamp` is the caller's, or `None` if the caller gave none.
    pub fn build(
        id: EventId,
        account: AccountId,
        event_type: EventType,
        external_id: Option<ExternalId>,
        timestamp: Option<Timestamp>,
        received_at: Timestamp,
        payload: &str,
    ) -> Self {
        let digest = digest(&event_type, timestamp, payload);
        let timestamp = timestamp.unwrap_or(received_at);
        // Nothing in front of the payload needs escaping: ids, names and times are plain text.
        let front = format!(r#"{{"id":"{id}","type":"{event_type}","timestamp":"{timestamp}","data":"#);
        let mut body = Vec::with_capacity(front.len() + payload.len() + 1);
        body.extend_from_slice(front.as_bytes());
        body.extend_from_slice(payload.as_bytes());
        body.push(b'}');
        let event = Event {
            id,
            account,
            event_type,
            external_id,
            ordering_key: None,
            timestamp,
            received_at,
            payload_at: (front.len() as u32, payload.len() as u32),
            digest,
            webhooks_matched: 0,
            met_version: 0,
            test: false,
            payload_deleted: None,
        };
        NewEvent { event, body }
    }

    /// The same event with an ordering key, which tells it from one without.
    pub fn with_ordering_key(mut self, key: OrderingKey) -> Self {
        let hash = Sha256::new().chain_update(self.event.digest).chain_update(key.as_str()).finalize();
        self.event.digest = std::array::from_fn(|index| hash[index]);
        self.event.ordering_key = Some(key);
        self
    }
}

/// Two requests under one id of the caller's are the same if their type, time and payload bytes
/// are, and their ordering key; see [`NewEvent::with_ordering_key`].
fn digest(event_type: &EventType, timestamp: Option<Timestamp>, payload: &str) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(event_type.as_str());
    hash.update([0]);
    if let Some(timestamp) = timestamp {
        hash.update(timestamp.as_millis().to_be_bytes());
    }
    hash.update([0]);
    hash.update(payload);
    let hash = hash.finalize();
    std::array::from_fn(|index| hash[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(payload: &str, timestamp: Option<Timestamp>) -> NewEvent {
        let event_type = EventType::parse("contact.created").unwrap();
        let received_at = Timestamp::from_millis(1_767_605_400_123);
        NewEvent::build(EventId(1 << 80), AccountId::default(), event_type, None, timestamp, received_at, payload)
    }

    #[test]
    fn the_body_holds_the_payload_byte_for_byte() {
        let payload = "{ \"n\": 12345678901234567890123, \"n\":1.10 }";
        let new = build(payload, None);
        assert_eq!(
            String::from_utf8(new.body.clone()).unwrap(),
            format!(
                r#"{{"id":"{}","type":"contact.created","timestamp":"2026-01-05T09:30:00.123Z","data":{payload}}}"#,
                new.event.id
            )
        );
        assert_eq!(&new.body[new.event.payload_range()], payload.as_bytes());
    }

    #[test]
    fn a_repeat_has_the_same_digest_and_any_other_request_has_not() {
        let digest = build("{}", None).event.digest;
        assert_eq!(digest, build("{}", None).event.digest);
        assert_ne!(digest, build("{ }", None).event.digest);
        assert_ne!(digest, build("{}", Some(Timestamp::from_millis(0))).event.digest);
        let keyed = |key| build("{}", None).with_ordering_key(OrderingKey::parse(key).unwrap()).event.digest;
        assert_eq!(keyed("contact:42"), keyed("contact:42"));
        assert_ne!(keyed("contact:42"), keyed("contact:43"));
        assert_ne!(keyed("contact:42"), digest);
        // What was accepted before there were keys stays what it was.
        let old = Sha256::digest(b"contact.created\0\0{}");
        assert_eq!(digest, old[..16]);
    }
}
