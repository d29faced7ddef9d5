//! How long an event takes from POST to arrival at set rates.

use serde_json::json;

use super::Cpu;
use crate::bench::{
    Bench, figures::Rate, paced::steady, per_second, progress, receiver::Manner, server::Server, tally::Tally,
};

/// One webhook as it is by default, at each rate.
pub(in crate::bench) fn latency(bench: &Bench) -> Result<Vec<Rate>, String> {
    let server = Server::start(&bench.place)?;
    server.webhook(&json!({ "request_url": bench.url(Manner::Fast, 0), "events": ["*"] }))?;
    let requests = [server.event("default")];
    let row = |rate: &u64| {
        progress(format_args!("latency: {rate} events/s"));
        let plan = steady(*rate, bench.options.seconds, 0..1);
        let cpu = Cpu::of(&server);
        let load = bench.generator.open(server.address, &requests, &plan)?;
        // After the last event, too, there is a pause as long as between any two.
        let took_us = (load.ended_us - load.began_us).max(bench.options.seconds.as_micros() as u64);
        let tally = Tally::settle(&bench.receiver, &load.accepted, |_| 0..1);
        Ok(Rate {
            planned_per_s: *rate,
            accepted_per_s: per_second(load.accepted.len(), took_us),
            refused: load.refused,
            lost: tally.lost,
            repeated: tally.repeated,
            latency: tally.latency,
            cpu_us_per_delivery: cpu.server_us_per(tally.delivered),
        })
    };
    bench.options.rates.iter().map(row).collect()
}
