//! `hookstead sign`: the three headers of Standard Webhooks for a body.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{
    output::{answer, complain},
    secret_input::{LARGEST_BODY, SecretInput, bytes},
};
use crate::{
    domain::sign,
    system::{Clock, SystemClock},
};

/// What to sign.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SignArguments {
    /// Where the Secret comes from.
    #[command(flatten)]
    secret: SecretInput,
    /// The webhook-id
    #[arg(long, value_name = "ID")]
    id: String,
    /// The webhook-timestamp, in seconds since 1970 [default: now]
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<u64>,
    /// The body [default: standard input]
    #[arg(value_name = "FILE")]
    body: Option<PathBuf>,
}

/// Prints the headers.
pub(super) fn run(arguments: &SignArguments) -> ExitCode {
    match headers(arguments) {
        Ok(headers) => answer(&headers),
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn headers(arguments: &SignArguments) -> Result<String, String> {
    let secret = arguments.secret.read()?;
    let body = bytes(arguments.body.as_deref(), LARGEST_BODY)?;
    let at = arguments.timestamp.unwrap_or_else(|| SystemClock::new().now().as_seconds());
    let id = &arguments.id;
    let signature = sign(&[&secret], id, at, &body);
    Ok(format!("webhook-id: {id}\nwebhook-timestamp: {at}\nwebhook-signature: {signature}\n"))
}
