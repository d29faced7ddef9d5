//! Decides what is sent when: one pure state machine over lanes, one lane for each webhook.
//!
//! [`Engine::turn`] takes what has happened and the time, and says what to do now and when to ask
//! again. It holds no lock, reads no clock and touches no disk; all it knows can be rebuilt from
//! the queue. Leaves out: reading what a request is made of, sending it, and recording.

mod hands;
mod lane;
mod line;
mod messages;
mod pace;
mod reading;
mod rows;
mod sending;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use hands::Hands;
use lane::{Lane, Spot};
use line::Line;
pub use messages::{Finished, Input, Job, LaneSettings, ReadPage, Turn};

use crate::{
    domain::{RetrySchedule, Timestamp, WebhookId},
    store::{Due, Notice},
};

/// The engine's limits, and what counts for a webhook that does not say otherwise.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Requests in flight at once over all webhooks; slow receivers get half of them at most.
    pub max_in_flight: usize,
    /// Requests in flight at once to one webhook, unless it says otherwise.
    pub lane_max_in_flight: u16,
    /// The retry schedule, unless a webhook says otherwise.
    pub schedule: RetrySchedule,
    /// First attempts, and as many retries, of one webhook that are kept in memory.
    pub lane_rows: usize,
    /// Rows of all webhooks that are kept in memory. Above, each webhook keeps 16 of each kind.
    pub total_rows: usize,
    /// Rows read at once.
    pub page_rows: usize,
    /// Pages asked for and not read yet.
    pub reads_at_once: usize,
    /// Deliveries in flight or made and not recorded yet. Beyond it nothing new is started.
    pub in_hand: usize,
    /// Whether all sending is paused when the engine begins.
    pub paused: bool,
}

impl Default for EngineOptions {
    /// About 50 MB of rows at the most.
    fn default() -> Self {
        EngineOptions {
            max_in_flight: 256,
            lane_max_in_flight: 10,
            schedule: RetrySchedule::default(),
            lane_rows: 1_024,
            total_rows: 500_000,
            page_rows: 512,
            reads_at_once: 8,
            in_hand: 4_096,
            paused: false,
        }
    }
}

/// How long a webhook is left alone after something of it could not be read from disk.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Decides what is sent when.
#[derive(Debug)]
pub struct Engine {
    options: EngineOptions,
    now: Timestamp,
    lanes: HashMap<WebhookId, Lane>,
    hands: Hands,
    line: Line,
    /// Lanes that want to read a page.
    page_wanted: VecDeque<WebhookId>,
    /// Lanes that want to read again later, after a failure.
    page_failed: VecDeque<(Timestamp, WebhookId)>,
    /// Rows whose delivery could not be read, until they are tried again.
    aside: VecDeque<(Timestamp, Job)>,
    reads: usize,
    last_ticket: u64,
    /// Rows in memory, of all lanes.
    rows: usize,
    /// Requests in flight of lanes that are not quick.
    slow_flights: usize,
    /// Whether the store can write. While it cannot, nothing is started.
    can_write: bool,
    /// Whether all sending is paused. Then nothing is started either; what is in flight ends.
    paused: bool,
}

impl Engine {
    /// An engine without lanes; tell it each webhook that is on.
    pub fn new(options: EngineOptions) -> Self {
        Engine {
            paused: options.paused,
            options,
            now: Timestamp::default(),
            lanes: HashMap::new(),
            hands: Hands::default(),
            line: Line::default(),
            page_wanted: VecDeque::new(),
            page_failed: VecDeque::new(),
            aside: VecDeque::new(),
            reads: 0,
            last_ticket: 0,
            rows: 0,
            slow_flights: 0,
            can_write: true,
        }
    }

    /// Takes in what has happened, and says what to do at `now`. At most `free` requests are
    /// started, and never more than the options allow in flight; 0 while stopping.
    pub fn turn(&mut self, inputs: Vec<Input>, now: Timestamp, free: usize) -> Turn {
        // A clock that is set back must not make rows wait that were due already.
        self.now = self.now.max(now);
        let mut turn = Turn::default();
        for input in inputs {
            self.take_in(input, &mut turn);
        }
        self.wake();
        self.start(free, &mut turn);
        self.read_pages(&mut turn);
        turn.wake_at = self.next_wake();
        turn
    }

    /// Requests in flight, by what the engine was told.
    pub fn in_flight(&self) -> usize {
        self.hands.flights()
    }

    /// Attempts that are made and not recorded yet.
    pub fn unrecorded(&self) -> usize {
        self.hands.len() - self.hands.flights()
    }

