//! The engine's part that starts requests and takes in what came of them.

use std::time::Duration;

use super::{Engine, Finished, Job, READ_AGAIN_AFTER, Turn, lane::Spot, line::Group};
use crate::{
    domain::{Timestamp, Verdict, WebhookId},
    store::{AttemptRecord, Due},
};

/// How long a row is laid aside whose delivery could not be read.
const ASIDE_FOR: Duration = Duration::from_secs(60);

impl Engine {
    /// Gives rows to the sending threads, one lane after the other.
    pub(super) fn start(&mut self, free: usize, turn: &mut Turn) {
        let room = self.options.in_hand.saturating_sub(self.hands.len());
        let most = self.options.max_in_flight.saturating_sub(self.hands.flights());
        let mut left = if self.can_write && !self.paused { free.min(room).min(most) } else { 0 };
        let slow_most = (self.options.max_in_flight / 2).max(1);
        while left > 0 {
            let Some((webhook, place)) = self.line.next(self.slow_flights < slow_most) else { break };
            let Some(lane) = self.lanes.get_mut(&webhook) else { continue };
            if lane.spot != Spot::Ready(place) {
                continue;
            }
            lane.spot = Spot::Nowhere;
            let stood = lane.group;
            self.regroup(webhook);
            left -= usize::from(self.start_one(webhook, stood, turn));
            self.settle(webhook);
        }
    }

    /// Starts the next due row of a lane that stood in the line with the group `stood`. False if
    /// it has none any more, if that delivery is in hand already, or if the lane's turn among the
    /// quick was not rightly its own any more.
    fn start_one(&mut self, webhook: WebhookId, stood: Group, turn: &mut Turn) -> bool {
        let default_max = self.options.lane_max_in_flight;
        let Some(lane) = self.lanes.get_mut(&webhook) else { return false };
        if stood == Group::Quick && lane.group != Group::Quick {
            return false;
        }
        if lane.next_at(default_max).is_none_or(|at| at > self.now) {
            return false;
        }
        let before = lane.rows.len();
        let taken = lane.rows.take(self.now);
        self.rows = self.rows - before + lane.rows.len();
        let Some(due) = taken else { return false };
        if self.hands.holds(due.delivery) {
            self.hands.moved(due);
            return false;
        }
        let takes_time = lane.group != Group::Quick;
        let job = Job { webhook, due, takes_time };
        lane.took_off(due.delivery, self.now);
        self.slow_flights += usize::from(takes_time);
        self.hands.take(job, self.now);
        turn.send.push(job);
        true
    }

    pub(super) fn finished(&mut self, finished: Finished, turn: &mut Turn) {
        let Finished { job, mut attempt, round_attempt, ordered, finished_at, jitter } = finished;
        if !attempt.outcome.counts() {
            return self.not_sent(job, Some(job.due));
        }
        let Some(hand) = self.hands.in_flight(&job) else { return };
        let began = hand.began;
        // The lane is kept while anything of it is in flight.
        let Some(lane) = self.lanes.get_mut(&job.webhook) else { return };
        let schedule = lane.settings.schedule.as_ref().unwrap_or(&self.options.schedule);
        let verdict = schedule.after(round_attempt, &attempt.outcome, finished_at, jitter);
        let crowded = lane.rows.first_due().is_some_and(|due| due.at <= self.now);
        let duration_ms = attempt.duration_ms;
        let throttled_until = lane.pace.finished(&attempt.outcome, duration_ms, verdict, finished_at, crowded);
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
        let webhook = job.webhook;
        let record = AttemptRecord { delivery, webhook, attempt, verdict, throttled_until, gone, ordered, finished_at };
        if self.can_write {
            turn.record.push(record.clone());
        }
        self.hands.keep(record);
        self.landed(job, began);
    }

    /// Lets go of a delivery for which nothing is recorded, and takes up the row it has now: the
    /// one it moved to, else `row`.
    pub(super) fn not_sent(&mut self, job: Job, row: Option<Due>) {
        let Some(hand) = self.hands.release(&job) else { return };
        self.landed(job, hand.began);
        if let Some(row) = hand.moved_to.or(row) {
            self.add_row(job.webhook, row);
        }
    }

    /// The row is laid aside, so that the others of its webhook go before it is tried again. The
    /// whole webhook waits a little, so that a disk that fails is not asked without pause.
    pub(super) fn unreadable(&mut self, job: Job) {
        let Some(hand) = self.hands.in_flight(&job) else { return };
        if hand.moved_to.is_none() {
            self.aside.push_back((self.now.plus(ASIDE_FOR), job));
        }
        if let Some(lane) = self.lanes.get_mut(&job.webhook) {
            lane.pace.pause(self.now.plus(READ_AGAIN_AFTER));
        }
        self.not_sent(job, None);
    }

    fn landed(&mut self, job: Job, began: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&job.webhook) else { return };
        self.slow_flights -= lane.slow_flights();
        lane.landed(job.due.delivery, began);
        self.slow_flights += lane.slow_flights();
        self.regroup(job.webhook);
        self.settle(job.webhook);
    }

    /// Puts a lane into the group it belongs to now. One that stands in the line goes to the end of
    /// its new group: nobody quick waits behind the slow.
    fn regroup(&mut self, webhook: WebhookId) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        let group = lane.group_at(self.now);
        if group == lane.group {
            return;
        }
        self.slow_flights -= lane.slow_flights();
        lane.group = group;
        self.slow_flights += lane.slow_flights();
        if matches!(lane.spot, Spot::Ready(_)) {
            lane.spot = Spot::Ready(self.line.stand(webhook, group));
        }
    }
}
