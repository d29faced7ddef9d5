//! How a webhook is doing, from counts that are kept with every recorded attempt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LastAttempt, Timestamp, Webhook};

/// Deliveries that [`Health::Healthy`] looks back on.
const RECENT: u32 = 20;
/// How old the oldest failure without a success since may be before the webhook is failing.
const FAILING_AFTER: Duration = Duration::from_secs(15 * 60);

/// What is counted of one webhook. Test deliveries do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookState {
    /// Deliveries that are pending.
    pub waiting: u64,
    /// Of those, the ones that came while the webhook was off.
    pub missed: u64,
    /// Deliveries that ended in success.
    pub success: u64,
    /// Deliveries that ended in failure.
    pub failed: u64,
    /// The last finished deliveries, newest in the lowest bit, 1 for success.
    pub recent: u32,
    /// How many bits of `recent` are in use, at most 20.
    pub recent_count: u32,
    /// When an attempt last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failure_at: Option<Timestamp>,
    /// When the first attempt failed after the last success, or after the webhook was switched on
    /// or got another URL.
    pub failing_since: Option<Timestamp>,
    /// Attempts that failed since then.
    #[serde(default)]
    pub failures: u32,
    /// What came of the newest attempt that failed; for lists that say why.
    #[serde(default)]
    pub last_failure: Option<LastAttempt>,
    /// The receiver asked to wait until then.
    pub throttled_until: Option<Timestamp>,
    /// The `webhook-sequence` of its newest delivery.
    #[serde(default)]
    pub sequence: u64,
}

impl WebhookState {
    /// Counts the end of a delivery.
    pub fn finish(&mut self, success: bool) {
        if success {
            self.success += 1;
        } else {
            self.failed += 1;
        }
        self.recent = (self.recent << 1 | u32::from(success)) & ((1 << RECENT) - 1);
        self.recent_count = (self.recent_count + 1).min(RECENT);
    }

    /// Counts an attempt, whether or not it ends the delivery.
    pub fn attempt(&mut self, success: bool, at: Timestamp) {
        if success {
            self.last_success_at = Some(at);
            self.end_spell();
        } else {
            self.last_failure_at = Some(at);
            self.failing_since.get_or_insert(at);
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// Ends the present spell of failure: something arrived, or the next attempt meets other
    /// circumstances.
    pub fn end_spell(&mut self) {
        (self.failing_since, self.failures) = (None, 0);
    }
}

/// How a webhook is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Nothing was sent yet.
    New,
    /// At least 95 % of the last 20 deliveries succeeded, and nothing waits for long.
    Healthy,
    /// The last delivery failed for good, fewer than 95 % of the last 20 succeeded, attempts have
    /// failed for over 15 minutes without a success, or nothing has ever arrived.
    Failing,
    /// It is switched off.
    Off,
}

impl Health {
    /// The health of `webhook` at `now`.
    pub fn of(webhook: &Webhook, state: &WebhookState, now: Timestamp) -> Health {
        if !webhook.is_on() {
            return Health::Off;
        }
        let successes = state.recent.count_ones();
        let last_failed = state.recent_count > 0 && state.recent & 1 == 0;
        let often_failed = successes * 20 < state.recent_count * 19;
        let long_failing = state.failing_since.is_some_and(|since| now - since > FAILING_AFTER);
        // Nothing has arrived yet and the first attempts failed: there is no health to speak of.
        let never_arrived = state.recent_count == 0 && state.failing_since.is_some();
        match (last_failed || often_failed || long_failing || never_arrived, state.recent_count) {
            (true, _) => Health::Failing,
            (false, 0) => Health::New,
            (false, _) => Health::Healthy,
        }
    }

    /// The word in the API.
    pub fn code(self) -> &'static str {
        match self {
            Health::New => "new",
            Health::Healthy => "healthy",
            Health::Failing => "failing",
            Health::Off => "off",
        }
    }

