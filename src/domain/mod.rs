//! What things are, and every decision. Pure: time, randomness and results come in as arguments;
//! nothing here reads a clock, a disk or the network.

mod access;
mod account;
mod address;
mod delivery;
mod event;
mod health;
mod id;
mod log_filter;
mod outcome;
mod problem;
mod request;
mod target_url;
mod timestamp;
mod webhook;

pub use access::{Actor, ApiKey, Scope, Session, User};
pub use account::{AccountId, ExternalId};
pub use address::{AddressRule, PrivateTarget, RefusedAddress};
pub use delivery::{Attempt, Delivery, FailedReason, LastAttempt, StartedBy, Status};
pub use event::{Event, NewEvent};
pub use health::{Health, HourStats, WebhookState};
pub use id::{ApiKeyId, DELIVERIES_PER_EVENT, DeliveryId, EventId, IdSequence, JobId, NotAnId, UserId, WebhookId};
pub use log_filter::{Cursor, EventCursor, HttpStatusFilter, LogCursor, LogFilter};
pub use outcome::{Answer, Cause, Outcome, status_words};
pub use problem::{Fault, Problem, ProblemKind};
pub use request::RequestParts;
pub use target_url::{MAX_URL_CHARS, TargetUrl};
pub use timestamp::{NotATimestamp, Timestamp};
pub use webhook::{Disabled, DisabledReason, SigningSecret, Webhook, WebhookVersion};
