//! `hookstead doctor`: is what is stored whole?

use std::process::ExitCode;

use super::{
    operator,
    output::{answer, complain},
};
use crate::{config::Config, control::Ask, store};

/// Reads the whole data file, checks every page of it, and compares every table with every other.
pub(super) fn run(mut config: Config) -> ExitCode {
    // However large the file is: that is what the doctor was called for.
    config.store.check_on_open_mb = u64::MAX >> 20;
    let file = config.data_dir.join(store::DATA_FILE);
    if !file.exists() && !config.data_dir.join(store::MARKER_FILE).exists() {
        complain(&format!("{}: there is no data file yet", file.display()));
        return ExitCode::FAILURE;
    }
    match operator::tell(&config, Ask::Verify) {
        Ok(disagreements) if disagreements.is_empty() => {
            let whole = format!("{}: whole, and every table agrees with every other\n", file.display());
            match operator::tell(&config, Ask::SealedWith) {
                Ok(lines) => {
                    let keys: String = lines.iter().map(|line| format!("  {line}\n")).collect();
                    answer(&format!("{whole}{}: the keys of its secrets\n{keys}", config.key_file().display()))
                }
                Err(why) => {
                    complain(&why);
                    ExitCode::FAILURE
                }
            }
        }
        Ok(disagreements) => {
            disagreements.iter().for_each(|line| complain(line));
            complain(
                "the data file does not agree with itself; restore a backup, and keep this file for us to look at",
            );
            ExitCode::FAILURE
        }
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}
