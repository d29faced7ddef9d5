//! One ureq agent per webhook, so that each has a pool of its own.
//!
//! ureq walks through all idle connections of an agent at every request; a thousand idle hosts in
//! one agent cost 18 ms each time. An agent that is not used for a while goes, and takes its idle
//! connections along.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ureq::{
    Agent, Proxy,
    config::{AutoHeaderValue, Config},
    unversioned::transport::{ConnectProxyConnector, Connector},
};

use super::{
    dialler::{Dialler, OpenConnections},
    failure::Failure,
    resolver::VettedResolver,
    tls::{TlsConfigs, TlsConnector},
    watch::{HEAD_LIMIT, WatchConnector},
};
use crate::domain::{TlsOptions, WebhookId};

/// Agents kept, at most. Each takes a few KB, and about 16 KB for each of its idle connections (with
/// TLS twice that and the session).
const AGENTS: usize = 1024;

/// Idle connections kept per webhook: enough for the threads that serve a quick receiver, and few
/// enough that walking through them costs nothing.
const IDLE_CONNECTIONS: usize = 16;

/// How long an idle connection is kept, and an agent without requests. Common receivers close
/// idle connections after 60 s or more; being first avoids requests on dead ones.
const IDLE_TIME: Duration = Duration::from_secs(20);

/// Open connections from which on idle agents go early, the least recently used half of them.
/// Keeps file descriptors far below the common limit of 1,024.
const OPEN_CONNECTIONS: usize = 512;

/// How often agents go early, at most: while many requests are under way, their connections count
/// too, and dropping all idle ones at every request would only make more handshakes.
const THINNING_PAUSE: Duration = Duration::from_secs(1);

/// Buffers of a connection in each direction, in bytes. A request's longest header line must fit.
const BUFFER_BYTES: usize = 8 * 1024;

/// What all agents share.
pub(super) struct Parts {
    pub resolver: VettedResolver,
    pub open: Arc<OpenConnections>,
    pub tls: Arc<TlsConfigs>,
    pub proxy: Option<Proxy>,
    pub connect_timeout: Duration,
}

/// The agents of all webhooks.
pub(super) struct Agents {
    parts: Parts,
    config: Config,
    state: Mutex<State>,
}

struct State {
    agents: HashMap<WebhookId, Kept>,
    tidied_at: Instant,
}

struct Kept {
    agent: Agent,
    /// What it was made with.
    tls: TlsOptions,
    used_at: Instant,
}

impl Agents {
    pub fn new(parts: Parts) -> Self {
        let config = config(&parts);
        Agents { parts, config, state: Mutex::new(State { agents: HashMap::new(), tidied_at: Instant::now() }) }
    }

    /// The agent of a webhook, kept from before or new.
    ///
    /// # Errors
    /// If what the webhook adds to the encryption cannot be used.
    pub fn of(&self, webhook: WebhookId, tls: &TlsOptions) -> Result<Agent, Failure> {
        let now = Instant::now();
        let mut state = self.state();
        let mut gone = state.make_room(now, self.parts.open.count());
        // Connections that were made with another certificate are not used any more.
        gone.extend(state.agents.extract_if(|id, kept| *id == webhook && kept.tls != *tls).map(|(_, kept)| kept));
        let agent = match state.agents.get_mut(&webhook) {
            Some(kept) => {
                kept.used_at = now;
                Ok(kept.agent.clone())
            }
            None => self.new_agent(tls).inspect(|agent| {
                state.agents.insert(webhook, Kept { agent: agent.clone(), tls: tls.clone(), used_at: now });
            }),
        };
        // Closing connections takes time; the lock is not held for it.
        drop(state);
        drop(gone);
        agent
    }

    /// Drops the agent of a webhook. Its requests under way end as they would have.
    pub fn forget(&self, webhook: WebhookId) {
        let gone = self.state().agents.remove(&webhook);
        drop(gone);
    }

    /// Drops the agents that were not used for a while.
    pub fn tidy(&self) {
        let gone = self.state().idle(Instant::now());
        drop(gone);
    }

    fn new_agent(&self, options: &TlsOptions) -> Result<Agent, Failure> {
        let Parts { resolver, open, tls, proxy, .. } = &self.parts;
        let config = tls.of(options)?;
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(Dialler { open: Arc::clone(open) })
                .chain(TlsConnector { config })
                .chain(WatchConnector { proxied: proxy.is_some() });
        Ok(Agent::with_parts(self.config.clone(), connector, resolver.clone()))
    }

    /// No code of ours can panic while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes out what need not be kept any longer.
    fn make_room(&mut self, now: Instant, open_connections: usize) -> Vec<Kept> {
        let since_last = now.duration_since(self.tidied_at);
        if self.agents.len() >= AGENTS || (open_connections >= OPEN_CONNECTIONS && since_last >= THINNING_PAUSE) {
            self.tidied_at = now;
            self.older_half()
        } else if since_last >= IDLE_TIME / 4 {
            self.tidied_at = now;
            self.idle(now)
        } else {
            Vec::new()
        }
    }

    fn idle(&mut self, now: Instant) -> Vec<Kept> {
        let idle = self.agents.extract_if(|_, kept| now.duration_since(kept.used_at) >= IDLE_TIME);
        idle.map(|(_, kept)| kept).collect()
    }

    fn older_half(&mut self) -> Vec<Kept> {
        let mut times: Vec<Instant> = self.agents.values().map(|kept| kept.used_at).collect();
        if times.is_empty() {
            return Vec::new();
        }
        let middle = times.len() / 2;
        let (_, last_to_go, _) = times.select_nth_unstable(middle);
        let last_to_go = *last_to_go;
        self.agents.extract_if(|_, kept| kept.used_at <= last_to_go).map(|(_, kept)| kept).collect()
    }
}

/// What holds for every request; each adds its own time limits.
fn config(parts: &Parts) -> Config {
    Config::builder()
        // Also keeps the proxy variables of the environment out.
        .proxy(parts.proxy.clone())
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_resolve(Some(parts.connect_timeout))
        .timeout_connect(Some(parts.connect_timeout))
        // Only the headers of the request are sent, and `host` and `content-length`.
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .max_response_header_size(HEAD_LIMIT)
        .input_buffer_size(BUFFER_BYTES)
        .output_buffer_size(BUFFER_BYTES)
        .max_idle_connections(IDLE_CONNECTIONS)
        .max_idle_connections_per_host(IDLE_CONNECTIONS)
        .max_idle_age(IDLE_TIME)
        .build()
}
