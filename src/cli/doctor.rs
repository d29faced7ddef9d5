//! `hookstead doctor`: looks for what is wrong.

use std::process::ExitCode;

use super::output::complain;
use crate::config::Config;

/// Not wired yet.
pub(super) fn run(_config: Config) -> ExitCode {
    complain("doctor is not wired yet");
    ExitCode::FAILURE
}
