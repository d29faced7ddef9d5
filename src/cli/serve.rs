//! `hookstead serve`: takes in events, sends them, shows what came of it.

use std::process::ExitCode;

use super::output::complain;
use crate::config::Config;

/// Not wired yet.
pub(super) fn run(_config: Config) -> ExitCode {
    complain("serve is not wired yet");
    ExitCode::FAILURE
}
