//! When a delivery is tried again, and when it is given up.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Fault, Outcome, Timestamp, with_thousands};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Seconds between one attempt and the next where a webhook does not say otherwise: ten attempts
/// over a little more than three days, so that a weekend's outage loses nothing.
const DEFAULT_S: [u64; 9] =
    [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

const MAX_DELAYS: usize = 30;
const MAX_DELAY_S: u64 = 7 * 24 * HOUR;

/// The most that jitter adds, as a part of the delay.
const JITTER: f64 = 0.1;

/// How far ahead a receiver can put the next attempt by `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * HOUR);

/// The delays between the attempts of one round. The first attempt of a round is made at once.
///
/// A round begins with the event and again with each resend by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule {
    /// The delay after attempt 1, after attempt 2, and so on.
    delays: Vec<Duration>,
}

/// What an attempt's outcome means for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It has arrived.
    Done,
    /// It is tried again at that moment, not before.
    TryAgain(Timestamp),
    /// It has failed for good.
    GiveUp,
}

impl RetrySchedule {
    /// The schedule with these delays between attempts, in seconds: none (one attempt only) to 30,
    /// each 1 s to 7 days. A fault points to the first entry that is wrong.
    pub fn from_seconds(delays_s: &[u64]) -> Result<RetrySchedule, Fault> {
        if delays_s.len() > MAX_DELAYS {
            let message = format!("A retry schedule has at most {MAX_DELAYS} delays; this one has {}.", delays_s.len());
            return Err(Fault::new("retry_schedule", message));
        }
        if let Some(position) = delays_s.iter().position(|delay| !(1..=MAX_DELAY_S).contains(delay)) {
            let message = format!("Each delay is 1 to {} seconds (7 days).", with_thousands(MAX_DELAY_S));
            return Err(Fault::new("retry_schedule", message).at(format_args!("/{position}")));
        }
        Ok(RetrySchedule { delays: delays_s.iter().copied().map(Duration::from_secs).collect() })
    }

    /// One attempt and no retry.
    pub fn once() -> RetrySchedule {
        RetrySchedule { delays: Vec::new() }
    }

    /// The delays between attempts, in seconds.
    pub fn to_seconds(&self) -> Vec<u64> {
        self.delays.iter().map(Duration::as_secs).collect()
    }

    /// How many attempts a round has, the first included.
    pub fn attempts(&self) -> u32 {
        // At most 30 delays, so this always fits.
        self.delays.len() as u32 + 1
    }

    /// The time from the first attempt of a round to its last. Jitter adds at most a tenth, and
    /// the receivers' own wishes (`Retry-After`) may add more.
    pub fn longest(&self) -> Duration {
        self.delays.iter().sum()
    }

    /// What to do after an attempt.
    ///
    /// `attempt_in_round` counts from 1. The delay is measured from `finished_at`; `jitter`, 0 to 1,
    /// adds up to a tenth and never takes away, so that receivers that fail together are not tried
    /// again together. A throttling receiver's `Retry-After` can put the attempt later, at most
    /// 24 h ahead, never earlier.
    pub fn after(&self, attempt_in_round: u32, outcome: &Outcome, finished_at: Timestamp, jitter: f64) -> Verdict {
        if outcome.is_success() {
            return Verdict::Done;
        }
        if outcome.gone() {
            return Verdict::GiveUp;
        }
        if !outcome.counts() {
            // Cut short by our own stop: the same attempt is made again.
            return Verdict::TryAgain(finished_at);
        }
        let position = attempt_in_round.saturating_sub(1) as usize;
        let Some(delay) = self.delays.get(position) else { return Verdict::GiveUp };
        let wait = with_jitter(*delay, jitter).max(asked_wait(outcome));
        Verdict::TryAgain(finished_at.plus(wait))
    }
}

impl Default for RetrySchedule {
    fn default() -> Self {
        RetrySchedule { delays: DEFAULT_S.map(Duration::from_secs).to_vec() }
    }
}

fn with_jitter(delay: Duration, jitter: f64) -> Duration {
    let jitter = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) };
    delay + delay.mul_f64(JITTER * jitter)
}

fn asked_wait(outcome: &Outcome) -> Duration {
    match outcome {
        Outcome::Answered(answer) if outcome.throttles() => answer.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER),
        _ => Duration::ZERO,
    }
}

