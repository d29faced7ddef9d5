//! `hookstead openapi`: the description of the API.

use std::process::ExitCode;

use super::output::answer;
use crate::web;

/// Prints the document that the server serves.
pub(super) fn run() -> ExitCode {
    answer(&format!("{}\n", web::openapi::document()))
}
