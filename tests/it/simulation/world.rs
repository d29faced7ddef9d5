//! The store, the engine and the world around them, in one thread and in played time.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use hookstead::{
    domain::{
        Actor, DeliveryId, EventId, IdSequence, JobId, LogFilter, Problem, RetrySchedule, StartedBy, Timestamp,
        WebhookId,
    },
    sender::engine::{Engine, EngineOptions, Input, LaneSettings},
    store::{AttemptRecord, AuditEntry, BulkJob, Notice, OpenOptions, Pending, Store},
    system::PlayedRandom,
};

use super::{
    disk::Disk,
    flights::{Flight, Question},
    ledger::Ledger,
    model::{Answered, Asked, Model},
    receivers::Receivers,
};

const START: Timestamp = Timestamp::from_millis(1_767_605_400_000);

/// What went wrong, in words.
pub type Checked = Result<(), String>;

/// Fails with the words that follow unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($words:tt)*) => {
        if !$holds {
            return Err(format!($($words)*));
        }
    };
}
pub(super) use ensure;

/// Everything there is.
pub struct World {
    pub random: PlayedRandom,
    pub disk: Disk,
    /// None only while it is opened anew.
    pub opened: Option<Store>,
    /// Whether disks fail and power goes.
    pub faults: bool,
    /// One step in so many breaks the disk, where it breaks at all. Seeds differ much in this, so
    /// that some meet trouble upon trouble and others have time to get somewhere.
    pub trouble: usize,
    /// Whether a disk that failed is reopened in place, and never found after a crash.
    pub lives_on: bool,
    pub engine: Engine,
    pub options: EngineOptions,
    pub open_options: OpenOptions,
    /// What the process shows as the time: never goes back while it lives.
    pub now: Timestamp,
    /// What the wall clock shows.
    pub wall: Timestamp,
    pub ids: IdSequence,
    /// How often the process was started.
    pub life: u32,
    /// What the store has told since the engine's last turn.
    pub told: Arc<Mutex<Vec<Notice>>>,
    pub inputs: Vec<Input>,
    /// What the engine wants to know. Answered in this order, and told in this order.
    pub questions: VecDeque<Question>,
    /// Answers that the engine is told later, when the store may have gone on.
    pub late_answers: Vec<Input>,
    /// What became of requests that were not made, told later.
    pub late_landings: Vec<Input>,
    pub flights: Vec<Flight>,
    pub wake_at: Option<Timestamp>,
    /// How the engine was last told to serve each webhook.
    pub lanes: BTreeMap<WebhookId, LaneSettings>,
    /// Until when a receiver has asked us to wait.
    pub throttled: BTreeMap<WebhookId, Timestamp>,
    /// When requests were started, for those with a rate.
    pub starts: BTreeMap<WebhookId, Vec<Timestamp>>,
    pub waiting: Vec<Waiting>,
    /// What follows an answer, such as enabling after skipping.
    pub follow_ups: Vec<Asked>,
    pub model: Model,
    /// What else the store may remember: a commit failed, and may have arrived all the same.
    pub maybe: Option<Model>,
    pub ledger: Ledger,
    pub receivers: Receivers,
    story: Option<Vec<String>>,
}

/// Something that was asked and is not answered yet.
pub struct Waiting {
    asked: Asked,
    reply: Reply,
}

type Reply = Box<dyn FnMut() -> Option<Answered>>;

impl Waiting {
    /// The attempts to be recorded, if it is that.
    pub fn records(&self) -> &[AttemptRecord] {
        match &self.asked {
            Asked::Record(records) => records,
            _ => &[],
        }
    }
}

impl World {
    pub fn new(seed: u64, verbose: bool) -> Result<World, String> {
        let random = PlayedRandom::new(seed);
        let disk = Disk::new(seed);
        let open_options = OpenOptions {
            cache_bytes: [8 << 10, 64 << 10, 512 << 10][random.below(3)],
            journal_bytes: [4 << 10, 32 << 10, 1 << 20][random.below(3)],
            ..OpenOptions::default()
        };
        let store = Store::open_played(disk.opener(), open_options.clone())
            .map_err(|error| format!("cannot begin: {error}"))?;
        let schedules: [&[u64]; 3] = [&[1, 2], &[5, 300, 1_800], &[5, 300, 1_800, 7_200, 18_000, 36_000]];
        let schedule = RetrySchedule::from_seconds(schedules[random.below(3)]).expect("in range");
        // Where memory is small, rows are read from disk again and again; where it is not, they
        // must not be lost from it.
        let much = if random.below(2) == 0 { 100 } else { 0 };
        let options = EngineOptions {
            max_in_flight: 1 + random.below(12),
            lane_max_in_flight: 1 + random.below(4) as u16,
            schedule,
            lane_rows: much + 1 + random.below(8),
            total_rows: much + 5 + random.below(60),
            page_rows: much + 1 + random.below(6),
            reads_at_once: 1 + random.below(3),
            in_hand: 2 + random.below(20),
            paused: false,
        };
        let (trouble, lives_on) = ([8, 25, 100][random.below(3)], random.below(3) == 0);
        let receivers = Receivers::new(random.below(3) == 0);
        let mut world = World {
            random,
            disk,
            opened: Some(store),
            faults: !seed.is_multiple_of(4),
            trouble,
            lives_on,
            engine: Engine::new(options.clone()),
            options,
            open_options,
            now: START,
            wall: START,
            ids: IdSequence::default(),
            life: 1,
            told: Arc::default(),
            inputs: Vec::new(),
            questions: VecDeque::new(),
            late_answers: Vec::new(),
            late_landings: Vec::new(),
            flights: Vec::new(),
            wake_at: None,
            lanes: BTreeMap::new(),
            throttled: BTreeMap::new(),
            starts: BTreeMap::new(),
            waiting: Vec::new(),
            follow_ups: Vec::new(),
            model: Model::default(),
            maybe: None,
            ledger: Ledger::default(),
            receivers,
            story: verbose.then(Vec::new),
        };
        world.listen();
        Ok(world)
    }

