//! Memory and speed with many pending deliveries, and the start after kill -9 with them on disk.

use std::{
    net::Ipv4Addr,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use serde_json::json;
use socket2::{Domain, Socket, Type};

use super::{CONNECTIONS, Cpu, fairness::longer, idle::SETTLE};
use crate::bench::{
    Bench,
    figures::{Pending, Restart},
    http::{Line, event_body},
    paced::steady,
    process, progress, ratio,
    receiver::Manner,
    server::{EVENTS, Server},
    tally::Tally,
};

/// Webhooks that each of the pending events is for: all off but one, whose receiver refuses to connect.
const FAN_OUT: u64 = 10;
/// Most events in one batch.
const BATCH: u64 = 1_000;
/// Connections that post batches: while one is being stored, others are being read.
const FILLING: usize = 4;
/// Events per second to the healthy webhook.
const HEALTHY_PER_S: u64 = 50;

/// First with nothing pending, then with everything, then killed and started again.
pub(in crate::bench) fn pending(bench: &Bench) -> Result<Pending, String> {
    let mut server = Server::start(&bench.place)?;
    server.webhook(&json!({ "request_url": bench.url(Manner::Fast, 0), "events": ["*"], "account": "healthy" }))?;
    thread::sleep(SETTLE);
    let idle_resident_bytes = process::resident_bytes(server.process);

    progress("pending: with nothing pending");
    let seconds = bench.options.seconds;
    let load = bench.generator.closed(server.address, &server.event("healthy"), CONNECTIONS, seconds)?;
    let first = Tally::settle(&bench.receiver, &load.accepted, |_| 0..1);
    let loaded_resident_bytes = process::resident_bytes(server.process);
    let (empty_ingest_per_s, empty_cpu_us_per_event) = ingest(bench, &server)?;
    let empty = healthy(bench, &server)?;

    progress(format_args!("pending: making {} deliveries", bench.options.pending));
    let closed_port = refuse(&server)?;
    let (began, cpu) = (Instant::now(), Cpu::of(&server));
    fill(&server, bench.options.pending.div_ceil(FAN_OUT))?;
    let made_per_s = bench.options.pending as f64 / began.elapsed().as_secs_f64();
    let cpu_us_per_delivery = cpu.server_us_per(bench.options.pending);
    let pending_resident_bytes = process::resident_bytes(server.process);

    progress("pending: with everything pending");
    let (ingest_per_s, cpu_us_per_event) = ingest(bench, &server)?;
    let full = healthy(bench, &server)?;
    let peak_resident_bytes = process::peak_resident_bytes(server.process);
    let pending = server.pending()?;
    let restart = restart(&mut server)?;
    drop(closed_port);
    Ok(Pending {
        pending,
        made_per_s,
        cpu_us_per_delivery,
        idle_resident_bytes,
        loaded_resident_bytes,
        pending_resident_bytes,
        peak_resident_bytes,
        connections: CONNECTIONS,
        empty_ingest_per_s,
        empty_cpu_us_per_event,
        ingest_per_s,
        cpu_us_per_event,
        ingest_ratio: ratio(ingest_per_s, empty_ingest_per_s),
        healthy_per_s: HEALTHY_PER_S,
        empty_latency: empty.latency,
        latency: full.latency,
        p99_ratio: ratio(full.latency.p99_ms, empty.latency.p99_ms),
        lost: first.lost + empty.lost + full.lost,
        repeated: first.repeated + empty.repeated + full.repeated,
        restart,
    })
}

/// Events per second of an account that has no webhook, and the server's processor time for each.
fn ingest(bench: &Bench, server: &Server) -> Result<(f64, f64), String> {
    let (request, cpu) = (server.event("without-webhooks"), Cpu::of(server));
    let load = bench.generator.closed(server.address, &request, CONNECTIONS, bench.options.seconds)?;
    Ok((load.accepted_per_s(), cpu.server_us_per(load.accepted.len() as u64)))
}

/// A steady stream to the healthy webhook.
fn healthy(bench: &Bench, server: &Server) -> Result<Tally, String> {
    let plan = steady(HEALTHY_PER_S, longer(bench), 0..1);
    let load = bench.generator.open(server.address, &[server.event("healthy")], &plan)?;
    Ok(Tally::settle(&bench.receiver, &load.accepted, |_| 0..1))
}

/// Makes the webhooks whose deliveries stay pending. Nobody listens at the port of what is given, and
/// nobody else can take it as long as that is held.
fn refuse(server: &Server) -> Result<Socket, String> {
    let bind = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        Ok((socket.local_addr()?.as_socket(), socket))
    };
    let (address, socket) = bind().map_err(|error: std::io::Error| format!("a port that is closed: {error}"))?;
    let address = address.ok_or("a port that is closed: it has no address")?;
    for webhook in 0..FAN_OUT {
        let url = format!("http://{address}/{webhook}");
        let enabled = webhook == 0;
        server.webhook(&json!({ "request_url": url, "events": ["*"], "account": "pending", "enabled": enabled }))?;
    }
    Ok(socket)
}

/// Publishes `count` events, in batches.
fn fill(server: &Server, count: u64) -> Result<(), String> {
    let batch = |size: u64| format!("{{\"events\":[{}]}}", vec![event_body("pending"); size as usize].join(","));
    // No event has an id of the caller's, so the same batch can be posted again.
    let (full, rest) = (batch(BATCH), count % BATCH);
    let left = AtomicU64::new(count / BATCH);
    let post = || {
        let mut line = Line::open(server.address).map_err(|error| error.to_string())?;
        while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            publish(&mut line, server, &full)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let posting: Vec<_> = (0..FILLING).map(|_| scope.spawn(post)).collect();
        posting.into_iter().try_for_each(|one| one.join().unwrap_or_else(|_| Err("a poster panicked".into())))
    })
    .map_err(|error: String| format!("making pending deliveries: {error}"))?;
    if rest > 0 {
        let mut line = Line::open(server.address).map_err(|error| error.to_string())?;
        publish(&mut line, server, &batch(rest))?;
    }
    Ok(())
}

fn publish(line: &mut Line, server: &Server, batch: &str) -> Result<(), String> {
    let answer = line.call("POST", &format!("{EVENTS}/batch"), &server.key, batch);
    match answer.map_err(|error| error.to_string())? {
        (202, answer) if !answer.contains("\"rejected\"") => Ok(()),
        (status, answer) => Err(format!("{status} {}", answer.chars().take(500).collect::<String>())),
    }
}

fn restart(server: &mut Server) -> Result<Restart, String> {
    progress("pending: killed and started again");
    server.kill_and_restart()?;
    let event = event_body("without-webhooks");
    server.ask("POST", EVENTS, &event, 202)?;
    let accepted = server.started.elapsed();
    Ok(Restart {
        disk_bytes: server.disk_bytes(),
        ready_ms: server.ready_after.as_secs_f64() * 1e3,
        accepted_ms: accepted.as_secs_f64() * 1e3,
        pending: server.pending()?,
        resident_bytes: process::resident_bytes(server.process),
    })
}
