//! The machine: time, randomness, the log, our certificate, and waking a thread that waits. What a test must hold in
//! its hand is a small trait with a real side and a played one, so that everything above runs in a test without sleeping.

pub mod certificate;
mod clock;
pub mod log;
mod meters;
pub mod notify;
mod random;
mod unchecked;
mod wake;

pub use clock::{Clock, PlayedClock, SystemClock};
pub use meters::{Histogram, Meters};
pub use random::{PlayedRandom, Random, SystemRandom};
pub use unchecked::unchecked_client;
pub use wake::Inbox;
