//! What things are, and every decision. Pure: time, randomness and results come in as arguments;
//! nothing here reads a clock, a disk or the network.

mod access;
mod account;
mod delivery;
mod event;
mod health;
mod id;
mod log_filter;
mod problem;
mod request;
mod timestamp;
mod webhook;

pub use access::{Actor, ApiKey, Scope, Session, User};
pub use account::{AccountId, ExternalId};
pub use delivery::{Attempt, Delivery, FailedReason, LastAttempt, StartedBy, Status};
pub use event::{Event, NewEvent};
pub use health::{Health, HourStats, WebhookState};
pub use id::{ApiKeyId, DELIVERIES_PER_EVENT, DeliveryId, EventId, IdSequence, JobId, NotAnId, UserId, WebhookId};
pub use log_filter::{Cursor, EventCursor, HttpStatusFilter, LogCursor, LogFilter, Page};
pub use problem::{Fault, Problem, ProblemKind};
pub use request::RequestParts;
pub use timestamp::{NotATimestamp, Timestamp};
pub use webhook::{Disabled, DisabledReason, SigningSecret, Webhook, WebhookVersion};
