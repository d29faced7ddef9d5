//! One HTTP request, from the look-up to what came of it.
//!
//! Whatever happens is an [`Outcome`]; there is no error besides. The rules:
//!
//! - **The status decides.** Once a whole head has come, the outcome is that answer, also if its
//!   body then breaks off, stalls until the time is up, or never ends. What came of it is kept.
//! - Redirects are not followed, compressed bodies not unpacked, proxy variables not read.
//! - A request that fails on a kept connection before the receiver answered a byte is sent once
//!   more on a new one, within the same time: the receiver had most likely closed the old one
//!   meanwhile. That it may then arrive twice is within "at least once".
//! - A panic is not caught here but where the thread's work begins.

use std::{
    fmt,
    io::Read,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ureq::{
    Agent, Body, Proxy, ProxyProtocol,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri},
};

use super::{
    agents::{Agents, Parts},
    call::{self, Call},
    dialler::OpenConnections,
    failure::{Failure, of_error},
    resolver::{ANSWER_TTL, FAILURE_TTL, Lookup, SystemLookup, VettedResolver},
    tls::{TlsConfigs, check},
};
use crate::domain::{
    AddressRule, Answer, Cause, Fault, Outcome, PrivateTarget, TargetUrl, TestReceiver, Timestamp, TlsOptions,
    WebhookId, parse_retry_after,
};

/// Headers of an answer that are kept, at most, and their names and values together in bytes. One
/// that does not fit is left out, so that a long cookie does not hide a `Location` after it.
const KEPT_HEADERS: usize = 64;
const KEPT_HEADER_BYTES: usize = 4 * 1024;

/// One request to be sent.
#[derive(Clone)]
pub struct OutgoingRequest {
    /// Whose connections it uses.
    pub webhook: WebhookId,
    /// Where to.
    pub url: TargetUrl,
    /// Names and values, sent byte for byte and, but for names that come twice, in this order.
    /// Names go out in lower case; `host` and `content-length` are added. A line may have 8 KiB.
    pub headers: Vec<(String, String)>,
    /// Sent byte for byte.
    pub body: Arc<[u8]>,
    /// For everything: look-up, connection, sending, answer.
    pub timeout: Duration,
    /// When the attempt begins, for a date in `Retry-After`.
    pub now: Timestamp,
    /// What the webhook adds to the encryption.
    pub tls: TlsOptions,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The answer, or why there was none.
    pub outcome: Outcome,
    /// The address that was dialled last, or that the kept connection leads to; the proxy's if
    /// there is one. None if nothing was dialled.
    pub address: Option<SocketAddr>,
}

/// Sends requests, from many threads at once.
pub trait Transport: Send + Sync {
    /// Sends a request and waits for what comes of it, no longer than its time.
    fn send(&self, request: &OutgoingRequest) -> Sent;

    /// Whether the name in the URL leads to an address. What cannot be found out counts as known.
    fn knows_host(&self, _url: &TargetUrl) -> bool {
        true
    }

    /// Whether what a webhook adds to the encryption can be used; the same with the ends of its
    /// certificates.
    ///
    /// # Errors
    /// What is wrong, each fault pointing to its member.
    fn check_tls(&self, options: TlsOptions) -> Result<TlsOptions, Vec<Fault>> {
        Ok(options)
    }

    /// Drops the idle connections of a webhook, which was deleted or leads elsewhere now. Requests
    /// under way go on.
    fn forget(&self, webhook: WebhookId);

    /// Drops what is kept for webhooks that were not sent to for a while. To be called now and
    /// then; sending does it too, but not while there is nothing to send.
    fn tidy(&self) {}

    /// Ends the requests under way: they return [`Cause::Interrupted`], and so does every later
    /// one. One whose answer has begun returns that.
    fn shut_down(&self);
}

/// How to send.
#[derive(Clone)]
pub struct TransportOptions {
    /// For the connection, TLS included, and for the look-up before it; each within the time of
    /// the request.
    pub connect_timeout: Duration,
    /// Bytes of an answer's body that are read, at most; over 400 KiB another limit comes first.
    /// A connection whose answer is longer is not used again.
    pub response_read_bytes: usize,
    /// Bytes of an answer's body that are kept, at most.
    pub response_keep_bytes: usize,
    /// Which addresses may be dialled.
    pub rule: AddressRule,
    /// An HTTP proxy that takes `CONNECT`, such as `http://user:password@10.0.0.1:3128`. It looks
    /// names up itself, so that where a name leads is its responsibility; literal addresses and
    /// private names are still refused here.
    pub proxy: Option<String>,
    /// Certificates, as PEM, that are trusted as roots besides the public ones.
    pub ca_file_pem: Option<Vec<u8>>,
}

