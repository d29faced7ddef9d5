//! From a host name to the addresses that may be dialled.
//!
//! Every answer is vetted here, also that of a literal address, and what is vetted is what is
//! dialled: nobody looks the name up a second time, so it cannot lead elsewhere in between.
//! Answers are kept for a few seconds, because a look-up for each request would be slow; they
//! are vetted again at every use. Look-ups are bounded in number and in time, since the system's
//! resolver may hang and cannot be stopped.

use std::{
    collections::{HashMap, VecDeque},
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use dns_lookup::LookupErrorKind;
use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use super::failure::Failure;
use crate::domain::{AddressRule, Cause};

/// How long an answer is used again. Short, so that a receiver that moves is found soon.
pub(super) const ANSWER_TTL: Duration = Duration::from_secs(10);

/// How long a failed look-up is used again: enough that many deliveries to a name that does not
/// exist make one look-up, too short for a person to notice.
pub(super) const FAILURE_TTL: Duration = Duration::from_secs(1);

/// Names remembered or waited for, at most.
const NAMES: usize = 4096;

/// Look-ups at one time. Each may hang in the system's resolver until that gives up.
const LOOKUP_THREADS: usize = 8;

/// Addresses kept of one answer. What ureq passes on, at most.
const ADDRESSES: usize = 16;

/// The stack of a look-up thread: the C library needs less than 100 KiB.
const LOOKUP_STACK_BYTES: usize = 256 * 1024;

/// Finds the addresses of a host name.
pub trait Lookup: Send + Sync {
    /// All addresses of `host`, best first. May block for as long as it likes.
    ///
    /// An error of kind [`io::ErrorKind::NotFound`], like no address at all, means that there is no
    /// such name; any other error means that the look-up itself failed.
    fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the operating system, which knows `/etc/hosts` and the name servers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        match dns_lookup::lookup_host(host) {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => match error.kind() {
                LookupErrorKind::NoName | LookupErrorKind::NoData => Err(io::ErrorKind::NotFound.into()),
                _ => Err(error.into()),
            },
        }
    }
}

/// The resolver of all webhooks. Clones share what they know.
#[derive(Clone)]
pub(super) struct VettedResolver {
    shared: Arc<Shared>,
}

struct Shared {
    lookup: Arc<dyn Lookup>,
    rule: AddressRule,
    /// Host and port of the proxy, which is not vetted: the operator chose it.
    proxy: Option<(String, u16)>,
    /// The longest wait for a look-up, within the request's own time.
    wait_limit: Duration,
    answer_ttl: Duration,
    failure_ttl: Duration,
    state: Mutex<State>,
    /// A look-up ended, or stop was asked for.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    names: HashMap<String, Name>,
    /// Names whose look-up has not begun.
    queue: VecDeque<String>,
    threads: usize,
    stopped: bool,
}

enum Name {
    /// Being looked up, or in the queue, for this many requests.
    Asked { waiting: usize },
    /// Looked up.
    Known { answer: Result<Vec<IpAddr>, Failure>, until: Instant },
}

