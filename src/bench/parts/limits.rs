//! What the machine could do at the most, in the same run.

use super::CONNECTIONS;
use crate::bench::{
    Bench,
    figures::Limits,
    http::EventRequest,
    limits::{NoStore, syncs_per_s},
    progress,
    receiver::Manner,
    server::EVENTS,
};

/// The disk, a server that stores nothing, and the load generator with the receiver.
pub(in crate::bench) fn limits(bench: &Bench) -> Result<Limits, String> {
    let seconds = bench.options.seconds;
    progress("limits: writes made durable");
    let fsync_per_s = syncs_per_s(&bench.place.folder, seconds)?;

    progress("limits: events straight into the receiver");
    let request = EventRequest::new(&Manner::Fast.path(0), "none", "default");
    let load = bench.generator.closed(bench.receiver.address, &request, CONNECTIONS, seconds)?;
    let receiver_per_s = load.accepted_per_s();
    bench.receiver.take(load.accepted.len());

    progress("limits: events parsed and not stored");
    let server = NoStore::start(bench.options.workers)?;
    let request = EventRequest::new(EVENTS, "none", "default");
    let no_store_per_s = bench.generator.closed(server.address, &request, CONNECTIONS, seconds)?.accepted_per_s();
    Ok(Limits { fsync_per_s, connections: CONNECTIONS, no_store_per_s, receiver_per_s })
}
