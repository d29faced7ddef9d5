//! A thread's inbox: others put things in, the thread takes all of them or waits until a time.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::{Condvar, Mutex};

use super::Clock;
use crate::domain::Timestamp;

/// Things for one thread, in the order they came. Has no bound of its own: whoever puts in asks
/// [`Inbox::len`] and leaves out what can be found again elsewhere.
#[derive(Debug)]
pub struct Inbox<T> {
    waiting: Mutex<VecDeque<T>>,
    arrived: Condvar,
}

impl<T: Send + 'static> Inbox<T> {
    /// An empty inbox whose reader wakes when `clock` is advanced by hand.
    pub fn new(clock: &dyn Clock) -> Arc<Self> {
        let inbox = Arc::new(Inbox { waiting: Mutex::default(), arrived: Condvar::new() });
        let weak = Arc::downgrade(&inbox);
        clock.on_advance(Arc::new(move || {
            let Some(inbox) = weak.upgrade() else { return };
            // Under the lock, so that it cannot fall between the reader's look and its wait.
            let _waiting = inbox.waiting.lock();
            inbox.arrived.notify_all();
        }));
        inbox
    }

    /// Puts one thing in.
    pub fn push(&self, thing: T) {
        self.extend([thing]);
    }

    /// Puts several things in; the reader gets them together.
    pub fn extend(&self, things: impl IntoIterator<Item = T>) {
        let mut waiting = self.waiting.lock();
        let before = waiting.len();
        waiting.extend(things);
        let came = waiting.len() > before;
        drop(waiting);
        if came {
            self.arrived.notify_one();
        }
    }

    /// How many things wait.
    pub fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes everything; if there is nothing, waits until something comes or it is `until`.
    /// Returns nothing only when that time has come.
    pub fn drain_or_wait(&self, clock: &dyn Clock, until: Option<Timestamp>) -> Vec<T> {
        let mut waiting = self.waiting.lock();
        while waiting.is_empty() && until.is_none_or(|until| clock.now() < until) {
            match until.and_then(|until| clock.wait_limit(until)) {
                Some(limit) => {
                    self.arrived.wait_for(&mut waiting, limit);
                }
                None => self.arrived.wait(&mut waiting),
            }
        }
        waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;
    use crate::system::{PlayedClock, SystemClock};

    #[test]
    fn what_waits_is_taken_at_once_and_in_order() {
        let clock = PlayedClock::new(Timestamp::from_millis(0));
        let inbox = Inbox::new(&clock);
        inbox.extend([1, 2]);
        inbox.push(3);
        assert_eq!(inbox.drain_or_wait(&clock, None), [1, 2, 3]);
        assert!(inbox.is_empty());
    }

    #[test]
    fn a_reader_wakes_for_a_push_and_for_its_time() {
        let clock = Arc::new(PlayedClock::new(Timestamp::from_millis(0)));
        let inbox = Inbox::new(&*clock);
        let reader = {
            let (clock, inbox) = (clock.clone(), inbox.clone());
            thread::spawn(move || {
                let first = inbox.drain_or_wait(&*clock, None);
                let second = inbox.drain_or_wait(&*clock, Some(Timestamp::from_millis(1_000)));
                (first, second)
            })
        };
        inbox.push("pushed");
        while !inbox.is_empty() {
            thread::yield_now();
        }
        clock.advance(Duration::from_secs(1));
        assert_eq!(reader.join().unwrap(), (vec!["pushed"], vec![]));
    }

    #[test]
    fn on_the_system_clock_a_wait_ends_by_itself() {
        let clock = SystemClock::new();
        let inbox = Inbox::<()>::new(&clock);
        let until = clock.now().plus(Duration::from_millis(5));
        assert!(inbox.drain_or_wait(&clock, Some(until)).is_empty());
        assert!(clock.now() >= until);
    }
}
