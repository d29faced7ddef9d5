//! `hookstead admin …`.

use std::process::ExitCode;

use super::{AdminCommand, output::complain};
use crate::config::Config;

/// Not wired yet.
pub(super) fn run(_config: Config, _command: AdminCommand) -> ExitCode {
    complain("admin is not wired yet");
    ExitCode::FAILURE
}