impl TransportOptions {
    /// The defaults, sending where `rule` allows: 5 s to connect, 64 KiB read and 4 KiB kept of an
    /// answer, no proxy, public root certificates only.
    pub fn new(rule: AddressRule) -> Self {
        TransportOptions {
            connect_timeout: Duration::from_secs(5),
            response_read_bytes: 64 * 1024,
            response_keep_bytes: 4 * 1024,
            rule,
            proxy: None,
            ca_file_pem: None,
        }
    }
}

/// Sends over the network.
pub struct HttpTransport {
    agents: Agents,
    /// Those that dial our own test receiver and can dial nothing else.
    own_agents: Option<Agents>,
    resolver: VettedResolver,
    open: Arc<OpenConnections>,
    rule: AddressRule,
    /// Names are looked up by the proxy.
    proxied: bool,
    read_bytes: usize,
    keep_bytes: usize,
}

impl HttpTransport {
    /// A transport that looks names up with the operating system. A fault is about the proxy or
    /// the CA file.
    pub fn new(options: TransportOptions) -> Result<Self, Fault> {
        HttpTransport::with_lookup(options, Arc::new(SystemLookup))
    }

    /// The same with another look-up.
    pub fn with_lookup(options: TransportOptions, lookup: Arc<dyn Lookup>) -> Result<Self, Fault> {
        let TransportOptions { connect_timeout, rule, .. } = options;
        let proxy = options.proxy.as_deref().map(parse_proxy).transpose()?;
        let exempt = proxy.as_ref().map(|proxy| (proxy.host().to_owned(), proxy.port()));
        let proxied = proxy.is_some();
        let open = Arc::new(OpenConnections::default());
        let tls = Arc::new(TlsConfigs::new(options.ca_file_pem.as_deref())?);
        let own_agents = rule.receiver().map(|receiver| {
            let only = PrivateTarget::Range {
                net: receiver.listener.ip().to_canonical().into(),
                port: Some(receiver.listener.port()),
            };
            let rule = AddressRule::with_exceptions(vec![only]);
            let resolver = VettedResolver::new(lookup.clone(), rule, None, connect_timeout, ANSWER_TTL, FAILURE_TTL);
            // What is dialled is this very server, by an address that its certificate does not name.
            let tls = Arc::new(TlsConfigs::unchecked());
            Agents::new(Parts { resolver, open: Arc::clone(&open), tls, proxy: None, connect_timeout })
        });
        let resolver = VettedResolver::new(lookup, rule.clone(), exempt, connect_timeout, ANSWER_TTL, FAILURE_TTL);
        let parts = Parts { resolver: resolver.clone(), open: Arc::clone(&open), tls, proxy, connect_timeout };
        Ok(HttpTransport {
            agents: Agents::new(parts),
            own_agents,
            resolver,
            open,
            rule,
            proxied,
            read_bytes: options.response_read_bytes,
            keep_bytes: options.response_keep_bytes,
        })
    }

    fn try_twice(
        &self,
        agents: &Agents,
        request: &OutgoingRequest,
        started: Instant,
    ) -> (Result<Answer, Failure>, Call) {
        let agent = match agents.of(request.webhook, &request.tls) {
            Ok(agent) => agent,
            Err(failure) => return (Err(failure), Call::default()),
        };
        let first = self.exchange(&agent, request, started, Connection::KeptOrNew);
        let is_stale =
            |failure: &Failure, call: &Call| failure.cause == Cause::ClosedEarly && call.reused && call.received == 0;
        match &first {
            (Err(failure), call) if is_stale(failure, call) && started.elapsed() < request.timeout => {
                self.exchange(&agent, request, started, Connection::New)
            }
            _ => first,
        }
    }

    fn exchange(
        &self,
        agent: &Agent,
        request: &OutgoingRequest,
        started: Instant,
        connection: Connection,
    ) -> (Result<Answer, Failure>, Call) {
        call::begin();
        let answer = http_request(request).and_then(|http| {
            let left = request.timeout.saturating_sub(started.elapsed());
            let configured = agent
                .configure_request(http)
                .timeout_global(Some(left))
                .timeout_send_request(Some(left))
                .timeout_send_body(Some(left))
                .timeout_recv_response(Some(left))
                .timeout_recv_body(Some(left));
            let configured = match connection {
                Connection::KeptOrNew => configured,
                Connection::New => configured.max_idle_age(Duration::ZERO),
            };
            let response = agent.run(configured.build()).map_err(|error| of_error(error, &call::present()))?;
            Ok(self.read(response, request.now.plus(started.elapsed())))
        });
        (answer, call::present())
    }

    /// Takes the answer apart. Nothing that goes wrong from here on changes the outcome.
    fn read(&self, mut response: Response<Body>, now: Timestamp) -> Answer {
        let (body, body_truncated) = self.read_body(response.body_mut());
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        Answer {
            http_status: response.status().as_u16(),
            headers: kept_headers(response.headers()),
            body,
            body_truncated,
            retry_after: retry_after.and_then(|value| parse_retry_after(value, now)),
        }
    }

