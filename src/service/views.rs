//! What the service answers with: things of the domain joined for whoever shows them.

use std::sync::Arc;

use crate::domain::{
    Attempt, Delivery, DeliveryId, DisableWarning, Event, Health, HourStats, Probing, Status, TargetUrl, Timestamp,
    Webhook, WebhookId, WebhookState,
};

/// A webhook and how it is doing.
#[derive(Debug, Clone)]
pub struct WebhookView {
    /// The webhook.
    pub webhook: Arc<Webhook>,
    /// What is counted of it.
    pub state: WebhookState,
    /// How it is doing.
    pub health: Health,
    /// It will be switched off unless something arrives.
    pub disable_warning: Option<DisableWarning>,
    /// How it is asked whether it answers again, if it was switched off automatically.
    pub probing: Option<Probing>,
    /// Where the configuration sets it up, if it does.
    pub place: Option<String>,
}

/// What happened to a webhook lately. Hours without a delivery are left out.
#[derive(Debug, Clone)]
pub struct WebhookStats {
    /// The webhook.
    pub view: WebhookView,
    /// Hours since 1970, oldest first, with what happened in each; the last 30 days.
    pub hours: Vec<(u32, HourStats)>,
    /// All of the last 24 hours together.
    pub last_day: HourStats,
    /// When the oldest waiting delivery was due, if one waits.
    pub oldest_due: Option<Timestamp>,
}

/// One row of Webhook Logs.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// The delivery.
    pub delivery: Delivery,
    /// Its event.
    pub event: Event,
    /// Its webhook, deleted ones included; `None` if even that is no longer kept.
    pub webhook: Option<Arc<Webhook>>,
    /// The webhook's receiver asked to wait until then, and that is still ahead.
    pub throttled_until: Option<Timestamp>,
    /// All sending is paused.
    pub paused: bool,
}

impl LogEntry {
    /// Why it stands where it stands, as a stable code: of a pending entry `queued`,
    /// `retry_scheduled`, `throttled`, `behind` (an earlier event of the same key),
    /// `webhook_disabled` or `sending_paused`; of a failed one why; of a success `delivered`.
    pub fn reason(&self) -> &'static str {
        let off = self.webhook.as_ref().is_some_and(|webhook| webhook.disabled.is_some());
        match self.delivery.status {
            Status::Success => "delivered",
            Status::Failed => self.delivery.failed_reason.map_or("gave_up", |reason| reason.code()),
            Status::Pending if off => "webhook_disabled",
            Status::Pending if self.paused => "sending_paused",
            Status::Pending if self.delivery.behind => "behind",
            Status::Pending if self.throttled_until.is_some() => "throttled",
            Status::Pending if self.delivery.attempts > 0 => "retry_scheduled",
            Status::Pending => "queued",
        }
    }

    /// When the next attempt is to be; `None` if none is planned, its webhook is off or all sending
    /// is paused.
    pub fn next_attempt_at(&self) -> Option<Timestamp> {
        let on = self.webhook.as_ref().is_some_and(|webhook| webhook.is_on());
        let due = self.delivery.due.filter(|_| on && !self.paused && self.delivery.status == Status::Pending)?;
        Some(self.throttled_until.map_or(due, |until| until.max(due)))
    }
}

/// A log entry with everything that is kept of it.
#[derive(Debug, Clone)]
pub struct LogDetail {
    /// The row.
    pub entry: LogEntry,
    /// Its attempts, the first one first.
    pub attempts: Vec<AttemptView>,
    /// The bytes that were sent, the same for every attempt.
    pub body: Vec<u8>,
    /// Masked fields have stars in `body`, so it is not what was sent.
    pub masked: bool,
    /// The entry that has to end before this one is sent, if its webhook keeps order.
    pub waits_for: Option<DeliveryId>,
    /// The other entries of the same event.
    pub siblings: Vec<LogEntry>,
}

/// An attempt with the request as it was made.
#[derive(Debug, Clone)]
pub struct AttemptView {
    /// The attempt.
    pub attempt: Attempt,
    /// Where it went; `None` if the webhook of that time is no longer kept.
    pub url: Option<TargetUrl>,
    /// The headers that were sent, hidden values left out.
    pub headers: Vec<ShownHeader>,
}

/// A header of a request, for showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownHeader {
    /// Its name.
    pub name: String,
    /// Its value; `None` if it is hidden.
    pub value: Option<String>,
}

/// An event with what became of it.
#[derive(Debug, Clone)]
pub struct EventDetail {
    /// The event.
    pub event: Event,
    /// Its log entries.
    pub entries: Vec<LogEntry>,
    /// The webhooks of its account that did not get it, and why.
    pub not_sent: Vec<NotSent>,
}

/// A webhook that does not get an event, and why.
#[derive(Debug, Clone)]
pub struct NotSent {
    /// The webhook.
    pub webhook: WebhookId,
    /// Where it sends to.
    pub request_url: TargetUrl,
    /// Why not.
    pub reason: NotSentReason,
}

/// Why a webhook does not get an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSentReason {
    /// It had not selected events of that type.
    NotSelected,
    /// It was made after the event.
    CreatedLater,
    /// It was deleted before the event.
    DeletedBefore,
}

impl NotSentReason {
    /// The code in the API.
    pub fn code(self) -> &'static str {
        match self {
            NotSentReason::NotSelected => "not_selected",
            NotSentReason::CreatedLater => "created_later",
            NotSentReason::DeletedBefore => "deleted_before",
        }
    }

    /// The reason as a sentence, for a page.
    pub fn words(self) -> &'static str {
        match self {
            NotSentReason::NotSelected => "It had not selected this event.",
            NotSentReason::CreatedLater => "It was created after the event.",
            NotSentReason::DeletedBefore => "It had been deleted before the event.",
        }
    }
}
