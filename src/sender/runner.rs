//! The sender at work: one thread turns the engine, one reads from the store for it, and the pool
//! sends. None of them holds a lock while it waits for a disk or a receiver.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{
    deliveries::Deliveries,
    engine::{Engine, EngineOptions, Finished, Input, Job},
    meter::Meter,
    pool::Pool,
    reader::{self, Question},
    request,
    single::{Places, TooManyAtOnce},
    threads::{Sending, Turning},
    transport::{Sent, Transport},
};
use crate::{
    domain::{Attempt, Cause, Outcome, Timestamp},
    store::{Notice, Parcel},
    system::{Clock, Inbox, Random},
};

/// Notices that wait for the engine at most. Above it those about new rows are left out, and the
/// engine reads the queues anew.
const WAITING_NOTICES: usize = 100_000;

/// How long a stop waits for requests to end that it has interrupted.
const AFTER_INTERRUPT: Duration = Duration::from_millis(800);

/// How the sender works.
#[derive(Debug, Clone)]
pub struct SenderOptions {
    /// The engine's limits; `max_in_flight` is also the most sending threads there will be.
    pub engine: EngineOptions,
    /// The most time one request may take, unless its webhook says otherwise.
    pub timeout: Duration,
}

impl Default for SenderOptions {
    fn default() -> Self {
        SenderOptions { engine: EngineOptions::default(), timeout: Duration::from_secs(15) }
    }
}

/// Sends what is due until it is stopped. Dropping it stops it without grace.
pub struct Sender {
    shared: Arc<Shared>,
    pool: Arc<Pool<Job>>,
    questions: Arc<Inbox<Question>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the threads share.
pub(super) struct Shared {
    pub(super) deliveries: Arc<dyn Deliveries>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) timeout: Duration,
    pub(super) mail: Arc<Inbox<Mail>>,
    pub(super) last_turn_at: AtomicU64,
    pub(super) standing: Mutex<Standing>,
    pub(super) turned: Condvar,
    pub(super) meter: Mutex<Meter>,
    pub(super) places: Places,
}

/// What the engine's thread gets.
pub(super) enum Mail {
    Input(Input),
    /// Start nothing more.
    Stop,
    /// End the thread.
    End,
}

/// Where the engine stood after its last turn.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) in_flight: usize,
    pub(super) stopping: bool,
}

