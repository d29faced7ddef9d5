//! `hookstead bench`: how fast it is on this machine.

use std::{path::PathBuf, process::ExitCode, str::FromStr, time::Duration};

use clap::Args;

use super::{
    WRONG_USE,
    output::{answer, complain},
};
use crate::{
    bench::{self, Options, Part},
    config::{Config, Flags},
};

/// Shortest and longest phase, in seconds.
const SECONDS: std::ops::RangeInclusive<f64> = 0.1..=3600.0;

/// What to measure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct BenchArguments {
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
    /// How long each phase lasts [default: 5; with --quick 1]
    #[arg(long, value_name = "N")]
    seconds: Option<Seconds>,
    /// Run these parts only: limits, ingest, delivery, latency, fairness, pending, idle
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Part>,
    /// Pending deliveries to make in the part `pending` [default: 1000000; with --quick 20000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pending: Option<u64>,
    /// Where the data goes, in a fresh folder that is removed in the end
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Short and small: shows that it works, and no figures worth keeping
    #[arg(long)]
    quick: bool,
}

/// A length of time, typed in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seconds(Duration);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seconds, String> {
        let seconds = text.parse().ok().filter(|seconds| SECONDS.contains(seconds));
        let wrong = || format!("allowed: a number from {} to {}", SECONDS.start(), SECONDS.end());
        seconds.map(|seconds| Seconds(Duration::from_secs_f64(seconds))).ok_or_else(wrong)
    }
}

/// Measures and prints what was found.
pub(super) fn run(flags: &Flags, arguments: BenchArguments) -> ExitCode {
    let (file, workers) = match configuration(flags) {
        Ok(found) => found,
        Err(lines) => {
            lines.iter().for_each(|line| complain(line));
            return ExitCode::from(WRONG_USE);
        }
    };
    let mut options = if arguments.quick { Options::quick(workers) } else { Options::usual(workers) };
    options.seconds = arguments.seconds.map_or(options.seconds, |Seconds(seconds)| seconds);
    options.pending = arguments.pending.unwrap_or(options.pending);
    options.parts = arguments.only;
    options.dir = arguments.dir;
    options.config = file;
    let report = match bench::run(options) {
        Ok(report) => report,
        Err(why) => {
            complain(&why);
            return ExitCode::FAILURE;
        }
    };
    let text = if arguments.json { report.json() + "\n" } else { report.table() };
    let written = answer(&text);
    // Each has been told on standard error when it failed.
    if report.failed.is_empty() { written } else { ExitCode::FAILURE }
}

/// The configuration file of the server, if one is named, and how many threads answer by it. Nothing
/// else counts, so that figures of different machines can be compared.
fn configuration(flags: &Flags) -> Result<(Option<PathBuf>, usize), Vec<String>> {
    if flags.data_dir.is_some() {
        return Err(vec!["bench makes a data folder of its own; --dir says where".into()]);
    }
    let Some(file) = &flags.config else { return Ok((None, Config::defaults().web.workers)) };
    let folder = std::env::current_dir().map_err(|error| vec![format!("the working directory: {error}")])?;
    let config = Config::load(flags, [], &folder).map_err(|problems| problems.lines().collect::<Vec<_>>())?;
    if let Some(webhook) = config.declared.webhooks.first() {
        let what = "the webhooks of this file would get the events of the bench; name a file without [[webhook]]";
        return Err(vec![format!("{}: {what}", webhook.place)]);
    }
    Ok((Some(folder.join(file)), config.web.workers))
}
