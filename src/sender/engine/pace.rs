//! How fast one webhook is served: by its rate, by what its receiver asks for, and by how its
//! receiver has been answering.

use std::time::Duration;

use super::line::Group;
use crate::domain::{Outcome, Timestamp, Verdict, Webhook};

/// Attempts that must fail one after the other before a webhook is served one request at a time.
const FAILING_FROM: u32 = 5;

/// The pause after each failure from then on, doubled with every further [`FAILING_FROM`] failures.
/// A receiver that is down refuses thousands of requests in a second, and each is written down; a
/// long queue for it must not take the disk from the others, nor use up its attempts.
const FAILING_PAUSE_FROM: Duration = Duration::from_millis(50);
const FAILING_PAUSE_UP_TO: Duration = Duration::from_secs(1);

/// Requests at once to a webhook that has not answered quickly yet.
const UNPROVEN_IN_FLIGHT: usize = 4;

/// Requests at once to a webhook that answers quickly, until it turns out that more are needed. A
/// receiver that answers within a millisecond gets thousands a second by them.
const USUAL_IN_FLIGHT: usize = 8;

/// The time an answer takes on average from which more requests at once bring more through: below
/// it, not the way to the receiver is what takes time.
const WORTH_MORE_FROM_MS: f64 = 2.0;

/// The time an answer takes on average from which a receiver counts as slow.
const SLOW_FROM_MS: f64 = 1_000.0;

/// How much the newest attempt weighs in the average.
const NEWEST: f64 = 1.0 / 8.0;

/// What no webhook's own limit exceeds.
const MOST_IN_FLIGHT: usize = *Webhook::MAX_IN_FLIGHT.end() as usize;

/// How long a throttling receiver is left alone that does not say how long; doubled each time.
const THROTTLE_FROM: Duration = Duration::from_secs(5);
const THROTTLE_UP_TO: Duration = Duration::from_secs(5 * 60);

/// The longest that a receiver can have its webhook wait by one answer.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The part of a rate that may be caught up when a turn came late: 10 ms worth, for rates above
/// one in 10 ms. In one second at most a hundredth more than the rate is started.
const CATCH_UP_US: u64 = 10_000;

/// How fast one webhook is served.
#[derive(Debug)]
pub(super) struct Pace {
    /// Microseconds between two requests; 0 without a rate.
    interval_us: u64,
    /// The earliest start of the next request by the rate, in microseconds since 1970.
    next_start_us: u64,
    throttled_until: Option<Timestamp>,
    /// Throttling answers since the last success, those to requests sent side by side counted once.
    throttles: u32,
    /// Nothing is started before, because a delivery could not be read, or the receiver fails.
    paused_until: Option<Timestamp>,
    failures: u32,
    average_ms: f64,
    /// Requests at once that the receiver's answers have been found to need.
    room: usize,
    /// Whether the last attempt was answered, or failed within no time; nothing before the first.
    quick_last: Option<bool>,
}

impl Pace {
    /// Knows nothing of the receiver yet, except until when it asked to wait.
    pub(super) fn new(throttled_until: Option<Timestamp>) -> Self {
        Pace {
            interval_us: 0,
            next_start_us: 0,
            throttled_until,
            throttles: 0,
            paused_until: None,
            failures: 0,
            average_ms: 0.0,
            room: USUAL_IN_FLIGHT,
            quick_last: None,
        }
    }

    /// From now on at most this many requests are started in a second.
    pub(super) fn set_rate(&mut self, per_second: Option<u32>) {
        self.interval_us = per_second.map_or(0, |rate| 1_000_000_u64.div_ceil(u64::from(rate.max(1))));
    }

    /// The most requests at once, where `most` are allowed: one while the receiver fails or
    /// throttles, a few until it has shown that it is quick, then as many as it needs.
    pub(super) fn cap(&self, most: usize) -> usize {
        if self.failures >= FAILING_FROM || self.throttles > 0 {
            1
        } else if self.quick_last == Some(true) {
            most.min(self.room)
        } else {
            most.min(UNPROVEN_IN_FLIGHT)
        }
    }

    /// The group of the receiver, by what came of attempts so far.
    pub(super) fn group(&self) -> Group {
        match self.quick_last {
            None => Group::Unknown,
            Some(true) if self.average_ms <= SLOW_FROM_MS && self.failures < FAILING_FROM => Group::Quick,
            Some(_) => Group::Slow,
        }
    }

    /// Nothing may be started before.
    pub(super) fn not_before(&self) -> Timestamp {
        let by_rate = Timestamp::from_millis(self.next_start_us.div_ceil(1_000));
        by_rate.max(self.throttled_until.unwrap_or_default()).max(self.paused_until.unwrap_or_default())
    }

    /// Counts a request that is started.
    pub(super) fn started(&mut self, now: Timestamp) {
        if self.interval_us == 0 {
            self.next_start_us = 0;
            return;
        }
        let now_us = now.as_millis() * 1_000;
        let catch_up = if self.interval_us < CATCH_UP_US { CATCH_UP_US } else { 0 };
        self.next_start_us = self.next_start_us.max(now_us.saturating_sub(catch_up)) + self.interval_us;
    }

    /// Starts nothing before `until`.
    pub(super) fn pause(&mut self, until: Timestamp) {
        self.paused_until = self.paused_until.max(Some(until));
    }

