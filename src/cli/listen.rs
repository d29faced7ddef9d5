//! `hookstead listen`: a receiver at the terminal, to see what arrives and whether it is signed right.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use clap::Args;

use super::{output::complain, secret_input::first_line};
use crate::{
    domain::{Secret, verify},
    system::{Clock, SystemClock},
    web::listen::{FixedAnswer, Heard, listen},
};

/// How to listen, and what to answer.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ListenArguments {
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    on: SocketAddr,
    /// The webhook's Secret, to check signatures; others on this machine can see it while the command runs
    #[arg(long, value_name = "SECRET", conflicts_with = "secret_file")]
    secret: Option<String>,
    /// A file that holds the Secret, on its first line
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The status of every answer
    #[arg(long, value_name = "STATUS", default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    answer: u16,
    /// The body of every answer
    #[arg(long, value_name = "TEXT", default_value = "")]
    answer_body: String,
    /// Seconds to wait before each answer
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=600))]
    answer_after: u64,
    /// Stop after so many requests [default: never]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// Listens until it is interrupted, until the count is reached, or until nobody reads any more.
pub(super) fn run(arguments: ListenArguments) -> ExitCode {
    match go(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

/// False if standard output was gone.
fn go(arguments: ListenArguments) -> Result<bool, String> {
    let secret = secret(&arguments)?;
    let cannot = |error: io::Error| format!("cannot listen on {}: {error}", arguments.on);
    let listener = TcpListener::bind(arguments.on).map_err(cannot)?;
    complain(&format!("listening on http://{}", listener.local_addr().map_err(cannot)?));
    let answer = FixedAnswer {
        status: arguments.answer,
        body: arguments.answer_body.clone(),
        after: Duration::from_secs(arguments.answer_after),
    };
    let most = arguments.count.unwrap_or(u64::MAX);
    static READ: AtomicBool = AtomicBool::new(true);
    let count = AtomicU64::new(0);
    let hear = move |heard: Heard| {
        let mut output = io::stdout().lock();
        let written = output.write_all(told(&heard, secret.as_ref()).as_bytes()).and_then(|()| output.flush());
        READ.fetch_and(written.is_ok(), Ordering::Relaxed);
        written.is_ok() && count.fetch_add(1, Ordering::Relaxed) + 1 < most
    };
    listen(listener, answer, hear).map_err(cannot)?;
    Ok(READ.load(Ordering::Relaxed))
}

fn secret(arguments: &ListenArguments) -> Result<Option<Secret>, String> {
    let text = match (&arguments.secret, &arguments.secret_file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(file)) => first_line(file)?,
        (None, None) => return Ok(None),
    };
    Secret::parse(&text).map(Some).map_err(|fault| fault.message)
}

/// The request as lines: what it is and whether it is signed right, its headers, its body.
fn told(heard: &Heard, secret: Option<&Secret>) -> String {
    let now = SystemClock::new().now();
    let header = |wanted: &str| {
        let found = heard.headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    };
    let verdict = secret.map_or_else(String::new, |secret| {
        let [id, at, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
        match verify(secret, &id, &at, &signature, &heard.body, now.as_seconds()) {
            Ok(()) => "  ✓ signature right".to_owned(),
            Err(failure) => format!("  ✕ signature wrong: {failure}"),
        }
    });
    let mut lines = format!("{now}  {} {}  {} bytes{verdict}\n", heard.method, heard.path, heard.body.len());
    for (name, value) in &heard.headers {
        lines.push_str(&format!("  {name}: {}\n", String::from_utf8_lossy(value)));
    }
    lines.push_str(&format!("\n{}\n\n", String::from_utf8_lossy(&heard.body)));
    harmless(&lines)
}

/// Without anything that could move a terminal's cursor.
fn harmless(text: &str) -> String {
    let shown = |character: char| character == '\n' || character == '\t' || !character.is_control();
    text.chars().map(|character| if shown(character) { character } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sign;

    #[test]
    fn a_request_is_shown_with_what_its_signature_is_worth_and_moves_no_cursor() {
        let secret = Secret::parse("a secret of some length").unwrap();
        let at = SystemClock::new().now().as_seconds();
        let heard = |body: &'static str| Heard {
            method: "POST".to_owned(),
            path: "/in".to_owned(),
            headers: vec![
                ("webhook-id".to_owned(), b"evt_1".to_vec()),
                ("webhook-timestamp".to_owned(), at.to_string().into_bytes()),
                ("webhook-signature".to_owned(), sign(&[&secret], "evt_1", at, b"{}").into_bytes()),
                ("x".to_owned(), b"\x1b[2J".to_vec()),
            ],
            body: body.into(),
        };
        let right = told(&heard("{}"), Some(&secret));
        assert!(right.lines().next().unwrap().ends_with("POST /in  2 bytes  ✓ signature right"), "{right}");
        assert!(right.contains("\n  webhook-id: evt_1\n") && right.ends_with("\n\n{}\n\n"), "{right}");
        assert!(right.contains("  x: \u{fffd}[2J\n"), "{right}");
        let wrong = told(&heard("{ }"), Some(&secret));
        assert!(wrong.contains("✕ signature wrong: The signature does not fit."), "{wrong}");
        assert!(!told(&heard("{}"), None).contains("signature right"));
    }
}
