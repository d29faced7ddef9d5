//! The one writer. Whatever waits goes into one transaction, is committed durably, and only then
//! answered. Nothing else ever writes.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use redb::{Durability, WriteTransaction};
use tokio::sync::oneshot;

use super::{Answer, Inner, Notice, batch::Batch, closed, fail::Fail, journal::Journal, recovery, rows::Changes};
use crate::domain::Problem;

/// Most pieces of work in one transaction. At 1,024 the cost of a commit is spread thin, and the
/// last of them waits some ten milliseconds.
const MOST_WORK: usize = 1_024;
/// Pieces of work that may wait; more are refused at once (`cannot_write`, try again).
const MOST_WAITING: usize = 65_536;
/// How long results of attempts wait for other work to share a commit with. A crash meanwhile
/// repeats those deliveries, so it is short.
const LINGER: Duration = Duration::from_millis(50);
/// Results that do not wait any longer, however young.
const LINGER_WORK: usize = 512;
/// How long the writer waits after a commit for the callers it has just answered to come back, when
/// others wait already. One transaction for all of them costs far less than two that take turns.
const GATHER: Duration = Duration::from_micros(300);
/// How long something may be in the journal only. It is as safe there; what is bounded is how much a
/// start after a kill has to do again when little is written.
const SAVE_AFTER: Duration = Duration::from_secs(5);
/// How often reopening is tried while nothing can be written.
const REOPEN_EVERY: Duration = Duration::from_secs(2);

/// A piece of work for the writer.
pub trait Work: Send {
    /// Does it, as a part of a transaction.
    ///
    /// # Errors
    /// Only if the store itself fails; a refusal is kept for the answer.
    fn apply(&mut self, batch: &mut Batch) -> Result<(), Fail>;

    /// Answers whoever waits: what `apply` found, once that is on disk, or that nothing was kept.
    fn answer(self: Box<Self>, committed: bool);
}

struct Task<F, T> {
    run: Option<F>,
    result: Option<Answer<T>>,
    reply: oneshot::Sender<Answer<T>>,
}

impl<F, T> Work for Task<F, T>
where
    F: FnOnce(&mut Batch) -> Result<T, Fail> + Send,
    T: Send,
{
    fn apply(&mut self, batch: &mut Batch) -> Result<(), Fail> {
        let run = self.run.take().expect("work is applied once");
        self.result = Some(match run(batch) {
            Ok(value) => Ok(value),
            Err(Fail::Refused(problem)) => Err(problem),
            Err(storage) => return Err(storage),
        });
        Ok(())
    }

    fn answer(self: Box<Self>, committed: bool) {
        let result = self.result.filter(|_| committed).unwrap_or_else(|| Err(Problem::cannot_write()));
        // Whoever asked may have gone away; what is done is done.
        let _ = self.reply.send(result);
    }
}

/// An answer that comes after the commit: await it, or [`Pending::wait`] on a thread that may block.
pub struct Pending<T>(oneshot::Receiver<Answer<T>>);

impl<T> Pending<T> {
    /// Blocks until the answer is there. Not for threads of an async runtime.
    ///
    /// # Errors
    /// The refusal, or `cannot_write`.
    pub fn wait(self) -> Answer<T> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(Problem::cannot_write()))
    }

    /// The answer if it is there already, as it is after [`super::Store::write_waiting`].
    pub fn now(mut self) -> Option<Answer<T>> {
        self.0.try_recv().ok()
    }
}

impl<T> std::future::Future for Pending<T> {
    type Output = Answer<T>;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        let received = std::future::Future::poll(std::pin::Pin::new(&mut self.0), context);
        received.map(|answer| answer.unwrap_or_else(|_| Err(Problem::cannot_write())))
    }
}

/// What waits for the writer.
#[derive(Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    work: VecDeque<Box<dyn Work>>,
    /// Pieces of `work` that somebody waits for.
    urgent: usize,
    /// When the oldest piece that can wait came.
    lingering_since: Option<Instant>,
    /// Pieces that somebody waited for in the transaction before.
    answered: usize,
    /// How many pieces that somebody waits for wake the writer.
    wake_from: usize,
    stopped: bool,
}

/// What the writer should do next.
enum Next {
    Write(Vec<Box<dyn Work>>),
    Reopen,
    Save,
    Stop,
}

