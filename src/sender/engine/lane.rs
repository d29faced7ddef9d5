//! One webhook's part of the engine: its rows in memory, its requests in flight, its pace.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{messages::LaneSettings, pace::Pace, rows::Rows};
use crate::domain::{DeliveryId, Timestamp};

/// A request without an answer for this long makes its lane slow, before it has ended.
const STALLED_AFTER: Duration = Duration::from_secs(1);

/// One webhook's part of the engine.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) settings: LaneSettings,
    pub(super) rows: Rows,
    pub(super) pace: Pace,
    /// Requests in flight, by when they began.
    flights: BTreeSet<(Timestamp, DeliveryId)>,
    /// Whether its flights count as those of a slow receiver. Set by the engine, which keeps the sum.
    pub(super) slow: bool,
    /// Where it waits.
    pub(super) spot: Spot,
    /// Questions for its settings that are not answered yet. Nothing is started meanwhile, so that
    /// a webhook that is switched off gets what is in flight and no more.
    pub(super) asked: u32,
    /// Whether it waits for its turn to read a page.
    pub(super) wants_page: bool,
}

/// Where a lane waits for its next row to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// For something to happen.
    Nowhere,
    /// Among those that can send now.
    Ready,
    /// For a time.
    Asleep(Timestamp),
}

impl Lane {
    pub(super) fn new(settings: LaneSettings) -> Self {
        let mut pace = Pace::new(settings.throttled_until);
        pace.set_rate(settings.rate_per_second);
        Lane {
            settings,
            rows: Rows::new(),
            pace,
            flights: BTreeSet::new(),
            slow: true,
            spot: Spot::Nowhere,
            asked: 0,
            wants_page: false,
        }
    }

    /// Is served by `settings` from now on, the answer to one question; what is known of the receiver stays.
    pub(super) fn change(&mut self, settings: LaneSettings) {
        self.pace.set_rate(settings.rate_per_second);
        self.settings = settings;
        self.asked = self.asked.saturating_sub(1);
    }

    /// Requests in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.flights.len()
    }

    pub(super) fn took_off(&mut self, delivery: DeliveryId, now: Timestamp) {
        self.flights.insert((now, delivery));
        self.pace.started(now);
    }

    pub(super) fn landed(&mut self, delivery: DeliveryId, began: Timestamp) {
        self.flights.remove(&(began, delivery));
    }

    /// Whether it belongs to the slow lanes at `now`.
    pub(super) fn is_slow(&self, now: Timestamp) -> bool {
        let stalled = self.flights.first().is_some_and(|(began, _)| now - *began >= STALLED_AFTER);
        stalled || self.pace.is_slow()
    }

    /// Where it is to wait: ready if a row can be sent now, asleep until one can, or nowhere if
    /// something else must happen first.
    pub(super) fn place(&self, now: Timestamp, default_max: u16) -> Spot {
        let most = usize::from(self.settings.max_in_flight.unwrap_or(default_max).max(1));
        if !self.settings.on || self.asked > 0 || self.in_flight() >= self.pace.cap(most) {
            return Spot::Nowhere;
        }
        let Some(next) = self.rows.first_due() else { return Spot::Nowhere };
        let at = next.at.max(self.pace.not_before());
        if at <= now { Spot::Ready } else { Spot::Asleep(at) }
    }
}
