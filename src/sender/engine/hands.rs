//! The deliveries that are in hand: from the moment one is given to a sending thread until its
//! attempt is recorded. Nothing in hand is started again, whatever else is said about its row.

use std::collections::HashMap;

use super::messages::Job;
use crate::{
    domain::{DeliveryId, Timestamp},
    store::{AttemptRecord, Due},
};

/// One delivery in hand.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) job: Job,
    /// When it was given to a sending thread.
    pub(super) began: Timestamp,
    /// The row it has on disk meanwhile, if that has become another one. Counts only if nothing is
    /// recorded: the notice that follows a record says itself what is next.
    pub(super) moved_to: Option<Due>,
    /// The attempt, once it is made and until it is recorded.
    pub(super) record: Option<AttemptRecord>,
}

/// The deliveries that are in hand.
#[derive(Debug, Default)]
pub(super) struct Hands {
    hands: HashMap<DeliveryId, Hand>,
    unrecorded: usize,
}

impl Hands {
    /// Takes a delivery in hand.
    pub(super) fn take(&mut self, job: Job, now: Timestamp) {
        let before = self.hands.insert(job.due.delivery, Hand { job, began: now, moved_to: None, record: None });
        debug_assert!(before.is_none(), "a delivery in hand is not started again");
    }

    pub(super) fn holds(&self, delivery: DeliveryId) -> bool {
        self.hands.contains_key(&delivery)
    }

    /// The delivery of `job` if it is in flight. Nothing if an answer comes twice.
    pub(super) fn in_flight(&mut self, job: &Job) -> Option<&mut Hand> {
        self.hands.get_mut(&job.due.delivery).filter(|hand| hand.job == *job && hand.record.is_none())
    }

    /// Notes that a delivery in hand now has the row `due`. False if it is not in hand.
    pub(super) fn moved(&mut self, due: Due) -> bool {
        let Some(hand) = self.hands.get_mut(&due.delivery) else { return false };
        hand.moved_to = Some(due);
        true
    }

    /// As [`Hands::moved`] for a row that was read, which may be older than what a notice said.
    pub(super) fn seen(&mut self, due: Due) -> bool {
        let Some(hand) = self.hands.get_mut(&due.delivery) else { return false };
        if hand.job.due != due {
            hand.moved_to.get_or_insert(due);
        }
        true
    }

    /// Keeps the attempt of a delivery in flight until it is recorded.
    pub(super) fn keep(&mut self, record: AttemptRecord) {
        let Some(hand) = self.hands.get_mut(&record.delivery) else { return };
        if hand.record.replace(record).is_none() {
            self.unrecorded += 1;
        }
    }

    /// Lets go of a delivery in flight for which nothing is recorded.
    pub(super) fn release(&mut self, job: &Job) -> Option<Hand> {
        self.in_flight(job)?;
        self.hands.remove(&job.due.delivery)
    }

    /// Lets go of a delivery whose attempt is recorded now; gives it. Nothing if another attempt of
    /// it is in flight already.
    pub(super) fn recorded(&mut self, delivery: DeliveryId) -> Option<AttemptRecord> {
        let record = self.hands.get_mut(&delivery)?.record.take()?;
        self.hands.remove(&delivery);
        self.unrecorded -= 1;
        Some(record)
    }

    /// The attempts that are made and not recorded, in the order of their deliveries.
    pub(super) fn records(&self) -> Vec<AttemptRecord> {
        let mut records: Vec<_> = self.hands.values().filter_map(|hand| hand.record.clone()).collect();
        records.sort_unstable_by_key(|record| record.delivery);
        records
    }

    /// How many are in hand.
    pub(super) fn len(&self) -> usize {
        self.hands.len()
    }

    /// How many are in flight.
    pub(super) fn flights(&self) -> usize {
        self.hands.len() - self.unrecorded
    }
}
