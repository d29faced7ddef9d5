//! Commands that need what is stored: by a running server if there is one, else by opening the
//! data directory.

use std::{
    io::{self, BufRead},
    process::ExitCode,
};

use super::output::{answer, complain};
use crate::{
    app,
    config::Config,
    control::{self, Ask},
};

/// Longest password line read from standard input, in bytes.
const LONGEST_PASSWORD_LINE: u64 = 4 << 10;

/// Asks, and prints the answer.
pub(super) fn run(config: &Config, ask: Ask) -> ExitCode {
    match tell(config, ask) {
        Ok(lines) => answer(&lines.iter().map(|line| format!("{line}\n")).collect::<String>()),
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

/// The lines of the answer, or why there is none.
pub(super) fn tell(config: &Config, ask: Ask) -> control::Told {
    match control::ask(&config.data_dir, &ask) {
        Ok(Some(told)) => told,
        Ok(None) => {
            let service = app::service_alone(config).map_err(|error| error.to_string())?;
            let told = control::execute(&service, ask);
            service.close();
            told
        }
        Err(error) => Err(format!("the running server does not answer: {error}")),
    }
}

/// The first line of standard input, without its end.
pub(super) fn password_from_stdin() -> Result<String, String> {
    use std::io::Read;
    let mut line = String::new();
    io::stdin()
        .lock()
        .take(LONGEST_PASSWORD_LINE)
        .read_line(&mut line)
        .map_err(|error| format!("the password cannot be read from standard input: {error}"))?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err("standard input holds no password".into());
    }
    Ok(password.to_owned())
}
