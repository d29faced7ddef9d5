//! `hookstead admin …`.

use std::process::ExitCode;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    AdminCommand, operator,
    output::{answer, complain},
};
use crate::{
    config::Config,
    control::Ask,
    system::{Random, SystemRandom},
};

/// Adds or lists people, or sees to how they get in.
pub(super) fn run(config: Config, command: AdminCommand) -> ExitCode {
    let done = match command {
        AdminCommand::Create { email, role, .. } => operator::password_from_stdin()
            .map(|password| operator::run(&config, Ask::CreateAdmin { email, password, role })),
        AdminCommand::SignOutAll { email } => Ok(operator::run(&config, Ask::SignOutAll { email })),
        AdminCommand::ResetSecondFactor { email } => Ok(operator::run(&config, Ask::ResetSecondFactor { email })),
        AdminCommand::List | AdminCommand::ResetPassword { email: None, .. } => {
            Ok(operator::run(&config, Ask::ListAdmins))
        }
        AdminCommand::ResetPassword { email: Some(email), password } if password.generate => {
            Ok(reset_to_generated(&config, email))
        }
        AdminCommand::ResetPassword { email: Some(email), .. } => operator::password_from_stdin()
            .map(|password| operator::run(&config, Ask::ResetPassword { email, password })),
    };
    done.unwrap_or_else(|why| {
        complain(&why);
        ExitCode::FAILURE
    })
}

/// Standard output is the password and nothing else, so that a script can take it.
fn reset_to_generated(config: &Config, email: String) -> ExitCode {
    let mut bytes = [0; 15];
    SystemRandom.bytes(&mut bytes);
    let password = URL_SAFE_NO_PAD.encode(bytes);
    match operator::tell(config, Ask::ResetPassword { email, password: password.clone() }) {
        Ok(lines) => {
            lines.iter().for_each(|line| complain(line));
            answer(&format!("{password}\n"))
        }
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}
