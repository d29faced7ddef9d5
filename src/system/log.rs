//! The log: text for a person at a terminal, one JSON object a line for a program.

use std::io::{self, IsTerminal};

use tracing::Level;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Begins logging to standard output: what this program says from `level` on, and warnings of the
/// libraries. A log that cannot be written is lost, and nothing else is.
pub fn start(level: Level, json: Option<bool>) {
    let terminal = io::stdout().is_terminal();
    let filter = Targets::new().with_default(level.min(Level::WARN)).with_target("hookstead", level);
    let registry = tracing_subscriber::registry().with(filter);
    // Otherwise a full disk under the log would be complained of on standard error, line by line.
    let lines = fmt::layer().with_target(false).with_ansi(terminal).log_internal_errors(false);
    // Only the first start in a process counts.
    let _ = match json.unwrap_or(!terminal) {
        true => registry.with(lines.json().flatten_event(true).with_span_list(false)).try_init(),
        false => registry.with(lines).try_init(),
    };
}
