//! The log: text for a person at a terminal, one JSON object a line for a program.

use std::io::{self, IsTerminal};

use tracing::Level;

/// Begins logging to standard output. A log that cannot be written is lost, and nothing else is.
pub fn start(level: Level, json: Option<bool>) {
    let json = json.unwrap_or_else(|| !io::stdout().is_terminal());
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(io::stdout().is_terminal())
        // Otherwise a full disk under the log would be complained of on standard error, line by line.
        .log_internal_errors(false);
    // Only the first start in a process counts.
    let _ = match json {
        true => builder.json().flatten_event(true).try_init(),
        false => builder.try_init(),
    };
}