impl Sender {
    /// Starts to send. The store's notices must reach [`Sender::notify`] before anything can be
    /// written to it. An error if the threads cannot be had.
    pub fn start(
        options: SenderOptions,
        deliveries: Arc<dyn Deliveries>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> io::Result<Sender> {
        let mail = Inbox::new(&*clock);
        let questions = Inbox::new(&*clock);
        let shared = Arc::new(Shared {
            deliveries,
            transport,
            random,
            timeout: options.timeout,
            mail,
            last_turn_at: AtomicU64::new(clock.now().as_millis()),
            clock,
            standing: Mutex::default(),
            turned: Condvar::new(),
            meter: Mutex::default(),
            places: Places::default(),
        });
        let most = options.engine.max_in_flight;
        let pool = Arc::new(Pool::start(most, Box::new(Sending(shared.clone())))?);
        let sender = Sender { shared, pool, questions, threads: Mutex::default() };
        sender.spawn("reading", sender.reading())?;
        sender.spawn("engine", sender.turning(options.engine))?;
        sender.questions.push(Question::WebhooksOn);
        Ok(sender)
    }

    /// Tells what has become true on disk, in the order of commits. Does not block.
    pub fn notify(&self, mut notices: Vec<Notice>) {
        let mail = &self.shared.mail;
        let told = notices.len();
        if mail.len() > WAITING_NOTICES {
            notices.retain(|notice| !matches!(notice, Notice::Queued { .. }));
        }
        let left_out = (notices.len() < told).then_some(Input::NoticesLeftOut);
        mail.extend(notices.into_iter().map(Input::Notice).chain(left_out).map(Mail::Input));
    }

    /// When the engine last turned; longer than a quarter of a minute ago if it is stuck.
    pub fn last_turn_at(&self) -> Timestamp {
        Timestamp::from_millis(self.shared.last_turn_at.load(Ordering::Relaxed))
    }

    /// Requests in flight, single ones left out.
    pub fn in_flight(&self) -> usize {
        self.shared.standing.lock().in_flight
    }

    /// Requests that ended in a second lately, single ones left out.
    pub fn sent_per_second(&self) -> f64 {
        self.shared.meter.lock().rate(self.shared.clock.now())
    }

    /// Sending threads there are.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Sends one request outside of the lanes and waits for what comes of it, for a test that
    /// somebody waits for. Nothing is recorded. At most 8 at once.
    pub fn send_now(&self, parcel: Parcel) -> Result<Attempt, TooManyAtOnce> {
        let _place = self.shared.places.take()?;
        let (_, attempt) = self.shared.send(parcel);
        Ok(attempt)
    }

    /// Starts nothing more, waits up to `grace` for the requests in flight, then interrupts the
    /// others; at most a second more. What came of those that ended has been handed over to be
    /// recorded; the others stay in the queue and count as not made.
    pub fn stop(&self, grace: Duration) {
        let mail = &self.shared.mail;
        mail.push(Mail::Stop);
        for job in self.pool.stop() {
            mail.push(Mail::Input(Input::Interrupted(job)));
        }
        let calm = self.shared.wait_until_calm(grace);
        self.shared.transport.shut_down();
        if !calm && !self.shared.wait_until_calm(AFTER_INTERRUPT) {
            tracing::warn!(in_flight = self.in_flight(), "Some requests did not end when they were interrupted.");
        }
        mail.push(Mail::End);
        self.questions.push(Question::End);
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            // It ends within a turn or a read from disk; a panic in it was logged when it came.
            let _ = thread.join();
        }
    }

    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run)?;
        self.threads.lock().push(thread);
        Ok(())
    }

    fn reading(&self) -> impl FnOnce() + use<> {
        let (shared, questions) = (self.shared.clone(), self.questions.clone());
        move || reader::run(&questions, &shared.mail, &*shared.deliveries, &*shared.transport, &*shared.clock)
    }

    fn turning(&self, options: EngineOptions) -> impl FnOnce() + use<> {
        let turning = Turning {
            shared: self.shared.clone(),
            pool: self.pool.clone(),
            questions: self.questions.clone(),
            most: options.max_in_flight,
        };
        move || {
            if catch_unwind(AssertUnwindSafe(|| turning.run(Engine::new(options)))).is_err() {
                tracing::error!("The engine has failed. Nothing more is sent until the program is started again.");
            }
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

impl Shared {
    /// Sends what was read for `job`.
    pub(super) fn finish(&self, job: Job, parcel: Parcel) -> Input {
        let ordered = parcel.delivery.order.is_some();
        let (round_attempt, attempt) = self.send(parcel);
        if !attempt.outcome.counts() {
            return Input::Interrupted(job);
        }
        let finished_at = self.clock.now();
        let jitter = self.random.unit_f64();
        Input::Finished(Box::new(Finished { job, attempt, round_attempt, ordered, finished_at, jitter }))
    }

    /// Sends a delivery's next attempt; gives its number in the round and the attempt.
    fn send(&self, parcel: Parcel) -> (u32, Attempt) {
        let built = request::build(parcel, self.clock.wall(), self.timeout);
        let began = Instant::now();
        let sent = catch_unwind(AssertUnwindSafe(|| self.transport.send(&built.request))).unwrap_or_else(|_| {
            tracing::error!(webhook_id = %built.request.webhook, "A panic while sending.");
            let outcome = Outcome::NoAnswer { cause: Cause::Internal, detail: String::new() };
            Sent { outcome, address: None }
        });
        (built.round_attempt(), built.attempt(sent, began.elapsed()))
    }

    /// Waits until the engine has seen the stop and nothing is in flight; false if it takes longer.
    fn wait_until_calm(&self, limit: Duration) -> bool {
        let busy = |standing: &mut Standing| !standing.stopping || standing.in_flight > 0;
        !self.turned.wait_while_for(&mut self.standing.lock(), busy, limit).timed_out()
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
