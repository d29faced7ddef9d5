//! What the operator types: reads it, puts the command together, and says how it ended.
//!
//! Every command ends with 0 if it did what was asked, 1 if it failed, and 2 if the command line or
//! the configuration is wrong. Answers go to standard output, everything else to standard error.

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

mod admin;
mod apikey;
mod arguments;
mod bench;
mod check_config;
mod completions;
mod doctor;
mod healthcheck;
mod listen;
mod man;
mod openapi;
mod operator;
mod output;
mod payloads;
mod secret_input;
mod secrets;
mod send;
mod serve;
mod sign;
mod verify;
mod version;

pub use arguments::{AdminCommand, ApiKeyCommand, Arguments, Command, PayloadsCommand, SecretsCommand};

use crate::config::{Config, Flags};
use healthcheck::HealthUrl;
use output::complain;

/// The exit code of a wrong command line or configuration.
const WRONG_USE: u8 = 2;

/// Does what the command line says. `arguments` begins with the name of the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => return output::clap_answer(&answer),
    };
    let flags = arguments.flags();
    match arguments.command.unwrap_or_default() {
        Command::Serve { .. } => with_config(&flags, |config| serve::run(config, &flags)),
        Command::CheckConfig => with_config(&flags, check_config::run),
        Command::Admin { command } => with_config(&flags, |config| admin::run(config, command)),
        Command::Apikey { command } => with_config(&flags, |config| apikey::run(config, command)),
        Command::Payloads { command } => with_config(&flags, |config| payloads::run(config, command)),
        Command::Secrets { command } => with_config(&flags, |config| secrets::run(config, command)),
        Command::Doctor => with_config(&flags, doctor::run),
        Command::Healthcheck { url: Some(url) } => healthcheck::run(&url),
        Command::Healthcheck { url: None } => with_config(&flags, |config| healthcheck::run(&HealthUrl::from(&config))),
        Command::Send(arguments) => with_config(&flags, |config| send::run(&config, arguments)),
        Command::Listen(arguments) => listen::run(arguments),
        Command::Sign(arguments) => sign::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { command } => man::run(command.as_deref()),
        Command::Openapi => openapi::run(),
        Command::Version { json } => version::run(json),
        Command::Bench(arguments) => bench::run(&flags, arguments),
    }
}

/// Runs `command` with the configuration, once that is right.
fn with_config(flags: &Flags, command: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    let working_dir = match std::env::current_dir() {
        Ok(folder) => folder,
        Err(error) => {
            complain(&format!("the working directory cannot be read: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match Config::load(flags, std::env::vars_os(), &working_dir) {
        Ok(config) => {
            config.warnings().iter().for_each(|warning| complain(&format!("warning: {warning}")));
            command(config)
        }
        Err(problems) => {
            problems.lines().for_each(|line| complain(&line));
            ExitCode::from(WRONG_USE)
        }
    }
}
