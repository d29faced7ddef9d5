//! The part of one webhook's queue that is held in memory.
//!
//! Rows up to the horizon are all in memory; what lies behind it is on disk and read in pages when
//! the memory runs low. One exception goes beyond: a first attempt is taken as soon as it is
//! announced, so that new events need not wait behind a long queue of late retries.
//!
//! What is in memory may be out of date in one direction only: a row that is gone from the disk.
//! Whoever sends reads the delivery first and finds that out.

use std::collections::BTreeSet;

use crate::{
    domain::{DeliveryId, Timestamp},
    store::{Due, QueuePage},
};

/// Up to where all rows of the disk are in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Horizon {
    /// This row and all before it; `None` if not even the first is known.
    After(Option<Due>),
    /// There is nothing on disk that is not in memory.
    End,
}

/// A page that is being read.
#[derive(Debug)]
struct Reading {
    ticket: u64,
    after: Option<Due>,
    /// Rows behind the horizon that were announced meanwhile; the page may be older than they are.
    late: BTreeSet<Due>,
    /// There were more of them than are kept: from here on some are missing.
    cut: Option<Due>,
}

/// The rows of one webhook that are in memory.
#[derive(Debug)]
pub(super) struct Rows {
    first: BTreeSet<Due>,
    retries: BTreeSet<Due>,
    horizon: Horizon,
    reading: Option<Reading>,
    /// First attempts taken in a row while a retry was due too.
    favoured: u8,
}

/// How much later than its making a delivery is due at most while it counts as a first attempt.
const FIRST_WITHIN_MS: u64 = 1_000;

/// First attempts that go before one due retry.
const FAVOUR: u8 = 3;

impl Rows {
    /// Knows nothing of the disk yet.
    pub(super) fn new() -> Self {
        Rows {
            first: BTreeSet::new(),
            retries: BTreeSet::new(),
            horizon: Horizon::After(None),
            reading: None,
            favoured: 0,
        }
    }

