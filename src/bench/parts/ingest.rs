//! Durable events per second, with no webhook that matches.

use super::Cpu;
use crate::bench::{
    Bench,
    figures::Ingest,
    http::EventRequest,
    limits::NoStore,
    progress, ratio,
    server::{EVENTS, Server},
};

/// At each number of connections, right after a server that stores nothing.
pub(in crate::bench) fn ingest(bench: &Bench) -> Result<Vec<Ingest>, String> {
    let server = Server::start(&bench.place)?;
    let no_store = NoStore::start(bench.options.workers)?;
    let (durable, compared) = (server.event("default"), EventRequest::new(EVENTS, "none", "default"));
    let row = |connections: &usize| {
        let (connections, seconds) = (*connections, bench.options.seconds);
        progress(format_args!("ingest: {connections} connections"));
        let most = bench.generator.closed(no_store.address, &compared, connections, seconds)?.accepted_per_s();
        let cpu = Cpu::of(&server);
        let load = bench.generator.closed(server.address, &durable, connections, seconds)?;
        let accepted = load.accepted.len() as u64;
        Ok(Ingest {
            connections,
            accepted_per_s: load.accepted_per_s(),
            refused: load.refused,
            latency: load.answered,
            no_store_per_s: most,
            ratio_to_no_store: ratio(load.accepted_per_s(), most),
            cpu_us_per_event: cpu.server_us_per(accepted),
            bench_cpu_us_per_event: cpu.bench_us_per(accepted),
        })
    };
    bench.options.connections.iter().map(row).collect()
}