    /// Learns from an attempt; `crowded` if others of its webhook were due and had to wait. Returns
    /// until when the whole webhook waits, if the receiver throttles.
    pub(super) fn finished(
        &mut self,
        outcome: &Outcome,
        duration_ms: u32,
        verdict: Verdict,
        finished_at: Timestamp,
        crowded: bool,
    ) -> Option<Timestamp> {
        let duration_ms = f64::from(duration_ms);
        self.average_ms += (duration_ms - self.average_ms) * NEWEST;
        self.quick_last = Some(outcome.http_status().is_some() || duration_ms <= SLOW_FROM_MS);
        if outcome.is_success() {
            if self.failures >= FAILING_FROM {
                self.paused_until = None;
            }
            self.failures = 0;
            self.make_room(crowded);
            // A success of a request that was sent before the receiver asked to wait lifts nothing.
            if self.throttled_until.is_none_or(|until| until <= finished_at) {
                self.throttles = 0;
            }
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        if let Some(rounds) = self.failures.checked_sub(FAILING_FROM) {
            let pause = FAILING_PAUSE_FROM.saturating_mul(1 << (rounds / FAILING_FROM).min(16));
            self.pause(finished_at.plus(pause.min(FAILING_PAUSE_UP_TO)));
        }
        if !outcome.throttles() {
            return None;
        }
        let until = self.throttle(outcome, verdict, finished_at);
        self.throttled_until = self.throttled_until.max(Some(until));
        self.throttled_until
    }

    /// One more request at once for each success while the queue is longer than what is in flight and
    /// the receiver takes its time; one less while nothing waits.
    fn make_room(&mut self, crowded: bool) {
        if !crowded {
            self.room = self.room.saturating_sub(1).max(USUAL_IN_FLIGHT);
        } else if self.average_ms >= WORTH_MORE_FROM_MS {
            self.room = self.room.saturating_add(1).min(MOST_IN_FLIGHT);
        }
    }

    /// The receiver says how long, or we wait longer each time; but never longer than until the
    /// delivery that was throttled is due again, which by the schedule may be asked to go.
    fn throttle(&mut self, outcome: &Outcome, verdict: Verdict, finished_at: Timestamp) -> Timestamp {
        let throttled_already = self.throttled_until.is_some_and(|until| finished_at < until);
        if self.throttles == 0 || !throttled_already {
            self.throttles = self.throttles.saturating_add(1);
        }
        let doubled = THROTTLE_FROM.saturating_mul(1 << (self.throttles - 1).min(16)).min(THROTTLE_UP_TO);
        let asked = match outcome {
            Outcome::Answered(answer) => answer.retry_after,
            Outcome::NoAnswer { .. } => None,
        };
        let until = finished_at.plus(asked.unwrap_or(doubled).min(MAX_WAIT));
        match verdict {
            Verdict::TryAgain(due) => until.min(due),
            Verdict::Done | Verdict::GiveUp => until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Answer, Cause};

    fn answered(pace: &mut Pace, duration_ms: u32, crowded: bool) {
        let answer =
            Answer { http_status: 200, headers: vec![], body: vec![], body_truncated: false, retry_after: None };
        let at = Timestamp::from_millis(1_000_000);
        pace.finished(&Outcome::Answered(answer), duration_ms, Verdict::Done, at, crowded);
    }

    #[test]
    fn a_receiver_that_fails_is_asked_less_and_less_often_until_it_succeeds() {
        let mut pace = Pace::new(None);
        let at = Timestamp::from_millis(1_000_000);
        let refused = Outcome::NoAnswer { cause: Cause::ConnectRefused, detail: String::new() };
        let mut pauses = Vec::new();
        for _ in 0..40 {
            pace.finished(&refused, 0, Verdict::TryAgain(at.plus(Duration::from_secs(5))), at, true);
            pauses.push(pace.not_before().since(at).as_millis());
        }
        assert_eq!(pauses[..6], [0, 0, 0, 0, 50, 50]);
        assert_eq!((pauses[9], pauses[14], pauses[39]), (100, 200, 1_000));
        answered(&mut pace, 3, true);
        assert!(pace.not_before() <= at, "at full pace again");
    }

    #[test]
    fn requests_at_once_grow_only_while_deliveries_wait_for_a_receiver_that_takes_its_time() {
        let mut pace = Pace::new(None);
        assert_eq!(pace.cap(64), UNPROVEN_IN_FLIGHT);
        (0..100).for_each(|_| answered(&mut pace, 0, true));
        assert_eq!(pace.cap(64), USUAL_IN_FLIGHT, "it answers at once: more would not help");
        (0..100).for_each(|_| answered(&mut pace, 40, false));
        assert_eq!(pace.cap(64), USUAL_IN_FLIGHT, "nothing waits");
        (0..10).for_each(|_| answered(&mut pace, 40, true));
        assert_eq!((pace.cap(64), pace.cap(10)), (USUAL_IN_FLIGHT + 10, 10));
        (0..100).for_each(|_| answered(&mut pace, 40, true));
        assert_eq!(pace.cap(1_000), MOST_IN_FLIGHT);
        (0..100).for_each(|_| answered(&mut pace, 40, false));
        assert_eq!(pace.cap(64), USUAL_IN_FLIGHT, "the queue is done");
    }
}
