//! A played disk, clock and set of receivers around one engine, all in one thread. Checks at each
//! step what must never happen.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use crate::{
    domain::{
        Answer, Attempt, Cause, DeliveryId, EventId, IdSequence, Outcome, StartedBy, Timestamp, Verdict, WebhookId,
    },
    sender::engine::{Engine, EngineOptions, Finished, Input, Job, LaneSettings, ReadPage},
    store::{AttemptRecord, Due, Notice, QueuePage},
};

pub const START: Timestamp = Timestamp::from_millis(1_767_605_400_000);

/// What the disk knows of a delivery.
#[derive(Debug, Clone)]
pub struct Facts {
    pub webhook: WebhookId,
    pub attempts: u32,
    pub round_attempts: u32,
    pub due: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
pub struct Flight {
    pub job: Job,
    /// Whether its row was still there when the sending thread read it; `None` before that.
    pub loaded: Option<bool>,
    pub began: Timestamp,
}

pub struct World {
    pub engine: Engine,
    pub options: EngineOptions,
    pub now: Timestamp,
    ids: IdSequence,
    pub queue: BTreeSet<(WebhookId, Due)>,
    pub deliveries: HashMap<DeliveryId, Facts>,
    pub webhooks: BTreeMap<WebhookId, LaneSettings>,
    /// What the engine is told in its next turn.
    pub inputs: Vec<Input>,
    pub flights: Vec<Flight>,
    pub reads: Vec<ReadPage>,
    pub records: Vec<AttemptRecord>,
    pub wake_at: Option<Timestamp>,
    /// Whether all sending is paused, and the next turn knows.
    pub paused: bool,
    /// Every request, as the receivers saw them.
    pub sent: Vec<Job>,
    pub pages_read: usize,
}

impl World {
    pub fn new(options: EngineOptions) -> Self {
        let options_paused = options.paused;
        World {
            engine: Engine::new(options.clone()),
            options,
            now: START,
            ids: IdSequence::default(),
            queue: BTreeSet::new(),
            deliveries: HashMap::new(),
            webhooks: BTreeMap::new(),
            inputs: Vec::new(),
            flights: Vec::new(),
            reads: Vec::new(),
            records: Vec::new(),
            wake_at: None,
            paused: options_paused,
            sent: Vec::new(),
            pages_read: 0,
        }
    }

    pub fn webhook(&mut self, number: u128) -> WebhookId {
        self.set_webhook(WebhookId(number), LaneSettings { on: true, ..LaneSettings::default() })
    }

    pub fn set_webhook(&mut self, webhook: WebhookId, settings: LaneSettings) -> WebhookId {
        self.webhooks.insert(webhook, settings);
        self.inputs.push(Input::Notice(Notice::WebhookChanged(webhook)));
        webhook
    }

    /// Accepts an event for `webhook`.
    pub fn publish(&mut self, webhook: WebhookId) -> DeliveryId {
        let delivery = self.publish_silently(webhook);
        self.queued(delivery);
        delivery
    }

    pub fn publish_many(&mut self, count: u32, webhook: WebhookId) {
        (0..count).for_each(|_| _ = self.publish(webhook));
    }

    pub fn publish_many_silently(&mut self, count: u32, webhook: WebhookId) {
        (0..count).for_each(|_| _ = self.publish_silently(webhook));
    }

    /// As if it had been accepted before the engine began: no notice.
    pub fn publish_silently(&mut self, webhook: WebhookId) -> DeliveryId {
        let delivery = EventId(self.ids.next(self.now, 0)).delivery(0);
        let facts = Facts { webhook, attempts: 0, round_attempts: 0, due: Some(self.now) };
        self.queue.insert((webhook, Due { at: self.now, delivery }));
        self.deliveries.insert(delivery, facts);
        delivery
    }

