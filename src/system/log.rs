//! The log: text for a person at a terminal, one JSON object a line for a program.

use std::{
    io::{self, IsTerminal},
    sync::atomic::{AtomicU8, Ordering},
};

use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::{
    Layer, fmt,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

/// The levels from the most severe on; [`LEVEL`] is a position among them.
const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
static LEVEL: AtomicU8 = AtomicU8::new(2);

/// Begins logging to standard output: what this program says from `level` on, and warnings of the
/// libraries. A log that cannot be written is lost, and nothing else is.
pub fn start(level: Level, json: Option<bool>) {
    set_level(level);
    let terminal = io::stdout().is_terminal();
    let registry = tracing_subscriber::registry().with(Threshold);
    // Otherwise a full disk under the log would be complained of on standard error, line by line.
    let lines = fmt::layer().with_target(false).with_ansi(terminal).log_internal_errors(false);
    // Only the first start in a process counts.
    let _ = match json.unwrap_or(!terminal) {
        true => registry.with(lines.json().flatten_event(true).with_span_list(false)).try_init(),
        false => registry.with(lines).try_init(),
    };
}

/// Writes from `level` on, from now on.
pub fn set_level(level: Level) {
    let position = LEVELS.iter().position(|known| *known == level).unwrap_or_default();
    LEVEL.store(position as u8, Ordering::Relaxed);
    tracing_core::callsite::rebuild_interest_cache();
}

/// Lets lines through by their level. In place of the library's reloadable filter, which takes a
/// lock for every request.
struct Threshold;

fn level() -> Level {
    LEVELS[usize::from(LEVEL.load(Ordering::Relaxed)).min(LEVELS.len() - 1)]
}

fn wants(metadata: &Metadata<'_>) -> bool {
    let ours = metadata.target().starts_with("hookstead");
    *metadata.level() <= if ours { level() } else { level().min(Level::WARN) }
}

impl<S: Subscriber> Layer<S> for Threshold {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(level().max(Level::WARN).into())
    }
}
