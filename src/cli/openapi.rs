//! `hookstead openapi`: the description of the API.

use std::process::ExitCode;

use super::output::complain;

/// Not wired yet.
pub(super) fn run() -> ExitCode {
    complain("openapi is not wired yet");
    ExitCode::FAILURE
}
