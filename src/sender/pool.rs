//! The threads that send. One is added only when a job comes and all others are busy, up to a
//! maximum; the one that waited least gets the next job, so those not needed end after a while.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How long a thread waits for a job before it ends.
const IDLE: Duration = Duration::from_secs(30);

/// Twice what every TLS test of the transport passes with, unoptimized; half of that overflows.
/// Only what is touched takes memory.
const STACK_BYTES: usize = 256 * 1024;

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
    most: usize,
    idle_for: Duration,
}

struct State<J> {
    jobs: VecDeque<J>,
    /// The idle threads, the one that waits longest first.
    idle: Vec<Arc<Condvar>>,
    threads: usize,
    stopping: bool,
}

impl<J: Copy + Send + 'static> Pool<J> {
    /// A pool with one thread, which grows to `most`. An error if not even the first can be had.
    pub(super) fn start(most: usize, work: Box<dyn Work<J>>) -> io::Result<Self> {
        Self::start_with(most, IDLE, work)
    }

    fn start_with(most: usize, idle_for: Duration, work: Box<dyn Work<J>>) -> io::Result<Self> {
        let state = State { jobs: VecDeque::new(), idle: Vec::new(), threads: 1, stopping: false };
        let shared = Arc::new(Shared { work, state: Mutex::new(state), most: most.max(1), idle_for });
        spawn(&shared)?;
        Ok(Pool { shared })
    }

    /// Has a job done as soon as a thread is free. Where no further thread can be had, that is when
    /// one of the others ends its job. Gives the job back if the pool is stopping.
    pub(super) fn submit(&self, job: J) -> Result<(), J> {
        let mut state = self.shared.lock();
        if state.stopping {
            return Err(job);
        }
        state.jobs.push_back(job);
        if let Some(thread) = state.idle.pop() {
            thread.notify_one();
            return Ok(());
        }
        if state.threads >= self.shared.most {
            return Ok(());
        }
        state.threads += 1;
        drop(state);
        if let Err(error) = spawn(&self.shared) {
            let mut state = self.shared.lock();
            state.threads -= 1;
            tracing::warn!(%error, threads = state.threads, "No further sending thread can be started.");
        }
        Ok(())
    }

    /// Threads there are.
    pub(super) fn threads(&self) -> usize {
        self.shared.lock().threads
    }

    /// Lets the threads end once they are idle. Gives the jobs that none had begun.
    pub(super) fn stop(&self) -> Vec<J> {
        let mut state = self.shared.lock();
        state.stopping = true;
        for thread in state.idle.drain(..) {
            thread.notify_one();
        }
        state.jobs.drain(..).collect()
    }
}

fn spawn<J: Copy + Send + 'static>(shared: &Arc<Shared<J>>) -> io::Result<()> {
    let shared = shared.clone();
    thread::Builder::new().name("sending".into()).stack_size(STACK_BYTES).spawn(move || shared.run())?;
    Ok(())
}

impl<J: Copy + 'static> Shared<J> {
    fn run(&self) {
        let me = Arc::new(Condvar::new());
        while let Some(job) = self.next(&me) {
            if catch_unwind(AssertUnwindSafe(|| self.work.work(job))).is_err() {
                self.work.panicked(job);
            }
        }
    }

    /// The next job; nothing if this thread is to end, which is then no longer counted.
    fn next(&self, me: &Arc<Condvar>) -> Option<J> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                // Whoever was woken for it finds none and waits again.
                state.idle.retain(|thread| !Arc::ptr_eq(thread, me));
                return Some(job);
            }
            let waits_already = state.idle.iter().any(|thread| Arc::ptr_eq(thread, me));
            if state.stopping {
                state.threads -= 1;
                return None;
            }
            if !waits_already {
                state.idle.push(me.clone());
            }
            let (after, wait) = me.wait_timeout(state, self.idle_for).unwrap_or_else(PoisonError::into_inner);
            state = after;
            // The last thread stays: a pool of none might not get one again.
            let not_needed = state.idle.iter().any(|thread| Arc::ptr_eq(thread, me)) && state.threads > 1;
            if wait.timed_out() && not_needed && state.jobs.is_empty() {
                state.idle.retain(|thread| !Arc::ptr_eq(thread, me));
                state.threads -= 1;
                return None;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Reports each job when it begins, and ends it when allowed to. Job 13 panics.
    struct Played {
        began: Sender<u32>,
        may_end: Mutex<Receiver<()>>,
    }

    impl Work<u32> for Played {
        fn work(&self, job: u32) {
            assert!(job != 13, "played");
            self.began.send(job).unwrap();
            let _ = self.may_end.lock().unwrap().recv();
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
        (1..=5).for_each(|job| pool.submit(job).unwrap());
        let mut first: Vec<_> = (0..3).map(|_| begins.recv().unwrap()).collect();
        first.sort_unstable();
        assert_eq!((first, pool.threads()), (vec![1, 2, 3], 3));
        (0..5).for_each(|_| end.send(()).unwrap());
        assert_eq!(begins.recv().unwrap() + begins.recv().unwrap(), 9);
        while pool.threads() > 1 {
            thread::yield_now();
        }
        pool.submit(6).unwrap();
        assert_eq!(begins.recv(), Ok(6));
        end.send(()).unwrap();
    }

    #[test]
    fn a_panic_is_reported_and_the_thread_goes_on() {
        let (pool, begins, end) = pool(1, IDLE);
        for _ in 0..100 {
            pool.submit(13).unwrap();
            assert_eq!(begins.recv(), Ok(1_013));
        }
        pool.submit(1).unwrap();
        end.send(()).unwrap();
        assert_eq!((begins.recv(), pool.threads()), (Ok(1), 1));
    }

    #[test]
    fn a_stop_gives_back_what_was_not_begun_and_ends_all_threads() {
        let (pool, begins, end) = pool(1, IDLE);
        (1..=3).for_each(|job| pool.submit(job).unwrap());
        assert_eq!(begins.recv(), Ok(1));
        assert_eq!((pool.stop(), pool.submit(4)), (vec![2, 3], Err(4)));
        end.send(()).unwrap();
        while pool.threads() > 0 {
            thread::yield_now();
        }
    }
}
