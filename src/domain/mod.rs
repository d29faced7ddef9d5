//! What things are, and every decision. Pure: time, randomness and results come in as arguments;
//! nothing here reads a clock, a disk or the network.

mod address;
mod id;
mod outcome;
mod problem;
mod target_url;
mod timestamp;

pub use address::{AddressRule, PrivateTarget, RefusedAddress};
pub use id::{ApiKeyId, DELIVERIES_PER_EVENT, DeliveryId, EventId, IdSequence, JobId, NotAnId, UserId, WebhookId};
pub use outcome::{Answer, Cause, Outcome, status_words};
pub use problem::{Fault, Problem, ProblemKind};
pub use target_url::{MAX_URL_CHARS, TargetUrl};
pub use timestamp::{NotATimestamp, Timestamp};
