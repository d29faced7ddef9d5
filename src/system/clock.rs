//! What time it is. Tests set a [`PlayedClock`]; the program runs on the [`SystemClock`].

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::domain::Timestamp;

/// What time it is, and how to wait for a time.
pub trait Clock: Send + Sync {
    /// The time that everything is planned by. Never goes back within the process.
    fn now(&self) -> Timestamp;

    /// The machine's wall clock, which goes back when somebody sets it back. For what others
    /// compare with their own clock: the `webhook-timestamp` that is signed.
    fn wall(&self) -> Timestamp {
        self.now()
    }

    /// How long a thread may block that waits for `until`; it then looks again. `None`: without
    /// end, because an advance of this clock wakes it.
    fn wait_limit(&self, until: Timestamp) -> Option<Duration>;

    /// Has `wake` called after each advance that was made by hand; a clock that runs by itself
    /// never calls it. `wake` must not ask this clock to advance.
    fn on_advance(&self, wake: Arc<dyn Fn() + Send + Sync>);
}

/// The longest a thread blocks before it reads the clock again, so that a wall clock set forward
/// and a machine that slept are noticed within this time.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The largest lead over the wall clock that is given back by running slower.
const SLEW_UP_TO: Duration = Duration::from_secs(5);

/// The machine's clock.
///
/// `now` follows the wall clock forward at once. When the wall clock is set back, `now` goes on
/// from where it was: a lead of up to 5 s is given back by running at half speed, so no wait grows
/// by more than 5 s; a longer lead is kept until the wall clock catches up or the process starts
/// again, so that no retry is put off for days. Both is measured by the monotonic clock.
#[derive(Debug)]
pub struct SystemClock {
    course: Mutex<Course>,
}

impl SystemClock {
    /// A clock that begins at the wall clock's time.
    pub fn new() -> Self {
        SystemClock { course: Mutex::new(Course { shown: wall_now(), at: Instant::now() }) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let mut course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
        timestamp(course.follow(wall_now(), Instant::now()))
    }

    fn wall(&self) -> Timestamp {
        timestamp(wall_now())
    }

    fn wait_limit(&self, until: Timestamp) -> Option<Duration> {
        Some(until.since(self.now()).min(LOOK_AGAIN))
    }

    fn on_advance(&self, _wake: Arc<dyn Fn() + Send + Sync>) {}
}

/// The time shown last, since 1970, and the monotonic clock at that moment.
#[derive(Debug)]
struct Course {
    shown: Duration,
    at: Instant,
}

impl Course {
    fn follow(&mut self, wall: Duration, instant: Instant) -> Duration {
        // Zero if the monotonic clock went back, as it may under a faked one.
        let passed = instant.saturating_duration_since(self.at);
        let straight = self.shown + passed;
        let slewed = self.shown + passed / 2;
        self.at = instant;
        self.shown = if wall >= straight {
            wall
        } else if straight - wall <= SLEW_UP_TO {
            wall.max(slewed)
        } else {
            straight
        };
        self.shown
    }
}

/// Since 1970; zero if the machine believes to be before that.
fn wall_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn timestamp(since_1970: Duration) -> Timestamp {
    Timestamp::from_millis(0).plus(since_1970)
}

/// A clock that stands still until a test moves it.
pub struct PlayedClock {
    now: Mutex<Timestamp>,
    wakes: Mutex<Vec<Arc<dyn Fn() + Send + Sync>>>,
}

impl PlayedClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        PlayedClock { now: Mutex::new(now), wakes: Mutex::default() }
    }

    /// Moves the clock forward and wakes who waits.
    pub fn advance(&self, by: Duration) {
        {
            let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            *now = now.plus(by);
        }
        self.wake();
    }

    /// Shows `now` from here on, also if that is earlier, and wakes who waits.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
        self.wake();
    }

    fn wake(&self) {
        // Called without the lock: whoever wakes may look at the clock or subscribe.
        let wakes = self.wakes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for wake in wakes {
            wake();
        }
    }
}

impl Clock for PlayedClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_limit(&self, _until: Timestamp) -> Option<Duration> {
        None
    }

    fn on_advance(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.wakes.lock().unwrap_or_else(PoisonError::into_inner).push(wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_time_follows_the_wall_clock_forward_and_never_goes_back() {
        let start = Instant::now();
        let mut course = Course { shown: 10 * DAY, at: start };
        for (wall, passed, shown, story) in [
            (10 * DAY + seconds(1), 1, 10 * DAY + seconds(1), "both run"),
            (12 * DAY, 2, 12 * DAY, "set two days forward"),
            (10 * DAY, 3, 12 * DAY + seconds(1), "set two days back: goes on by itself"),
            (10 * DAY + seconds(7), 10, 12 * DAY + seconds(8), "and on"),
            (12 * DAY + seconds(9), 11, 12 * DAY + seconds(9), "set right again"),
            (12 * DAY + seconds(7), 13, 12 * DAY + seconds(10), "four seconds back: half speed"),
            (12 * DAY + seconds(13), 19, 12 * DAY + seconds(13), "until the wall clock has caught up"),
        ] {
            assert_eq!(course.follow(wall, start + seconds(passed)), shown, "{story}");
        }
    }

    #[test]
    fn a_monotonic_clock_that_goes_back_does_not_stop_the_time() {
        let start = Instant::now() + seconds(100);
        let mut course = Course { shown: 10 * DAY, at: start };
        assert_eq!(course.follow(DAY, start - seconds(50)), 10 * DAY);
        assert_eq!(course.follow(DAY, start - seconds(49)), 10 * DAY + seconds(1));
    }

    #[test]
    fn the_system_clock_shows_the_wall_clock_and_waits_in_short_steps() {
        let clock = SystemClock::new();
        assert!(clock.now() - clock.wall() < seconds(5) && clock.wall() - clock.now() < seconds(5));
        assert_eq!(clock.wait_limit(clock.now().plus(DAY)), Some(LOOK_AGAIN));
        assert_eq!(clock.wait_limit(Timestamp::from_millis(0)), Some(Duration::ZERO));
    }
}
