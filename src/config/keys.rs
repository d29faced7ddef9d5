//! The list of keys. To add one, add a row here and its lines to `config.example.toml`.
//!
//! Each row is the field that the program reads, its default and its rule; the name in the file, the
//! environment variable, suggestions, `check-config` and the test of the example file follow from it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use ipnet::IpNet;
use url::Url;

use super::{
    Source,
    rules::{
        AnyFile, ExistingFile, Flag, Folder, Rule, SecretText, SigningSecret, Word, address, email, list, network,
        one_of, optional, private_target, proxy_url, public_url, target_url, whole, whole_or_zero,
    },
    secret::{Password, ProxyUrl},
    show::Show,
    table::{Key, settings},
};
use crate::domain::{AfterRecovery, Declaration, Secret, TargetUrl};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

settings! {
    /// Everything that can be configured, checked: whoever holds one need not check it again.
    Config;

    top {
        /// Address and port to listen on; port 0 takes a free one.
        listen: SocketAddr = (Ipv4Addr::LOCALHOST, 8080).into(), address();
        /// The certificate to speak TLS with, and the chain behind it, as PEM; none speaks plain HTTP.
        tls_certificate_file: Option<PathBuf> = None, optional(ExistingFile);
        /// Its private key, as PEM.
        tls_key_file: Option<PathBuf> = None, optional(ExistingFile);
        /// Whether `listen` may be reachable from other machines without TLS of our own: it states
        /// that a TLS proxy or a private network stands in front.
        allow_plain_http: bool = false, Flag;
        /// The folder that holds everything Hookstead remembers; made if it is missing.
        data_dir: PathBuf = PathBuf::from("data"), Folder;
        /// The file of the keys that seal secrets in the data folder, which it lies outside of; made if it
        /// is missing. None is `hookstead.key` beside the configuration file, or else beside the data folder.
        secret_key_file: Option<PathBuf> = None, optional(AnyFile);
        /// The address under which people reach the pages, for links and cookies; none takes it from each request.
        public_url: Option<Url> = None, optional(public_url());
        /// Proxies whose `X-Forwarded-*` headers are believed.
        trusted_proxies: Vec<IpNet> = Vec::new(), list(0..=256, network());
        /// Exceptions to the rule that webhooks go to public addresses only.
        allowed_private_targets: Vec<String> = Vec::new(), list(0..=256, private_target());
        /// Whether the built-in test receiver takes requests; none keeps it on for the first three days.
        test_receiver: Option<bool> = None, optional(Flag);
        /// How many days events and logs are kept. Longer than the retry schedule.
        retention_days: u32 = 90, whole(1..=3650);
    }

    /// How much is taken in, and how many of each thing there may be.
    limits: Limits {
        /// Largest body of one event, in bytes.
        event_bytes: usize = MIB as usize, whole(KIB..=64 * MIB);
        /// Largest body of a batch, in bytes.
        batch_bytes: usize = 5 * MIB as usize, whole(KIB..=256 * MIB);
        /// Most events in a batch.
        batch_events: usize = 1000, whole(1..=10_000);
        /// Deepest nesting of arrays and objects in a body.
        json_nesting: usize = 128, whole(8..=1024);
        /// Most webhooks of one account.
        webhooks_per_account: usize = 1000, whole(1..=10_000);
        /// Most event types that one webhook may name.
        events_per_selection: usize = 200, whole(1..=10_000);
        /// Most headers of its own that one webhook may have.
        headers_per_webhook: usize = 20, whole(0..=100);
        /// Names and values of one webhook's headers together, in bytes.
        header_bytes: usize = 4096, whole(0..=64 * KIB);
        /// Largest store, in bytes; when it is reached, publishing is answered `queue_full`. 0 leaves it to the disk.
        store_bytes: u64 = 0, whole_or_zero(MIB..=1024 * 1024 * GIB);
        /// Free disk space that is left alone, in bytes; below it, publishing is answered `queue_full`.
        min_free_disk_bytes: u64 = 64 * MIB, whole(0..=1024 * GIB);
    }

    /// How webhooks are sent.
    sender: Sender {
        /// Most sending threads.
        threads: usize = 256, whole(1..=1024);
        /// Longest time for one attempt as a whole, in milliseconds, unless the webhook has its own.
        timeout_ms: u64 = 15_000, whole(1000..=60_000);
        /// Longest time to connect, in milliseconds, and never longer than the attempt as a whole.
        connect_timeout_ms: u64 = 5000, whole(100..=60_000);
        /// Most requests in flight to one webhook, unless it has its own number.
        max_in_flight: u32 = 10, whole(1..=64);
        /// Delays in seconds, each counted from the attempt before it, unless the webhook has its own.
        /// They need not rise; an empty list means a single attempt.
        retry_schedule_s: Vec<u32> = vec![5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400],
            list(0..=30, whole(1..=604_800));
        /// How much of an answer's body is read, in bytes.
        response_read_bytes: usize = 64 * KIB as usize, whole(0..=MIB);
        /// How much of an answer's body is kept with each attempt, in bytes; at most what is read.
        response_keep_bytes: usize = 4096, whole(0..=64 * KIB);
        /// Whether new Request URLs must begin with https.
        require_https: bool = false, Flag;
        /// Proxy for outgoing requests. The proxy variables of the environment are ignored.
        proxy: Option<ProxyUrl> = None, optional(proxy_url());
        /// PEM file of certificate authorities to trust besides the built-in ones.
        ca_file: Option<PathBuf> = None, optional(ExistingFile);
        /// After how many days of nothing but failures a webhook is disabled; 0 is never.
        disable_after_days: u32 = 5, whole_or_zero(1..=365);
        /// Whether webhooks that were disabled automatically are asked if they answer again.
        probe_disabled: bool = false, Flag;
        /// What follows when one does.
        after_recovery: AfterRecovery = AfterRecovery::Offer, one_of();
    }

    /// How things are kept on disk.
    store: Store {
        /// Memory for caching the store's file, in MiB.
        cache_mb: usize = 64, whole(8..=64 * KIB);
        /// Files up to this size, in MiB, get a full integrity check when opened.
        check_on_open_mb: u64 = 256, whole(0..=MIB);
    }

    /// The API and the pages.
    web: Web {
        /// Threads that answer requests.
        workers: usize = 2, whole(1..=64);
        /// Most open connections at a time.
        max_connections: usize = 1024, whole(16..=65_536);
        /// How many days a sign-in lasts where somebody chose to stay signed in; otherwise it is one.
        session_days: u32 = 30, whole(1..=365);
        /// After how many hours without use a sign-in ends.
        session_idle_hours: u32 = 168, whole(1..=8760);
    }

    /// What is written to the log.
    log: Log {
        /// Least severe lines that are written.
        level: LogLevel = LogLevel::Info, one_of();
        /// How the lines look.
        format: LogFormat = LogFormat::Auto, one_of();
    }

    /// Where Hookstead says that something is wrong with a webhook or with itself.
    alarm: Alarm {
        /// Where alarms are sent.
        url: Option<TargetUrl> = None, optional(target_url());
        /// What alarms are signed with, best given by `HOOKSTEAD_ALARM_SECRET_FILE`.
        secret: Option<Secret> = None, SigningSecret;
        /// How old the oldest due delivery may be, in seconds, before it is an alarm.
        lag_s: u64 = 300, whole(10..=86_400);
    }

    /// The first admin, made at the first start; ignored once there is one.
    admin: Admin {
        /// Email address to sign in with.
        email: Option<String> = None, optional(email());
        /// Password to sign in with, best given by `HOOKSTEAD_ADMIN_PASSWORD_FILE`.
        password: Option<Password> = None, SecretText { characters: 12..=128 };
    }
}

/// How severe a line must be to be written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed and needs a person.
    Error,
    /// Something is odd and is being dealt with.
    Warn,
    /// What an operator wants to follow.
    Info,
    /// What a developer wants to follow.
    Debug,
    /// Everything.
    Trace,
}

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// One line of text each.
    Text,
    /// One JSON object each.
    Json,
}

impl Word for LogLevel {
    const ALL: &[(&str, Self)] = &[
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
}

impl Word for AfterRecovery {
    const ALL: &[(&str, Self)] = &[("offer", AfterRecovery::Offer), ("send", AfterRecovery::Send)];
}

impl Word for LogFormat {
    const ALL: &[(&str, Self)] = &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
}
