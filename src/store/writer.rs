//! The one writer. Whatever waits goes into one transaction, is committed durably, and only then
//! answered. Nothing else ever writes.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{Answer, Inner, Notice, batch::Batch, fail::Fail};
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

    /// Blocks until there is something to write, or to reopen if `broken`.
    fn next(&self, broken: bool) -> Next {
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
            waiting.wake_from = if gather_for.is_zero() { 1 } else { enough };
            let gather_for = (!gather_for.is_zero()).then_some(gather_for);
            match left.into_iter().chain(reopen_in).chain(gather_for).min() {
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
        match inner.queue.next(!inner.is_writable()) {
            Next::Write(work) => inner.write(work),
            Next::Reopen => inner.reopen(),
            Next::Stop => return,
        }
    }
}

impl Inner {
    /// Does work in one transaction, commits, then answers.
    pub fn write(&self, mut work: Vec<Box<dyn Work>>) {
        let committed = self.is_writable() && self.commit(&mut work);
        for piece in work {
            piece.answer(committed);
        }
    }

    fn commit(&self, work: &mut [Box<dyn Work>]) -> bool {
        // A panic inside the storage engine on a damaged file is one more way of failing.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.transact(work)));
        let reason = match outcome {
            Ok(Ok(notices)) => {
                self.tell(notices);
                return true;
            }
            Ok(Err(Fail::Storage(error))) => error.to_string(),
            Ok(Err(Fail::Refused(problem))) => problem.detail,
            Err(_) => "the storage engine panicked".to_owned(),
        };
        tracing::error!("the data file cannot be written: {reason}; it is reopened every {} s", REOPEN_EVERY.as_secs());
        self.set_writable(false);
        self.tell(vec![Notice::CannotWrite]);
        false
    }

    fn transact(&self, work: &mut [Box<dyn Work>]) -> Result<Vec<Notice>, Fail> {
        let transaction = self.begin_write()?;
        let mut draft = {
            let states = self.states();
            let mut batch = Batch::begin(&transaction, self.shared(), &states)?;
            for piece in work {
                piece.apply(&mut batch)?;
            }
            batch.finish()?
        };
        transaction.commit()?;
        let notices = std::mem::take(&mut draft.notices);
        self.keep(draft);
        Ok(notices)
    }
}
