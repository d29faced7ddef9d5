//! How far a long command is: a line that changes on a terminal, plain lines now and then elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use super::output::complain;
use crate::store::Progress;

/// How often the line on a terminal changes.
const REDRAW_EVERY: Duration = Duration::from_millis(100);
/// How often there is a line elsewhere.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows how far one piece of work is.
pub(super) struct Meter {
    what: &'static str,
    began: Instant,
    shown_at: Instant,
    on_terminal: bool,
    drawn: bool,
}

impl Meter {
    pub(super) fn new(what: &'static str) -> Meter {
        let now = Instant::now();
        Meter { what, began: now, shown_at: now, on_terminal: io::stderr().is_terminal(), drawn: false }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        let every = if self.on_terminal { REDRAW_EVERY } else { LINE_EVERY };
        if self.shown_at.elapsed() < every {
            return;
        }
        self.shown_at = Instant::now();
        let line = line(self.what, progress, self.began.elapsed());
        if self.on_terminal {
            self.drawn = true;
            let _ = write!(io::stderr().lock(), "\r\x1b[K{line}");
        } else {
            complain(&line);
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.drawn {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn line(what: &str, progress: Progress, elapsed: Duration) -> String {
    let Progress { done, total } = progress;
    if done == 0 || total == 0 {
        return what.to_owned();
    }
    let done = done.min(total);
    let left = elapsed.mul_f64((total - done) as f64 / done as f64).as_secs();
    let left = match left {
        0..60 => format!("{left} s"),
        60..3600 => format!("{} min {} s", left / 60, left % 60),
        _ => format!("{} h {} min", left / 3600, left / 60 % 60),
    };
    format!("{what}: {} %, {left} left", u128::from(done) * 100 / u128::from(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_and_how_long() {
        for (done, total, elapsed_s, expected) in [
            (0, 0, 5, "backup"),
            (0, 10, 5, "backup"),
            (5, 10, 5, "backup: 50 %, 5 s left"),
            (1, 100, 10, "backup: 1 %, 16 min 30 s left"),
            (1, 1_000, 10, "backup: 0 %, 2 h 46 min left"),
            (10, 10, 9, "backup: 100 %, 0 s left"),
            (11, 10, 9, "backup: 100 %, 0 s left"),
        ] {
            let progress = Progress { done, total };
            assert_eq!(line("backup", progress, Duration::from_secs(elapsed_s)), expected);
        }
    }
}
