//! What goes out: the name look-up with its address rule, and the HTTP request.
//!
//! This is the only place that names ureq. Its `unversioned` traits are used for the parts that
//! must be ours: which address is dialled, what stop can end, and how much a receiver may send.

mod agents;
mod call;
mod dialler;
mod failure;
mod resolver;
mod tls;
mod transport;
mod watch;

pub use resolver::{Lookup, SystemLookup};
pub use transport::{HttpTransport, OutgoingRequest, Sent, Transport, TransportOptions};
