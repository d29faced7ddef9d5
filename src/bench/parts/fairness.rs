//! Whether bad receivers are felt by good ones. Every webhook has an account of its own, so that each
//! event goes to one of them.

use std::time::Duration;

use serde_json::json;

use super::Cpu;
use crate::bench::{
    Bench,
    figures::Fairness,
    paced::{Planned, steady},
    progress, ratio,
    receiver::{Manner, Receiver},
    server::Server,
    tally::Tally,
};

/// What is measured beside what.
#[derive(Debug, Clone, Copy)]
struct Case {
    bad: &'static str,
    manner: Manner,
    bad_webhooks: usize,
    bad_per_s: u64,
    good_webhooks: usize,
    good_per_s: u64,
}

/// A phase lasts this many times as long as elsewhere: by default longer than a request may hang, and
/// long enough for a percentile at 20 events per second.
const LONGER: u32 = 4;

/// Beside webhooks that hang, and beside one that is late; each time first without them.
pub(in crate::bench) fn fairness(bench: &Bench) -> Result<Vec<Fairness>, String> {
    let hanging = Case {
        bad: "hanging",
        manner: Manner::Hang,
        bad_webhooks: 0,
        bad_per_s: 100,
        good_webhooks: 1,
        good_per_s: 20,
    };
    let late =
        Case { bad: "late", manner: Manner::Late, bad_webhooks: 0, bad_per_s: 10, good_webhooks: 19, good_per_s: 190 };
    let mut rows = compared(bench, hanging, bench.options.hanging)?;
    rows.extend(compared(bench, late, &[1])?);
    Ok(rows)
}

/// How long a phase with few events lasts.
pub(super) fn longer(bench: &Bench) -> Duration {
    bench.options.seconds * LONGER
}

fn compared(bench: &Bench, case: Case, bad_webhooks: &[usize]) -> Result<Vec<Fairness>, String> {
    let mut rows = vec![measured(bench, Case { bad_per_s: 0, ..case })?];
    for bad_webhooks in bad_webhooks {
        let mut row = measured(bench, Case { bad_webhooks: *bad_webhooks, ..case })?;
        row.p99_ratio = ratio(row.latency.p99_ms, rows[0].latency.p99_ms);
        rows.push(row);
    }
    Ok(rows)
}

fn measured(bench: &Bench, case: Case) -> Result<Fairness, String> {
    let Case { bad, manner, bad_webhooks, bad_per_s, good_webhooks, good_per_s } = case;
    progress(format_args!("fairness: {good_webhooks} good webhook(s) beside {bad_webhooks} {bad}"));
    // A receiver of its own: what still waits for an answer when the server is ended is gone with it.
    let receiver = Receiver::start(bench.generator.stopwatch)?;
    let server = Server::start(&bench.place)?;
    let all = good_webhooks + bad_webhooks;
    let mut requests = Vec::with_capacity(all);
    for webhook in 0..all {
        let account = format!("account-{webhook}");
        let manner = if webhook < good_webhooks { Manner::Fast } else { manner };
        let url = format!("http://{}{}", receiver.address, manner.path(webhook));
        server.webhook(&json!({ "request_url": url, "events": ["*"], "account": account }))?;
        requests.push(server.event(&account));
    }
    let mut plan = steady(good_per_s, longer(bench), 0..good_webhooks);
    if bad_webhooks > 0 {
        // Between the others, because at the same instant they would share a commit.
        let between = 500_000 / bad_per_s;
        let bad = steady(bad_per_s, longer(bench), good_webhooks..all);
        plan.extend(bad.into_iter().map(|one| Planned { after_us: one.after_us + between, ..one }));
        plan.sort_by_key(|planned| planned.after_us);
    }
    let cpu = Cpu::of(&server);
    let load = bench.generator.open(server.address, &requests, &plan)?;
    let cpu_us_per_event = cpu.server_us_per(load.accepted.len() as u64);
    let good: Vec<_> = load.accepted.into_iter().filter(|sent| sent.request < good_webhooks).collect();
    let tally = Tally::settle(&receiver, &good, |request| request as u32..request as u32 + 1);
    Ok(Fairness {
        bad,
        bad_webhooks,
        bad_per_s,
        good_webhooks,
        good_per_s,
        lost: tally.lost,
        repeated: tally.repeated,
        latency: tally.latency,
        p99_ratio: None,
        cpu_us_per_event,
    })
}
