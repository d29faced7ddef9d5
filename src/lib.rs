//! Hookstead sends webhooks for a CRM: it takes events by a JSON API, keeps them on disk, sends
//! each to every webhook that selected it, signed, retries for days, and shows every delivery.
//!
//! # Map
//!
//! Imports point downwards only. Each outside crate has one home.
//!
//! ```text
//!                 main ── cli
//!                   │
//!                  app            builds, starts, stops
//!             ┌─────┴─────┐
//!            web        sender    the two doors; they do not know each other (actix | ureq)
//!             │         │   │
//!             └─ service    │     what may be asked; used by web and by the commands
//!                   │       │
//!                   └─ store┘     what is remembered; the only place that names redb
//!                        │
//!                     domain      pure: no I/O, no clock, no randomness, no locks
//! ```
//!
//! - [`domain`]: what things are, and every decision.
//! - [`sender`]: what goes out. The engine that decides what is sent when, the threads that send,
//!   the exact request, and the HTTP transport with its name look-up and address rule.
//! - [`store`]: what is remembered.
//! - [`system`]: the machine, with a played side for tests.

pub mod domain;
pub mod sender;
pub mod store;
pub mod system;
