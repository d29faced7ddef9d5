//! The threads that send. They grow only while all are blocked.
//!
//! Waking a thread costs more than a request to a receiver that answers at once. So a job wakes a
//! thread only while fewer than [`QUICK`] are at jobs they have just begun; beyond that it waits for
//! one of those to come back for more. Where they do not, because their receivers take their time,
//! the usher sends in others after a moment, up to a maximum.
//!
//! A job that is known to take its time gets a thread of its own at once, and is not counted among
//! those just begun: nobody waits for its thread to come back.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// How long a thread waits for a job before it ends.
const IDLE: Duration = Duration::from_secs(30);

/// Threads at jobs they began within [`PATIENCE`], for which jobs wait. More of them than cores
/// would only take turns.
const QUICK: usize = 4;

/// How long a job waits for a thread that is quick, before the usher sees to it.
const PATIENCE: Duration = Duration::from_millis(1);

/// How long a job waits where others are still being taken: there are more jobs than the machine
/// can do at once, and more threads would not help at first.
const LONG_PATIENCE: Duration = Duration::from_millis(5);

/// Twice what every TLS test of the transport passes with, unoptimized; half of that overflows.
/// Only what is touched takes memory.
const STACK_BYTES: usize = 256 * 1024;

/// What the usher needs.
const USHER_STACK_BYTES: usize = 64 * 1024;

/// A job for a pool.
pub(super) trait PoolJob: Copy + Send + 'static {
    /// Whether it is likely to take its time.
    fn takes_time(&self) -> bool;
}

/// What the threads do with a job.
pub(super) trait Work<J>: Send + Sync + 'static {
    /// Does it.
    fn work(&self, job: J);

    /// `work` panicked. Called on the same thread, which goes on.
    fn panicked(&self, job: J);
}

/// Threads that do jobs.
pub(super) struct Pool<J> {
    shared: Arc<Shared<J>>,
}

struct Shared<J> {
    work: Box<dyn Work<J>>,
    state: Mutex<State<J>>,
    /// Wakes the usher.
    waiting: Condvar,
    most: usize,
    idle_for: Duration,
}

/// When a job was begun and its number; nothing for a long one.
type Begun = Option<(Instant, u64)>;

struct State<J> {
    /// Jobs that should take no time, and since when they wait.
    jobs: VecDeque<(J, Instant)>,
    /// Jobs that take their time.
    long_jobs: VecDeque<J>,
    /// The idle threads, the one that waits longest first.
    idle: Vec<Arc<Condvar>>,
    /// The jobs being done but for the long ones: when each was begun, and its number.
    begun: BTreeSet<(Instant, u64)>,
    last_number: u64,
    /// When a job was last taken.
    taken_at: Instant,
    /// Threads that were woken or started for a job and have not come for it yet.
    coming: usize,
    threads: usize,
    /// The usher has nothing to wait for and no time to look again.
    usher_sleeps: bool,
    stopping: bool,
}

impl<J: PoolJob> Pool<J> {
    /// A pool with one thread, which grows to `most`. An error if not even the first can be had.
    pub(super) fn start(most: usize, work: Box<dyn Work<J>>) -> io::Result<Self> {
        Self::start_with(most, IDLE, work)
    }

    fn start_with(most: usize, idle_for: Duration, work: Box<dyn Work<J>>) -> io::Result<Self> {
        let state = State {
            jobs: VecDeque::new(),
            long_jobs: VecDeque::new(),
            idle: Vec::new(),
            begun: BTreeSet::new(),
            last_number: 0,
            taken_at: Instant::now(),
            coming: 1,
            threads: 1,
            usher_sleeps: false,
            stopping: false,
        };
        let waiting = Condvar::new();
        let shared = Arc::new(Shared { work, state: Mutex::new(state), waiting, most: most.max(1), idle_for });
        spawn(&shared)?;
        let usher = shared.clone();
        thread::Builder::new().name("usher".into()).stack_size(USHER_STACK_BYTES).spawn(move || usher.usher())?;
        Ok(Pool { shared })
    }

    /// Has jobs done, each as soon as a thread is free. Gives back those that are not taken because
    /// the pool is stopping.
    pub(super) fn submit(&self, jobs: Vec<J>) -> Vec<J> {
        if jobs.is_empty() {
            return jobs;
        }
        let mut state = self.shared.state.lock();
        if state.stopping {
            return jobs;
        }
        let now = Instant::now();
        let (long, quick): (Vec<J>, Vec<J>) = jobs.into_iter().partition(PoolJob::takes_time);
        let of_their_own = long.len();
        state.long_jobs.extend(long);
        state.jobs.extend(quick.into_iter().map(|job| (job, now)));
        let coming = state.begun_since(now.checked_sub(PATIENCE)) + state.coming;
        let wanted = state.jobs.len().min(QUICK.saturating_sub(coming));
        if state.jobs.len() > wanted && std::mem::take(&mut state.usher_sleeps) {
            self.shared.waiting.notify_one();
        }
        self.shared.call(state, wanted + of_their_own);
        Vec::new()
    }

