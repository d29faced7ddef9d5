//! What was found, as `--json` gives it. `table` shows the same to people.

use std::path::Path;

use serde::Serialize;

use super::{Options, latency::Latency, process, table};

/// Everything that was measured. A part that was not run is left out.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The version of the program.
    pub hookstead: &'static str,
    /// What it ran on.
    pub machine: Machine,
    /// How it was run.
    pub settings: Settings,
    /// What the machine could do at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Durable events that no webhook matches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ingest: Vec<Ingest>,
    /// From end to end, as fast as it goes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delivery: Vec<Delivery>,
    /// From POST to arrival at set rates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<Rate>,
    /// The same beside bad receivers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fairness: Vec<Fairness>,
    /// With many pending deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// With nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
}

/// The machine. What else it does shows in the load averages.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors that may be used.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The file system of the data.
    pub file_system: String,
    /// Load averages of 1, 5 and 15 minutes at the start.
    pub load_before: [f64; 3],
    /// The same at the end.
    pub load_after: [f64; 3],
}

/// How the bench was run.
#[derive(Debug, Serialize)]
pub struct Settings {
    /// Length of each phase.
    pub seconds: f64,
    /// Bytes of each event's body.
    pub body_bytes: usize,
    /// Threads that answer.
    pub workers: usize,
    /// The server's configuration file, if it was not run with the defaults.
    pub config: Option<String>,
}

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
    /// Connections of the two below.
    pub connections: usize,
    /// Events per second with nothing pending.
    pub empty_ingest_per_s: f64,
    /// Events per second with everything pending.
    pub ingest_per_s: f64,
    /// The second as a part of the first.
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

impl Report {
    pub(super) fn new(machine: Machine, options: &Options) -> Report {
        let settings = Settings {
            seconds: options.seconds.as_secs_f64(),
            body_bytes: super::http::BODY_BYTES,
            workers: options.workers,
            config: options.config.as_ref().map(|path| path.display().to_string()),
        };
        Report {
            hookstead: env!("CARGO_PKG_VERSION"),
            machine,
            settings,
            limits: None,
            ingest: Vec::new(),
            delivery: Vec::new(),
            latency: Vec::new(),
            fairness: Vec::new(),
            pending: None,
            idle: None,
        }
    }

    /// One JSON document.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("names are text")
    }

    /// Tables for people.
    pub fn table(&self) -> String {
        table::of(self)
    }
}

impl Machine {
    pub(super) fn look(folder: &Path) -> Machine {
        let load = process::load_average();
        Machine {
            cpu: process::processor(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: process::kernel(),
            file_system: process::file_system(folder),
            load_before: load,
            load_after: load,
        }
    }

    pub(super) fn look_again(&mut self) {
        self.load_after = process::load_average();
    }
}
