//! Builds everything, starts it, stops it.
//!
//! The order matters. Starting: the store before the sender, the sender before the doors are open.
//! Stopping: the doors first, so that nothing new is promised; then the sender, which lets running
//! requests end or cuts them; the store last, once everything that came of them is written.

mod alarms;
mod deliveries;
mod healing;
mod upkeep;

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    config::Config,
    control::Door,
    domain::{
        Actor, AddressRule, Attempt, Fault, HealingPolicy, PrivateTarget, Problem, RetrySchedule, Role, TargetUrl,
        TestReceiver, Timestamp, TlsOptions, receiver_name,
    },
    sender::{EngineOptions, HttpTransport, Sender, SenderOptions, Transport, TransportOptions},
    service::{Check, Machine, Prober, Service, Settings},
    store::{DATA_FILE, KeyFile, OpenOptions, Parcel, Store},
    system::{
        Clock, Meters, Random, SystemClock, SystemRandom,
        certificate::{CertificateFiles, ServerCertificate},
    },
    web::{self, ConfigInForce, WebOptions, WebState},
};
use deliveries::StoredDeliveries;
use healing::Healing;
use upkeep::Upkeep;

/// How long running requests to receivers may take to end when the server stops; then they are
/// cut, and sent again after the next start. With the doors' time before it and the last commit
/// behind it, a stop takes under 8 s.
const SENDER_GRACE: Duration = Duration::from_secs(4);
/// The sender turns at the latest every 10 s, also with nothing to do. Silent for longer than this,
/// it is stuck.
const SENDER_SILENT: Duration = Duration::from_secs(25);

/// Why the server cannot start. Says what to do.
#[derive(Debug)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl StartError {
    fn new(what: impl fmt::Display) -> Self {
        StartError(what.to_string())
    }
}

/// What tests put in the place of the machine.
#[derive(Default)]
pub struct Seams {
    /// In place of the system's clock.
    pub clock: Option<Arc<dyn Clock>>,
    /// In place of the system's random bytes.
    pub random: Option<Arc<dyn Random>>,
    /// In place of HTTP.
    pub transport: Option<Arc<dyn Transport>>,
    /// In place of the data directory.
    pub store: Option<Store>,
}

/// What came of a configuration that was read again.
#[derive(Debug)]
pub struct Reloaded {
    /// Keys that wait for the next start.
    pub waiting: Vec<&'static str>,
    /// What cannot be used, and why; what was before it stays.
    pub failed: Vec<String>,
}

/// A running server.
pub struct App {
    address: SocketAddr,
    certificate: Option<Arc<ServerCertificate>>,
    config: ConfigInForce,
    service: Arc<Service>,
    store: Store,
    sender: Arc<Sender>,
    upkeep: Option<Upkeep>,
    healing: Option<Healing>,
    door: Option<Door>,
    web: web::Running,
}