    /// Threads there are.
    pub(super) fn threads(&self) -> usize {
        self.shared.state.lock().threads
    }

    /// Lets the threads end once they are idle. Gives the jobs that none had begun.
    pub(super) fn stop(&self) -> Vec<J> {
        let mut state = self.shared.state.lock();
        state.stopping = true;
        for thread in state.idle.drain(..) {
            thread.notify_one();
        }
        self.shared.waiting.notify_one();
        let State { jobs, long_jobs, .. } = &mut *state;
        jobs.drain(..).map(|(job, _)| job).chain(long_jobs.drain(..)).collect()
    }
}

fn spawn<J: PoolJob>(shared: &Arc<Shared<J>>) -> io::Result<()> {
    let shared = shared.clone();
    thread::Builder::new().name("sending".into()).stack_size(STACK_BYTES).spawn(move || shared.run())?;
    Ok(())
}

impl<J: PoolJob> State<J> {
    /// Jobs being done that were begun at `since` or later, counted no further than [`QUICK`].
    fn begun_since(&self, since: Option<Instant>) -> usize {
        let newest = self.begun.iter().rev().take(QUICK);
        newest.take_while(|(begun, _)| since.is_none_or(|since| *begun >= since)).count()
    }

    /// The job to do next, and what to hand back when it is done. A long one goes before the others
    /// once enough threads are at those.
    fn take(&mut self) -> Option<(J, Begun)> {
        if (self.jobs.is_empty() || self.begun.len() >= QUICK)
            && let Some(job) = self.long_jobs.pop_front()
        {
            return Some((job, None));
        }
        let (job, _) = self.jobs.pop_front()?;
        let now = Instant::now();
        self.last_number += 1;
        let begun = (now, self.last_number);
        self.begun.insert(begun);
        self.taken_at = now;
        Some((job, Some(begun)))
    }

    /// Jobs that have waited too long, or when to look again.
    fn overdue(&self, now: Instant) -> Result<usize, Instant> {
        let due = |came: Instant| {
            let taken = self.taken_at.max(came) + PATIENCE;
            taken.min(came + LONG_PATIENCE)
        };
        let first = self.jobs.front().map_or(now + PATIENCE, |(_, came)| due(*came));
        match first <= now {
            true => Ok(self.jobs.iter().take_while(|(_, came)| due(*came) <= now).count()),
            false => Err(first),
        }
    }
}

impl<J: PoolJob> Shared<J> {
    fn run(&self) {
        let me = Arc::new(Condvar::new());
        let mut comes_back = None;
        while let Some((job, begun)) = self.next(&me, comes_back) {
            if catch_unwind(AssertUnwindSafe(|| self.work.work(job))).is_err() {
                self.work.panicked(job);
            }
            comes_back = Some(begun);
        }
    }

    /// The next job; nothing if this thread is to end, which is then no longer counted.
    /// `comes_back` is what was given with the job before it; nothing for a new thread.
    fn next(&self, me: &Arc<Condvar>, comes_back: Option<Begun>) -> Option<(J, Begun)> {
        let mut state = self.state.lock();
        match comes_back {
            Some(Some(begun)) => drop(state.begun.remove(&begun)),
            Some(None) => {}
            None => state.coming = state.coming.saturating_sub(1),
        }
        loop {
            if let Some(taken) = state.take() {
                return Some(taken);
            }
            if state.stopping {
                state.threads -= 1;
                return None;
            }
            state.idle.push(me.clone());
            let mut called = false;
            while !called && !state.stopping {
                let timed_out = me.wait_for(&mut state, self.idle_for).timed_out();
                called = !state.idle.iter().any(|thread| Arc::ptr_eq(thread, me));
                // The last thread stays: a pool of none might not get one again.
                if !called && timed_out && state.threads > 1 {
                    state.idle.retain(|thread| !Arc::ptr_eq(thread, me));
                    state.threads -= 1;
                    return None;
                }
            }
            if called {
                state.coming = state.coming.saturating_sub(1);
            }
        }
    }

    /// Sends `count` more threads for jobs: idle ones, the one that waited least first, then new ones.
    fn call(self: &Arc<Self>, mut state: parking_lot::MutexGuard<'_, State<J>>, count: usize) {
        let mut missing = 0;
        for _ in 0..count {
            if let Some(thread) = state.idle.pop() {
                state.coming += 1;
                thread.notify_one();
            } else if state.threads < self.most {
                (state.threads, state.coming) = (state.threads + 1, state.coming + 1);
                missing += 1;
            }
        }
        drop(state);
        for _ in 0..missing {
            if let Err(error) = spawn(self) {
                let mut state = self.state.lock();
                (state.threads, state.coming) = (state.threads - 1, state.coming.saturating_sub(1));
                tracing::warn!(%error, threads = state.threads, "No further sending thread can be started.");
            }
        }
    }

