//! One webhook's part of the engine: its rows in memory, its requests in flight, its pace.

use std::{collections::BTreeSet, time::Duration};

use super::{line::Group, messages::LaneSettings, pace::Pace, rows::Rows};
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
    /// Set by the engine, which keeps the sum of the flights of those that are not quick.
    pub(super) group: Group,
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
    /// Among those that can send now, at this place.
    Ready(u64),
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
            group: Group::Unknown,
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

    /// Requests in flight that count towards the part of all threads that is not for quick lanes.
    pub(super) fn slow_flights(&self) -> usize {
        if self.group == Group::Quick { 0 } else { self.in_flight() }
    }

    /// The group it belongs to at `now`.
    pub(super) fn group_at(&self, now: Timestamp) -> Group {
        let stalled = self.flights.first().is_some_and(|(began, _)| now - *began >= STALLED_AFTER);
        if stalled { Group::Slow } else { self.pace.group() }
    }

    /// When the next row can be sent as things are; nothing if something else must happen first.
    pub(super) fn next_at(&self, default_max: u16) -> Option<Timestamp> {
        let most = usize::from(self.settings.max_in_flight.unwrap_or(default_max).max(1));
        if !self.settings.on || self.asked > 0 || self.in_flight() >= self.pace.cap(most) {
            return None;
        }
        self.rows.first_due().map(|next| next.at.max(self.pace.not_before()))
    }
}
