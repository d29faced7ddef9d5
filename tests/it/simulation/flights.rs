//! The sender's part: turns of the engine, pages of the queue, and requests on their way. Checks
//! what the engine starts.

use std::time::Duration;

use hookstead::{
    domain::{Attempt, Outcome, Timestamp, Verdict, WebhookId},
    sender::engine::{Finished, Input, Job, LaneSettings, ReadPage},
    store::{AttemptRecord, Parcel},
    system::Random,
};

use super::{
    model::{Asked, Model},
    world::{Checked, Waiting, World, ensure},
};

/// A request from the moment the engine wants it.
pub struct Flight {
    job: Job,
    stage: Stage,
}

enum Stage {
    /// A sending thread is about to read what to send.
    Wanted,
    /// It has read it; nothing has reached the receiver.
    Read(Box<Parcel>),
    /// The receiver has it and will answer.
    Arrived(Box<Parcel>, Answer),
}

struct Answer {
    outcome: Outcome,
    began: Timestamp,
    ends_at: Timestamp,
}

/// Something that the engine wants to know.
#[derive(Debug, Clone, Copy)]
pub enum Question {
    WebhooksOn,
    Settings(WebhookId),
    Page(ReadPage),
}

impl Flight {
    /// Whether it can go on without waiting for time.
    pub fn can_move(&self, now: Timestamp) -> bool {
        match &self.stage {
            Stage::Arrived(_, answer) => answer.ends_at <= now,
            Stage::Wanted | Stage::Read(_) => true,
        }
    }
}

impl World {
    /// The engine learns of all that happened and says what to do.
    pub fn turn(&mut self) -> Checked {
        let inputs = std::mem::take(&mut self.inputs);
        for input in &inputs {
            self.remember_lane(input);
            if !matches!(input, Input::Finished(_)) {
                self.tell(|| format!("the engine hears {input:?}"));
            }
        }
        let turn = self.engine.turn(inputs, self.now, self.options.max_in_flight);
        for job in turn.send {
            self.start(job)?;
        }
        let in_flight = self.flights.len() + self.late_landings.len();
        ensure!(self.engine.in_flight() == in_flight, "the engine counts other flights than there are");
        self.questions.extend(turn.settings.into_iter().map(Question::Settings));
        self.questions.extend(turn.read.into_iter().map(Question::Page));
        self.wake_at = turn.wake_at;
        if !turn.record.is_empty() {
            self.ask(Asked::Record(turn.record));
        }
        Ok(())
    }

    fn remember_lane(&mut self, input: &Input) {
        let Input::Webhook(id, settings) = input else { return };
        let settings = settings.clone().unwrap_or_default();
        if !settings.on {
            self.throttled.remove(id);
        }
        self.starts.remove(id);
        self.lanes.insert(*id, settings);
    }

    /// Invariant 5 and the limits: due, allowed, and not started twice at once.
    fn start(&mut self, job: Job) -> Checked {
        let Job { webhook, due, .. } = job;
        self.tell(|| format!("starts {due:?} for {webhook}"));
        ensure!(due.at <= self.now, "invariant 5: {due:?} is started at {}", self.now);
        let twice = self.flights.iter().any(|flight| flight.job.due.delivery == due.delivery);
        ensure!(!twice, "invariant 3: {} is started while it is in flight", due.delivery);
        let lane = self.lanes.get(&webhook).ok_or("a lane that nobody told of")?;
        ensure!(lane.on, "{webhook} is off and {} is started", due.delivery);
        if let Some(until) = self.throttled.get(&webhook) {
            ensure!(*until <= self.now, "{webhook} asked to wait until {until}, started at {}", self.now);
        }
        let most = usize::from(lane.max_in_flight.unwrap_or(self.options.lane_max_in_flight));
        let rate = lane.rate_per_second;
        self.flights.push(Flight { job, stage: Stage::Wanted });
        let flying = self.flights.iter().filter(|flight| flight.job.webhook == webhook).count();
        ensure!(flying <= most, "{webhook} has {flying} requests in flight, allowed are {most}");
        ensure!(self.flights.len() <= self.options.max_in_flight, "too many requests in flight");
        let Some(rate) = rate else { return Ok(()) };
        let now = self.now;
        let starts = self.starts.entry(webhook).or_default();
        starts.retain(|start| now - *start < Duration::from_secs(1));
        starts.push(now);
        let (started, allowed) = (starts.len(), rate as usize + rate as usize / 100 + 1);
        ensure!(started <= allowed, "{webhook} got {started} requests in a second, allowed are {rate}");
        Ok(())
    }

