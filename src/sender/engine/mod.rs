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
mod rows;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use hands::{Hand, Hands};
use lane::{Lane, Spot};
use line::Line;
pub use messages::{Finished, Input, Job, LaneSettings, ReadPage, Turn};

use crate::{
    domain::{RetrySchedule, Timestamp, Verdict, WebhookId},
    store::{AttemptRecord, Due, Notice, QueuePage},
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
        }
    }
}

/// Rows of each kind that a webhook may keep in memory when all together have too many.
const ROWS_WHEN_FULL: usize = 16;

/// How long a webhook is left alone after something of it could not be read from disk.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How long a row is laid aside whose delivery could not be read.
const ASIDE_FOR: Duration = Duration::from_secs(60);

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
    /// Requests in flight of slow lanes.
    slow_flights: usize,
    /// Whether the store can write. While it cannot, nothing is started.
    can_write: bool,
}

impl Engine {
    /// An engine without lanes; tell it each webhook that is on.
    pub fn new(options: EngineOptions) -> Self {
        Engine {
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
            Notice::Queued { webhook, due } => {
                if !self.hands.moved(due) {
                    self.add_row(webhook, due);
                }
            }
            Notice::Recorded { webhook, delivery, next } => {
                let released = self.hands.release(delivery);
                self.land(released.as_ref().filter(|hand| hand.record.is_none()));
                if let Some(record) = released.and_then(|hand| hand.record)
                    && record.gone
                {
                    // The lane was stopped when the answer came; the store has the last word.
                    self.ask_settings(webhook, turn);
                }
                match next {
                    Some(at) => self.add_row(webhook, Due { at, delivery }),
                    None => self.settle(webhook),
                }
            }
            Notice::WebhookChanged(webhook) => self.ask_settings(webhook, turn),
            Notice::CannotWrite => self.can_write = false,
            Notice::Reopened => {
                self.can_write = true;
                turn.record.extend(self.hands.records());
                self.read_all_anew();
            }
        }
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
                let was_on = lane.settings.on;
                lane.change(settings);
                if was_on != lane.settings.on {
                    self.rows -= lane.rows.len();
                    lane.rows.forget();
                }
            }
            None if settings.on => {
                self.lanes.insert(webhook, Lane::new(settings));
            }
            None => {}
        }
        self.settle(webhook);
    }

    fn page_read(&mut self, asked: ReadPage, page: QueuePage) {
        self.reads = self.reads.saturating_sub(1);
        let bound = self.lane_bound();
        let Some(lane) = self.lanes.get_mut(&asked.webhook) else { return };
        let before = lane.rows.len();
        let hands = &mut self.hands;
        lane.rows.page_read(asked.ticket, page, bound, |row| hands.seen(*row));
        self.rows = self.rows - before + lane.rows.len();
        self.settle(asked.webhook);
    }

    fn page_failed(&mut self, asked: ReadPage) {
        self.reads = self.reads.saturating_sub(1);
        let Some(lane) = self.lanes.get_mut(&asked.webhook) else { return };
        let before = lane.rows.len();
        lane.rows.reading_failed(asked.ticket);
        self.rows = self.rows - before + lane.rows.len();
        lane.wants_page = true;
        self.page_failed.push_back((self.now.plus(READ_AGAIN_AFTER), asked.webhook));
        self.settle(asked.webhook);
    }

    fn finished(&mut self, finished: Finished, turn: &mut Turn) {
        let Finished { job, mut attempt, round_attempt, finished_at, jitter } = finished;
        if !attempt.outcome.counts() {
            return self.not_sent(job, Some(job.due));
        }
        let Some(hand) = self.hands.in_flight(&job) else { return };
        let began = hand.began;
        // The lane is kept while anything of it is in flight.
        let Some(lane) = self.lanes.get_mut(&job.webhook) else { return };
        let schedule = lane.settings.schedule.as_ref().unwrap_or(&self.options.schedule);
        let verdict = schedule.after(round_attempt, &attempt.outcome, finished_at, jitter);
        let throttled_until = lane.pace.finished(&attempt.outcome, attempt.duration_ms, verdict, finished_at);
        let gone = attempt.outcome.gone();
        if gone {
            lane.settings.on = false;
            self.rows -= lane.rows.len();
            lane.rows.forget();
        }
        attempt.next_attempt_at = match verdict {
            Verdict::TryAgain(at) => Some(at),
            Verdict::Done | Verdict::GiveUp => None,
        };
        let delivery = job.due.delivery;
        let record = AttemptRecord { delivery, webhook: job.webhook, attempt, verdict, throttled_until, gone };
        if self.can_write {
            turn.record.push(record.clone());
        }
        self.hands.keep(record);
        self.land_lane(job, began);
    }

    /// Lets go of a delivery for which nothing is recorded, and takes up the row it has now: the
    /// one it moved to, else `row`.
    fn not_sent(&mut self, job: Job, row: Option<Due>) {
        if self.hands.in_flight(&job).is_none() {
            return;
        }
        let hand = self.hands.release(job.due.delivery);
        self.land(hand.as_ref());
        if let Some(row) = hand.and_then(|hand| hand.moved_to).or(row) {
            self.add_row(job.webhook, row);
        }
    }

    /// The row is laid aside, so that the others of its webhook go before it is tried again. The
    /// whole webhook waits a little, so that a disk that fails is not asked without pause.
    fn unreadable(&mut self, job: Job) {
        let Some(hand) = self.hands.in_flight(&job) else { return };
        if hand.moved_to.is_none() {
            self.aside.push_back((self.now.plus(ASIDE_FOR), job));
        }
        if let Some(lane) = self.lanes.get_mut(&job.webhook) {
            lane.pace.pause(self.now.plus(READ_AGAIN_AFTER));
        }
        self.not_sent(job, None);
    }

    fn land(&mut self, hand: Option<&Hand>) {
        if let Some(hand) = hand {
            self.land_lane(hand.job, hand.began);
        }
    }

    fn land_lane(&mut self, job: Job, began: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&job.webhook) else { return };
        self.slow_flights -= if lane.slow { lane.in_flight() } else { 0 };
        lane.landed(job.due.delivery, began);
        lane.slow = lane.is_slow(self.now);
        self.slow_flights += if lane.slow { lane.in_flight() } else { 0 };
        self.settle(job.webhook);
    }

    /// Takes in a row that is on disk.
    fn add_row(&mut self, webhook: WebhookId, row: Due) {
        let bound = self.lane_bound();
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        if lane.settings.on {
            let before = lane.rows.len();
            lane.rows.add(row, bound);
            self.rows = self.rows - before + lane.rows.len();
        }
        self.settle(webhook);
    }

    fn lane_bound(&self) -> usize {
        if self.rows >= self.options.total_rows { ROWS_WHEN_FULL } else { self.options.lane_rows.max(1) }
    }

    /// A page and what is left when it is asked for fit in memory together, or the page would
    /// push out rows that had to be read again at once.
    fn page_limit(&self) -> usize {
        self.options.page_rows.min(self.lane_bound() / 2).max(1)
    }

    /// A lane with fewer rows than this reads on.
    fn low_mark(&self) -> usize {
        (self.page_limit() / 2).max(1)
    }

    /// What is known of the queues may be wrong: every lane reads its own again.
    fn read_all_anew(&mut self) {
        let webhooks: Vec<WebhookId> = self.lanes.keys().copied().collect();
        for webhook in webhooks {
            if let Some(lane) = self.lanes.get_mut(&webhook) {
                lane.rows.forget();
            }
            self.settle(webhook);
        }
        self.rows = 0;
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
        let spot = lane.place(self.now, self.options.lane_max_in_flight);
        if spot == lane.spot || (lane.spot == Spot::Ready && spot != Spot::Ready) {
            // Who stands among the ready is looked at again when its turn comes.
            return;
        }
        lane.spot = spot;
        match spot {
            Spot::Nowhere => {}
            Spot::Ready => self.line.stand(webhook, lane.slow),
            Spot::Asleep(at) => self.line.sleep(webhook, at),
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

    /// Gives rows to the sending threads, one lane after the other.
    fn start(&mut self, free: usize, turn: &mut Turn) {
        let room = self.options.in_hand.saturating_sub(self.hands.len());
        let most = self.options.max_in_flight.saturating_sub(self.hands.flights());
        let mut left = if self.can_write { free.min(room).min(most) } else { 0 };
        let slow_most = (self.options.max_in_flight / 2).max(1);
        while left > 0 {
            let Some((webhook, stood_slow)) = self.line.next(self.slow_flights < slow_most) else { break };
            let Some(lane) = self.lanes.get_mut(&webhook) else { continue };
            if lane.spot != Spot::Ready {
                continue;
            }
            lane.spot = Spot::Nowhere;
            let slow = lane.is_slow(self.now);
            if slow != lane.slow {
                lane.slow = slow;
                let flights = lane.in_flight();
                self.slow_flights =
                    if slow { self.slow_flights + flights } else { self.slow_flights.saturating_sub(flights) };
            }
            if slow && !stood_slow {
                // It turned slow while it stood among the quick.
                self.settle(webhook);
                continue;
            }
            if lane.place(self.now, self.options.lane_max_in_flight) == Spot::Ready {
                left -= usize::from(self.start_one(webhook, turn));
            }
            self.settle(webhook);
        }
    }

    /// Starts the next due row of a lane. False if that delivery is in hand already.
    fn start_one(&mut self, webhook: WebhookId, turn: &mut Turn) -> bool {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return false };
        let before = lane.rows.len();
        let taken = lane.rows.take(self.now);
        self.rows = self.rows - before + lane.rows.len();
        let Some(due) = taken else { return false };
        if self.hands.holds(due.delivery) {
            self.hands.moved(due);
            return false;
        }
        let job = Job { webhook, due };
        lane.took_off(due.delivery, self.now);
        self.slow_flights += usize::from(lane.slow);
        self.hands.take(job, self.now);
        turn.send.push(job);
        true
    }

    fn read_pages(&mut self, turn: &mut Turn) {
        while self.can_write && self.reads < self.options.reads_at_once.max(1) {
            let Some(webhook) = self.page_wanted.pop_front() else { return };
            let (limit, low) = (self.page_limit(), self.low_mark());
            let Some(lane) = self.lanes.get_mut(&webhook) else { continue };
            lane.wants_page = false;
            if !lane.settings.on || !lane.rows.runs_low(low) {
                continue;
            }
            self.last_ticket += 1;
            let after = lane.rows.begin_reading(self.last_ticket);
            self.reads += 1;
            turn.read.push(ReadPage { webhook, after, limit, ticket: self.last_ticket });
        }
    }

    fn next_wake(&self) -> Option<Timestamp> {
        let lane = self.line.first_asleep().map(|(at, _)| at);
        let page = self.page_failed.front().map(|(at, _)| *at);
        let aside = self.aside.front().map(|(at, _)| *at);
        [lane, page, aside].into_iter().flatten().min()
    }
}
