//! `hookstead serve`: takes in events, sends them, shows what came of it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use tracing::Level;

use super::output::complain;
use crate::{
    app::{App, Seams},
    config::{Config, LogFormat, LogLevel},
    system::log,
};

/// Serves until SIGTERM or SIGINT.
pub(super) fn run(config: Config) -> ExitCode {
    start_log(&config);
    allow_many_files();
    // Before anything is started, so that no signal is missed.
    let mut signals = match Signals::new([SIGTERM, SIGINT, SIGHUP]) {
        Ok(signals) => signals,
        Err(error) => {
            complain(&format!("cannot listen for signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let app = match App::start(&config, Seams::default()) {
        Ok(app) => app,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    greet(&config, &app);
    for signal in signals.forever() {
        if signal == SIGHUP {
            tracing::info!("SIGHUP: the configuration is read at the start only; restart to change it");
            continue;
        }
        break;
    }
    // A second signal means: at once. What is written is whole; the rest is sent again.
    let handle = signals.handle();
    let impatient = std::thread::Builder::new().name("second-signal".into()).spawn(move || {
        if signals.forever().any(|signal| signal != SIGHUP) {
            std::process::exit(1);
        }
    });
    tracing::info!("stopping");
    app.stop();
    handle.close();
    if let Ok(thread) = impatient {
        let _ = thread.join();
    }
    tracing::info!("stopped");
    ExitCode::SUCCESS
}

/// Takes as many file descriptors as the system lets us have: each caller and each receiver needs
/// one, and the usual limit of 1,024 is there for programs that wait with `select`.
fn allow_many_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(?current, %error, "the limit of open files could not be raised");
    }
}

fn start_log(config: &Config) {
    let level = match config.log.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let json = match config.log.format {
        LogFormat::Auto => None,
        LogFormat::Text => Some(false),
        LogFormat::Json => Some(true),
    };
    log::start(level, json);
}

/// Says where it listens, and how to go on.
fn greet(config: &Config, app: &App) {
    for target in &config.allowed_private_targets {
        tracing::warn!(target, "webhooks may be sent to this private target: allowed_private_targets");
    }
    let address = app.address();
    complain(&format!("listening on http://{address}"));
    if let Some(token) = app.service().setup_token() {
        let base = match &config.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(address)),
        };
        complain(&format!("No admin yet. Open {base}/setup?token={token} to create one."));
    }
}

/// An address that a browser on this machine can open.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip().is_unspecified() {
        true => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        false => address,
    }
}