    /// Number of rows in memory, those that came during a read included.
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.retries.len() + self.reading.as_ref().map_or(0, |reading| reading.late.len())
    }

    /// When the first row is due.
    pub(super) fn first_due(&self) -> Option<Due> {
        match (self.first.first(), self.retries.first()) {
            (Some(first), Some(retry)) => Some(*first.min(retry)),
            (first, retry) => first.or(retry).copied(),
        }
    }

    /// Takes the row to send next among those due at `now`: mostly first attempts, now and then a
    /// retry so that they come along as well.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Due> {
        let is_due = |row: &&Due| row.at <= now;
        let first = self.first.first().filter(is_due).is_some();
        let retry = self.retries.first().filter(is_due).is_some();
        let favour = first && (!retry || self.favoured < FAVOUR);
        self.favoured = if favour && retry { self.favoured + 1 } else { 0 };
        if favour {
            return self.first.pop_first();
        }
        if retry { self.retries.pop_first() } else { None }
    }

    /// Takes in a row that is on disk. At most `bound` of a kind stay in memory.
    pub(super) fn add(&mut self, row: Due, bound: usize) {
        let left_out = if is_first_attempt(&row) {
            self.first.insert(row);
            if self.first.len() > bound { self.first.pop_last() } else { None }
        } else if self.knows(&row) {
            self.retries.insert(row);
            if self.retries.len() > bound { self.retries.pop_last() } else { None }
        } else {
            Some(row)
        };
        match left_out {
            Some(row) if self.knows(&row) => self.forget_from(row),
            Some(row) => self.remember_late(row, bound),
            None => {}
        }
    }

    /// Forgets everything, so that all is read again. An answer under way is no longer valid.
    pub(super) fn forget(&mut self) {
        *self = Rows::new();
    }

    /// Whether a page should be read: few of the rows up to the horizon are left.
    pub(super) fn runs_low(&self, low: usize) -> bool {
        let Horizon::After(horizon) = self.horizon else { return false };
        if self.reading.is_some() || self.retries.len() >= low {
            return false;
        }
        // First attempts beyond the horizon say nothing of what lies between.
        let beyond = self.first.first().is_none_or(|first| horizon.is_none_or(|horizon| *first > horizon));
        beyond || self.first.len() < low
    }

    /// Begins to read; gives the row after which to read.
    pub(super) fn begin_reading(&mut self, ticket: u64) -> Option<Due> {
        let Horizon::After(after) = self.horizon else { return None };
        self.reading = Some(Reading { ticket, after, late: BTreeSet::new(), cut: None });
        after
    }

    /// The read failed; it may be begun again.
    pub(super) fn reading_failed(&mut self, ticket: u64) {
        self.reading.take_if(|reading| reading.ticket == ticket);
    }

    /// Takes in a page that was read, without the rows that `skip` refuses.
    pub(super) fn page_read(&mut self, ticket: u64, page: QueuePage, bound: usize, mut skip: impl FnMut(&Due) -> bool) {
        let Some(reading) = self.reading.take_if(|reading| reading.ticket == ticket) else { return };
        if self.horizon != Horizon::After(reading.after) {
            // The memory was full meanwhile and gave up rows before this page.
            return;
        }
        self.horizon = match page.rows.last() {
            _ if !page.more => Horizon::End,
            last => Horizon::After(last.copied().or(reading.after)),
        };
        for row in page.rows.into_iter().chain(reading.late).filter(|row| !skip(row)) {
            self.add(row, bound);
        }
        if let Some(cut) = reading.cut {
            self.forget_from(cut);
        }
    }

    fn knows(&self, row: &Due) -> bool {
        match self.horizon {
            Horizon::End => true,
            Horizon::After(horizon) => horizon.is_some_and(|horizon| *row <= horizon),
        }
    }

    /// Leaves `row` and all behind it to the disk.
    fn forget_from(&mut self, row: Due) {
        if self.knows(&row) {
            let before = Due { at: row.at, delivery: DeliveryId(row.delivery.0.saturating_sub(1)) };
            self.horizon = Horizon::After(Some(before));
            self.retries.split_off(&row);
        }
    }

    /// A page under way may be older than this row, which lies behind the horizon.
    fn remember_late(&mut self, row: Due, bound: usize) {
        let Some(reading) = &mut self.reading else { return };
        reading.late.insert(row);
        if reading.late.len() > bound {
            let last = reading.late.pop_last().expect("more than the bound are in it");
            reading.cut = Some(reading.cut.map_or(last, |cut| cut.min(last)));
        }
    }
}

/// A first attempt is due when the event is accepted, which its id knows; anything else is later.
fn is_first_attempt(row: &Due) -> bool {
    row.at.as_millis() <= row.delivery.made_at().as_millis().saturating_add(FIRST_WITHIN_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(at: u64) -> Due {
        Due { at: Timestamp::from_millis(1_000_000 + at), delivery: DeliveryId(u128::from(at)) }
    }

    fn page(rows: &[Due], more: bool) -> QueuePage {
        QueuePage { rows: rows.to_vec(), more }
    }

    #[test]
    fn a_page_from_behind_rows_that_were_pushed_out_meanwhile_is_not_taken() {
        let mut rows = Rows::new();
        assert_eq!(rows.begin_reading(1), None);
        rows.page_read(1, page(&[retry(5)], true), 1, |_| false);
        assert_eq!(rows.begin_reading(2), Some(retry(5)));
        rows.add(retry(3), 1);
        rows.page_read(2, page(&[retry(7)], false), 1, |_| false);
        assert_eq!(rows.take(Timestamp::MAX), Some(retry(3)));
        assert!(rows.runs_low(1));
        let after = rows.begin_reading(3).unwrap();
        assert!(after < retry(5) && after > retry(3), "retry 5 is read again");
    }

    #[test]
    fn an_answer_to_an_earlier_question_is_not_taken() {
        let mut rows = Rows::new();
        rows.begin_reading(1);
        rows.forget();
        rows.begin_reading(2);
        rows.page_read(1, page(&[retry(5)], false), 9, |_| false);
        assert_eq!((rows.len(), rows.runs_low(1)), (0, false));
        rows.page_read(2, page(&[retry(6)], false), 9, |_| false);
        assert_eq!(rows.first_due(), Some(retry(6)));
    }
}
