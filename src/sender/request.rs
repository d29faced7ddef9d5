//! The exact request of one attempt, built from what was read of the delivery.

use std::time::Duration;

use super::transport::{OutgoingRequest, Sent};
use crate::{
    domain::{Attempt, RequestParts, Timestamp, sign},
    store::Parcel,
};

/// The version in `user-agent` and in each attempt.
pub(super) const SENDER_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A request, and what its attempt will say whatever comes of it.
pub(super) struct Built {
    pub(super) request: OutgoingRequest,
    number: u32,
    started_at: Timestamp,
    signature: String,
    other_signatures: Vec<(String, String)>,
    parcel: Parcel,
}

/// Builds the request of the next attempt. `wall` is what receivers compare with their own clock:
/// it is signed, decides which secrets sign, and is the attempt's `started_at`, so that the log
/// shows the `webhook-timestamp` that was sent. `timeout` counts unless the webhook has its own.
pub(super) fn build(parcel: Parcel, wall: Timestamp, timeout: Duration) -> Built {
    let webhook = &parcel.webhook;
    let number = parcel.delivery.attempts + 1;
    let timestamp_s = wall.as_seconds();
    let body = parcel.body.clone();
    let secrets = webhook.secrets_at(wall);
    let signature = sign(&secrets, &parcel.event.id.to_string(), timestamp_s, &body);
    let other_signatures = webhook.other_signatures.sign(&secrets, timestamp_s, &body);
    let parts = RequestParts {
        event: parcel.event.id,
        event_type: &parcel.event.event_type,
        delivery: parcel.delivery.id,
        attempt: number,
        sequence: parcel.delivery.sequence,
        timestamp_s,
        signature: &signature,
        other_signatures: &other_signatures,
        sender_version: SENDER_VERSION,
    };
    let request = OutgoingRequest {
        webhook: webhook.id,
        url: webhook.request_url.clone(),
        headers: parts.headers(&webhook.headers),
        body,
        timeout: webhook.timeout_ms.map_or(timeout, |millis| Duration::from_millis(millis.into())),
        now: wall,
        tls: webhook.tls.clone(),
    };
    Built { request, number, started_at: wall, signature, other_signatures, parcel }
}

impl Built {
    /// The attempt's number in the present round, from 1.
    pub(super) fn round_attempt(&self) -> u32 {
        self.parcel.delivery.round_attempts + 1
    }

    /// The attempt that was made.
    pub(super) fn attempt(self, sent: Sent, duration: Duration) -> Attempt {
        let delivery = self.parcel.delivery;
        Attempt {
            number: self.number,
            started_at: self.started_at,
            duration_ms: u32::try_from(duration.as_millis()).unwrap_or(u32::MAX),
            started_by: delivery.next_start,
            started_by_name: delivery.next_start_by,
            outcome: sent.outcome,
            webhook_version: self.parcel.webhook.version,
            address: sent.address,
            signature: self.signature,
            sender_version: SENDER_VERSION.to_owned(),
            next_attempt_at: None,
            other_signatures: self.other_signatures,
        }
    }
}