impl VettedResolver {
    /// A resolver that vets by `rule` and waits for a look-up no longer than `wait_limit`.
    pub fn new(
        lookup: Arc<dyn Lookup>,
        rule: AddressRule,
        proxy: Option<(String, u16)>,
        wait_limit: Duration,
        answer_ttl: Duration,
        failure_ttl: Duration,
    ) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Shared { lookup, rule, proxy, wait_limit, answer_ttl, failure_ttl, state, changed };
        VettedResolver { shared: Arc::new(shared) }
    }

    /// Ends every wait.
    pub fn shut_down(&self) {
        self.shared.state().stopped = true;
        self.shared.changed.notify_all();
    }

    /// Whether there is such a name. What cannot be found out counts as known.
    pub fn knows(&self, host: &str, port: u16) -> bool {
        let looked_up = self.addresses(host, port, self.shared.wait_limit);
        !looked_up.is_err_and(|failure| failure.cause == Cause::DnsNotFound)
    }

    fn addresses(&self, host: &str, port: u16, time: Duration) -> Result<Vec<IpAddr>, Failure> {
        let shared = &self.shared;
        let is_proxy = shared.proxy.as_ref().is_some_and(|(name, at)| name == host && *at == port);
        let bare = host.trim_matches(['[', ']']);
        let literal = bare.parse::<IpAddr>().ok();
        let addresses = match literal {
            Some(address) => vec![address],
            None => shared.answer(host, Instant::now() + time.min(shared.wait_limit))?,
        };
        let vetted = match literal {
            _ if is_proxy => Ok(()),
            Some(_) => shared.rule.vet(&addresses, port),
            None => shared.rule.vet_for(host, &addresses, port),
        };
        match vetted {
            Ok(()) => Ok(addresses),
            // Neither the record nor the log names the address: customers choose the URLs, and
            // could read from it which internal names exist.
            Err(_) => Err(Failure::new(Cause::BlockedAddress, "")),
        }
    }
}

impl Resolver for VettedResolver {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default_port);
        let host = uri.host().unwrap_or_default();
        let mut resolved = self.empty();
        for address in self.addresses(host, port, *timeout.after)?.into_iter().take(ADDRESSES) {
            resolved.push(SocketAddr::new(address, port));
        }
        Ok(resolved)
    }
}

impl fmt::Debug for VettedResolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("VettedResolver")
    }
}

