//! What goes out: which delivery is sent when, the exact request, the name look-up with its address
//! rule, and the way to the receiver.
//!
//! This is the only place that names ureq. Its `unversioned` traits are used for the parts that
//! must be ours: which address is dialled, what stop can end, and how much a receiver may send.

mod agents;
mod call;
mod deliveries;
mod dialler;
pub mod engine;
mod failure;
mod meter;
mod pool;
mod reader;
mod request;
mod resolver;
mod runner;
mod single;
mod threads;
mod tls;
mod transport;
mod watch;

pub use deliveries::Deliveries;
pub use engine::{EngineOptions, LaneSettings};
pub use resolver::{Lookup, SystemLookup};
pub use runner::{Sender, SenderOptions};
pub use single::TooManyAtOnce;
pub use transport::{HttpTransport, OutgoingRequest, Sent, Transport, TransportOptions};