    /// Reads what the engine wants to know first; it is told at once or later.
    pub fn answer_question(&mut self) {
        let Some(question) = self.questions.pop_front() else { return };
        let answers = match question {
            Question::WebhooksOn => {
                let webhooks = self.store().webhooks();
                let on = webhooks.all().filter(|webhook| webhook.is_on());
                on.map(|webhook| self.settings(webhook.id)).collect()
            }
            Question::Settings(webhook) => vec![self.settings(webhook)],
            Question::Page(asked) => match self.store().queue_page(asked.webhook, asked.after, asked.limit) {
                Ok(page) => vec![Input::PageRead { asked, page }],
                Err(_) => vec![Input::PageFailed(asked)],
            },
        };
        self.late_answers.extend(answers);
        if !self.one_in(3) {
            self.inputs.append(&mut self.late_answers);
        }
    }

    /// How a webhook is to be served.
    fn settings(&self, id: WebhookId) -> Input {
        let until = self.store().webhook_state(id).throttled_until;
        let found = self.store().webhooks().get(id).filter(|webhook| webhook.deleted_at.is_none());
        Input::Webhook(id, found.map(|webhook| LaneSettings::of(&webhook, until)))
    }

    /// What was to be told later is told.
    pub fn tell_late(&mut self) {
        self.inputs.append(&mut self.late_answers);
        self.inputs.append(&mut self.late_landings);
    }

    fn land_unsent(&mut self, index: usize, input: Input) {
        self.flights.swap_remove(index);
        if self.one_in(3) { self.late_landings.push(input) } else { self.inputs.push(input) }
    }

    /// A request goes one stage further, if it does not wait for time.
    pub fn move_flight(&mut self, index: usize) -> Checked {
        let job = self.flights[index].job;
        match std::mem::replace(&mut self.flights[index].stage, Stage::Wanted) {
            Stage::Wanted => self.read_parcel(index),
            Stage::Read(parcel) => self.arrive(index, parcel),
            Stage::Arrived(parcel, answer) if answer.ends_at <= self.now => {
                self.flights.swap_remove(index);
                self.finish(job, &parcel, answer)
            }
            arrived @ Stage::Arrived(..) => {
                self.flights[index].stage = arrived;
                Ok(())
            }
        }
    }

    fn read_parcel(&mut self, index: usize) -> Checked {
        let job = self.flights[index].job;
        match self.store().parcel(job.due.delivery, job.due.at) {
            Err(_) => {
                self.tell(|| format!("cannot read {}", job.due.delivery));
                self.land_unsent(index, Input::Unreadable(job));
            }
            Ok(None) => {
                ensure!(!self.model.has_row(&job.due), "{job:?} stands in the queue and is taken for stale");
                self.tell(|| format!("{} is stale", job.due.delivery));
                self.land_unsent(index, Input::Stale(job));
            }
            Ok(Some(parcel)) if !parcel.webhook.is_on() => {
                ensure!(!self.model.is_on(job.webhook), "{} is on and is taken for off", job.webhook);
                self.tell(|| format!("{} is off, {} waits", job.webhook, job.due.delivery));
                self.land_unsent(index, Input::Interrupted(job));
            }
            Ok(Some(parcel)) => {
                let stands = |model: &Model| model.has_row(&job.due) && model.is_on(job.webhook);
                let right = stands(&self.model) || self.maybe.as_ref().is_some_and(stands);
                ensure!(right, "{job:?} is sent and should not be: {:?}", self.model.deliveries.get(&job.due.delivery));
                self.flights[index].stage = Stage::Read(Box::new(parcel));
            }
        }
        Ok(())
    }

    fn arrive(&mut self, index: usize, parcel: Box<Parcel>) -> Checked {
        let webhook = parcel.webhook.id;
        let delivery = parcel.delivery.id;
        let first = self.model.not_ended_before(delivery);
        // As long as nobody knows whether a commit has arrived, either may be true.
        let right =
            first.is_none() || self.maybe.as_ref().is_some_and(|maybe| maybe.not_ended_before(delivery).is_none());
        ensure!(right, "order: {delivery} is sent to {webhook} before {first:?} has ended");
        self.ledger.arrived(&parcel, self.life)?;
        let (outcome, after_ms) = self.receivers.answer(webhook, &self.random);
        self.tell(|| {
            let (id, number) = (parcel.delivery.id, parcel.delivery.attempts + 1);
            format!("attempt {number} of {id} arrives; {} after {after_ms} ms", outcome.words())
        });
        let answer = Answer { outcome, began: self.now, ends_at: self.now.plus(Duration::from_millis(after_ms)) };
        self.flights[index].stage = Stage::Arrived(parcel, answer);
        Ok(())
    }

