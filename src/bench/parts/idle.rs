//! What a server costs that has nothing to do.

use std::{thread, time::Duration};

use crate::bench::{Bench, figures::Idle, process, progress, server::Server};

/// How long a server is left alone after its start before it counts as idle.
pub(super) const SETTLE: Duration = Duration::from_secs(2);
/// Wake-ups are counted this many times as long as a phase, because there are few.
const LONGER: u32 = 2;

/// Memory and wake-ups.
pub(in crate::bench) fn idle(bench: &Bench) -> Result<Idle, String> {
    progress("idle: memory and wake-ups");
    let server = Server::start(&bench.place)?;
    thread::sleep(SETTLE);
    let counted = bench.options.seconds * LONGER;
    let before = process::wake_ups(server.process);
    thread::sleep(counted);
    let after = process::wake_ups(server.process);
    // A thread that was not there before was woken as often as it says.
    let woken: u64 = after.iter().map(|(thread, count)| count - before.get(thread).copied().unwrap_or(0)).sum();
    Ok(Idle {
        ready_ms: server.ready_after.as_secs_f64() * 1e3,
        resident_bytes: process::resident_bytes(server.process),
        wake_ups_per_s: woken as f64 / counted.as_secs_f64(),
        seconds: counted.as_secs_f64(),
    })
}