    /// Puts a delivery's row to `at`; a new round if it had ended.
    pub fn resend(&mut self, delivery: DeliveryId, at: Timestamp) {
        let facts = self.deliveries.get_mut(&delivery).unwrap();
        match facts.due.replace(at) {
            Some(before) => {
                self.queue.remove(&(facts.webhook, Due { at: before, delivery }));
            }
            None => facts.round_attempts = 0,
        }
        self.queue.insert((facts.webhook, Due { at, delivery }));
        self.queued(delivery);
    }

    fn queued(&mut self, delivery: DeliveryId) {
        let facts = &self.deliveries[&delivery];
        let due = Due { at: facts.due.unwrap(), delivery };
        self.inputs.push(Input::Notice(Notice::Queued { webhook: facts.webhook, due }));
    }

    /// One turn of the engine with all that it has not been told yet. Answers questions about
    /// webhooks at once.
    pub fn turn(&mut self) -> Vec<Job> {
        let free = self.options.max_in_flight - self.flights.len();
        let turn = self.engine.turn(std::mem::take(&mut self.inputs), self.now, free);
        assert!(turn.send.len() <= free, "no more requests than threads");
        assert!(self.reads.len() + turn.read.len() <= self.options.reads_at_once, "reads are bounded");
        assert!(!self.paused || turn.send.is_empty(), "nothing is started while sending is paused");
        for job in &turn.send {
            let delivery = job.due.delivery;
            assert!(job.due.at <= self.now, "{job:?} is not due at {}", self.now);
            assert!(self.flights.iter().all(|other| other.job.due.delivery != delivery), "{job:?} is in flight");
            assert!(self.records.iter().all(|other| other.delivery != delivery), "{job:?} is not recorded yet");
            self.flights.push(Flight { job: *job, loaded: None, began: self.now });
            let most = self.webhooks[&job.webhook].max_in_flight.unwrap_or(self.options.lane_max_in_flight);
            let flying = self.flights.iter().filter(|other| other.job.webhook == job.webhook).count();
            assert!(flying <= usize::from(most), "{} has {flying} in flight", job.webhook);
        }
        assert_eq!(self.engine.in_flight(), self.flights.len(), "both count the same flights");
        for webhook in turn.settings {
            self.inputs.push(Input::Webhook(webhook, self.webhooks.get(&webhook).cloned()));
        }
        self.reads.extend(turn.read);
        self.records.extend(turn.record);
        self.wake_at = turn.wake_at;
        turn.send
    }

    /// Turns, reads and records until nothing more happens without time or an answer.
    pub fn settle(&mut self) -> Vec<Job> {
        let mut jobs = self.turn();
        for _ in 0..100_000 {
            while !self.reads.is_empty() {
                self.read(0);
            }
            while !self.records.is_empty() {
                self.record(0);
            }
            if self.inputs.is_empty() {
                return jobs;
            }
            jobs.extend(self.turn());
        }
        panic!("the engine never comes to rest");
    }

    pub fn advance(&mut self, by: Duration) -> Vec<Job> {
        self.now = self.now.plus(by);
        self.settle()
    }

    /// The disk as it is now answers a question.
    pub fn read(&mut self, index: usize) {
        let asked = self.reads.swap_remove(index);
        let page = self.page(&asked);
        self.inputs.push(Input::PageRead { asked, page });
    }

    pub fn page(&mut self, asked: &ReadPage) -> QueuePage {
        self.pages_read += 1;
        let mut rows: Vec<Due> = self
            .queue
            .range((asked.webhook, Due { at: Timestamp::default(), delivery: DeliveryId(0) })..)
            .take_while(|(webhook, _)| *webhook == asked.webhook)
            .map(|(_, due)| *due)
            .filter(|due| asked.after.is_none_or(|after| *due > after))
            .take(asked.limit + 1)
            .collect();
        let more = rows.len() > asked.limit;
        rows.truncate(asked.limit);
        QueuePage { rows, more }
    }

    /// The disk records an attempt, once, and says what is next.
    pub fn record(&mut self, index: usize) {
        let record = self.records.remove(index);
        let delivery = record.delivery;
        let webhook = record.webhook;
        self.write(record);
        let next = self.deliveries[&delivery].due;
        self.inputs.push(Input::Notice(Notice::Recorded { webhook, delivery, next }));
    }

