//! What things are, and every decision. Pure: time, randomness and results come in as arguments;
//! nothing here reads a clock, a disk or the network.

mod id;
mod problem;
mod timestamp;

pub use id::{ApiKeyId, DELIVERIES_PER_EVENT, DeliveryId, EventId, IdSequence, JobId, NotAnId, UserId, WebhookId};
pub use problem::{Fault, Problem, ProblemKind};
pub use timestamp::{NotATimestamp, Timestamp};
