//! What each part of the report consists of.

use serde::Serialize;

use super::latency::Latency;

/// What the machine could do at the most.
#[derive(Debug, Serialize)]
pub struct Limits {
    /// Writes of 4 KiB made durable, one after the other.
    pub fsync_per_s: f64,
    /// Connections of the two below.
    pub connections: usize,
    /// Events that are parsed and answered, and not stored.
    pub no_store_per_s: f64,
    /// Events that the load generator sends straight to the receiver.
    pub receiver_per_s: f64,
}

/// Durable events at a number of connections, with no webhook.
#[derive(Debug, Serialize)]
pub struct Ingest {
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// Events answered 202.
    pub accepted_per_s: f64,
    /// Events answered otherwise.
    pub refused: u64,
    /// From POST to answer.
    #[serde(flatten)]
    pub latency: Latency,
    /// What a server reaches at these connections that stores nothing.
    pub no_store_per_s: f64,
    /// The part of that which remains.
    pub ratio_to_no_store: Option<f64>,
    /// The server's processor time per event.
    pub cpu_us_per_event: f64,
    /// The bench's own processor time per event.
    pub bench_cpu_us_per_event: f64,
}

/// Deliveries as fast as they go.
#[derive(Debug, Serialize)]
pub struct Delivery {
    /// Webhooks that get each event.
    pub webhooks: usize,
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// Events answered 202.
    pub accepted: u64,
    /// Events answered otherwise.
    pub refused: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Deliveries that did not arrive.
    pub lost: u64,
    /// Arrivals of what had arrived before.
    pub repeated: u64,
    /// Events per second while they were posted.
    pub accepted_per_s: f64,
    /// Deliveries per second from the first POST to the last arrival.
    pub delivered_per_s: f64,
    /// From POST to arrival.
    #[serde(flatten)]
    pub latency: Latency,
    /// The server's processor time per delivery, taking in the event included.
    pub cpu_us_per_delivery: f64,
    /// The bench's own processor time per delivery.
    pub bench_cpu_us_per_delivery: f64,
    /// Resident memory at the end.
    pub resident_bytes: u64,
}

/// Deliveries at a set rate.
#[derive(Debug, Serialize)]
pub struct Rate {
    /// Events per second that were planned.
    pub planned_per_s: u64,
    /// Events per second that were accepted.
    pub accepted_per_s: f64,
    /// Events answered otherwise than 202.
    pub refused: u64,
    /// Deliveries that did not arrive.
    pub lost: u64,
    /// Arrivals of what had arrived before.
    pub repeated: u64,
    /// From the planned POST to arrival.
    #[serde(flatten)]
    pub latency: Latency,
    /// The server's processor time per delivery, taking in the event included.
    pub cpu_us_per_delivery: f64,
}

/// Deliveries to good receivers beside bad ones.
#[derive(Debug, Serialize)]
pub struct Fairness {
    /// `hanging` (no answer for 15 s) or `late` (answers after 2 s).
    pub bad: &'static str,
    /// How many are bad.
    pub bad_webhooks: usize,
    /// Events per second to them together.
    pub bad_per_s: u64,
    /// How many are good.
    pub good_webhooks: usize,
    /// Events per second to them together.
    pub good_per_s: u64,
    /// Deliveries to the good ones that did not arrive.
    pub lost: u64,
    /// Arrivals at the good ones of what had arrived before.
    pub repeated: u64,
    /// From the planned POST to arrival at the good ones.
    #[serde(flatten)]
    pub latency: Latency,
    /// Their p99 as a multiple of what it is without bad ones.
    pub p99_ratio: Option<f64>,
    /// The server's processor time per event, to good and bad ones.
    pub cpu_us_per_event: f64,
}

/// With many pending deliveries.
#[derive(Debug, Serialize)]
pub struct Pending {
    /// Pending deliveries, by the server's own count.
    pub pending: u64,
    /// Deliveries per second while they were made, in batches of 1,000 events.
    pub made_per_s: f64,
    /// The server's processor time per delivery while they were made.
    pub cpu_us_per_delivery: f64,
    /// Resident memory after the start.
    pub idle_resident_bytes: u64,
    /// Resident memory after a load with nothing pending.
    pub loaded_resident_bytes: u64,
    /// Resident memory with everything pending.
    pub pending_resident_bytes: u64,
    /// The most it ever was.
    pub peak_resident_bytes: u64,
    /// Connections of the two rates below.
    pub connections: usize,
    /// Events per second with nothing pending.
    pub empty_ingest_per_s: f64,
    /// The server's processor time for each of them.
    pub empty_cpu_us_per_event: f64,
    /// Events per second with everything pending.
    pub ingest_per_s: f64,
    /// The server's processor time for each of them.
    pub cpu_us_per_event: f64,
    /// The second rate as a part of the first.
    pub ingest_ratio: Option<f64>,
    /// Events per second to the healthy webhook below.
    pub healthy_per_s: u64,
    /// From POST to arrival at a healthy webhook with nothing pending.
    pub empty_latency: Latency,
    /// The same with everything pending.
    pub latency: Latency,
    /// The second p99 as a multiple of the first.
    pub p99_ratio: Option<f64>,
    /// Deliveries to the healthy webhook that did not arrive.
    pub lost: u64,
    /// Arrivals at it of what had arrived before.
    pub repeated: u64,
    /// What a start after kill -9 finds.
    pub restart: Restart,
}

/// A start after kill -9.
#[derive(Debug, Serialize)]
pub struct Restart {
    /// Size of what is on disk.
    pub disk_bytes: u64,
    /// Until `/readyz` answers 200.
    pub ready_ms: f64,
    /// Until an event was accepted.
    pub accepted_ms: f64,
    /// Pending deliveries afterwards, by the server's own count.
    pub pending: u64,
    /// Resident memory then.
    pub resident_bytes: u64,
}

/// With nothing to do.
#[derive(Debug, Serialize)]
pub struct Idle {
    /// From the start of the process to 200 from `/readyz`, on an empty data directory.
    pub ready_ms: f64,
    /// Resident memory.
    pub resident_bytes: u64,
    /// How often its threads are woken, all together.
    pub wake_ups_per_s: f64,
    /// How long that was counted.
    pub seconds: f64,
}