impl Serialize for RetrySchedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_seconds().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RetrySchedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let delays_s = Vec::<u64>::deserialize(deserializer)?;
        RetrySchedule::from_seconds(&delays_s).map_err(|fault| serde::de::Error::custom(fault.message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Answer, Cause, parse_retry_after};

    const NOW: Timestamp = Timestamp::from_millis(1_767_605_400_123);

    fn answered(http_status: u16, retry_after_s: Option<u64>) -> Outcome {
        let retry_after = retry_after_s.map(Duration::from_secs);
        Outcome::Answered(Answer {
            http_status,
            headers: Vec::new(),
            body: Vec::new(),
            body_truncated: false,
            retry_after,
        })
    }

    fn no_answer(cause: Cause) -> Outcome {
        Outcome::NoAnswer { cause, detail: String::new() }
    }

    fn again_in(seconds: u64) -> Verdict {
        Verdict::TryAgain(NOW.plus(Duration::from_secs(seconds)))
    }

    #[test]
    fn a_receiver_that_stays_down_is_tried_ten_times_over_three_days() {
        let schedule = RetrySchedule::default();
        let mut now = NOW;
        let mut waits = Vec::new();
        for attempt in 1.. {
            match schedule.after(attempt, &no_answer(Cause::ConnectRefused), now, 0.0) {
                Verdict::TryAgain(due) => waits.push((due - now).as_secs()),
                verdict => {
                    assert_eq!((attempt, verdict), (10, Verdict::GiveUp));
                    break;
                }
            }
            now = now.plus(Duration::from_secs(*waits.last().expect("just pushed")));
        }
        assert_eq!(waits, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!(schedule.attempts(), 10);
        assert_eq!(now - NOW, schedule.longest());
        assert_eq!(schedule.longest().as_secs(), 75 * HOUR + 35 * MINUTE + 5);
    }

    #[test]
    fn the_answer_decides() {
        for (attempt, outcome, verdict) in [
            (1, answered(200, None), Verdict::Done),
            (10, answered(204, None), Verdict::Done),
            (1, answered(410, None), Verdict::GiveUp),
            (1, answered(301, None), again_in(5)),
            (1, answered(404, None), again_in(5)),
            (2, answered(500, None), again_in(300)),
            (10, answered(500, None), Verdict::GiveUp),
            (u32::MAX, answered(500, None), Verdict::GiveUp),
            (1, no_answer(Cause::BlockedAddress), again_in(5)),
            (10, no_answer(Cause::Interrupted), again_in(0)),
        ] {
            assert_eq!(RetrySchedule::default().after(attempt, &outcome, NOW, 0.0), verdict, "{attempt} {outcome:?}");
        }
    }

    #[test]
    fn retry_after_can_only_put_the_next_attempt_later_and_at_most_a_day() {
        let day = 24 * HOUR;
        for (attempt, status, retry_after_s, wait) in [
            (1, 429, 120, 120),
            (1, 502, 120, 120),
            (1, 503, 120, 120),
            (1, 504, 120, 120),
            (1, 500, 120, 5),
            (1, 503, 0, 5),
            (2, 503, 120, 300),
            (1, 503, u64::MAX, day),
            (9, 503, 60, day),
        ] {
            let outcome = answered(status, Some(retry_after_s));
            let verdict = RetrySchedule::default().after(attempt, &outcome, NOW, 0.0);
            assert_eq!(verdict, again_in(wait), "{status} asks for {retry_after_s} s after attempt {attempt}");
        }
        let outcome = answered(503, Some(60));
        assert_eq!(RetrySchedule::default().after(10, &outcome, NOW, 0.0), Verdict::GiveUp, "it adds no attempt");
    }

    #[test]
    fn a_schedule_of_ones_own_is_checked() {
        assert_eq!(RetrySchedule::from_seconds(&[]).map(|schedule| schedule.attempts()), Ok(1));
        let own = RetrySchedule::from_seconds(&[1, 604_800]).expect("both ends of the range");
        assert_eq!(own.to_seconds(), [1, 604_800]);
        for (delays, pointer, message) in [
            (vec![5, 0], "/1", "Each delay is 1 to 604,800 seconds (7 days)."),
            (vec![604_801], "/0", "Each delay is 1 to 604,800 seconds (7 days)."),
            (vec![1; 31], "", "A retry schedule has at most 30 delays; this one has 31."),
        ] {
            let fault = Fault::new("retry_schedule", message).at(pointer);
            assert_eq!(RetrySchedule::from_seconds(&delays), Err(fault));
        }
    }

    #[test]
    fn a_schedule_is_a_list_of_seconds_in_records() {
        let json = serde_json::to_string(&RetrySchedule::default()).expect("a list");
        assert_eq!(json, "[5,300,1800,7200,18000,36000,50400,72000,86400]");
        assert_eq!(serde_json::from_str::<RetrySchedule>(&json).expect("the same"), RetrySchedule::default());
        assert!(serde_json::from_str::<RetrySchedule>("[0]").is_err());
    }

    proptest! {
        #[test]
        fn never_before_the_schedule_and_never_more_than_a_tenth_after_it(
            attempt in 1..=9_u32,
            jitter: f64,
            finished_at in 0..253_402_000_000_000_u64,
        ) {
            let schedule = RetrySchedule::default();
            let finished_at = Timestamp::from_millis(finished_at);
            let delay = Duration::from_secs(schedule.to_seconds()[attempt as usize - 1]);
            let Verdict::TryAgain(due) = schedule.after(attempt, &answered(500, None), finished_at, jitter) else {
                return Err(TestCaseError::fail("attempts are left"));
            };
            prop_assert!(due - finished_at >= delay && due - finished_at <= delay.mul_f64(1.1));
        }

        #[test]
        fn whatever_receivers_answer_the_number_of_attempts_is_the_same_and_none_is_early(
            delays in prop::collection::vec(1..=MAX_DELAY_S, 0..=MAX_DELAYS),
            outcomes in prop::collection::vec(failure(), MAX_DELAYS + 1),
            jitters in prop::collection::vec(any::<f64>(), MAX_DELAYS + 1),
        ) {
            let schedule = RetrySchedule::from_seconds(&delays).expect("in range");
            let mut now = Timestamp::from_millis(1_767_605_400_000);
            let mut made = 0;
            for (outcome, jitter) in outcomes.iter().zip(jitters) {
                made += 1;
                let Verdict::TryAgain(due) = schedule.after(made, outcome, now, jitter) else { break };
                let base = Duration::from_secs(delays[made as usize - 1]);
                let asked = asked_wait(outcome);
                prop_assert!(due - now >= base, "early");
                prop_assert!(due - now >= asked && asked <= Duration::from_secs(86_400));
                prop_assert!(due - now <= base.mul_f64(1.1).max(asked) + Duration::from_millis(1), "late");
                now = due;
            }
            prop_assert_eq!(made, schedule.attempts());
        }

        #[test]
        fn whatever_retry_after_says_the_next_attempt_is_not_early_and_at_most_a_day_ahead(
            text in retry_after_text(),
            status in prop::sample::select(vec![429_u16, 502, 503, 504, 500, 404]),
            attempt in 1..=9_u32,
            now in 0..253_402_000_000_000_u64,
        ) {
            let now = Timestamp::from_millis(now);
            let Outcome::Answered(mut answer) = answered(status, None) else { unreachable!() };
            answer.retry_after = parse_retry_after(&text, now);
            let schedule = RetrySchedule::default();
            let base = Duration::from_secs(schedule.to_seconds()[attempt as usize - 1]);
            let Verdict::TryAgain(due) = schedule.after(attempt, &Outcome::Answered(answer), now, 0.0) else {
                return Err(TestCaseError::fail("attempts are left"));
            };
            prop_assert!((base..=base.max(Duration::from_secs(86_400))).contains(&(due - now)), "{text}: {:?}", due - now);
        }
    }

    /// Any outcome that is tried again and counts.
    fn failure() -> impl Strategy<Value = Outcome> {
        let status =
            (100..600_u16).prop_filter("no success, not gone", |status| !(200..300).contains(status) && *status != 410);
        prop_oneof![
            (status, any::<Option<u64>>()).prop_map(|(status, retry_after_s)| answered(status, retry_after_s)),
            prop::sample::select(Cause::ALL.to_vec())
                .prop_map(no_answer)
                .prop_filter("counts", |outcome| outcome.counts()),
        ]
    }

    fn retry_after_text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            any::<u64>().prop_map(|seconds| seconds.to_string()),
            "[-+]?[0-9]{1,30}(\\.[0-9]{1,3}|e[0-9]{1,3})?",
            "[A-Z][a-z]{2}, [0-9]{2} (Jan|Feb|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        ]
    }
}
