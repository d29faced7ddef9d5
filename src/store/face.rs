//! What goes into the store and comes out of it, in the words of the domain.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{
    AccountId, Attempt, Delivery, DeliveryId, Event, EventId, EventType, ExternalId, JobId, LogFilter, Problem,
    Timestamp, Verdict, Webhook, WebhookId,
};

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
    pub event: Arc<Event>,
    /// The bytes to send.
    pub body: Arc<[u8]>,
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
    /// The delivery keeps an order, so others may be waiting for its end.
    pub ordered: bool,
    /// When the attempt ended, by the clock that everything is planned by. Whoever waited for it is
    /// due then.
    pub finished_at: Timestamp,
}

impl AttemptRecord {
    /// Whether other deliveries may be waiting for this to be recorded.
    pub fn lets_others_go(&self) -> bool {
        self.ordered && !matches!(self.verdict, Verdict::TryAgain(_))
    }
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
    /// All sending is paused, or goes on.
    Paused(bool),
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

/// A change of a webhook, applied by the writer to its present state.
pub type WebhookUpdate = Box<dyn FnOnce(&mut Webhook) + Send>;

/// Which events are asked for; every member that is set must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this type.
    pub event_type: Option<EventType>,
    /// Accepted at or after this.
    pub since: Option<Timestamp>,
    /// Accepted before this.
    pub until: Option<Timestamp>,
    /// With this id of the caller's.
    pub external_id: Option<ExternalId>,
}

/// A bulk resend and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkJob {
    /// Its id.
    pub id: JobId,
    /// What it sends again.
    pub filter: LogFilter,
    /// How fast.
    pub rate_per_second: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// Who began it.
    pub started_by: String,
    /// Entries that fitted when it began.
    pub planned: u64,
    /// The last entry it has dealt with; it goes from the oldest to the newest.
    pub position: Option<DeliveryId>,
    /// The newest entry that belongs to it.
    pub end: DeliveryId,
    /// Entries put into the queue so far.
    pub queued: u64,
    /// Entries that could not be sent again: their webhook is off or deleted, or they were tests.
    pub passed_over: u64,
    /// Of those queued, the ones that arrived.
    pub success: u64,
    /// Of those queued, the ones whose attempt failed.
    pub failed: u64,
    /// When the next entries are put into the queue.
    pub next_due: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Who cancelled it.
    pub cancelled_by: Option<String>,
}

/// What happened in one account in one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountHour {
    /// Events accepted.
    pub accepted: u64,
    /// Deliveries that ended in success.
    pub success: u64,
    /// Deliveries that ended in failure.
    pub failed: u64,
}
