//! One zero of time for everything that is measured.

use std::time::{Duration, Instant};

/// Counts microseconds from one moment, the same for the load generator and the receiver.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to count.
    pub(super) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// How long it has been.
    pub(super) fn now_us(self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }

    /// The moment at which it will have been so long.
    pub(super) fn at(self, us: u64) -> Instant {
        self.0 + Duration::from_micros(us)
    }
}
