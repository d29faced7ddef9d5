//! Care for a webhook that fails for long: when it is warned about, when it is switched off, and
//! how it is asked afterwards whether it answers again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Disabled, DisabledReason, Health, LastAttempt, Timestamp, Webhook, WebhookState,
    alarm::{Told, WebhookAlarm, WebhookSeen},
};

/// Attempts that must have failed before time alone counts: a few tries say nothing.
const FEWEST_FAILURES: u32 = 5;
const HOUR: Duration = Duration::from_secs(3_600);
/// The longest between two pings.
const LONGEST_BETWEEN_PINGS: Duration = Duration::from_secs(24 * 3_600);

/// What the operator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealingPolicy {
    /// After how long without a success a webhook is switched off; never if `None`.
    pub disable_after: Option<Duration>,
    /// Whether webhooks that were switched off automatically are asked if they answer again.
    pub probe: bool,
    /// What follows when one does.
    pub after_recovery: AfterRecovery,
}

/// What follows when a webhook that was switched off automatically answers a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRecovery {
    /// It is told, and a person switches it on.
    Offer,
    /// It is switched on, and what it missed is sent.
    Send,
}

/// It will be switched off unless something arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DisableWarning {
    /// How much of the time is over: 50 or 90.
    pub at_percent: u8,
    /// When it is switched off, if nothing arrives before.
    pub disabled_at: Timestamp,
}

/// What is remembered of one webhook for its healing. Most have nothing to remember.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healing {
    /// The warning that was said last in the present spell of failure.
    #[serde(default)]
    pub warned: Option<Warned>,
    /// How it is asked whether it answers again.
    #[serde(default)]
    pub probing: Option<Probing>,
    /// What the alarm URL heard last.
    #[serde(default)]
    pub told: Told,
}

/// A warning that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warned {
    /// The spell of failure it belongs to: [`WebhookState::failing_since`].
    pub since: Timestamp,
    /// 50 or 90.
    pub percent: u8,
    /// When it was said.
    pub at: Timestamp,
}

/// How a webhook that was switched off automatically is asked whether it answers again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probing {
    /// When it was switched off.
    pub off_since: Timestamp,
    /// Pings sent since then.
    pub pings: u32,
    /// What came of the last one.
    #[serde(default)]
    pub last: Option<LastAttempt>,
    /// When the next one is sent.
    pub next_at: Timestamp,
    /// When it first answered with success, if it has answered so ever since.
    #[serde(default)]
    pub answers_since: Option<Timestamp>,
}

impl Probing {
    /// Nothing was sent yet; the first ping goes out an hour after it was switched off.
    pub fn begin(off_since: Timestamp) -> Self {
        Probing { off_since, pings: 0, last: None, next_at: off_since.plus(HOUR), answers_since: None }
    }

    /// A ping was answered, or not. Each wait is twice the one before, up to a day.
    #[must_use]
    pub fn after_ping(self, last: LastAttempt, now: Timestamp) -> Self {
        let pings = self.pings.saturating_add(1);
        let wait = HOUR.saturating_mul(1 << pings.min(5)).min(LONGEST_BETWEEN_PINGS);
        let answers = last.http_status.is_some_and(|status| (200..=299).contains(&status));
        let answers_since = answers.then(|| self.answers_since.unwrap_or(now));
        Probing { off_since: self.off_since, pings, last: Some(last), next_at: now.plus(wait), answers_since }
    }
}

/// What one look at a webhook came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// What to remember from now on.
    pub healing: Healing,
    /// It is to be switched off: nothing has arrived since then.
    pub disable: Option<Timestamp>,
    /// It is to be asked now whether it answers again.
    pub ping: bool,
    /// What is to be said.
    pub alarms: Vec<WebhookAlarm>,
}

impl HealingPolicy {
    /// What is to be warned about at `now`.
    pub fn warning(
        &self,
        webhook: &Webhook,
        state: &WebhookState,
        healing: &Healing,
        now: Timestamp,
    ) -> Option<DisableWarning> {
        let limit = self.disable_after?;
        let since = state.failing_since.filter(|_| webhook.is_on() && state.failures >= FEWEST_FAILURES)?;
        let part_over = |percent: u32| (now - since) * 100 >= limit * percent;
        let at_percent = if part_over(90) { 90 } else { 50 };
        if !part_over(at_percent.into()) {
            return None;
        }
        // A tenth of the time lies between the last warning and the end of it in any case: also
        // where the server stood still meanwhile, or the operator has just set a shorter time.
        let said = healing.warned.filter(|warned| warned.since == since && warned.percent == 90);
        let notice = said.map_or(now, |warned| warned.at).plus(limit / 10);
        let disabled_at = since.plus(limit).max(if at_percent == 90 { notice } else { since });
        Some(DisableWarning { at_percent, disabled_at })
    }

    /// Looks at one webhook.
    pub fn look(&self, webhook: &Webhook, state: &WebhookState, healing: &Healing, now: Timestamp) -> Look {
        let mut look = Look { healing: *healing, disable: None, ping: false, alarms: Vec::new() };
        if webhook.deleted_at.is_some() {
            look.healing = Healing::default();
            return look;
        }
        self.look_at_failures(webhook, state, now, &mut look);
        self.look_at_probing(webhook, now, &mut look);
        let seen = WebhookSeen {
            health: Health::of(webhook, state, now),
            failing_since: state.failing_since,
            last_success_at: state.last_success_at,
            off: webhook.disabled.clone(),
            answers: look.healing.probing.is_some_and(|probing| probing.answers_since.is_some()),
        };
        let (told, alarm) = look.healing.told.after(&seen, now);
        look.healing.told = told;
        look.alarms.extend(alarm);
        if webhook.is_on() && look.healing.probing.is_some() {
            // It was kept so far for the word that it answers again.
            look.healing.probing = None;
        }
        look
    }

    fn look_at_failures(&self, webhook: &Webhook, state: &WebhookState, now: Timestamp, look: &mut Look) {
        let known = look.healing.warned.filter(|warned| state.failing_since == Some(warned.since));
        look.healing.warned = known.filter(|_| webhook.is_on());
        let (Some(since), Some(warning)) = (state.failing_since, self.warning(webhook, state, &look.healing, now))
        else {
            return;
        };
        let said = look.healing.warned.map_or(0, |warned| warned.percent);
        if said < warning.at_percent {
            look.healing.warned = Some(Warned { since, percent: warning.at_percent, at: now });
            look.alarms.push(WebhookAlarm::DisableWarning(warning));
            if let Told::Failing { at } = &mut look.healing.told {
                // It reminds of the failing as well.
                *at = now;
            }
        } else if said == 90 && now >= warning.disabled_at {
            look.disable = Some(since);
        }
    }

    fn look_at_probing(&self, webhook: &Webhook, now: Timestamp, look: &mut Look) {
        let Some(disabled) = &webhook.disabled else { return };
        let off_since = Some(disabled.at).filter(|_| self.probe && disabled.is_automatic());
        look.healing.probing = off_since.map(|since| {
            let known = look.healing.probing.filter(|probing| probing.off_since == since);
            known.unwrap_or_else(|| Probing::begin(since))
        });
        look.ping = look.healing.probing.is_some_and(|probing| probing.next_at <= now);
    }
}

impl Disabled {
    /// Whether nobody asked for it: the receiver was gone or failed for too long.
    pub fn is_automatic(&self) -> bool {
        match self.reason {
            DisabledReason::ByRequest => false,
            DisabledReason::Gone | DisabledReason::FailedTooLong => true,
        }
    }
}

#[cfg(test)]
#[path = "healing_tests.rs"]
mod tests;
