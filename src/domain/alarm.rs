//! Which alarms are raised: changes of state, each said once, with a reminder a day at the most.
//!
//! Inputs are what is seen of each webhook, of the queue and of the disk; what was said before is
//! given back, so that whoever remembers it does not say it again. Leaves out where alarms go.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DisableWarning, Disabled, DisabledReason, Health, Timestamp, Webhook, WebhookId, WebhookState};

/// A state that lasts is said again this often.
const REMIND_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// What was said about a webhook last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Nothing, or that all is well.
    #[default]
    Fine,
    /// That it is failing.
    Failing {
        /// When.
        at: Timestamp,
    },
    /// That it was switched off.
    Disabled {
        /// Since when it is off.
        since: Timestamp,
    },
    /// That it answers again after it was switched off automatically.
    Answers,
}

/// What is seen of a webhook that is not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSeen {
    /// How it is doing.
    pub health: Health,
    /// See [`WebhookState::failing_since`].
    pub failing_since: Option<Timestamp>,
    /// See [`WebhookState::last_success_at`].
    pub last_success_at: Option<Timestamp>,
    /// `None` while it is on.
    pub off: Option<Disabled>,
    /// It was switched off automatically and has answered a ping since.
    pub answers: bool,
}

/// What is said about a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookAlarm {
    /// It is failing; said again after a day if that lasts.
    Failing {
        /// It was said before.
        reminder: bool,
    },
    /// It will be switched off unless something arrives.
    DisableWarning(DisableWarning),
    /// It was switched off.
    Disabled,
    /// It arrives again, or answers again.
    Recovered,
}

impl Told {
    /// What is to be said now, and what was said last from then on.
    #[must_use]
    pub fn after(self, seen: &WebhookSeen, now: Timestamp) -> (Told, Option<WebhookAlarm>) {
        let next = self.next(seen, now);
        let alarm = match (self, next) {
            (Told::Failing { at }, Told::Failing { .. }) => {
                let due = now - at >= REMIND_AFTER;
                let told = Told::Failing { at: if due { now } else { at } };
                return (told, due.then_some(WebhookAlarm::Failing { reminder: true }));
            }
            (before, after) if before == after => None,
            (_, Told::Failing { .. }) => Some(WebhookAlarm::Failing { reminder: false }),
            (_, Told::Disabled { .. }) => Some(WebhookAlarm::Disabled),
            (_, Told::Answers) => Some(WebhookAlarm::Recovered),
            // That it answers was the same good news.
            (Told::Answers, Told::Fine) => None,
            (_, Told::Fine) => Some(WebhookAlarm::Recovered),
        };
        (next, alarm)
    }

    /// What is true now, as far as it is to be told.
    fn next(self, seen: &WebhookSeen, now: Timestamp) -> Told {
        if let Some(off) = &seen.off {
            return match (off.is_automatic(), self) {
                // Whoever switches off one that is well need not be told.
                (false, Told::Fine | Told::Answers) => Told::Fine,
                (true, _) if seen.answers => Told::Answers,
                _ => Told::Disabled { since: off.at },
            };
        }
        match self {
            Told::Disabled { .. } if seen.answers => Told::Answers,
            // Switched on again, and nothing has failed or arrived since: there is no news yet.
            Told::Disabled { since } if seen.failing_since.is_none() => {
                let arrived = seen.last_success_at.is_some_and(|at| at > since);
                if arrived && seen.health != Health::Failing { Told::Fine } else { self }
            }
            Told::Answers if seen.failing_since.is_none() && seen.health == Health::Failing => self,
            _ if seen.health == Health::Failing => Told::Failing { at: now },
            // One whose failures have not counted up to failing again.
            Told::Disabled { .. } => self,
            _ => Told::Fine,
        }
    }
}

/// Something to be said, in full.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarm {
    /// Its event type.
    #[serde(skip)]
    pub name: &'static str,
    /// One or two sentences for a person.
    pub message: String,
    /// It was said before and still holds.
    pub reminder: bool,
    /// The webhook it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<AlarmWebhook>,
    /// When the webhook will be switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_warning: Option<DisableWarning>,
    /// The oldest delivery that is due and not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<Lag>,
    /// The space on the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Disk>,
}

