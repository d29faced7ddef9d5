//! `hookstead verify`: whether a receiver with this Secret would accept a request.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{
    output::{answer, complain},
    secret_input::{LARGEST_BODY, LARGEST_TEXT, SecretInput, bytes},
};
use crate::{
    domain::{PastedRequest, verify},
    system::{Clock, SystemClock},
};

/// What to verify.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct VerifyArguments {
    /// Where the Secret comes from.
    #[command(flatten)]
    secret: SecretInput,
    /// A file with the request's headers, one a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "timestamp", "signature"])]
    headers: Option<PathBuf>,
    /// The webhook-id
    #[arg(long, value_name = "ID", required_unless_present = "headers")]
    id: Option<String>,
    /// The webhook-timestamp
    #[arg(long, value_name = "SECONDS", required_unless_present = "headers")]
    timestamp: Option<String>,
    /// The webhook-signature
    #[arg(long, value_name = "TEXT", required_unless_present = "headers")]
    signature: Option<String>,
    /// Verify as at the time that the request was signed, for one that was kept
    #[arg(long)]
    ignore_time: bool,
    /// The body, byte for byte as it came [default: standard input]
    #[arg(value_name = "FILE")]
    body: Option<PathBuf>,
}

/// Says whether it is signed right.
pub(super) fn run(arguments: &VerifyArguments) -> ExitCode {
    match check(arguments) {
        Ok(()) => answer("The signature is right.\n"),
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn check(arguments: &VerifyArguments) -> Result<(), String> {
    let secret = arguments.secret.read()?;
    let body = bytes(arguments.body.as_deref(), LARGEST_BODY)?;
    let [id, timestamp, signature] = match &arguments.headers {
        Some(file) => {
            let pasted = PastedRequest::read(&String::from_utf8_lossy(&bytes(Some(file), LARGEST_TEXT)?), "");
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| pasted.header(name).to_owned())
        }
        None => {
            [&arguments.id, &arguments.timestamp, &arguments.signature].map(|given| given.clone().unwrap_or_default())
        }
    };
    let now = match arguments.ignore_time {
        true => timestamp.parse().unwrap_or_default(),
        false => SystemClock::new().now().as_seconds(),
    };
    verify(&secret, &id, &timestamp, &signature, &body, now).map_err(|failure| failure.to_string())
}