    pub fn store(&self) -> &Store {
        self.opened.as_ref().expect("it is opened anew in one place only")
    }

    /// Notes a step, if somebody will read it.
    pub fn tell(&mut self, words: impl FnOnce() -> String) {
        let (life, now) = (self.life, self.now);
        if let Some(story) = &mut self.story {
            story.push(format!("{now} life {life}: {}", words()));
        }
    }

    pub fn story(&self) -> &[String] {
        self.story.as_deref().unwrap_or_default()
    }

    pub fn one_in(&self, count: usize) -> bool {
        self.random.below(count) == 0
    }

    pub fn advance(&mut self, by: Duration) {
        self.wall = self.wall.plus(by);
        self.now = self.now.plus(by).max(self.wall);
    }

    /// Hears what the present store tells.
    pub fn listen(&mut self) {
        self.told = Arc::default();
        let ear = self.told.clone();
        self.store().observe(Box::new(move |notices| ear.lock().expect("one thread").extend(notices)));
    }

    /// Hands something to the store; it is done and answered by a later [`World::commit`].
    pub fn ask(&mut self, asked: Asked) {
        self.tell(|| format!("asks: {}", asked.words()));
        let reply = self.hand_over(&asked);
        self.waiting.push(Waiting { asked, reply });
    }

    fn hand_over(&self, asked: &Asked) -> Reply {
        let (store, now) = (self.store(), self.now);
        let done = |()| Answered::Done;
        match asked.clone() {
            Asked::Publish(events) => {
                let events = events.iter().map(|new| (**new).clone()).collect();
                reply(store.publish(events), |answers| {
                    let each = answers.into_iter().map(|answer| match answer {
                        Ok(published) => Ok((published.id, published.duplicate)),
                        Err(problem) => Err(problem.code),
                    });
                    Answered::Published(each.collect())
                })
            }
            Asked::Create(webhook) => reply(store.create_webhook(*webhook, 1_000, self.audit()), |_| Answered::Done),
            Asked::Change(id, change) => {
                let update = change.into_update(now);
                reply(store.update_webhook(id, None, now, update, self.audit()), |_| Answered::Done)
            }
            Asked::SettleDeleted(webhook, now) => {
                let store = store.clone();
                reply_later(Box::pin(async move { store.settle_deleted(webhook, now).await }))
            }
            Asked::SkipMissed(webhook, now) => {
                let store = store.clone();
                reply_later(Box::pin(async move { store.skip_missed(webhook, now).await }))
            }
            Asked::Resend(delivery, now) => {
                let by = StartedBy::Resend;
                reply(store.resend(delivery, now, by, "played".into(), self.audit()), |_| Answered::Done)
            }
            Asked::Record(records) => reply(store.record(records), done),
            Asked::StartJob(job) => reply(store.save_job(self.bulk_job(job), self.audit()), done),
            Asked::AdvanceJob { job, ids, now, next_due, finished } => {
                let position = ids.last().copied();
                let by = StartedBy::Bulk;
                reply(store.advance_job(job, ids, position, by, now, next_due, finished), done)
            }
            Asked::Forget(before) => {
                reply(store.forget(before, EventId(0)), |forgotten| Answered::Forgotten(forgotten.events))
            }
        }
    }

    fn bulk_job(&self, id: JobId) -> BulkJob {
        BulkJob {
            id,
            filter: LogFilter::default(),
            rate_per_second: 3,
            started_at: self.now,
            started_by: "played".into(),
            planned: 0,
            position: None,
            end: self.store().newest_delivery().unwrap_or(DeliveryId(0)),
            queued: 0,
            passed_over: 0,
            success: 0,
            failed: 0,
            next_due: self.now,
            finished_at: None,
            cancelled_by: None,
        }
    }

    fn audit(&self) -> AuditEntry {
        AuditEntry::new(self.now, &Actor::admin("played"), "played", "played")
    }

