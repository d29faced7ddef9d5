//! `hookstead bench`: how fast this program is on this machine.
//!
//! It uses the product from outside, as a CRM and its receivers would: it starts the real server as a
//! process of its own, with the load generator and the receiver in this one, and speaks HTTP with it.
//! Nothing of the server's inside is named here. Every part starts on an empty data directory, so that
//! none depends on what ran before it.

use std::{
    io::{self, Write},
    path::PathBuf,
    str::FromStr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

mod clock;
mod figures;
mod http;
mod latency;
mod limits;
mod load;
mod paced;
mod parts;
mod process;
mod receiver;
mod report;
mod server;
mod table;
mod tally;

pub use report::Report;

use clock::Stopwatch;
use load::Generator;
use receiver::Receiver;
use report::Machine;
use server::Place;

/// What to measure, and how long.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long each phase lasts.
    pub seconds: Duration,
    /// The parts to run; all if it is empty.
    pub parts: Vec<Part>,
    /// How many pending deliveries the part `pending` makes.
    pub pending: u64,
    /// Where the folder for the data is made, and removed in the end.
    pub dir: PathBuf,
    /// The configuration file of the server; without one it runs with the defaults.
    pub config: Option<PathBuf>,
    /// Threads that answer in that configuration, and in the server that stores nothing.
    pub workers: usize,
    /// Connections of the closed loops.
    connections: &'static [usize],
    /// Events per second of the open loops.
    rates: &'static [u64],
    /// Numbers of webhooks that hang.
    hanging: &'static [usize],
}

impl Options {
    /// Everything in its usual size.
    pub fn usual(workers: usize) -> Options {
        Options {
            seconds: Duration::from_secs(5),
            parts: Vec::new(),
            pending: 1_000_000,
            dir: PathBuf::from("."),
            config: None,
            workers,
            connections: &[1, 16, 64, 256],
            rates: &[50, 200, 1_000, 5_000],
            hanging: &[50, 500],
        }
    }

    /// Small and short: shows that everything works, and no figures worth keeping.
    pub fn quick(workers: usize) -> Options {
        Options {
            seconds: Duration::from_secs(1),
            pending: 20_000,
            connections: &[1, 64],
            rates: &[50, 200],
            hanging: &[10],
            ..Options::usual(workers)
        }
    }

    fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }
}

/// A part that can be run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What the machine could do at the most.
    Limits,
    /// Durable events per second that no webhook matches.
    Ingest,
    /// Deliveries per second from end to end.
    Delivery,
    /// From POST to arrival at set rates.
    Latency,
    /// The same beside receivers that hang or are slow.
    Fairness,
    /// Memory and speed with many pending deliveries, and the start after a kill with them on disk.
    Pending,
    /// What a server costs that has nothing to do.
    Idle,
}

impl Part {
    /// Every part and its name, in the order in which they run.
    pub const ALL: [(&str, Part); 7] = [
        ("limits", Part::Limits),
        ("ingest", Part::Ingest),
        ("delivery", Part::Delivery),
        ("latency", Part::Latency),
        ("fairness", Part::Fairness),
        ("pending", Part::Pending),
        ("idle", Part::Idle),
    ];
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Part, String> {
        let found = Part::ALL.into_iter().find(|(name, _)| *name == text);
        found
            .map(|(_, part)| part)
            .ok_or_else(|| format!("the parts are {}", Part::ALL.map(|(name, _)| name).join(", ")))
    }
}

/// What every part is given.
struct Bench {
    options: Options,
    place: Place,
    generator: Generator,
    receiver: Receiver,
}

/// Runs the parts that are wanted, one after the other, with a line on standard error for each phase.
///
/// # Errors
/// Why it could not begin; a part that fails says so in the report, and the others go on. In the end
/// no server runs and the folder is gone, also if this process is asked to end by a signal, which ends
/// it with the exit code 1.
pub fn run(options: Options) -> Result<Report, String> {
    let place = Place::make(&options.dir, options.config.clone())?;
    let _cleared = Cleared(place.clone());
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|error| format!("signals: {error}"))?;
    let watch = clear_on_signal(signals, place.clone());
    let report = measure(options, place);
    watch.close();
    report
}

fn measure(options: Options, place: Place) -> Result<Report, String> {
    let stopwatch = Stopwatch::start();
    let generator = Generator { stopwatch, numbers: Arc::new(AtomicU64::new(1)) };
    let receiver = Receiver::start(stopwatch)?;
    let machine = Machine::look(&place.folder);
    let mut report = Report::new(machine, &options);
    let bench = Bench { options, place, generator, receiver };
    for (name, part) in Part::ALL.into_iter().filter(|(_, part)| bench.options.wants(*part)) {
        if let Err(why) = bench.run(part, &mut report) {
            progress(format_args!("{name} failed: {why}"));
            report.failed.push(format!("{name}: {why}"));
            // What still arrives from it belongs to no other part.
            bench.receiver.take(0);
        }
    }
    report.machine.look_again();
    Ok(report)
}

impl Bench {
    fn run(&self, part: Part, report: &mut Report) -> Result<(), String> {
        match part {
            Part::Limits => report.limits = Some(parts::limits(self)?),
            Part::Ingest => report.ingest = parts::ingest(self)?,
            Part::Delivery => report.delivery = parts::delivery(self)?,
            Part::Latency => report.latency = parts::latency(self)?,
            Part::Fairness => report.fairness = parts::fairness(self)?,
            Part::Pending => report.pending = Some(parts::pending(self)?),
            Part::Idle => report.idle = Some(parts::idle(self)?),
        }
        Ok(())
    }
}

/// Leaves nothing behind when dropped.
struct Cleared(Place);

impl Drop for Cleared {
    fn drop(&mut self) {
        drop(self.0.clear());
    }
}

fn clear_on_signal(mut signals: Signals, place: Place) -> signal_hook::iterator::Handle {
    let handle = signals.handle();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            let _held = place.clear();
            progress("interrupted; the server is ended and the data removed");
            std::process::exit(1);
        }
    });
    handle
}

/// Says what is being measured. If nobody reads it, it is measured all the same.
fn progress(what: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "bench: {what}");
}

fn per_second(count: usize, took_us: u64) -> f64 {
    count as f64 * 1e6 / took_us.max(1) as f64
}

/// `whole / part`, or none if there is nothing to compare with.
fn ratio(whole: f64, part: f64) -> Option<f64> {
    (part > 0.0).then(|| whole / part)
}

/// A runtime whose tasks run on the thread that waits for them.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn started<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    runtime()?.block_on(work)
}
