//! How long things are kept: by their age, and payloads also by how much room they take.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::Service;
use crate::domain::{EventId, PayloadDeleted, Problem, Timestamp};

/// Events counted one by one at the most; some 50 ms of work.
const MOST_COUNTED: usize = 100_000;
/// Bodies measured in one read transaction.
const MEASURED_AT_ONCE: usize = 10_000;
/// After so long everything is measured anew, so that no slip stays.
const MEASURE_ANEW: Duration = Duration::from_secs(24 * 3_600);
/// How long it waits where everything that is left was still to be sent.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Who deletes payloads for the bound, as their pages say.
const BOUND: &str = "retention_max_bytes";

/// What the retention takes in the next 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiring {
    /// Events.
    pub events: u64,
    /// There are more than were counted.
    pub more: bool,
    /// About how many bytes of the data file that is, if its size is `database_bytes`.
    pub bytes: u64,
}

/// The payloads that are kept, measured where there is a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadBytes {
    /// How many.
    pub number: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Events accepted in the last 24 hours.
    pub accepted_last_day: u64,
}

impl PayloadBytes {
    /// About how many payloads a bound takes in the next 24 hours, if as many come as in the last.
    pub fn expiring(&self, bound: u64) -> u64 {
        let each = (self.bytes / self.number.max(1)).max(1);
        let then = self.bytes.saturating_add(each.saturating_mul(self.accepted_last_day));
        then.saturating_sub(bound).div_ceil(each)
    }
}

/// What is known of the payloads' size. Only what came since is measured each time.
#[derive(Default)]
pub struct Measured(Mutex<Option<Sizes>>);

#[derive(Clone, Copy)]
struct Sizes {
    number: u64,
    bytes: u64,
    /// The last event that was measured.
    last: Option<EventId>,
    /// Where the oldest payload is looked for.
    oldest: EventId,
    began_at: Timestamp,
    /// Before then all that is left was still to be sent, and is not looked at again.
    look_again_at: Timestamp,
}

impl Service {
    /// What the retention takes in the next 24 hours, where the data file has `database_bytes`.
    /// Deliveries that are still pending then keep their event; that is not looked at here.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn expiring(&self, database_bytes: u64) -> Result<Expiring, Problem> {
        let before = self.now().plus(DAY).minus(self.settings.retention);
        let events = self.store.events_before(before, MOST_COUNTED)? as u64;
        let all = self.store.event_count()?.max(1);
        let bytes = (u128::from(database_bytes) * u128::from(events) / u128::from(all)) as u64;
        Ok(Expiring { events, more: events >= MOST_COUNTED as u64, bytes })
    }

    /// The payloads that are kept, as last measured; `None` where there is no bound.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn payload_bytes(&self) -> Result<Option<PayloadBytes>, Problem> {
        let sizes = *self.payload_bytes.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Sizes { number, bytes, .. }) = sizes else { return Ok(None) };
        Ok(Some(PayloadBytes { number, bytes, accepted_last_day: self.volume()?.accepted_last_day }))
    }

    /// Removes events that are older than the retention and have no pending delivery. Answers how
    /// many.
    ///
    /// # Errors
    /// `cannot_write`.
    pub async fn forget_old(&self) -> Result<usize, Problem> {
        let now = self.now();
        let before = now.minus(self.settings.retention);
        let (mut from, mut removed) = (EventId(0), 0);
        loop {
            let step = self.store.forget(before, from).await?;
            removed += step.events;
            self.fewer(step.bodies.0, step.bodies.1);
            match step.next {
                Some(next) => from = next,
                None => break,
            }
        }
        self.forget_audit().await?;
        // The pages look back 30 days at the most.
        self.store.forget_hours(now.hour().saturating_sub(31 * 24)).await?;
        Ok(removed)
    }

    /// Deletes the oldest payloads until no more than `retention_max_bytes` of them are left, or only
    /// such that are still to be sent. Answers how many.
    ///
    /// # Errors
    /// `cannot_write`, or if the store cannot be read.
    pub async fn keep_within_size(&self) -> Result<u64, Problem> {
        let Some(bound) = self.settings.retention_max_bytes else { return Ok(0) };
        let mut sizes = self.measure()?;
        let mut number = 0;
        let deleted = PayloadDeleted { at: self.now(), by: BOUND.to_owned() };
        while sizes.bytes > bound && sizes.look_again_at <= self.now() {
            let step = self.store.drop_payloads(sizes.oldest, sizes.bytes - bound, deleted.clone()).await?;
            number += step.number;
            // Those that were passed over because they were still to be sent are looked at again from
            // the front once there is nothing behind.
            sizes.oldest = step.next.unwrap_or(EventId(0));
            if step.next.is_none() {
                sizes.look_again_at = self.now().plus(LOOK_AGAIN_AFTER);
            }
            self.go_on_at(sizes.oldest, sizes.look_again_at);
            self.fewer(step.number, step.bytes);
            sizes.bytes = sizes.bytes.saturating_sub(step.bytes);
        }
        Ok(number)
    }

    /// Adds what came since the last time.
    fn measure(&self) -> Result<Sizes, Problem> {
        let now = self.now();
        let known = *self.payload_bytes.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.filter(|sizes| now - sizes.began_at < MEASURE_ANEW);
        let is_new = known.is_none();
        let nothing = Sizes { number: 0, bytes: 0, last: None, oldest: EventId(0), began_at: now, look_again_at: now };
        let mut sizes = known.unwrap_or(nothing);
        let mut first = None;
        loop {
            let part = self.store.bodies(sizes.last, MEASURED_AT_ONCE)?;
            sizes.number += part.number;
            sizes.bytes += part.bytes;
            sizes.last = part.last.or(sizes.last);
            first = first.or(part.first);
            if !part.more {
                break;
            }
        }
        if is_new {
            sizes.oldest = first.unwrap_or(EventId(0));
        }
        *self.payload_bytes.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sizes);
        Ok(sizes)
    }

    fn fewer(&self, number: u64, bytes: u64) {
        if let Some(sizes) = &mut *self.payload_bytes.0.lock().unwrap_or_else(PoisonError::into_inner) {
            sizes.number = sizes.number.saturating_sub(number);
            sizes.bytes = sizes.bytes.saturating_sub(bytes);
        }
    }

    fn go_on_at(&self, oldest: EventId, look_again_at: Timestamp) {
        if let Some(sizes) = &mut *self.payload_bytes.0.lock().unwrap_or_else(PoisonError::into_inner) {
            (sizes.oldest, sizes.look_again_at) = (oldest, look_again_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bound_takes_in_a_day_follows_from_the_day_before() {
        for (number, bytes, accepted_last_day, bound, expected) in [
            (0, 0, 0, 1_000, 0),
            (10, 1_000, 0, 1_000, 0),
            (10, 1_000, 5, 2_000, 0),
            (10, 1_000, 5, 1_000, 5),
            (10, 1_000, 5, 1_250, 3),
            (10, 1_000, 0, 500, 5),
        ] {
            let payloads = PayloadBytes { number, bytes, accepted_last_day };
            assert_eq!(payloads.expiring(bound), expected, "{payloads:?} {bound}");
        }
    }
}
