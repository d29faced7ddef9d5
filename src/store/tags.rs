//! Which properties of a delivery the log can be filtered by without looking at each row.
//!
//! A tag is a kind and a value; the index holds (kind, value, log id). Most deliveries succeed with
//! 200 at once, so that has no tag: such rows are found by scanning, and are everywhere.

use sha2::{Digest, Sha256};

use crate::domain::{AccountId, Cause, Delivery, Event, EventType, Status, WebhookId};

/// Kind and value of a property.
pub type Tag = (u8, u128);

/// Of an account.
pub fn account(account: &AccountId) -> Tag {
    (1, text(account.as_str()))
}

/// For a webhook.
pub fn webhook(webhook: WebhookId) -> Tag {
    (2, webhook.0)
}

/// Of an event type.
pub fn event_type(event_type: &EventType) -> Tag {
    (3, text(event_type.as_str()))
}

/// Standing there; `None` for success.
pub fn status(status: Status) -> Option<Tag> {
    match status {
        Status::Pending => Some((4, 0)),
        Status::Failed => Some((4, 1)),
        Status::Success => None,
    }
}

/// Last answered with a status; `None` for 200.
pub fn http_status(status: u16) -> Option<Tag> {
    (status != 200).then_some((5, u128::from(status)))
}

/// Last answered with a status that begins with a digit; `None` for 2.
pub fn http_class(class: u16) -> Option<Tag> {
    (class != 2).then_some((6, u128::from(class)))
}

/// Last not answered, for a cause.
pub fn cause(cause: Cause) -> Tag {
    (7, text(cause.code()))
}

/// The properties that never change.
pub fn fixed(event: &Event, delivery: &Delivery) -> [Tag; 3] {
    [account(&event.account), webhook(delivery.webhook), event_type(&event.event_type)]
}

/// The properties that change with each attempt.
pub fn changing(delivery: &Delivery) -> Vec<Tag> {
    let last = delivery.last.as_ref();
    let answered = last.and_then(|last| last.http_status);
    let tags = [
        status(delivery.status),
        answered.and_then(http_status),
        answered.and_then(|status| http_class(status / 100)),
        last.and_then(|last| last.cause).map(cause),
    ];
    tags.into_iter().flatten().collect()
}

/// Texts become numbers of one size by their SHA-256, cut to 128 bits.
fn text(text: &str) -> u128 {
    let hash = Sha256::digest(text);
    u128::from_be_bytes(std::array::from_fn(|index| hash[index]))
}
