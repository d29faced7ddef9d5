//! `hookstead apikey …`.

use std::process::ExitCode;

use super::{ApiKeyCommand, operator};
use crate::{config::Config, control::Ask};

/// Makes, lists or revokes keys.
pub(super) fn run(config: Config, command: ApiKeyCommand) -> ExitCode {
    let ask = match command {
        ApiKeyCommand::Create { name, scopes, account } => Ask::CreateKey { name, scopes, account },
        ApiKeyCommand::List => Ask::ListKeys,
        ApiKeyCommand::Revoke { id } => Ask::RevokeKey { id },
    };
    operator::run(&config, ask)
}
