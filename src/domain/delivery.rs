//! One event for one webhook: where it stands, and each request that was made for it.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Cause, DeliveryId, EventId, JobId, OrderTag, Outcome, Timestamp, WebhookId, id::DELIVERIES_PER_EVENT};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It has not arrived yet and will be tried.
    Pending,
    /// A receiver answered 200–299.
    Success,
    /// It will not be tried again by itself.
    Failed,
}

impl Status {
    /// The word in the API.
    pub fn code(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Success => "success",
            Status::Failed => "failed",
        }
    }

    /// The word on a page.
    pub fn word(self) -> &'static str {
        match self {
            Status::Pending => "Pending",
            Status::Success => "Success",
            Status::Failed => "Failed",
        }
    }
}

/// Why a delivery failed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedReason {
    /// Every attempt of the schedule failed.
    GaveUp,
    /// The receiver answered 410 Gone.
    Gone,
    /// The webhook was deleted before it was sent.
    WebhookDeleted,
    /// It came while the webhook was off, and was skipped when the webhook was switched on.
    Skipped,
}

impl FailedReason {
    /// The code in the API.
    pub fn code(self) -> &'static str {
        match self {
            FailedReason::GaveUp => "gave_up",
            FailedReason::Gone => "gone",
            FailedReason::WebhookDeleted => "webhook_deleted",
            FailedReason::Skipped => "skipped",
        }
    }
}

/// One event for one webhook, the row behind a *Log ID*.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The *Log ID*.
    pub id: DeliveryId,
    /// For whom.
    pub webhook: WebhookId,
    /// Where it stands.
    pub status: Status,
    /// Why it failed for good.
    #[serde(default)]
    pub failed_reason: Option<FailedReason>,
    /// Attempts made so far; the next one has this number plus one.
    pub attempts: u32,
    /// Attempts made in the present round of the schedule. Sending again a delivery that had
    /// ended begins a new round.
    pub round_attempts: u32,
    /// Its number among the deliveries of its webhook, from 1 and without gaps. Tests have none.
    #[serde(default)]
    pub sequence: Option<u64>,
    /// The key whose order it keeps, from the moment it was made until it ends. Sent again after
    /// that, it belongs to no order any more.
    #[serde(default)]
    pub order: Option<OrderTag>,
    /// An earlier delivery of the same key has not ended; it has no row in the queue until then.
    #[serde(default)]
    pub behind: bool,
    /// When the next attempt is due; the key of its row in the queue.
    #[serde(default)]
    pub due: Option<Timestamp>,
    /// What the next attempt is started by.
    pub next_start: StartedBy,
    /// Who asked for the next attempt, if a person or program did.
    #[serde(default)]
    pub next_start_by: Option<String>,
    /// The bulk resend it is part of, until that attempt is recorded.
    #[serde(default)]
    pub job: Option<JobId>,
    /// It came while its webhook was off.
    #[serde(default)]
    pub missed: bool,
    /// What came of the last attempt.
    #[serde(default)]
    pub last: Option<LastAttempt>,
    /// The only attempt, where it was a success at once; other attempts have rows of their own.
    #[serde(default)]
    pub only_attempt: Option<Box<Attempt>>,
}

impl Delivery {
    /// A delivery that waits for its first attempt.
    pub fn new(id: DeliveryId, webhook: WebhookId, due: Timestamp, missed: bool) -> Self {
        Delivery {
            id,
            webhook,
            status: Status::Pending,
            failed_reason: None,
            attempts: 0,
            round_attempts: 0,
            sequence: None,
            order: None,
            behind: false,
            due: Some(due),
            next_start: StartedBy::First,
            next_start_by: None,
            job: None,
            missed,
            last: None,
            only_attempt: None,
        }
    }

    /// The event it is about.
    pub fn event(&self) -> EventId {
        self.id.event()
    }
}

impl DeliveryId {
    /// The event it is about: an event's number ends in sixteen zero bits, its deliveries count on
    /// from there.
    pub fn event(self) -> EventId {
        EventId(self.0 & !(DELIVERIES_PER_EVENT - 1))
    }
}

/// The last attempt in short, for lists and filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAttempt {
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// The status the receiver answered.
    #[serde(default)]
    pub http_status: Option<u16>,
    /// Why there was no answer.
    #[serde(default)]
    pub cause: Option<Cause>,
}

/// What an attempt was started by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartedBy {
    /// The event was accepted.
    First,
    /// The retry schedule.
    Automatic,
    /// Somebody asked for it to be sent again.
    Resend,
    /// A bulk resend.
    Bulk,
    /// Somebody asked for a test.
    Test,
    /// The webhook was switched on again.
    CatchUp,
}

impl StartedBy {
    /// The code in the API.
    pub fn code(self) -> &'static str {
        match self {
            StartedBy::First => "first",
            StartedBy::Automatic => "automatic",
            StartedBy::Resend => "resend",
            StartedBy::Bulk => "bulk",
            StartedBy::Test => "test",
            StartedBy::CatchUp => "catch_up",
        }
    }
}

/// One HTTP request of a delivery and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// What it was started by.
    pub started_by: StartedBy,
    /// Who asked for it.
    #[serde(default)]
    pub started_by_name: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Which version of the webhook was used: its URL and headers.
    pub webhook_version: u64,
    /// The address that was dialled.
    #[serde(default)]
    pub address: Option<SocketAddr>,
    /// The `webhook-signature` that was sent.
    pub signature: String,
    /// Version of the program that sent it.
    pub sender_version: String,
    /// When the next attempt was to be, as decided after this one.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    /// Headers with signatures of other forms that were sent besides.
    #[serde(default)]
    pub other_signatures: Vec<(String, String)>,
}

impl Attempt {
    /// The attempt in short.
    pub fn summary(&self) -> LastAttempt {
        LastAttempt {
            started_at: self.started_at,
            duration_ms: self.duration_ms,
            http_status: self.outcome.http_status(),
            cause: self.outcome.cause(),
        }
    }
}