/// The webhook an alarm is about, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the members of a webhook in the API, under the same names")]
pub struct AlarmWebhook {
    pub id: String,
    pub account: String,
    pub request_url: String,
    pub description: String,
    pub enabled: bool,
    pub health: &'static str,
    pub failing_since: Option<Timestamp>,
    pub last_success_at: Option<Timestamp>,
    pub disabled_reason: Option<&'static str>,
    pub disabled_at: Option<Timestamp>,
    pub waiting: u64,
    pub missed: u64,
}

impl AlarmWebhook {
    /// What is said of a webhook.
    pub fn of(webhook: &Webhook, state: &WebhookState, now: Timestamp) -> Self {
        AlarmWebhook {
            id: webhook.id.to_string(),
            account: webhook.account.to_string(),
            request_url: webhook.request_url.to_string(),
            description: webhook.description.clone(),
            enabled: webhook.is_on(),
            health: Health::of(webhook, state, now).code(),
            failing_since: state.failing_since,
            last_success_at: state.last_success_at,
            disabled_reason: webhook.disabled.as_ref().map(|disabled| disabled.reason.code()),
            disabled_at: webhook.disabled.as_ref().map(|disabled| disabled.at),
            waiting: state.waiting,
            missed: state.missed,
        }
    }
}

impl Alarm {
    /// An alarm about a webhook, in words.
    pub fn of_webhook(alarm: WebhookAlarm, webhook: &Webhook, state: &WebhookState, now: Timestamp) -> Alarm {
        let waiting = match state.waiting {
            0 => "Nothing waits for it.".to_owned(),
            1 => "1 delivery waits for it.".to_owned(),
            number => format!("{number} deliveries wait for it."),
        };
        let told = AlarmWebhook::of(webhook, state, now);
        let (name, words) = match alarm {
            WebhookAlarm::Failing { .. } => ("webhook.failing", failing_words(state)),
            WebhookAlarm::DisableWarning(warning) => {
                let DisableWarning { at_percent, disabled_at } = warning;
                let since = told.failing_since.unwrap_or(now);
                let words = format!(
                    "Nothing has arrived since {since}, which is {at_percent} % of the time allowed. Unless something \
                     arrives, the webhook is disabled at {disabled_at} and keeps its events."
                );
                ("webhook.disable_warning", words)
            }
            WebhookAlarm::Disabled => ("webhook.disabled", disabled_words(webhook)),
            WebhookAlarm::Recovered => ("webhook.recovered", recovered_words(webhook, state)),
        };
        Alarm {
            webhook: Some(told),
            reminder: alarm == WebhookAlarm::Failing { reminder: true },
            disable_warning: match alarm {
                WebhookAlarm::DisableWarning(warning) => Some(warning),
                _ => None,
            },
            ..Alarm::new(name, format!("{words} {waiting}"))
        }
    }

    fn new(name: &'static str, message: String) -> Alarm {
        Alarm { name, message, reminder: false, webhook: None, disable_warning: None, lag: None, disk: None }
    }
}

fn failing_words(state: &WebhookState) -> String {
    match state.failing_since {
        Some(since) => format!("Attempts have failed since {since}, and none has succeeded."),
        None => "Too many of the last deliveries have failed for good.".to_owned(),
    }
}

fn disabled_words(webhook: &Webhook) -> String {
    let why = match webhook.disabled.as_ref().map(|disabled| disabled.reason) {
        Some(DisabledReason::Gone) => "The receiver answered 410 Gone, so the webhook was disabled.",
        Some(DisabledReason::FailedTooLong) => "Nothing has arrived for too long, so the webhook was disabled.",
        Some(DisabledReason::ByRequest) | None => "The webhook was disabled by request.",
    };
    format!("{why} Its events are kept and not sent until it is enabled.")
}

