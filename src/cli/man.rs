//! `hookstead man`: pages of the manual, made from the same description as the help.

use std::process::ExitCode;

use clap::CommandFactory;

use super::{
    Arguments, WRONG_USE,
    output::{answer, complain},
};

/// Prints the page of the program, or of one command.
pub(super) fn run(command: Option<&str>) -> ExitCode {
    let mut program = Arguments::command();
    // Gives every command the options that stand above all of them.
    program.build();
    let Some(name) = command else { return page(program) };
    match program.find_subcommand(name) {
        Some(found) => page(found.clone()),
        None => {
            complain(&format!("there is no command {name:?}; hookstead --help lists them"));
            ExitCode::from(WRONG_USE)
        }
    }
}

fn page(command: clap::Command) -> ExitCode {
    let mut page = Vec::new();
    let written = clap_mangen::Man::new(command.version(env!("CARGO_PKG_VERSION"))).render(&mut page);
    written.expect("memory takes everything");
    answer(&String::from_utf8_lossy(&page))
}