    fn take_in(&mut self, input: Input, turn: &mut Turn) {
        match input {
            Input::Notice(notice) => self.noticed(notice, turn),
            Input::Webhook(webhook, settings) => self.webhook_is(webhook, settings),
            Input::PageRead { asked, page } => self.page_read(asked, page),
            Input::PageFailed(asked) => self.page_failed(asked),
            Input::Finished(finished) => self.finished(*finished, turn),
            Input::Stale(job) => self.not_sent(job, None),
            Input::Interrupted(job) => self.not_sent(job, Some(job.due)),
            Input::Unreadable(job) => self.unreadable(job),
            Input::NoticesLeftOut => self.read_all_anew(),
        }
    }

    fn noticed(&mut self, notice: Notice, turn: &mut Turn) {
        match notice {
            Notice::Queued { webhook, due } => self.queued(webhook, due),
            Notice::Recorded { webhook, delivery, next } => {
                let record = self.hands.recorded(delivery);
                if record.is_some_and(|record| record.gone) {
                    // The lane was stopped when the answer came; the store has the last word.
                    self.ask_settings(webhook, turn);
                }
                // A paused retry is read from disk once somebody resumes it.
                if let Some(at) = next.filter(|_| !self.holds_retries(webhook)) {
                    self.queued(webhook, Due { at, delivery });
                }
            }
            Notice::WebhookChanged(webhook) => self.ask_settings(webhook, turn),
            Notice::Paused(paused) => self.paused = paused,
            Notice::CannotWrite => self.can_write = false,
            Notice::Reopened => {
                self.can_write = true;
                turn.record.extend(self.hands.records());
                self.read_all_anew();
            }
        }
    }

    fn queued(&mut self, webhook: WebhookId, due: Due) {
        if !self.hands.moved(due) {
            self.add_row(webhook, due);
        }
    }

    fn holds_retries(&self, webhook: WebhookId) -> bool {
        self.lanes.get(&webhook).is_some_and(|lane| lane.settings.retries_paused)
    }

    fn ask_settings(&mut self, webhook: WebhookId, turn: &mut Turn) {
        turn.settings.push(webhook);
        if let Some(lane) = self.lanes.get_mut(&webhook) {
            lane.asked += 1;
        }
    }

    fn webhook_is(&mut self, webhook: WebhookId, settings: Option<LaneSettings>) {
        let settings = settings.unwrap_or_default();
        match self.lanes.get_mut(&webhook) {
            Some(lane) => {
                lane.change(settings);
                // It may have been off between two answers that both say on, and what came
                // meanwhile was not announced.
                self.rows -= lane.rows.len();
                lane.rows.forget();
            }
            None if settings.on => {
                self.lanes.insert(webhook, Lane::new(settings));
            }
            None => {}
        }
        self.settle(webhook);
    }

    /// Puts a lane where it belongs after something about it has changed.
    fn settle(&mut self, webhook: WebhookId) {
        let low = self.low_mark();
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        if !lane.settings.on && lane.in_flight() == 0 {
            self.rows -= lane.rows.len();
            self.lanes.remove(&webhook);
            return;
        }
        if lane.settings.on && !lane.wants_page && lane.rows.runs_low(low) {
            lane.wants_page = true;
            self.page_wanted.push_back(webhook);
        }
        match lane.next_at(self.options.lane_max_in_flight) {
            // Who stands in the line is looked at again when it is served.
            _ if matches!(lane.spot, Spot::Ready(_)) => {}
            None => lane.spot = Spot::Nowhere,
            Some(at) if at <= self.now => lane.spot = Spot::Ready(self.line.stand(webhook, lane.group)),
            Some(at) if lane.spot != Spot::Asleep(at) => {
                lane.spot = Spot::Asleep(at);
                self.line.sleep(webhook, at);
            }
            Some(_) => {}
        }
    }

    fn wake(&mut self) {
        while let Some((at, webhook)) = self.line.first_asleep() {
            let current = self.lanes.get(&webhook).is_some_and(|lane| lane.spot == Spot::Asleep(at));
            if current && at > self.now {
                break;
            }
            self.line.wake_first();
            if current {
                self.settle(webhook);
            }
        }
        if self.line.sleepers() > 64 + 4 * self.lanes.len() {
            let lanes = &self.lanes;
            self.line.tidy(|webhook, at| lanes.get(&webhook).is_some_and(|lane| lane.spot == Spot::Asleep(at)));
        }
        while let Some((at, webhook)) = self.page_failed.front().copied()
            && at <= self.now
        {
            self.page_failed.pop_front();
            self.page_wanted.push_back(webhook);
        }
        while let Some((at, job)) = self.aside.front().copied()
            && at <= self.now
        {
            self.aside.pop_front();
            self.add_row(job.webhook, job.due);
        }
    }

    fn next_wake(&self) -> Option<Timestamp> {
        let lane = self.line.first_asleep().map(|(at, _)| at);
        let page = self.page_failed.front().map(|(at, _)| *at);
        let aside = self.aside.front().map(|(at, _)| *at);
        [lane, page, aside].into_iter().flatten().min()
    }
}
