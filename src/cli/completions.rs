//! `hookstead completions`: what a shell offers at the tab key.

use std::process::ExitCode;

use clap::CommandFactory;
pub use clap_complete::Shell;

use super::{Arguments, output::answer};

/// Prints the script for a shell.
pub(super) fn run(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    // Into memory first: the library panics where standard output is gone.
    clap_complete::generate(shell, &mut Arguments::command(), "hookstead", &mut script);
    answer(&String::from_utf8_lossy(&script))
}
