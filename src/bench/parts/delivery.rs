//! Deliveries per second from end to end, as fast as it goes, each of them counted.

use serde_json::json;

use super::{CONNECTIONS, Cpu};
use crate::bench::{
    Bench, figures::Delivery, per_second, process, progress, receiver::Manner, server::Server, tally::Tally,
};

/// Webhooks that get each event in the second case.
const FAN_OUT: usize = 10;
/// The most requests to one webhook at a time that may be configured: the receiver here can take them.
const MAX_IN_FLIGHT: usize = 64;

/// One webhook at several numbers of connections, then ten.
pub(in crate::bench) fn delivery(bench: &Bench) -> Result<Vec<Delivery>, String> {
    let single = bench.options.connections.iter().filter(|connections| **connections >= CONNECTIONS);
    let cases = single.map(|connections| (1, *connections)).chain([(FAN_OUT, CONNECTIONS)]);
    cases.map(|(webhooks, connections)| case(bench, webhooks, connections)).collect()
}

fn case(bench: &Bench, webhooks: usize, connections: usize) -> Result<Delivery, String> {
    progress(format_args!("delivery: {webhooks} webhook(s), {connections} connections"));
    let server = Server::start(&bench.place)?;
    for webhook in 0..webhooks {
        let url = bench.url(Manner::Fast, webhook);
        let mut members = json!({ "request_url": url, "events": ["*"] });
        if webhooks == 1 {
            members["max_in_flight"] = MAX_IN_FLIGHT.into();
        }
        server.webhook(&members)?;
    }
    let cpu = Cpu::of(&server);
    let load = bench.generator.closed(server.address, &server.event("default"), connections, bench.options.seconds)?;
    let tally = Tally::settle(&bench.receiver, &load.accepted, |_| 0..webhooks as u32);
    Ok(Delivery {
        webhooks,
        connections,
        accepted: load.accepted.len() as u64,
        refused: load.refused,
        delivered: tally.delivered,
        lost: tally.lost,
        repeated: tally.repeated,
        accepted_per_s: load.accepted_per_s(),
        delivered_per_s: per_second(tally.delivered as usize, tally.last_us.saturating_sub(load.began_us)),
        latency: tally.latency,
        cpu_us_per_delivery: cpu.server_us_per(tally.delivered),
        bench_cpu_us_per_delivery: cpu.bench_us_per(tally.delivered),
        resident_bytes: process::resident_bytes(server.process),
    })
}