impl Shared {
    /// What `host` leads to, remembered or looked up by a thread of ours before `deadline`.
    fn answer(self: &Arc<Self>, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, Failure> {
        let mut state = self.state();
        match state.names.get_mut(host) {
            Some(Name::Known { answer, until }) if Instant::now() < *until => return answer.clone(),
            Some(Name::Asked { waiting }) => *waiting += 1,
            Some(Name::Known { .. }) | None => self.ask(&mut state, host)?,
        }
        loop {
            if state.stopped {
                return Err(Failure::interrupted());
            }
            match state.names.get(host) {
                // An answer that came while we waited is ours, however short it is kept.
                Some(Name::Known { answer, .. }) => return answer.clone(),
                Some(Name::Asked { .. }) => {}
                // It came and made room for others before this thread awoke.
                None => self.ask(&mut state, host)?,
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(state.give_up(host));
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn ask(self: &Arc<Self>, state: &mut State, host: &str) -> Result<(), Failure> {
        state.names.remove(host);
        if state.names.len() >= NAMES {
            state.forget_old(Instant::now());
        }
        if state.names.len() >= NAMES {
            return Err(Failure::new(Cause::DnsFailed, "Too many names are being looked up."));
        }
        if state.threads < LOOKUP_THREADS {
            let shared = Arc::clone(self);
            let spawned = thread::Builder::new()
                .name("look-up".to_owned())
                .stack_size(LOOKUP_STACK_BYTES)
                .spawn(move || shared.look_up_queue());
            match spawned {
                Ok(_) => state.threads += 1,
                // The threads there are will come to it.
                Err(_) if state.threads > 0 => {}
                Err(_) => return Err(Failure::new(Cause::DnsFailed, "No thread could be started.")),
            }
        }
        state.names.insert(host.to_owned(), Name::Asked { waiting: 1 });
        state.queue.push_back(host.to_owned());
        Ok(())
    }

    /// The work of a look-up thread, which ends when nothing is left to look up.
    fn look_up_queue(&self) {
        let mut state = self.state();
        while let Some(host) = state.next() {
            drop(state);
            let answer = self.look_up(&host);
            let ttl = if answer.is_ok() { self.answer_ttl } else { self.failure_ttl };
            state = self.state();
            state.names.insert(host, Name::Known { answer, until: Instant::now() + ttl });
            self.changed.notify_all();
        }
        state.threads -= 1;
    }

    fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, Failure> {
        match self.lookup.look_up(host) {
            Ok(addresses) if addresses.is_empty() => Err(Failure::new(Cause::DnsNotFound, "")),
            Ok(addresses) => Ok(addresses),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::new(Cause::DnsNotFound, "")),
            Err(error) => Err(Failure::new(Cause::DnsFailed, error.to_string())),
        }
    }

    /// No code of ours can panic while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next name that somebody still waits for.
    fn next(&mut self) -> Option<String> {
        while let Some(host) = self.queue.pop_front() {
            match self.names.get(&host) {
                Some(Name::Asked { waiting: 0 }) => drop(self.names.remove(&host)),
                _ => return Some(host),
            }
        }
        None
    }

    /// A request's time is up before the answer came.
    fn give_up(&mut self, host: &str) -> Failure {
        if let Some(Name::Asked { waiting }) = self.names.get_mut(host) {
            *waiting -= 1;
        }
        Failure::new(Cause::DnsFailed, "The name server did not answer in time.")
    }

    /// Makes room: answers whose time is over go, and if that is not enough, all answers.
    fn forget_old(&mut self, now: Instant) {
        self.names.retain(|_, name| !matches!(name, Name::Known { until, .. } if *until <= now));
        if self.names.len() >= NAMES {
            self.names.retain(|_, name| matches!(name, Name::Asked { .. }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::domain::PrivateTarget;

    const LONG: Duration = Duration::from_secs(60);

    /// Asks a function, and counts.
    struct Played<F> {
        answer: F,
        asked: AtomicUsize,
        at_once: AtomicUsize,
        most_at_once: AtomicUsize,
    }

    impl<F: Fn(usize) -> io::Result<Vec<IpAddr>> + Send + Sync> Lookup for Played<F> {
        fn look_up(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(now, Ordering::SeqCst);
            let answer = (self.answer)(self.asked.fetch_add(1, Ordering::SeqCst));
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            answer
        }
    }

    /// A look-up whose answers depend on how many there were before.
    fn played<F>(answer: F) -> Arc<Played<F>>
    where
        F: Fn(usize) -> io::Result<Vec<IpAddr>> + Send + Sync,
    {
        let (asked, at_once, most_at_once) = Default::default();
        Arc::new(Played { answer, asked, at_once, most_at_once })
    }

    fn resolver(lookup: Arc<dyn Lookup>, ttl: Duration) -> VettedResolver {
        VettedResolver::new(lookup, AddressRule::strict(), None, LONG, ttl, ttl)
    }

    fn public() -> Vec<IpAddr> {
        vec![[93, 184, 216, 34].into()]
    }

    #[test]
    fn the_operating_system_knows_localhost() {
        let addresses = SystemLookup.look_up("localhost").expect("every system knows it");
        assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }

    #[test]
    fn a_name_that_leads_elsewhere_each_time_never_gets_a_private_address_through() {
        let lookup = played(|n| if n % 2 == 0 { Ok(public()) } else { Ok(vec![Ipv4Addr::LOCALHOST.into()]) });
        let resolver = resolver(lookup, Duration::ZERO);
        let mut refused = 0;
        for _ in 0..1000 {
            match resolver.addresses("hooks.example.com", 443, LONG) {
                Ok(addresses) => assert_eq!(addresses, public()),
                Err(failure) => {
                    assert_eq!(failure, Failure::new(Cause::BlockedAddress, ""));
                    refused += 1;
                }
            }
        }
        assert_eq!(refused, 500);
    }

    #[test]
    fn answers_and_failures_are_used_again_while_they_are_fresh() {
        for (answer, ttl, looked_up) in
            [(Some(public()), LONG, 1), (Some(public()), Duration::ZERO, 3), (None, LONG, 1), (None, Duration::ZERO, 3)]
        {
            let expected = answer.clone().ok_or(Failure::new(Cause::DnsNotFound, ""));
            let lookup = played(move |_| Ok(answer.clone().unwrap_or_default()));
            let resolver = resolver(lookup.clone(), ttl);
            for _ in 0..3 {
                assert_eq!(resolver.addresses("hooks.example.com", 443, LONG), expected);
            }
            assert_eq!(lookup.asked.load(Ordering::SeqCst), looked_up);
        }
    }

    #[test]
    fn an_answer_is_vetted_at_each_use_with_the_port_of_that_use() {
        let lookup = played(|_| Ok(vec![Ipv4Addr::LOCALHOST.into()]));
        let rule = AddressRule::with_exceptions(vec![PrivateTarget::parse("127.0.0.1:8080").expect("a target")]);
        let resolver = VettedResolver::new(lookup, rule, None, LONG, LONG, LONG);
        assert!(resolver.addresses("hooks.example.com", 8080, LONG).is_ok());
        assert!(resolver.addresses("hooks.example.com", 8081, LONG).is_err());
    }

    #[test]
    fn the_proxy_alone_is_not_vetted() {
        let lookup = played(|_| Ok(vec![Ipv4Addr::LOCALHOST.into()]));
        let proxy = Some(("proxy.lan".to_owned(), 3128));
        let resolver = VettedResolver::new(lookup, AddressRule::strict(), proxy, LONG, LONG, LONG);
        assert!(resolver.addresses("proxy.lan", 3128, LONG).is_ok());
        assert!(resolver.addresses("proxy.lan", 80, LONG).is_err());
        assert!(resolver.addresses("other.lan", 3128, LONG).is_err());
    }

    #[test]
    fn one_look_up_serves_all_who_wait_and_few_names_are_looked_up_at_once() {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let held = Arc::clone(&gate);
        let lookup = played(move |_| {
            let open = held.0.lock().expect("not poisoned");
            drop(held.1.wait_while(open, |open| !*open));
            Ok(public())
        });
        let resolver = resolver(lookup.clone(), LONG);
        thread::scope(|scope| {
            for number in 0..60 {
                let resolver = &resolver;
                let host = format!("{}.example.com", number % 20);
                scope.spawn(move || assert_eq!(resolver.addresses(&host, 443, LONG), Ok(public())));
            }
            let all_wait = || {
                let state = resolver.shared.state();
                let waiting = |name: &Name| if let Name::Asked { waiting } = name { *waiting } else { 0 };
                state.names.values().map(waiting).sum::<usize>() == 60
            };
            while !all_wait() {
                thread::yield_now();
            }
            *gate.0.lock().expect("not poisoned") = true;
            gate.1.notify_all();
        });
        assert_eq!(lookup.asked.load(Ordering::SeqCst), 20);
        assert!(lookup.most_at_once.load(Ordering::SeqCst) <= LOOKUP_THREADS);
        while resolver.shared.state().threads > 0 {
            thread::yield_now();
        }
    }

    #[test]
    fn names_that_nobody_waits_for_any_more_are_not_looked_up() {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let held = Arc::clone(&gate);
        let lookup = played(move |_| {
            let open = held.0.lock().expect("not poisoned");
            drop(held.1.wait_while(open, |open| !*open));
            Ok(public())
        });
        let resolver = resolver(lookup.clone(), LONG);
        for number in 0..LOOKUP_THREADS * 3 {
            let failure = resolver.addresses(&format!("{number}.example.com"), 443, Duration::from_millis(5));
            assert_eq!(failure, Err(Failure::new(Cause::DnsFailed, "The name server did not answer in time.")));
        }
        *gate.0.lock().expect("not poisoned") = true;
        gate.1.notify_all();
        while resolver.shared.state().threads > 0 {
            thread::yield_now();
        }
        assert!(lookup.asked.load(Ordering::SeqCst) <= LOOKUP_THREADS);
        assert!(resolver.shared.state().queue.is_empty());
    }

    #[test]
    fn the_number_of_names_remembered_is_bounded() {
        let resolver = resolver(played(|_| Ok(public())), LONG);
        for number in 0..NAMES + 100 {
            assert!(resolver.addresses(&format!("{number}.example.com"), 443, LONG).is_ok());
        }
        assert!(resolver.shared.state().names.len() <= NAMES);
    }
}
