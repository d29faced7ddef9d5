//! `hookstead serve`: takes in events, sends them, shows what came of it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::{Arc, mpsc},
    thread::JoinHandle,
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
    config::{Config, Flags, LogFormat, LogLevel},
    system::{log, notify::Notify},
};

/// Serves until SIGTERM or SIGINT. SIGHUP reads the configuration again.
pub(super) fn run(config: Config, flags: &Flags) -> ExitCode {
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
    let notify = Arc::new(Notify::from_environment());
    notify.ready();
    let watchdog = Watchdog::start(&notify, app.liveness());
    for signal in signals.forever() {
        if signal == SIGHUP {
            notify.reloading();
            reload(flags, &app);
            notify.ready();
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
    drop(watchdog);
    notify.stopping();
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

/// Tells systemd that we live, as often as it asks for, while the sender is alive. A disk that takes
/// nothing is what `/readyz` tells, and no reason to be started anew.
struct Watchdog(Option<(mpsc::Sender<()>, JoinHandle<()>)>);

impl Watchdog {
    fn start(notify: &Arc<Notify>, lives: impl Fn() -> bool + Send + 'static) -> Watchdog {
        let Some(every) = notify.alive_every() else { return Watchdog(None) };
        let notify = notify.clone();
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("watchdog".into()).spawn(move || {
            while stopped.recv_timeout(every) == Err(mpsc::RecvTimeoutError::Timeout) {
                if lives() {
                    notify.alive();
                }
            }
        });
        let thread = thread.inspect_err(|error| tracing::warn!(%error, "no thread for systemd's watchdog"));
        Watchdog(thread.ok().map(|thread| (stop, thread)))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

/// Reads the configuration again, takes over what may change while the server runs, and names what
/// waits for the next start. If anything is wrong with it, everything stays as it was.
fn reload(flags: &Flags, app: &App) {
    let folder = match std::env::current_dir() {
        Ok(folder) => folder,
        Err(error) => return tracing::error!("the configuration stays as it was: no working directory: {error}"),
    };
    let new = match Config::load(flags, std::env::vars_os(), &folder) {
        Ok(new) => new,
        Err(problems) => {
            problems.lines().for_each(|problem| tracing::error!(problem, "the configuration stays as it was"));
            return;
        }
    };
    let reloaded = app.reload(&new);
    log::set_level(level(&new));
    new.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    for problem in &reloaded.failed {
        tracing::error!(problem, "not all of the configuration can be used");
    }
    if !reloaded.waiting.is_empty() {
        tracing::warn!(keys = reloaded.waiting.join(", "), "changed in the configuration; restart to use them");
    }
    tracing::info!("the configuration was read again");
}

fn level(config: &Config) -> Level {
    match config.log.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    }
}

fn start_log(config: &Config) {
    let json = match config.log.format {
        LogFormat::Auto => None,
        LogFormat::Text => Some(false),
        LogFormat::Json => Some(true),
    };
    log::start(level(config), json);
}

/// Says where it listens, and how to go on.
fn greet(config: &Config, app: &App) {
    for target in &config.allowed_private_targets {
        tracing::warn!(target, "webhooks may be sent to this private target: allowed_private_targets");
    }
    let address = app.address();
    complain(&format!("listening on {}", app.base()));
    if let Some(token) = app.service().setup_token() {
        let base = match &config.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("{}://{}", app.service().settings().scheme(), reachable(address)),
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