impl Queue {
    /// Hands work to the writer. With `urgent`, it starts a commit; without, it joins the next one
    /// or starts one after [`LINGER`].
    pub fn push<T, F>(&self, urgent: bool, run: F) -> Pending<T>
    where
        F: FnOnce(&mut Batch) -> Result<T, Fail> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if waiting.stopped || waiting.work.len() >= MOST_WAITING {
            let _ = reply.send(Err(Problem::cannot_write()));
            return Pending(receiver);
        }
        waiting.work.push_back(Box::new(Task { run: Some(run), result: None, reply }));
        let wakes = if urgent {
            waiting.urgent += 1;
            waiting.urgent >= waiting.wake_from
        } else {
            let is_first = waiting.lingering_since.is_none();
            waiting.lingering_since.get_or_insert_with(Instant::now);
            is_first || waiting.work.len() >= LINGER_WORK
        };
        drop(waiting);
        if wakes {
            self.changed.notify_one();
        }
        Pending(receiver)
    }

    /// No work is taken any more; what waits is still written.
    pub fn stop(&self) {
        self.waiting.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Everything that waits, at most [`MOST_WORK`].
    pub fn take(&self) -> Vec<Box<dyn Work>> {
        self.waiting.lock().take()
    }

    /// Blocks until there is something to write, to reopen if `broken`, or to save at a time.
    fn next(&self, broken: bool, save_at: Option<Instant>) -> Next {
        let mut waiting = self.waiting.lock();
        let began = Instant::now();
        // Those who wait already, and most of those who were just answered.
        let enough = (waiting.urgent + waiting.answered) * 4 / 5;
        loop {
            let gather_for = match waiting.urgent < enough {
                true => GATHER.saturating_sub(began.elapsed()),
                false => Duration::ZERO,
            };
            let all_at_once = broken || waiting.stopped || waiting.work.len() >= LINGER_WORK;
            let left = match waiting.lingering_since {
                _ if all_at_once && !waiting.work.is_empty() => Some(Duration::ZERO),
                _ if waiting.urgent > 0 => Some(gather_for),
                Some(since) => Some(LINGER.saturating_sub(since.elapsed())),
                None => None,
            };
            match left {
                Some(Duration::ZERO) => return Next::Write(waiting.take()),
                None if waiting.stopped => return Next::Stop,
                _ => {}
            }
            let reopen_in = broken.then(|| REOPEN_EVERY.saturating_sub(began.elapsed()));
            if reopen_in == Some(Duration::ZERO) {
                return Next::Reopen;
            }
            let save_in = save_at.map(|at| at.saturating_duration_since(Instant::now()));
            if save_in == Some(Duration::ZERO) {
                return Next::Save;
            }
            waiting.wake_from = if gather_for.is_zero() { 1 } else { enough };
            let gather_for = (!gather_for.is_zero()).then_some(gather_for);
            match left.into_iter().chain(reopen_in).chain(save_in).chain(gather_for).min() {
                Some(limit) => {
                    self.changed.wait_for(&mut waiting, limit);
                }
                None => self.changed.wait(&mut waiting),
            }
        }
    }
}

impl Waiting {
    fn take(&mut self) -> Vec<Box<dyn Work>> {
        let count = self.work.len().min(MOST_WORK);
        self.answered = self.urgent.min(count);
        let taken = self.work.drain(..count).collect();
        // What is left was waiting behind a full transaction: it does not wait for anything else.
        self.urgent = self.work.len();
        self.lingering_since = None;
        taken
    }
}

/// The writer's thread.
pub fn run(inner: &Arc<Inner>) {
    loop {
        let writable = inner.is_writable();
        match inner.queue.next(!writable, inner.save_at().filter(|_| writable)) {
            Next::Write(work) => inner.write(work),
            Next::Save => inner.save_or_fail(),
            Next::Reopen => inner.reopen(),
            Next::Stop => return,
        }
        if writable && !inner.is_writable() {
            inner.read_on();
        }
    }
}

impl Inner {
    /// Does work in one transaction, commits, then answers.
    pub fn write(&self, mut work: Vec<Box<dyn Work>>) {
        let committed = self.is_writable() && self.or_fail(|| self.transact(&mut work));
        for piece in work {
            piece.answer(committed);
        }
    }

    /// Makes durable in the database what only the journal has; if that fails, nothing can be
    /// written any more.
    pub fn save_or_fail(&self) {
        self.or_fail(|| self.save());
    }

    fn save_at(&self) -> Option<Instant> {
        self.journal.lock().as_ref().and_then(Journal::since).map(|since| since + SAVE_AFTER)
    }

    /// Runs what writes. Whether it succeeded.
    fn or_fail(&self, run: impl FnOnce() -> Result<(), Fail>) -> bool {
        // A panic inside the storage engine on a damaged file is one more way of failing.
        let reason = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(())) => return true,
            Ok(Err(Fail::Storage(error))) => error.to_string(),
            Ok(Err(Fail::Refused(problem))) => problem.detail,
            Err(_) => "the storage engine panicked".to_owned(),
        };
        tracing::error!("the data file cannot be written: {reason}; it is reopened every {} s", REOPEN_EVERY.as_secs());
        self.set_writable(false);
        self.tell(vec![Notice::CannotWrite]);
        false
    }

    fn transact(&self, work: &mut [Box<dyn Work>]) -> Result<(), Fail> {
        let transaction = self.begin_write()?;
        let changes = Changes::default();
        let mut draft = {
            let states = self.states();
            let mut batch = Batch::begin(&transaction, &changes, self.shared(), &states)?;
            for piece in work {
                piece.apply(&mut batch)?;
            }
            batch.finish()?
        };
        self.commit(transaction, &changes.into_bytes())?;
        let notices = std::mem::take(&mut draft.notices);
        self.keep(draft);
        self.tell(notices);
        Ok(())
    }

    /// Commits: into the journal, or into the database and with it all that the journal has.
    fn commit(&self, mut transaction: WriteTransaction, changes: &[u8]) -> Result<(), Fail> {
        let mut held = self.journal.lock();
        let journal = held.as_mut().ok_or_else(closed)?;
        if !journal.has_room(changes.len()) || journal.is_due()? {
            return recovery::save(transaction, journal);
        }
        transaction.set_durability(Durability::None)?;
        if !changes.is_empty() {
            let number = journal.number();
            journal.append(number, changes)?;
        }
        transaction.commit()?;
        Ok(())
    }
}