    fn finish(&mut self, job: Job, parcel: &Parcel, answer: Answer) -> Checked {
        let Answer { outcome, began, .. } = answer;
        let finished = Finished {
            job,
            attempt: Attempt {
                number: parcel.delivery.attempts + 1,
                started_at: began,
                duration_ms: (self.now - began).as_millis() as u32,
                started_by: parcel.delivery.next_start,
                started_by_name: None,
                outcome,
                webhook_version: parcel.webhook.version,
                address: None,
                signature: "v1,played".into(),
                sender_version: "0.0.0".into(),
                next_attempt_at: None,
                other_signatures: Vec::new(),
            },
            round_attempt: parcel.delivery.round_attempts + 1,
            ordered: parcel.delivery.order.is_some(),
            finished_at: self.now,
            jitter: self.random.unit_f64(),
        };
        self.inputs.push(Input::Finished(Box::new(finished.clone())));
        // The engine decides at once, so that what it decides can be compared.
        self.turn()?;
        let decided = self.decision(&finished);
        let Some(record) = decided else { return Ok(()) };
        self.check_decision(&finished, &record)
    }

    /// What the engine has asked to be recorded of an attempt. Nothing while it cannot be.
    fn decision(&self, finished: &Finished) -> Option<AttemptRecord> {
        let records = self.waiting.iter().rev().flat_map(Waiting::records);
        records.into_iter().find(|record| record.delivery == finished.job.due.delivery).cloned()
    }

    /// Invariant 5: the next attempt is planned by the schedule, later only by what the receiver
    /// asks and a tenth of jitter, and the whole webhook waits if the receiver throttles.
    fn check_decision(&mut self, finished: &Finished, record: &AttemptRecord) -> Checked {
        let (outcome, webhook) = (&finished.attempt.outcome, record.webhook);
        let asked = match outcome {
            Outcome::Answered(answer) if outcome.throttles() => answer.retry_after,
            _ => None,
        };
        let delays = self.options.schedule.to_seconds();
        let delay = delays.get(finished.round_attempt as usize - 1).map(|delay| Duration::from_secs(*delay));
        let right = match (record.verdict, delay) {
            (Verdict::Done, _) => outcome.is_success(),
            (Verdict::GiveUp, delay) => outcome.gone() || (delay.is_none() && !outcome.is_success()),
            (Verdict::TryAgain(due), Some(delay)) => {
                let (earliest, latest) = (delay.max(asked.unwrap_or_default()), delay.mul_f64(1.1));
                let wait = due - finished.finished_at;
                !outcome.is_success() && wait >= earliest && wait <= latest.max(asked.unwrap_or_default())
            }
            (Verdict::TryAgain(_), None) => false,
        };
        ensure!(
            right,
            "invariant 5: {:?} after attempt {} of the round: {outcome:?}",
            record.verdict,
            finished.round_attempt
        );
        // The engine lets go of a webhook that is off and has nothing in flight, and takes up what
        // the store knows when it is on again.
        let on = self.lanes.get(&webhook).is_some_and(|lane| lane.on);
        if let Some(asked) = asked.filter(|_| on) {
            let until = finished.finished_at.plus(asked);
            let until = match record.verdict {
                Verdict::TryAgain(due) => until.min(due),
                Verdict::Done | Verdict::GiveUp => until,
            };
            let known = self.throttled.entry(webhook).or_insert(until);
            *known = until.max(*known);
        }
        Ok(())
    }

    /// When the next thing happens by itself.
    pub fn next_moment(&self) -> Option<Timestamp> {
        let ends = self.flights.iter().filter_map(|flight| match &flight.stage {
            Stage::Arrived(_, answer) => Some(answer.ends_at),
            Stage::Wanted | Stage::Read(_) => None,
        });
        ends.chain(self.wake_at).min()
    }

    /// The requests on their way are cut short by our own stop.
    pub fn interrupt_flights(&mut self) {
        for flight in std::mem::take(&mut self.flights) {
            self.inputs.push(Input::Interrupted(flight.job));
        }
    }
}
