//! What goes into the store and comes out of it, in the words of the domain.

use std::sync::Arc;

use crate::domain::{Attempt, Delivery, DeliveryId, Event, EventId, Problem, Timestamp, Verdict, Webhook, WebhookId};

/// What came of publishing one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The event, or the first one that was accepted under the caller's id.
    pub id: EventId,
    /// Its time.
    pub timestamp: Timestamp,
    /// It had been accepted before; nothing is sent again.
    pub duplicate: bool,
    /// Number of webhooks it is for.
    pub webhooks_matched: u16,
}

/// One row of the queue: a delivery and when its next attempt is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Due {
    /// When the attempt is due.
    pub at: Timestamp,
    /// Of which delivery.
    pub delivery: DeliveryId,
}

/// A part of one webhook's queue, oldest due first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueuePage {
    /// The rows.
    pub rows: Vec<Due>,
    /// Whether the queue goes on after them.
    pub more: bool,
}

/// All that a request is made of, read at one moment.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The delivery, pending.
    pub delivery: Delivery,
    /// Its event.
    pub event: Event,
    /// The bytes to send.
    pub body: Vec<u8>,
    /// Where to.
    pub webhook: Arc<Webhook>,
}

/// An attempt that was made, and what was decided after it.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// For which webhook.
    pub webhook: WebhookId,
    /// The attempt; its number tells whether it is recorded already.
    pub attempt: Attempt,
    /// What follows.
    pub verdict: Verdict,
    /// The receiver asked that the whole webhook wait until then.
    pub throttled_until: Option<Timestamp>,
    /// The receiver answered 410 Gone, so the webhook is switched off in the same transaction.
    pub gone: bool,
}

/// What has just become true on disk. The sender keeps its lanes by these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A delivery is due at a time: new, sent again by request, or moved.
    Queued {
        /// For which webhook.
        webhook: WebhookId,
        /// Which delivery and when.
        due: Due,
    },
    /// An attempt is recorded.
    Recorded {
        /// For which webhook.
        webhook: WebhookId,
        /// Of which delivery.
        delivery: DeliveryId,
        /// When the next one is due, if there is one.
        next: Option<Timestamp>,
    },
    /// A webhook was made, changed, switched on or off, or deleted.
    WebhookChanged(WebhookId),
    /// Nothing can be written; nothing should be started until [`Notice::Reopened`].
    CannotWrite,
    /// Writing works again. Attempts that were not recorded must be recorded again, and what is
    /// known of the queue read anew.
    Reopened,
}

/// Receives notices after each commit, on the writer's thread; must not block.
pub type Observer = Box<dyn Fn(Vec<Notice>) + Send + Sync>;

/// What a write answers: a value, or why it was refused. `cannot_write` if it could not be kept.
pub type Answer<T> = Result<T, Problem>;