    pub fn write(&mut self, record: AttemptRecord) {
        let facts = self.deliveries.get_mut(&record.delivery).unwrap();
        if record.attempt.number <= facts.attempts {
            return;
        }
        assert_eq!(record.attempt.number, facts.attempts + 1);
        facts.attempts += 1;
        facts.round_attempts += 1;
        let due = match record.verdict {
            Verdict::TryAgain(at) => Some(at),
            Verdict::Done | Verdict::GiveUp => None,
        };
        if let Some(before) = std::mem::replace(&mut facts.due, due) {
            self.queue.remove(&(record.webhook, Due { at: before, delivery: record.delivery }));
        }
        if let Some(at) = due {
            self.queue.insert((record.webhook, Due { at, delivery: record.delivery }));
        }
        if record.gone {
            let settings = self.webhooks.get_mut(&record.webhook).unwrap();
            settings.on = false;
            self.inputs.push(Input::Notice(Notice::WebhookChanged(record.webhook)));
        }
    }

    /// The sending thread reads the delivery and sends if the row still stands.
    pub fn load(&mut self, index: usize) -> bool {
        let flight = &mut self.flights[index];
        let job = flight.job;
        let stands = self.queue.contains(&(job.webhook, job.due));
        flight.loaded = Some(stands);
        if stands {
            self.sent.push(job);
        }
        stands
    }

    /// The request at `index` ends.
    pub fn land(&mut self, index: usize, outcome: Outcome) {
        if self.flights[index].loaded.is_none() {
            self.load(index);
        }
        let flight = self.flights.swap_remove(index);
        if flight.loaded == Some(false) {
            self.inputs.push(Input::Stale(flight.job));
            return;
        }
        let facts = &self.deliveries[&flight.job.due.delivery];
        let attempt = Attempt {
            number: facts.attempts + 1,
            started_at: flight.began,
            duration_ms: (self.now - flight.began).as_millis() as u32,
            started_by: StartedBy::First,
            started_by_name: None,
            outcome,
            webhook_version: 1,
            address: None,
            signature: String::new(),
            sender_version: String::new(),
            next_attempt_at: None,
            other_signatures: Vec::new(),
        };
        self.inputs.push(Input::Finished(Box::new(Finished {
            job: flight.job,
            attempt,
            round_attempt: facts.round_attempts + 1,
            ordered: false,
            finished_at: self.now,
            jitter: 0.0,
        })));
    }

    /// All requests to `webhook` end, and all that follow at once from that; gives those.
    pub fn land_all(&mut self, webhook: WebhookId, outcome: &Outcome) -> Vec<Job> {
        while let Some(index) = self.flights.iter().position(|flight| flight.job.webhook == webhook) {
            self.land(index, outcome.clone());
        }
        self.settle()
    }

    /// Answers 200 at once until nothing is sent any more; gives the number of requests.
    pub fn drain(&mut self) -> usize {
        let before = self.sent.len();
        self.settle();
        while !self.flights.is_empty() {
            while !self.flights.is_empty() {
                self.land(0, answer(200));
            }
            self.settle();
        }
        self.sent.len() - before
    }

    pub fn pending(&self) -> usize {
        self.queue.len()
    }
}

pub fn answer(http_status: u16) -> Outcome {
    answer_with(http_status, None)
}

pub fn answer_with(http_status: u16, retry_after: Option<Duration>) -> Outcome {
    Outcome::Answered(Answer { http_status, headers: Vec::new(), body: Vec::new(), body_truncated: false, retry_after })
}

pub fn no_answer(cause: Cause) -> Outcome {
    Outcome::NoAnswer { cause, detail: String::new() }
}

pub fn deliveries(jobs: &[Job]) -> Vec<DeliveryId> {
    jobs.iter().map(|job| job.due.delivery).collect()
}
