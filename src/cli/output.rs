//! Writing to the terminal, or to whoever reads in its place and may have gone away.

use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Writes an answer to standard output. Fails if it was not all taken; that a reader has gone away,
/// as `head` does, is not worth a word.
pub(super) fn answer(text: &str) -> ExitCode {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error.kind() != io::ErrorKind::BrokenPipe {
                complain(&format!("standard output cannot be written: {error}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard error. If nobody reads that either, there is nobody left to tell.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes what clap has to say, which is help or what is wrong with the command line.
pub(super) fn clap_answer(message: &clap::Error) -> ExitCode {
    if !message.use_stderr() {
        return answer(&message.to_string());
    }
    let _ = write!(io::stderr().lock(), "{message}");
    ExitCode::from(super::WRONG_USE)
}
