//! The headers of a request, as they are sent and as the log shows them.

use super::{CustomHeaders, DeliveryId, EventId, EventType};

/// What the sender's own headers are made of.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'a> {
    /// The event, for `webhook-id`: the same on each retry and resend.
    pub event: EventId,
    /// Its kind, for `webhook-event-type`.
    pub event_type: &'a EventType,
    /// The *Log ID*, for `webhook-log-id`.
    pub delivery: DeliveryId,
    /// Number of the attempt, from 1, for `webhook-attempt`.
    pub attempt: u32,
    /// Number of the delivery among those of its webhook, for `webhook-sequence`; tests have none.
    pub sequence: Option<u64>,
    /// When the attempt began, in Unix seconds, for `webhook-timestamp`.
    pub timestamp_s: u64,
    /// The value of `webhook-signature`.
    pub signature: &'a str,
    /// Headers with signatures of other forms.
    pub other_signatures: &'a [(String, String)],
    /// The program's version, for `user-agent`.
    pub sender_version: &'a str,
}

impl RequestParts<'_> {
    /// The headers in the order they are sent: the sender's own, then the webhook's. `host` and
    /// `content-length` are added on the wire.
    pub fn headers(&self, own: &CustomHeaders) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = vec![
            ("content-type".into(), "application/json".into()),
            ("user-agent".into(), format!("Hookstead/{}", self.sender_version)),
            ("webhook-id".into(), self.event.to_string()),
            ("webhook-timestamp".into(), self.timestamp_s.to_string()),
            ("webhook-signature".into(), self.signature.into()),
            ("webhook-event-type".into(), self.event_type.to_string()),
            ("webhook-attempt".into(), self.attempt.to_string()),
            ("webhook-log-id".into(), self.delivery.to_string()),
        ];
        headers.extend(self.sequence.map(|sequence| ("webhook-sequence".into(), sequence.to_string())));
        headers.extend(self.other_signatures.iter().cloned());
        headers.extend(own.iter().map(|header| (header.name.clone(), header.value.clone())));
        headers
    }
}
