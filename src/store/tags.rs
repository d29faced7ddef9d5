//! Which properties of deliveries the log can be filtered by without looking at each row.
//!
//! A tag is a kind and a value. Deliveries that were made close together form a block, and the index
//! holds (kind, value, block) → how many deliveries of the block have that property. So a busy
//! second costs a few rows of the index instead of several for each delivery; a search visits only
//! blocks in which something has the property, and looks at each of their rows. What the index says
//! is where to look: two texts that share a number cost a needless look and nothing else.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::domain::{AccountId, Cause, Delivery, Event, EventType, Status, WebhookId};

/// Kind and value of a property.
pub type Tag = (u8, u64);

/// A stretch of the number line of deliveries.
pub type Block = u128;

/// A block is about sixteen events in a row: ids within a millisecond are some 2^31 apart, and each
/// millisecond begins blocks of its own. With more in a block the index would be smaller, and a
/// search for something rare would look at more rows for each that it finds.
const BLOCK_BITS: u32 = 35;

/// The block of a delivery.
pub fn block(delivery: u128) -> Block {
    delivery >> BLOCK_BITS
}

/// The ids of a block.
pub fn ids_of(block: Block) -> Range<u128> {
    block << BLOCK_BITS..(block + 1) << BLOCK_BITS
}

/// Of an account.
pub fn account(account: &AccountId) -> Tag {
    (1, text(account.as_str()))
}

/// For a webhook.
pub fn webhook(webhook: WebhookId) -> Tag {
    // The lower half is the random one.
    (2, webhook.0 as u64)
}

/// Of an event type.
pub fn event_type(event_type: &EventType) -> Tag {
    (3, text(event_type.as_str()))
}

/// Standing there.
pub fn status(status: Status) -> Tag {
    let value = match status {
        Status::Pending => 0,
        Status::Failed => 1,
        Status::Success => 2,
    };
    (4, value)
}

/// Last answered with a status; `None` for 200, which its class finds as well.
pub fn http_status(status: u16) -> Option<Tag> {
    (status != 200).then_some((5, u64::from(status)))
}

/// Last answered with a status that begins with a digit.
pub fn http_class(class: u16) -> Tag {
    (6, u64::from(class))
}

/// Last not answered, for a cause.
pub fn cause(cause: Cause) -> Tag {
    (7, text(cause.code()))
}

/// The properties that never change.
pub fn fixed(event: &Event, delivery: &Delivery) -> [Tag; 3] {
    let [account, event_type] = of_event(event);
    [account, event_type, webhook(delivery.webhook)]
}

/// Those of them that all deliveries of an event have.
pub fn of_event(event: &Event) -> [Tag; 2] {
    [account(&event.account), event_type(&event.event_type)]
}

/// The properties that change with each attempt.
pub fn changing(delivery: &Delivery) -> impl Iterator<Item = Tag> {
    let last = delivery.last.as_ref();
    let answered = last.and_then(|last| last.http_status);
    let tags = [
        Some(status(delivery.status)),
        answered.and_then(http_status),
        answered.map(|status| http_class(status / 100)),
        last.and_then(|last| last.cause).map(cause),
    ];
    tags.into_iter().flatten()
}

/// Texts become numbers of one size by their SHA-256, cut to 64 bits.
fn text(text: &str) -> u64 {
    let hash = Sha256::digest(text);
    u64::from_be_bytes(std::array::from_fn(|index| hash[index]))
}
