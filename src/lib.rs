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
//! - [`store`]: what is remembered: one file, one writer, answers after the commit.
//! - [`service`]: what may be asked, by whom; the API, the pages and the commands come through it.
//! - [`sender`]: what goes out: the turn over lanes, sending threads, HTTP, name look-ups.
//! - [`web`]: who comes in: the JSON API, the pages, and the test receiver.
//! - [`app`]: builds everything, starts it, stops it; the upkeep, the healing and its alarms.
//! - [`control`]: the operator's door: commands to a running server, or to its file.
//! - [`system`]: clock, random bytes, waking, each with a played side for tests; the log, what is
//!   counted, our certificate, systemd.
//! - [`config`]: what the operator decides, read at the start and on SIGHUP.
//! - [`cli`]: what the operator types; puts a command together and says how it ended.
//! - [`bench`]: how fast it is on this machine: uses the product from outside, as a process of its own,
//!   and names nothing of what is above. Its second server, which stores nothing, is actix too.

pub mod app;
pub mod bench;
pub mod cli;
pub mod config;
pub mod control;
pub mod domain;
pub mod sender;
pub mod service;
pub mod store;
pub mod system;
pub mod web;