    /// The store does what waits, in one commit, and the answers are compared with the model's.
    pub fn commit(&mut self) -> Checked {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            self.store().write_waiting();
            self.hear();
            return Ok(());
        }
        let (was_writable, failed_syncs) = (self.store().is_writable(), self.disk.failed_syncs());
        self.store().write_waiting();
        let committed = was_writable && self.store().is_writable();
        ensure!(
            !committed || failed_syncs == self.disk.failed_syncs(),
            "invariant 9: a sync failed and the store goes on"
        );
        let mut after = self.model.clone();
        let wanted: Vec<Answered> = waiting.iter().map(|one| after.apply(&one.asked)).collect();
        self.ledger.counts.commits += usize::from(committed);
        self.ledger.counts.failed_commits += usize::from(was_writable && !committed);
        if committed {
            self.model = after;
        } else if was_writable {
            self.maybe = Some(after);
        }
        self.tell(|| format!("commit of {}: {}", waiting.len(), if committed { "done" } else { "failed" }));
        for (mut one, wanted) in waiting.into_iter().zip(wanted) {
            let answered = (one.reply)().ok_or_else(|| format!("no answer to {}", one.asked.words()))?;
            let wanted = if committed { wanted } else { Answered::Refused("cannot_write") };
            ensure!(
                answered == wanted,
                "{}{} was answered with {answered:?}, and should be with {wanted:?}",
                if committed { "" } else { "invariant 9: " },
                one.asked.words()
            );
            self.note(&one.asked, &answered);
        }
        self.hear();
        Ok(())
    }

    /// The caller reads the answer.
    fn note(&mut self, asked: &Asked, answered: &Answered) {
        match answered {
            Answered::Published(events) => {
                for (id, _) in events.iter().flatten() {
                    self.ledger.accepted(*id, &self.model);
                }
            }
            Answered::Forgotten(events) => {
                self.ledger.counts.forgotten += events;
                self.ledger.forget(&self.model);
            }
            Answered::Done => self.follow_ups.extend(asked.follow_up(self.now)),
            Answered::Refused(_) => {}
        }
    }

    /// What the store told becomes what the engine is told. Now and then there was too much of it.
    fn hear(&mut self) {
        let mut notices = std::mem::take(&mut *self.told.lock().expect("one thread"));
        if !notices.is_empty() && self.one_in(60) {
            self.tell(|| "notices are left out".into());
            notices.retain(|notice| !matches!(notice, Notice::Queued { .. }));
            self.inputs.push(Input::NoticesLeftOut);
        }
        self.inputs.extend(notices.into_iter().map(Input::Notice));
    }

    /// The store tries to write again.
    pub fn reopen(&mut self) -> Checked {
        self.store().reopen();
        let writable = self.store().is_writable();
        self.tell(|| format!("reopens: {}", if writable { "can write" } else { "cannot write" }));
        self.hear();
        if !writable {
            return Ok(());
        }
        let fault = self.disk.hold_fault();
        self.check_memory()?;
        fault.into_iter().for_each(|fault| self.disk.fail(fault));
        Ok(())
    }

    /// What the store remembers is what it should, or what a failed commit would have made of it.
    pub fn check_memory(&mut self) -> Checked {
        let difference = self.model.difference(self.store());
        let maybe = self.maybe.take().filter(|_| difference.is_err());
        let arrived = maybe.map(|maybe| maybe.difference(self.store()).map(|()| maybe)).transpose();
        if let Ok(Some(maybe)) = &arrived {
            self.tell(|| "what could not be committed has arrived".into());
            self.ledger.counts.arrived += 1;
            self.ledger.counts.forgotten +=
                self.model.events.keys().filter(|id| !maybe.events.contains_key(id)).count();
            self.model = maybe.clone();
            self.ledger.forget(&self.model);
        }
        // What was promised says more than what differs.
        self.ledger.check_kept(self.store())?;
        self.ledger.check_numbers(self.store())?;
        let disagreements = self.store().verify().map_err(|problem| format!("verify: {}", problem.detail))?;
        ensure!(disagreements.is_empty(), "verify: {disagreements:?}");
        match (difference, arrived) {
            (Ok(()), _) | (Err(_), Ok(Some(_))) => Ok(()),
            (Err(before), Ok(None)) => Err(before),
            (Err(before), Err(after)) => Err(format!("neither before nor after a failed commit: {before}; {after}")),
        }
    }
}

fn reply<T: 'static>(pending: Pending<T>, value: impl Fn(T) -> Answered + 'static) -> Reply {
    let mut pending = Some(pending);
    Box::new(move || {
        Some(match pending.take()?.now()? {
            Ok(answer) => value(answer),
            Err(problem) => Answered::Refused(problem.code),
        })
    })
}

fn reply_later(mut future: Pin<Box<dyn Future<Output = Result<(), Problem>>>>) -> Reply {
    // The first look hands the work over.
    let mut look = move || match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(())) => Some(Answered::Done),
        Poll::Ready(Err(problem)) => Some(Answered::Refused(problem.code)),
        Poll::Pending => None,
    };
    let early = look();
    Box::new(move || early.clone().or_else(&mut look))
}
