//! What the engine is told and what it asks for.

use crate::{
    domain::{Attempt, RetrySchedule, Timestamp, Webhook, WebhookId},
    store::{AttemptRecord, Due, Notice, QueuePage},
};

/// Something the engine is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// Something became true on disk.
    Notice(Notice),
    /// How a webhook is to be served, as it is now; `None` once it is deleted. Every webhook that
    /// is on is told at the start, each other one after its [`Notice::WebhookChanged`].
    Webhook(WebhookId, Option<LaneSettings>),
    /// A page that was asked for.
    PageRead {
        /// What was asked.
        asked: ReadPage,
        /// What the disk holds.
        page: QueuePage,
    },
    /// A page that was asked for cannot be read.
    PageFailed(ReadPage),
    /// An attempt was made.
    Finished(Box<Finished>),
    /// The row was no longer in the queue when its delivery was read; nothing was sent.
    Stale(Job),
    /// The delivery cannot be read; nothing was sent.
    Unreadable(Job),
    /// Our own stop came first, or cut the attempt short: it does not count, and its row stays.
    Interrupted(Job),
    /// Notices about new rows were left out, because there were too many: read the queue anew.
    NoticesLeftOut,
}

/// How a webhook is to be served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneSettings {
    /// Whether anything is sent to it.
    pub on: bool,
    /// Most requests at once; the engine's default if `None`.
    pub max_in_flight: Option<u16>,
    /// Most requests started in a second; no limit if `None`.
    pub rate_per_second: Option<u32>,
    /// Its retry schedule; the engine's default if `None`.
    pub schedule: Option<RetrySchedule>,
    /// Until when its receiver asked us to wait, as remembered on disk. Used when the lane begins.
    pub throttled_until: Option<Timestamp>,
}

impl LaneSettings {
    /// The settings of `webhook`, whose receiver asked us to wait until `throttled_until`.
    pub fn of(webhook: &Webhook, throttled_until: Option<Timestamp>) -> Self {
        LaneSettings {
            on: webhook.is_on(),
            max_in_flight: webhook.max_in_flight,
            rate_per_second: webhook.rate_per_second,
            schedule: webhook.retry_schedule.clone(),
            throttled_until,
        }
    }
}

/// One row of the queue, to be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Job {
    /// To which webhook.
    pub webhook: WebhookId,
    /// Which delivery; its `at` proves that the row still stands when the delivery is read.
    pub due: Due,
    /// Whether its receiver is not known to answer quickly.
    pub takes_time: bool,
}

/// An attempt that was made.
#[derive(Debug, Clone)]
pub struct Finished {
    /// For which row.
    pub job: Job,
    /// The attempt; the engine fills in `next_attempt_at`.
    pub attempt: Attempt,
    /// Which attempt of the present round it was, from 1.
    pub round_attempt: u32,
    /// Whether the delivery keeps an order, see [`AttemptRecord::ordered`].
    pub ordered: bool,
    /// When it ended, by the clock that everything is planned by.
    pub finished_at: Timestamp,
    /// A random number from 0 to 1 for the retry schedule.
    pub jitter: f64,
}

/// A part of a webhook's queue that the engine wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadPage {
    /// Whose queue.
    pub webhook: WebhookId,
    /// The rows after this one; from the beginning if `None`.
    pub after: Option<Due>,
    /// At most this many.
    pub limit: usize,
    /// Tells an answer from one to an earlier question.
    pub ticket: u64,
}

/// What is to be done after one turn.
#[derive(Debug, Default)]
pub struct Turn {
    /// Rows to send now, each answered by `Finished`, `Stale`, `Unreadable` or `Interrupted`.
    pub send: Vec<Job>,
    /// Attempts to record, each answered by [`Notice::Recorded`] in the end.
    pub record: Vec<AttemptRecord>,
    /// Pages to read, each answered by `PageRead` or `PageFailed`.
    pub read: Vec<ReadPage>,
    /// Webhooks whose settings are wanted, each answered by [`Input::Webhook`].
    pub settings: Vec<WebhookId>,
    /// When the next turn is due if nothing comes before.
    pub wake_at: Option<Timestamp>,
}