    /// The beginning of a body and whether there was more. Reads on past what is kept, so that the
    /// connection can be used again.
    fn read_body(&self, body: &mut Body) -> (Vec<u8>, bool) {
        let (mut kept, mut total) = (Vec::new(), 0);
        let mut reader = body.as_reader();
        let mut buffer = [0; 4 * 1024];
        while total < self.read_bytes {
            let room = buffer.len().min(self.read_bytes - total);
            match reader.read(&mut buffer[..room]) {
                Ok(0) => return (kept, total > self.keep_bytes),
                Ok(amount) => {
                    let keep = amount.min(self.keep_bytes - kept.len());
                    kept.extend_from_slice(&buffer[..keep]);
                    total += amount;
                }
                // It broke off, or the time is up.
                Err(_) => return (kept, true),
            }
        }
        (kept, true)
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: &OutgoingRequest) -> Sent {
        let started = Instant::now();
        if request.url.check(&self.rule).is_err() {
            // The rule may have become stricter since the webhook was saved.
            let outcome = Outcome::NoAnswer { cause: Cause::BlockedAddress, detail: String::new() };
            return Sent { outcome, address: None };
        }
        let (answer, call) = match (self.rule.receiver_at(&request.url), &self.own_agents) {
            // The URL itself may lead through the internet and back, or past a proxy that is not ours.
            (Some(receiver), Some(own)) => self.try_twice(own, &to_own_listener(request, receiver), started),
            _ => self.try_twice(&self.agents, request, started),
        };
        let outcome = match answer {
            Ok(answer) => Outcome::Answered(answer),
            Err(_) if self.open.is_shut() => no_answer(Failure::interrupted()),
            Err(failure) => no_answer(failure),
        };
        Sent { outcome, address: call.address }
    }

    fn knows_host(&self, url: &TargetUrl) -> bool {
        self.proxied || self.resolver.knows(url.host(), url.port())
    }

    fn check_tls(&self, options: TlsOptions) -> Result<TlsOptions, Vec<Fault>> {
        check(options)
    }

    fn forget(&self, webhook: WebhookId) {
        self.agents.forget(webhook);
        self.own_agents.iter().for_each(|own| own.forget(webhook));
    }

    fn tidy(&self) {
        self.agents.tidy();
        self.own_agents.iter().for_each(Agents::tidy);
    }

    fn shut_down(&self) {
        self.open.shut_down();
        self.resolver.shut_down();
    }
}

/// Which connection a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    KeptOrNew,
    New,
}

fn no_answer(Failure { cause, detail }: Failure) -> Outcome {
    Outcome::NoAnswer { cause, detail }
}

/// The same request, dialled at our own listener; the receiver still sees the host that was meant.
fn to_own_listener(request: &OutgoingRequest, receiver: &TestReceiver) -> OutgoingRequest {
    let mut own = OutgoingRequest { url: receiver.local.clone(), ..request.clone() };
    own.headers.insert(0, ("host".to_owned(), receiver.url.authority()));
    own
}

fn http_request(request: &OutgoingRequest) -> Result<Request<&[u8]>, Failure> {
    let refused = |what: &str| Failure::new(Cause::Internal, format!("{what} cannot be sent."));
    let uri = request.url.as_str().parse::<Uri>().map_err(|_| refused("This URL"))?;
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("A header's name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused("A header's value"))?;
        headers.append(name, value);
    }
    let mut http = Request::new(&*request.body);
    *http.method_mut() = Method::POST;
    *http.uri_mut() = uri;
    *http.headers_mut() = headers;
    Ok(http)
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let mut room = KEPT_HEADER_BYTES;
    let mut kept = Vec::new();
    for (name, value) in headers {
        let bytes = name.as_str().len() + value.len();
        if kept.len() < KEPT_HEADERS && bytes <= room {
            room -= bytes;
            kept.push((name.as_str().to_owned(), value.as_bytes().to_vec()));
        }
    }
    kept
}

/// The text of the fault leaves the proxy's URL out: it may hold a password.
fn parse_proxy(url: &str) -> Result<Proxy, Fault> {
    let fault = || Fault::new("proxy", "The proxy must be a URL such as http://10.0.0.1:3128.");
    let proxy = Proxy::new(url).map_err(|_| fault())?;
    match proxy.protocol() {
        ProxyProtocol::Http | ProxyProtocol::Https => Ok(proxy),
        _ => Err(fault()),
    }
}

impl fmt::Debug for OutgoingRequest {
    /// Neither headers nor body: they may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OutgoingRequest { webhook, url, timeout, .. } = self;
        formatter
            .debug_struct("OutgoingRequest")
            .field("webhook", webhook)
            .field("url", url)
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}
