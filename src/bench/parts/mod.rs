//! What is measured, one file each.

mod delivery;
mod fairness;
mod idle;
mod ingest;
mod latency;
mod limits;
mod pending;

pub(super) use delivery::delivery;
pub(super) use fairness::fairness;
pub(super) use idle::idle;
pub(super) use ingest::ingest;
pub(super) use latency::latency;
pub(super) use limits::limits;
pub(super) use pending::pending;

use super::{Bench, process, receiver::Manner, server::Server};

/// Connections where one number stands for all.
const CONNECTIONS: usize = 64;

/// Processor time of the server and of this process from now on.
struct Cpu {
    server: u32,
    server_us: u64,
    bench_us: u64,
}

impl Cpu {
    fn of(server: &Server) -> Cpu {
        let bench_us = process::cpu_us(std::process::id());
        Cpu { server: server.process, server_us: process::cpu_us(server.process), bench_us }
    }

    /// What the server used for each of `count`.
    fn server_us_per(&self, count: u64) -> f64 {
        (process::cpu_us(self.server) - self.server_us) as f64 / count.max(1) as f64
    }

    /// What the load generator and the receiver used for each of `count`.
    fn bench_us_per(&self, count: u64) -> f64 {
        (process::cpu_us(std::process::id()) - self.bench_us) as f64 / count.max(1) as f64
    }
}

impl Bench {
    /// The URL of the receiver for this webhook.
    fn url(&self, manner: Manner, webhook: usize) -> String {
        format!("http://{}{}", self.receiver.address, manner.path(webhook))
    }
}
