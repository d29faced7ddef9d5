//! `hookstead secrets …`.

use std::process::ExitCode;

use super::{SecretsCommand, operator};
use crate::{config::Config, control::Ask};

/// Says what is sealed with which key, or makes a new one.
pub(super) fn run(config: Config, command: SecretsCommand) -> ExitCode {
    let ask = match command {
        SecretsCommand::List => Ask::SealedWith,
        SecretsCommand::RotateKey => Ask::RotateKey,
    };
    operator::run(&config, ask)
}
