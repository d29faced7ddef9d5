//! What is counted while the server runs, for `/metrics`. Every event and every attempt passes here,
//! so counting is an addition to an atomic number or two, and takes no lock.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::domain::{Cause, Outcome};

/// Upper bounds in seconds: from an answer of a quick disk to one that a caller would give up on.
const INGEST_S: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From a receiver in the same house to the longest timeout.
const ATTEMPT_S: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];
/// From the first attempt at once to the last one of the default schedule.
const DELIVERY_S: [f64; 14] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 1_800.0, 7_200.0, 43_200.0, 345_600.0];

/// Answers that are counted apart, before the causes of those that never came.
const ANSWERS: [&str; 7] = ["success", "http_1xx", "http_3xx", "http_410", "http_429", "http_4xx", "http_5xx"];

/// Everything that is counted.
#[derive(Debug)]
pub struct Meters {
    /// From the head of a request that posts events to its answer, which comes after the commit.
    pub ingest: Histogram<14>,
    /// The time of one request to a receiver.
    pub attempt: Histogram<12>,
    /// From the acceptance of an event until a receiver took it.
    pub delivery: Histogram<15>,
    attempts: [AtomicU64; ANSWERS.len() + Cause::ALL.len()],
}

impl Default for Meters {
    fn default() -> Self {
        Meters {
            ingest: Histogram::new(&INGEST_S),
            attempt: Histogram::new(&ATTEMPT_S),
            delivery: Histogram::new(&DELIVERY_S),
            attempts: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Meters {
    /// Counts an attempt by what came of it.
    pub fn count_attempt(&self, outcome: &Outcome) {
        self.attempts[position(outcome)].fetch_add(1, Ordering::Relaxed);
    }

    /// How many attempts ended how, each with the name of the cause; none is left out.
    pub fn attempts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = ANSWERS.into_iter().chain(Cause::ALL.iter().map(Cause::code));
        names.zip(self.attempts.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}

fn position(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::NoAnswer { cause, .. } => {
            let known = Cause::ALL.iter().position(|known| known == cause).expect("every cause is in the list");
            ANSWERS.len() + known
        }
        Outcome::Answered(answer) => match answer.http_status {
            200..=299 => 0,
            300..=399 => 2,
            410 => 3,
            429 => 4,
            400..=499 => 5,
            500.. => 6,
            _ => 1,
        },
    }
}

/// How many durations fell between which bounds. `N` is the number of bounds and one more.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    bounds: &'static [f64],
    counts: [AtomicU64; N],
    microseconds: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    fn new(bounds: &'static [f64]) -> Self {
        debug_assert_eq!(bounds.len() + 1, N);
        Histogram { bounds, counts: std::array::from_fn(|_| AtomicU64::new(0)), microseconds: AtomicU64::new(0) }
    }

    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let place = self.bounds.partition_point(|bound| *bound < seconds);
        self.counts[place.min(N - 1)].fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// Each upper bound with how many fell under it and not under the one before; the last bound is
    /// without end.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed))).collect()
    }

    /// All durations together, in seconds.
    pub fn sum_s(&self) -> f64 {
        self.microseconds.load(Ordering::Relaxed) as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Answer;

    #[test]
    fn a_duration_falls_under_the_first_bound_that_it_does_not_pass() {
        let histogram = Meters::default().ingest;
        for micros in [0, 1_000, 1_001, 10_000_000, 10_000_001, u64::MAX / 4] {
            histogram.observe(Duration::from_micros(micros));
        }
        let buckets = histogram.buckets();
        assert_eq!((buckets[0], buckets[1]), ((0.001, 2), (0.0025, 1)));
        assert_eq!((buckets[12], buckets[13]), ((10.0, 1), (f64::INFINITY, 2)));
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 6);
    }

    #[test]
    fn every_status_and_every_cause_has_one_place() {
        let meters = Meters::default();
        for http_status in 100..=999 {
            let answer =
                Answer { http_status, headers: Vec::new(), body: Vec::new(), body_truncated: false, retry_after: None };
            meters.count_attempt(&Outcome::Answered(answer));
        }
        for cause in Cause::ALL {
            meters.count_attempt(&Outcome::NoAnswer { cause, detail: String::new() });
        }
        let counts: Vec<_> = meters.attempts().collect();
        assert_eq!(counts[..3], [("success", 100), ("http_1xx", 100), ("http_3xx", 100)]);
        assert_eq!(counts[3..7], [("http_410", 1), ("http_429", 1), ("http_4xx", 98), ("http_5xx", 500)]);
        assert!(counts[7..].iter().all(|(_, count)| *count == 1), "{counts:?}");
        assert_eq!(counts.len(), ANSWERS.len() + Cause::ALL.len());
    }
}
