//! `hookstead apikey …`.

use std::process::ExitCode;

use super::{ApiKeyCommand, output::complain};
use crate::config::Config;

/// Not wired yet.
pub(super) fn run(_config: Config, _command: ApiKeyCommand) -> ExitCode {
    complain("apikey is not wired yet");
    ExitCode::FAILURE
}