    /// When it is called that, for a page.
    pub fn rule(self) -> &'static str {
        match self {
            Health::New => "Nothing was sent yet.",
            Health::Healthy => "At least 95 % of the last 20 deliveries arrived, and none waits for long.",
            Health::Failing => {
                "The last delivery failed for good, fewer than 95 % of the last 20 arrived, attempts have failed for \
                 over 15 minutes, or none has ever arrived."
            }
            Health::Off => "It is switched off. Events since then are kept and not sent.",
        }
    }

    /// The word on a page.
    pub fn word(self) -> &'static str {
        match self {
            Health::New => "New",
            Health::Healthy => "Healthy",
            Health::Failing => "Failing",
            Health::Off => "Off",
        }
    }
}

/// What happened to one webhook in one hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourStats {
    /// Deliveries that ended in success.
    pub success: u64,
    /// Deliveries that ended in failure.
    pub failed: u64,
    /// Deliveries that succeeded at the first attempt.
    pub first_try: u64,
    /// Attempts.
    pub attempts: u64,
    /// Answered attempts by duration: bucket `n` counts those under 2^n ms and not in a lower one.
    pub durations: Vec<u32>,
    /// The longest answered attempt, in milliseconds.
    pub slowest_ms: u32,
}

impl HourStats {
    /// Counts an answered attempt.
    pub fn answered(&mut self, duration_ms: u32) {
        let bucket = (u32::BITS - duration_ms.leading_zeros()) as usize;
        if self.durations.len() <= bucket {
            self.durations.resize(bucket + 1, 0);
        }
        self.durations[bucket] += 1;
        self.slowest_ms = self.slowest_ms.max(duration_ms);
    }

    /// Adds another hour's counts.
    pub fn add(&mut self, other: &HourStats) {
        self.success += other.success;
        self.failed += other.failed;
        self.first_try += other.first_try;
        self.attempts += other.attempts;
        self.slowest_ms = self.slowest_ms.max(other.slowest_ms);
        if self.durations.len() < other.durations.len() {
            self.durations.resize(other.durations.len(), 0);
        }
        for (mine, theirs) in self.durations.iter_mut().zip(&other.durations) {
            *mine += theirs;
        }
    }

    /// A duration that `percent` of the answered attempts did not exceed, in milliseconds, rounded
    /// up to the bucket's end. `None` if nothing was answered.
    pub fn percentile_ms(&self, percent: u64) -> Option<u32> {
        let total: u64 = self.durations.iter().map(|&count| u64::from(count)).sum();
        let wanted = (total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (bucket, &count) in self.durations.iter().enumerate() {
            seen += u64::from(count);
            if seen >= wanted {
                let end = if bucket == 0 { 0 } else { ((1_u64 << bucket) - 1) as u32 };
                return Some(end.min(self.slowest_ms));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_ends_of_buckets() {
        let mut hour = HourStats::default();
        assert_eq!(hour.percentile_ms(50), None);
        (0..90).for_each(|_| hour.answered(3));
        (0..10).for_each(|_| hour.answered(900));
        assert_eq!((hour.percentile_ms(50), hour.percentile_ms(90)), (Some(3), Some(3)));
        assert_eq!((hour.percentile_ms(95), hour.slowest_ms), (Some(900), 900));
        let mut day = HourStats::default();
        day.add(&hour);
        day.add(&hour);
        assert_eq!((day.percentile_ms(50), day.slowest_ms), (Some(3), 900));
    }

    #[test]
    fn counts_of_recent_deliveries_look_back_on_twenty() {
        let mut state = WebhookState::default();
        state.finish(false);
        (0..20).for_each(|_| state.finish(true));
        assert_eq!((state.recent_count, state.recent.count_ones()), (20, 20));
        assert_eq!((state.success, state.failed), (20, 1));
        state.finish(false);
        assert_eq!(state.recent.count_ones(), 19);
    }
}
