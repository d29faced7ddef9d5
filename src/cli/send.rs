//! `hookstead send`: posts one event, by the very code that sends webhooks.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::Args;
use serde_json::value::RawValue;

use super::{
    HealthUrl,
    output::{answer, complain},
    secret_input::{LARGEST_BODY, bytes, first_line},
};
use crate::{
    config::Config,
    domain::{AddressRule, Outcome, PrivateTarget, TargetUrl, TlsOptions, WebhookId},
    sender::{HttpTransport, OutgoingRequest, Transport, TransportOptions},
    system::{Clock, SystemClock},
};

/// Longest time until the event is taken.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of the answer that are printed.
const LONGEST_ANSWER: usize = 64 << 10;

/// What to send, and where.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SendArguments {
    /// The event as JSON [default: standard input]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// A file that holds an API key with the scope events:write, on its first line
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// The event type; FILE is the payload then
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// An id of your own: sent twice, the event is taken once
    #[arg(long, value_name = "ID", requires = "event_type")]
    id: Option<String>,
    /// The server [default: what the configuration says]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// The body of an event whose payload was given alone.
#[derive(serde::Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    data: &'a RawValue,
}

/// Posts it and prints the answer.
pub(super) fn run(config: &Config, arguments: SendArguments) -> ExitCode {
    match send(config, &arguments) {
        Ok(body) => answer(&format!("{}\n", body.trim_end())),
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn send(config: &Config, arguments: &SendArguments) -> Result<String, String> {
    let key = first_line(&arguments.key_file)?;
    let mut body = bytes(arguments.file.as_deref(), LARGEST_BODY)?;
    if let Some(event_type) = &arguments.event_type {
        let data = serde_json::from_slice(&body).map_err(|error| format!("the payload is not JSON: {error}"))?;
        let event = Event { event_type, id: arguments.id.as_deref(), data };
        body = serde_json::to_vec(&event).expect("texts and JSON are JSON");
    }
    let base = match &arguments.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => own_address(config),
    };
    let url =
        TargetUrl::parse(&format!("{base}/api/v1/events")).map_err(|fault| format!("{base}: {}", fault.message))?;
    let request = OutgoingRequest {
        webhook: WebhookId(0),
        url,
        headers: vec![
            ("authorization".to_owned(), format!("Bearer {}", key.trim())),
            ("content-type".to_owned(), "application/json".to_owned()),
        ],
        body: Arc::from(body),
        timeout: TIMEOUT,
        now: SystemClock::new().now(),
        tls: TlsOptions::default(),
    };
    match transport(config)?.send(&request).outcome {
        Outcome::Answered(answer) => {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            match answer.http_status {
                200..=299 => Ok(body),
                status => Err(format!("{base} answered {status}: {}", said(&body))),
            }
        }
        Outcome::NoAnswer { cause, detail } => {
            Err(format!("{base}: {}. {detail}", cause.words()).trim_end().to_owned())
        }
    }
}

/// Whoever types the command may send wherever they like.
fn transport(config: &Config) -> Result<HttpTransport, String> {
    let any = PrivateTarget::parse("any").map_err(|fault| fault.message)?;
    let mut options = TransportOptions::new(AddressRule::with_exceptions(vec![any]));
    (options.response_read_bytes, options.response_keep_bytes) = (LONGEST_ANSWER, LONGEST_ANSWER);
    if let Some(file) = &config.sender.ca_file {
        options.ca_file_pem = Some(bytes(Some(file), LARGEST_BODY)?);
    }
    HttpTransport::new(options).map_err(|fault| fault.message)
}

/// Where a server with this configuration is reached: by its certificate's name if it speaks TLS.
fn own_address(config: &Config) -> String {
    match &config.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => HealthUrl::from(config).base(),
    }
}

/// What is wrong, out of a problem's JSON; else the whole text on one line.
fn said(body: &str) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str()).unwrap_or(body);
    detail.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