impl App {
    /// Starts a server as `config` says. It is ready when this returns.
    ///
    /// # Errors
    /// If the data directory, the address or a thread cannot be had.
    pub fn start(config: &Config, seams: Seams) -> Result<App, StartError> {
        let clock = seams.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let random = seams.random.unwrap_or_else(|| Arc::new(SystemRandom));
        let store = match seams.store {
            Some(store) => store,
            None => open_store(config, random.clone())?,
        };
        let certificate = config.tls().map(|files| certificate(&files, clock.now())).transpose()?;
        let listener = web::bind(config.listen).map_err(|error| cannot_listen(config.listen, &error))?;
        let address = listener.local_addr().map_err(StartError::new)?;
        let settings = settings(config, vec![address], &store)?;
        let transport: Arc<dyn Transport> = match seams.transport {
            Some(transport) => transport,
            None => Arc::new(transport(config, settings.address_rule.clone())?),
        };
        let meters = Arc::new(Meters::default());
        let deliveries = StoredDeliveries::new(store.clone(), meters.clone());
        let sender =
            start_sender(config, &settings, &store, deliveries, transport.clone(), clock.clone(), random.clone())?;
        let probe = Arc::new(SenderProbe(sender.clone(), transport.clone()));
        let service = Service::new(store.clone(), clock.clone(), random.clone(), probe, settings);
        let service = Arc::new(service.map_err(StartError::new)?);
        service.note_configuration(config.describe().into_iter().map(|row| (row.key.to_owned(), row.value)).collect());
        first_admin(config, &service)?;
        let failed = set_up_declared(config, &service)?;
        if !failed.is_empty() {
            return Err(StartError(failed.join("\n")));
        }
        let upkeep = Upkeep::start(config, service.clone(), transport, clock.clone()).map_err(StartError::new)?;
        let healing = Healing::start(config, service.clone(), clock.clone()).map_err(StartError::new)?;
        let door = open_door(config, service.clone())?;
        let (checked, time) = (sender.clone(), clock.clone());
        let checks =
            move || vec![Check { name: "sender_alive", ok: time.now() - checked.last_turn_at() < SENDER_SILENT }];
        let machine = machine(config, sender.clone(), certificate.clone(), clock.now());
        let state = WebState::new(service.clone(), random, config.clone(), meters, checks, machine);
        let in_force = state.config_in_force();
        let web = web::start(listener, web_options(config, certificate.clone()), state).map_err(StartError::new)?;
        Ok(App {
            address,
            certificate,
            config: in_force,
            service,
            store,
            sender,
            upkeep: Some(upkeep),
            healing: Some(healing),
            door,
            web,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Such as `https://127.0.0.1:8080`.
    pub fn base(&self) -> String {
        format!("{}://{}", self.service.settings().scheme(), self.address)
    }

    /// Whether the sender still looks around.
    pub fn liveness(&self) -> impl Fn() -> bool + Send + use<> {
        let (sender, service) = (self.sender.clone(), self.service.clone());
        move || service.now() - sender.last_turn_at() < SENDER_SILENT
    }

    /// Takes over from `new` what may change while it runs: the certificate, and what is set up by the
    /// configuration.
    pub fn reload(&self, new: &Config) -> Reloaded {
        let mut failed = Vec::new();
        if let (Some(current), Some(files)) = (&self.certificate, new.tls()) {
            match files.read(self.service.now()) {
                Ok(certificate) => current.replace(certificate),
                Err(fault) => failed.push(fault.to_string()),
            }
        }
        match set_up_declared(new, &self.service) {
            Ok(problems) => failed.extend(problems),
            Err(error) => failed.push(error.to_string()),
        }
        let waiting = self.config.change(|config| config.take_over(new));
        Reloaded { waiting, failed }
    }

    /// What may be asked of it.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Stops: nothing new is taken, running requests end or are cut, everything known is written.
    pub fn stop(mut self) {
        self.door = None;
        self.web.stop();
        self.upkeep = None;
        if let Some(healing) = &self.healing {
            healing.stop_soon();
        }
        self.sender.stop(SENDER_GRACE);
        // Its requests were cut with the sender's, so that nobody waits for a receiver.
        self.healing = None;
        self.store.stop();
    }
}

/// A service over the data directory alone, for commands while no server runs.
///
/// # Errors
/// If the data directory cannot be used.
pub fn service_alone(config: &Config) -> Result<Arc<Service>, StartError> {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let store = open_store(config, random.clone())?;
    let settings = settings(config, Vec::new(), &store)?;
    let service = Service::new(store, Arc::new(SystemClock::new()), random, Arc::new(NoProbe), settings);
    service.map(Arc::new).map_err(StartError::new)
}

fn certificate(files: &CertificateFiles, now: Timestamp) -> Result<Arc<ServerCertificate>, StartError> {
    files.read(now).map(ServerCertificate::new).map_err(StartError::new)
}

fn open_store(config: &Config, random: Arc<dyn Random>) -> Result<Store, StartError> {
    let options = OpenOptions {
        cache_bytes: config.store.cache_mb << 20,
        check_up_to_bytes: config.store.check_on_open_mb << 20,
        new_instance: format!("{:016x}", random.next_u64()),
        key_file: Some(KeyFile { path: config.key_file(), random: Arc::new(move |out| random.bytes(out)) }),
        ..OpenOptions::default()
    };
    Store::open(&config.data_dir, options).map_err(StartError::new)
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> StartError {
    StartError(format!("cannot listen on {address}: {error}. Choose another address with --listen"))
}

fn settings(config: &Config, own: Vec<SocketAddr>, store: &Store) -> Result<Settings, StartError> {
    let allowed = config.allowed_private_targets.iter().map(|text| PrivateTarget::parse(text));
    let allowed: Vec<_> = allowed
        .collect::<Result<_, _>>()
        .map_err(|fault| StartError(format!("allowed_private_targets: {}", fault.message)))?;
    let delays: Vec<u64> = config.sender.retry_schedule_s.iter().map(|delay| u64::from(*delay)).collect();
    let retry_schedule = RetrySchedule::from_seconds(&delays);
    let days = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
    let public_url = config.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    let site = public_url.as_deref().and_then(|url| TargetUrl::parse(url).ok());
    let speaks_tls = config.tls().is_some();
    let scheme = if speaks_tls { "https" } else { "http" };
    let receiver = own.first();
    let receiver =
        receiver.and_then(|listener| test_receiver(*listener, scheme, public_url.as_deref(), &store.instance()));
    Ok(Settings {
        event_bytes: config.limits.event_bytes,
        batch_bytes: config.limits.batch_bytes,
        batch_events: config.limits.batch_events,
        json_nesting: config.limits.json_nesting,
        webhooks_per_account: config.limits.webhooks_per_account,
        events_per_selection: config.limits.events_per_selection,
        headers_per_webhook: config.limits.headers_per_webhook,
        header_bytes: config.limits.header_bytes,
        address_rule: AddressRule::with_exceptions(allowed).with_own(own).with_site(site).with_receiver(receiver),
        test_receiver: config.test_receiver,
        require_https: config.sender.require_https,
        timeout_ms: config.sender.timeout_ms as u32,
        max_in_flight: config.sender.max_in_flight as u16,
        retry_schedule: retry_schedule
            .map_err(|fault| StartError(format!("sender.retry_schedule_s: {}", fault.message)))?,
        healing: HealingPolicy {
            disable_after: (config.sender.disable_after_days > 0).then(|| days(config.sender.disable_after_days)),
            probe: config.sender.probe_disabled,
            after_recovery: config.sender.after_recovery,
        },
        alarm_lag: Duration::from_secs(config.alarm.lag_s),
        session: days(config.web.session_days),
        session_idle: Duration::from_secs(u64::from(config.web.session_idle_hours) * 3_600),
        retention: days(config.retention_days),
        public_url,
        speaks_tls,
    })
}

/// The test receiver: at the public address if one is set, else at the listener itself.
fn test_receiver(listener: SocketAddr, scheme: &str, public_url: Option<&str>, instance: &str) -> Option<TestReceiver> {
    let ip = match listener.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    let listener = SocketAddr::new(ip, listener.port());
    let name = receiver_name(instance);
    let local = format!("{scheme}://{listener}");
    let url = |base: &str| TargetUrl::parse(&format!("{base}/in/{name}")).ok();
    Some(TestReceiver { url: url(public_url.unwrap_or(&local))?, local: url(&local)?, listener })
}

fn transport(config: &Config, rule: AddressRule) -> Result<HttpTransport, StartError> {
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).map_err(|error| StartError(format!("sender.ca_file {}: {error}", path.display())))
    };
    let options = TransportOptions {
        connect_timeout: Duration::from_millis(config.sender.connect_timeout_ms),
        response_read_bytes: config.sender.response_read_bytes,
        response_keep_bytes: config.sender.response_keep_bytes,
        rule,
        proxy: config.sender.proxy.as_ref().map(|proxy| proxy.expose().to_string()),
        ca_file_pem: config.sender.ca_file.as_ref().map(read).transpose()?,
    };
    HttpTransport::new(options).map_err(|fault| StartError(format!("the sender: {}", fault.message)))
}

fn start_sender(
    config: &Config,
    settings: &Settings,
    store: &Store,
    deliveries: StoredDeliveries,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Arc<Sender>, StartError> {
    let engine = EngineOptions {
        max_in_flight: config.sender.threads,
        lane_max_in_flight: settings.max_in_flight,
        schedule: settings.retry_schedule.clone(),
        // Nothing is written before the sender hears of it.
        paused: store.pause().is_some(),
        ..EngineOptions::default()
    };
    let options = SenderOptions { engine, timeout: Duration::from_millis(u64::from(settings.timeout_ms)) };
    // The store tells the sender, and the sender asks the store: the ear is there first.
    let ear: Arc<OnceLock<Arc<Sender>>> = Arc::new(OnceLock::new());
    let heard = ear.clone();
    store.observe(Box::new(move |notices| {
        if let Some(sender) = heard.get() {
            sender.notify(notices);
        }
    }));
    let sender = Sender::start(options, Arc::new(deliveries), transport, clock, random);
    let sender = Arc::new(sender.map_err(|error| StartError(format!("cannot start the sender: {error}")))?);
    let _ = ear.set(sender.clone());
    Ok(sender)
}

/// The control socket. A path too long for a socket costs the commands, not the server.
fn open_door(config: &Config, service: Arc<Service>) -> Result<Option<Door>, StartError> {
    match Door::open(&config.data_dir, service) {
        Ok(door) => Ok(Some(door)),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            tracing::warn!("no control socket: {error}; commands work only while no server runs");
            Ok(None)
        }
        Err(error) => {
            Err(StartError(format!("cannot open the control socket in {}: {error}", config.data_dir.display())))
        }
    }
}

/// Makes the first admin if the configuration names one and there is none.
fn first_admin(config: &Config, service: &Arc<Service>) -> Result<(), StartError> {
    let (Some(email), Some(password)) = (&config.admin.email, &config.admin.password) else { return Ok(()) };
    if service.setup_token().is_none() {
        tracing::info!("admin.email and admin.password are ignored: there is an admin already");
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(StartError::new)?;
    let operator = Actor::operator();
    let made = service.create_user(&operator, email, password.expose().to_owned(), Role::Admin, true);
    runtime.block_on(made).map(drop).map_err(|problem: Problem| StartError(format!("the first admin: {problem}")))
}

/// Sets up what the configuration declares, and says what cannot be.
fn set_up_declared(config: &Config, service: &Arc<Service>) -> Result<Vec<String>, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(StartError::new)?;
    let failed = runtime.block_on(service.set_up_declared(&config.declared));
    Ok(failed.iter().map(ToString::to_string).collect())
}

/// What the machine and the sender are at, each time it is asked.
fn machine(
    config: &Config,
    sender: Arc<Sender>,
    certificate: Option<Arc<ServerCertificate>>,
    started_at: Timestamp,
) -> impl Fn() -> Machine + Send + Sync + use<> {
    let data_dir = config.data_dir.clone();
    move || Machine {
        in_flight: sender.in_flight(),
        sent_per_second: sender.sent_per_second(),
        last_turn_at: sender.last_turn_at(),
        started_at,
        database_bytes: std::fs::metadata(data_dir.join(DATA_FILE)).map_or(0, |metadata| metadata.len()),
        free_bytes: free_bytes(&data_dir).ok(),
        certificate_ends: certificate.as_ref().map(|certificate| certificate.not_after()),
    }
}

fn web_options(config: &Config, certificate: Option<Arc<ServerCertificate>>) -> WebOptions {
    WebOptions { workers: config.web.workers, max_connections: config.web.max_connections, certificate }
}

/// Tests of webhooks go out by the sender.
struct SenderProbe(Arc<Sender>, Arc<dyn Transport>);

impl Prober for SenderProbe {
    fn probe(&self, parcel: Parcel) -> Option<Attempt> {
        self.0.send_now(parcel).ok()
    }

    fn knows_host(&self, url: &TargetUrl) -> bool {
        self.1.knows_host(url)
    }

    fn check_tls(&self, options: TlsOptions) -> Result<TlsOptions, Vec<Fault>> {
        self.1.check_tls(options)
    }
}

/// Without a server nothing is sent.
struct NoProbe;

impl Prober for NoProbe {
    fn probe(&self, _parcel: Parcel) -> Option<Attempt> {
        None
    }

    fn knows_host(&self, _url: &TargetUrl) -> bool {
        true
    }

    fn check_tls(&self, options: TlsOptions) -> Result<TlsOptions, Vec<Fault>> {
        Ok(options)
    }
}

/// Says in the log what went wrong in work that nobody waits for.
fn complain(what: &str, problem: &Problem) {
    // While nothing can be written the store says so itself, once.
    if problem.code != "cannot_write" {
        tracing::error!("{what} failed: {problem}");
    }
}

/// The free bytes of the disk that `directory` is on.
pub(crate) fn free_bytes(directory: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail * disk.f_frsize)
}
