//! The machine: time, randomness, and waking a thread that waits. Each is a small trait with a
//! real side and a played one, so that everything above runs in a test without sleeping.

mod clock;
pub mod log;
mod random;
mod wake;

pub use clock::{Clock, PlayedClock, SystemClock};
pub use random::{PlayedRandom, Random, SystemRandom};
pub use wake::Inbox;
