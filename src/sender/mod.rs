//! What goes out: which delivery is sent when, the exact request, and the way to the receiver.
//!
//! This is the only place that names ureq. Its `unversioned` traits are used for the parts that
//! must be ours: which address is dialled, what stop can end, and how much a receiver may send.

mod agents;
mod call;
mod dialler;
pub mod engine;
mod failure;
mod resolver;
mod tls;
mod transport;
mod watch;

pub use resolver::{Lookup, SystemLookup};
pub use transport::{HttpTransport, OutgoingRequest, Sent, Transport, TransportOptions};