fn recovered_words(webhook: &Webhook, state: &WebhookState) -> String {
    match (webhook.is_on(), state.missed) {
        (true, 0) => "Deliveries arrive again.".to_owned(),
        (true, missed) => format!("The receiver answers again, and {missed} missed events are being sent."),
        (false, _) => "The receiver answers again. Enable the webhook to send what it missed.".to_owned(),
    }
}

/// The oldest delivery that is due and not sent, of those that could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldestDue {
    /// When it was due.
    pub at: Timestamp,
    /// For which webhook.
    pub webhook: WebhookId,
}

/// How far sending is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// When the oldest delivery was due that is not sent; `None` if none is due.
    pub oldest_due_at: Option<Timestamp>,
    /// How long ago that was, in seconds.
    pub lag_s: u64,
    /// From when on it is an alarm.
    pub limit_s: u64,
}

/// The space on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Free bytes.
    pub free_bytes: u64,
    /// Below so many it is an alarm.
    pub limit_bytes: u64,
}

/// What is known of the server as a whole. Kept in memory: a start begins anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemWatch {
    lag: Lasting,
    /// The lag was over its limit when it was last looked at.
    lag_seen: bool,
    disk: Lasting,
}

impl SystemWatch {
    /// Looks at the lag. It counts when it is seen twice in a row: right after a start, and after
    /// a machine slept, everything that was due meanwhile is late for a moment.
    pub fn lag(&mut self, oldest: Option<Timestamp>, limit: Duration, now: Timestamp) -> Option<Alarm> {
        let late = oldest.map_or(Duration::ZERO, |due| now - due);
        let is_over = late > limit;
        let was_seen = std::mem::replace(&mut self.lag_seen, is_over);
        if is_over && !was_seen && !self.lag.holds() {
            return None;
        }
        let lag = Lag { oldest_due_at: oldest, lag_s: late.as_secs(), limit_s: limit.as_secs() };
        let mut alarm = self.lag.look(is_over, now)?;
        (alarm.name, alarm.message) = match is_over {
            true => ("system.lag", format!("The oldest delivery that could be sent has waited for {} s.", lag.lag_s)),
            false => ("system.lag_ok", "Deliveries go out in time again.".to_owned()),
        };
        Some(Alarm { lag: Some(lag), ..alarm })
    }

    /// Looks at the disk. Low is less than twice what must stay free; a tenth above that it is in
    /// order again, so that it does not go to and fro.
    pub fn disk(&mut self, free_bytes: u64, min_free_bytes: u64, now: Timestamp) -> Option<Alarm> {
        let limit_bytes = min_free_bytes.saturating_mul(2);
        let end = if self.disk.holds() { limit_bytes.saturating_add(limit_bytes / 10) } else { limit_bytes };
        let is_low = free_bytes < end;
        let mut alarm = self.disk.look(is_low, now)?;
        let mib = |bytes: u64| bytes >> 20;
        (alarm.name, alarm.message) = match is_low {
            true => (
                "system.disk_low",
                format!(
                    "{} MiB are free on the disk of the data directory. Below {} MiB, events are refused.",
                    mib(free_bytes),
                    mib(min_free_bytes)
                ),
            ),
            false => ("system.disk_ok", format!("{} MiB are free on the disk again.", mib(free_bytes))),
        };
        Some(Alarm { disk: Some(Disk { free_bytes, limit_bytes }), ..alarm })
    }
}

/// A state that holds or does not, and when that it holds was said last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Lasting(Option<Timestamp>);

impl Lasting {
    fn holds(self) -> bool {
        self.0.is_some()
    }

    /// An alarm without words, if there is something to say.
    fn look(&mut self, holds: bool, now: Timestamp) -> Option<Alarm> {
        let reminder = match (self.0, holds) {
            (None, true) => false,
            (Some(said), true) if now - said >= REMIND_AFTER => true,
            (Some(_), false) => false,
            _ => return None,
        };
        self.0 = holds.then_some(now);
        Some(Alarm { reminder, ..Alarm::new("", String::new()) })
    }
}

#[cfg(test)]
#[path = "alarm_tests.rs"]
mod tests;
