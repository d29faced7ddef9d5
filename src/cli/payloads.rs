//! `hookstead payloads …`.

use std::process::ExitCode;

use super::{
    PayloadsCommand, operator,
    output::{answer, complain},
};
use crate::{
    config::Config,
    control::{Ask, Cleared},
};

/// Deletes the payloads of an account, round after round until there is none left to look at.
pub(super) fn run(config: Config, command: PayloadsCommand) -> ExitCode {
    let PayloadsCommand::Delete { account, yes: _ } = command;
    let mut deleted = 0;
    loop {
        let told = operator::tell(&config, Ask::DeletePayloads { account: account.clone() });
        let cleared = told.and_then(|lines| {
            let line = lines.first().map(String::as_str).unwrap_or_default();
            serde_json::from_str::<Cleared>(line).map_err(|_| "the running server answers in another way".to_owned())
        });
        match cleared {
            Ok(Cleared { deleted: more, pending, complete }) => {
                deleted += more;
                if complete {
                    let left = match pending {
                        0 => String::new(),
                        1 => "Left 1 event that is still to be sent.\n".to_owned(),
                        events => format!("Left {events} events that are still to be sent.\n"),
                    };
                    return answer(&format!("Deleted the payloads of {deleted} events of {account}.\n{left}"));
                }
                complain(&format!("{deleted} so far"));
            }
            Err(why) => {
                complain(&why);
                return ExitCode::FAILURE;
            }
        }
    }
}
