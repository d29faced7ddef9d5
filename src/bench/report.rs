//! What was found, as `--json` gives it. `table` shows the same to people.

use std::path::Path;

use serde::Serialize;

use super::{
    Options,
    figures::{Delivery, Fairness, Idle, Ingest, Limits, Pending, Rate},
    http::BODY_BYTES,
    process, table,
};

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
    /// Parts that failed, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
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

impl Report {
    pub(super) fn new(machine: Machine, options: &Options) -> Report {
        let settings = Settings {
            seconds: options.seconds.as_secs_f64(),
            body_bytes: BODY_BYTES,
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
            failed: Vec::new(),
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
