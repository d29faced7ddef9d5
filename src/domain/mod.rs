//! What things are, and every decision. Pure: time, randomness and results come in as arguments;
//! nothing here reads a clock, a disk or the network.

mod address;
mod catalogue;
mod cause;
mod event_type;
mod headers;
mod http_status;
mod id;
mod outcome;
mod problem;
pub mod raw_json;
mod retry_after;
mod schedule;
mod secret;
mod selection;
mod signature;
mod target_url;
mod timestamp;

pub use address::{AddressRule, PrivateTarget, RefusedAddress};
pub use catalogue::{EventTypeInfo, built_in};
pub use cause::Cause;
pub use event_type::{EventType, nearest};
pub use headers::{CustomHeader, CustomHeaders};
pub use http_status::status_words;
pub use id::{ApiKeyId, DELIVERIES_PER_EVENT, DeliveryId, EventId, IdSequence, JobId, NotAnId, UserId, WebhookId};
pub use outcome::{Answer, Outcome};
pub use problem::{Fault, Problem, ProblemKind};
pub use raw_json::{Line, Part, PartKind, check_depth, format_lines, top_level_duplicate};
pub use retry_after::parse_retry_after;
pub use schedule::{RetrySchedule, Verdict};
pub use secret::Secret;
pub use selection::Selection;
pub use signature::{TOLERANCE_S, VerifyFailure, sign, verify};
pub use target_url::{MAX_URL_CHARS, TargetUrl};
pub use timestamp::{NotATimestamp, Timestamp};