    /// Sends in more threads for jobs that wait too long.
    fn usher(self: Arc<Self>) {
        loop {
            let mut state = self.state.lock();
            while state.jobs.is_empty() && !state.stopping {
                state.usher_sleeps = true;
                self.waiting.wait(&mut state);
                state.usher_sleeps = false;
            }
            if state.stopping {
                return;
            }
            match state.overdue(Instant::now()) {
                Err(look_at) => {
                    self.waiting.wait_until(&mut state, look_at);
                }
                Ok(overdue) => {
                    let wanted = overdue.saturating_sub(state.coming);
                    if wanted == 0 || (state.idle.is_empty() && state.threads >= self.most) {
                        // All are on their way or at work; there is nothing to do but to wait.
                        self.waiting.wait_for(&mut state, PATIENCE);
                    } else {
                        self.call(state, wanted);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Those from 100 on take their time.
    impl PoolJob for u32 {
        fn takes_time(&self) -> bool {
            *self >= 100
        }
    }

    /// Reports each job when it begins, and ends it when allowed to. Job 13 panics.
    struct Played {
        began: Sender<u32>,
        may_end: Mutex<Receiver<()>>,
    }

    impl Work<u32> for Played {
        fn work(&self, job: u32) {
            assert!(job != 13, "played");
            self.began.send(job).unwrap();
            let _ = self.may_end.lock().recv();
        }

        fn panicked(&self, job: u32) {
            self.began.send(job + 1_000).unwrap();
        }
    }

    fn pool(most: usize, idle_for: Duration) -> (Pool<u32>, Receiver<u32>, Sender<()>) {
        let (began, begins) = channel();
        let (end, may_end) = channel();
        let work = Played { began, may_end: Mutex::new(may_end) };
        (Pool::start_with(most, idle_for, Box::new(work)).unwrap(), begins, end)
    }

    #[test]
    fn threads_are_added_while_all_are_busy_and_end_when_not_needed() {
        let (pool, begins, end) = pool(3, Duration::from_millis(20));
        assert_eq!(pool.threads(), 1);
        assert!(pool.submit((1..=5).collect()).is_empty());
        let mut first: Vec<_> = (0..3).map(|_| begins.recv().unwrap()).collect();
        first.sort_unstable();
        assert_eq!((first, pool.threads()), (vec![1, 2, 3], 3));
        (0..5).for_each(|_| end.send(()).unwrap());
        assert_eq!(begins.recv().unwrap() + begins.recv().unwrap(), 9);
        while pool.threads() > 1 {
            thread::yield_now();
        }
        pool.submit(vec![6]);
        assert_eq!(begins.recv(), Ok(6));
        end.send(()).unwrap();
    }

    #[test]
    fn nobody_waits_behind_jobs_that_take_their_time_and_they_wait_for_nobody() {
        let (pool, begins, end) = pool(20, IDLE);
        let long: Vec<u32> = (100..110).collect();
        assert!(pool.submit(long.clone()).is_empty());
        let mut begun: Vec<_> = (0..10).map(|_| begins.recv().unwrap()).collect();
        begun.sort_unstable();
        assert_eq!(begun, long, "each has a thread of its own");
        assert_eq!(pool.shared.state.lock().begun.len(), 0, "and none is waited for");
        pool.submit(vec![1]);
        assert_eq!(begins.recv(), Ok(1));
        (0..11).for_each(|_| end.send(()).unwrap());
    }

    #[test]
    fn a_long_job_has_its_turn_while_enough_threads_are_at_others() {
        let (pool, begins, end) = pool(QUICK + 1, IDLE);
        pool.submit((1..=20).collect());
        let _: Vec<_> = (0..QUICK).map(|_| begins.recv().unwrap()).collect();
        pool.submit(vec![100]);
        let mut begun = vec![begins.recv().unwrap()];
        while begun.last() != Some(&100) && begun.len() < 3 {
            end.send(()).unwrap();
            begun.push(begins.recv().unwrap());
        }
        assert_eq!(begun.last(), Some(&100), "{begun:?}");
        (0..20).for_each(|_| end.send(()).unwrap());
    }

    #[test]
    fn a_panic_is_reported_and_the_thread_goes_on() {
        let (pool, begins, end) = pool(1, IDLE);
        for _ in 0..100 {
            pool.submit(vec![13]);
            assert_eq!(begins.recv(), Ok(1_013));
        }
        pool.submit(vec![1]);
        end.send(()).unwrap();
        assert_eq!((begins.recv(), pool.threads()), (Ok(1), 1));
    }

    #[test]
    fn a_stop_gives_back_what_was_not_begun_and_ends_all_threads() {
        let (pool, begins, end) = pool(1, IDLE);
        assert!(pool.submit(vec![1, 2, 3]).is_empty());
        assert_eq!(begins.recv(), Ok(1));
        assert_eq!((pool.stop(), pool.submit(vec![4])), (vec![2, 3], vec![4]));
        end.send(()).unwrap();
        while pool.threads() > 0 {
            thread::yield_now();
        }
    }
}
