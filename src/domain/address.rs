//! Which addresses may be sent to.
//!
//! A webhook's URL is chosen by a customer, so without this rule anybody could reach the
//! operator's own network through us. Only addresses of the public internet are allowed, unless
//! the configuration makes a narrow exception. Our own listeners are refused always.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::Host;

use super::{Fault, TargetUrl};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// The IANA IPv4 special-purpose address registry, and multicast. The few entries that can be
/// reached globally (AS112, AMT) are anycast services and no place for a receiver.
const SPECIAL_V4: [Ipv4Net; 18] = [
    v4(0, 0, 0, 0, 8),       // "this network", RFC 791
    v4(10, 0, 0, 0, 8),      // private use, RFC 1918
    v4(100, 64, 0, 0, 10),   // shared address space of carriers, RFC 6598
    v4(127, 0, 0, 0, 8),     // loopback, RFC 1122
    v4(169, 254, 0, 0, 16),  // link local, cloud metadata among it, RFC 3927
    v4(172, 16, 0, 0, 12),   // private use, RFC 1918
    v4(192, 0, 0, 0, 24),    // IETF protocol assignments, RFC 6890
    v4(192, 0, 2, 0, 24),    // documentation, RFC 5737
    v4(192, 31, 196, 0, 24), // AS112, RFC 7535
    v4(192, 52, 193, 0, 24), // automatic multicast tunnelling, RFC 7450
    v4(192, 88, 99, 0, 24),  // 6to4 relays, deprecated, RFC 7526
    v4(192, 168, 0, 0, 16),  // private use, RFC 1918
    v4(192, 175, 48, 0, 24), // AS112 by direct delegation, RFC 7534
    v4(198, 18, 0, 0, 15),   // benchmarks, RFC 2544
    v4(198, 51, 100, 0, 24), // documentation, RFC 5737
    v4(203, 0, 113, 0, 24),  // documentation, RFC 5737
    v4(224, 0, 0, 0, 4),     // multicast, RFC 5771
    v4(240, 0, 0, 0, 4),     // reserved, RFC 1112, with the limited broadcast address, RFC 919
];

/// All IPv6 unicast that IANA has given out, RFC 4291. Loopback, unique local, link local,
/// multicast, IPv4-compatible and NAT64 (64:ff9b::/96, RFC 6052) addresses are outside it.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// The special parts of [`GLOBAL_V6`].
const SPECIAL_V6: [Ipv6Net; 5] = [
    v6(0x2001, 0, 0, 23),         // IETF protocol assignments, Teredo among them, RFC 2928
    v6(0x2001, 0xdb8, 0, 32),     // documentation, RFC 3849
    v6(0x2002, 0, 0, 16),         // 6to4, which holds IPv4 addresses, RFC 3056
    v6(0x3fff, 0, 0, 20),         // documentation, RFC 9637
    v6(0x2620, 0x4f, 0x8000, 48), // AS112 by direct delegation, RFC 7534
];

/// An exception of `allowed_private_targets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivateTarget {
    /// Every address and every name.
    Any,
    /// Every address of a range; a single address is a range of one.
    Range {
        /// The range in canonical form: IPv4-mapped IPv6 is IPv4.
        net: IpNet,
        /// The only port allowed, or every port.
        port: Option<u16>,
    },
    /// A host name, and whatever addresses it leads to.
    Name {
        /// In lower case, without a full stop at the end.
        name: String,
        /// The only port allowed, or every port.
        port: Option<u16>,
    },
}

impl PrivateTarget {
    /// Reads `10.0.0.5`, `10.0.0.5:8443`, `[::1]:8080`, `192.168.1.0/24`, `crm.internal`,
    /// `crm.internal:8443` or `any`.
    pub fn parse(text: &str) -> Result<PrivateTarget, Fault> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("any") {
            return Ok(PrivateTarget::Any);
        }
        if text.contains('/') {
            return parse_range(text);
        }
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bracketed.unwrap_or(text).parse::<IpAddr>() {
            return Ok(PrivateTarget::Range { net: address.to_canonical().into(), port: None });
        }
        if let Ok(socket) = text.parse::<SocketAddr>() {
            let port = Some(nonzero(socket.port()).ok_or_else(|| not_a_target(text))?);
            return Ok(PrivateTarget::Range { net: socket.ip().to_canonical().into(), port });
        }
        parse_name(text).ok_or_else(|| not_a_target(text))
    }

    fn covers(&self, address: IpAddr, port: u16) -> bool {
        match self {
            PrivateTarget::Any => true,
            PrivateTarget::Range { net, port: only } => net.contains(&address) && only.is_none_or(|only| only == port),
            PrivateTarget::Name { .. } => false,
        }
    }

    fn covers_name(&self, host: &str, port: u16) -> bool {
        match self {
            PrivateTarget::Any => true,
            PrivateTarget::Range { .. } => false,
            PrivateTarget::Name { name, port: only } => {
                let host = host.strip_suffix('.').unwrap_or(host);
                name.eq_ignore_ascii_case(host) && only.is_none_or(|only| only == port)
            }
        }
    }

    fn has_port(&self) -> bool {
        matches!(self, PrivateTarget::Range { port: Some(_), .. } | PrivateTarget::Name { port: Some(_), .. })
    }
}

impl FromStr for PrivateTarget {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        PrivateTarget::parse(text)
    }
}

/// An address that may not be sent to. For the log; users get one text for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedAddress {
    /// The first address refused.
    pub address: IpAddr,
    /// The port it was to be dialled at.
    pub port: u16,
    /// Refused because we listen there ourselves, though the rule would allow it otherwise.
    pub own: bool,
}

impl fmt::Display for RefusedAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RefusedAddress { address, port, own } = self;
        let reason = if *own { "this server's own" } else { "not public" };
        write!(formatter, "{address} port {port} is {reason}")
    }
}

impl std::error::Error for RefusedAddress {}

/// The one address of ours that may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReceiver {
    /// What a webhook has as its Request URL; nothing else counts, not even another spelling.
    pub url: TargetUrl,
    /// What is dialled for it: our own listener, past every proxy.
    pub local: TargetUrl,
    /// That listener.
    pub listener: SocketAddr,
}

/// Which addresses this installation may send to.
#[derive(Debug, Clone)]
pub struct AddressRule {
    exceptions: Vec<PrivateTarget>,
    own: Vec<SocketAddr>,
    site: Option<TargetUrl>,
    receiver: Option<TestReceiver>,
}

impl AddressRule {
    /// Public addresses only.
    pub fn strict() -> Self {
        AddressRule::with_exceptions(Vec::new())
    }

    /// Public addresses and those of `allowed`.
    pub fn with_exceptions(allowed: Vec<PrivateTarget>) -> Self {
        AddressRule { exceptions: allowed, own: Vec::new(), site: None, receiver: None }
    }

    /// The same rule, which also refuses our own `listeners`, inside an allowed range too.
    ///
    /// A listener on the unspecified address (`0.0.0.0:8080`) stands for loopback at that port;
    /// the addresses of the machine's interfaces cannot be known here and are for the caller to add.
    pub fn with_own(mut self, listeners: Vec<SocketAddr>) -> Self {
        self.own.extend(listeners);
        self
    }

    /// The same rule, which also refuses the address that people reach this server at.
    pub fn with_site(mut self, site: Option<TargetUrl>) -> Self {
        self.site = site;
        self
    }

    /// The same rule, with our own test receiver as the only exception to it.
    pub fn with_receiver(mut self, receiver: Option<TestReceiver>) -> Self {
        self.receiver = receiver;
        self
    }

    /// Our own test receiver.
    pub fn receiver(&self) -> Option<&TestReceiver> {
        self.receiver.as_ref()
    }

    /// Our own test receiver, if `url` is exactly its URL.
    pub fn receiver_at(&self, url: &TargetUrl) -> Option<&TestReceiver> {
        self.receiver.as_ref().filter(|receiver| receiver.url == *url)
    }

    /// Whether `url` is below the address that people reach this server at. Only what is below it:
    /// other programs may share its host.
    pub(super) fn is_own_site(&self, url: &TargetUrl) -> bool {
        let Some(site) = &self.site else { return false };
        let (base, path) = (site.path(), url.path());
        let base = base.trim_end_matches('/');
        let below = path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let host = |url: &TargetUrl| url.host().trim_end_matches('.').to_owned();
        host(site) == host(url) && site.port() == url.port() && below
    }

    /// Whether a connection to this address and port may be made.
    pub fn allows(&self, ip: IpAddr, port: u16) -> bool {
        self.vet(&[ip], port).is_ok()
    }

    /// Whether an exception names this host at this port.
    pub fn allows_name(&self, host: &str, port: u16) -> bool {
        self.exceptions.iter().any(|exception| exception.covers_name(host, port))
    }

    /// Whether a name that led to `resolved` may be dialled. One refused address refuses all, so
    /// that a name cannot mix a public and a private one. No address at all is no reason to refuse.
    pub fn vet(&self, resolved: &[IpAddr], port: u16) -> Result<(), RefusedAddress> {
        self.vet_each(resolved, port, |address| {
            is_global(address) || self.exceptions.iter().any(|exception| exception.covers(address, port))
        })
    }

    /// As [`AddressRule::vet`]; where an exception names `host`, its addresses are allowed too.
    pub fn vet_for(&self, host: &str, resolved: &[IpAddr], port: u16) -> Result<(), RefusedAddress> {
        if self.allows_name(host, port) { self.vet_each(resolved, port, |_| true) } else { self.vet(resolved, port) }
    }

    /// Whether an exception names exactly this port of this host.
    pub(super) fn names_port(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        let address = address.map(|address| address.to_canonical());
        let covers = |exception: &PrivateTarget| match address {
            Some(address) => exception.covers(address, port),
            None => exception.covers_name(host, port),
        };
        self.exceptions.iter().any(|exception| exception.has_port() && covers(exception))
    }

    fn vet_each(
        &self,
        resolved: &[IpAddr],
        port: u16,
        is_allowed: impl Fn(IpAddr) -> bool,
    ) -> Result<(), RefusedAddress> {
        for address in resolved.iter().map(IpAddr::to_canonical) {
            if !is_allowed(address) {
                return Err(RefusedAddress { address, port, own: false });
            }
            if self.is_own(address, port) {
                return Err(RefusedAddress { address, port, own: true });
            }
        }
        Ok(())
    }

    fn is_own(&self, address: IpAddr, port: u16) -> bool {
        // A connection to the unspecified address reaches the machine itself.
        let is_local = |address: IpAddr| address.is_loopback() || address.is_unspecified();
        self.own.iter().filter(|own| own.port() == port).any(|own| {
            let own = own.ip().to_canonical();
            own == address
                || (own.is_unspecified() && is_local(address))
                || (own.is_loopback() && address.is_unspecified())
        })
    }
}

/// Whether a canonical address is one of the public internet.
fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address)),
    }
}

fn parse_range(text: &str) -> Result<PrivateTarget, Fault> {
    let net: IpNet = text.parse().map_err(|_| not_a_target(text))?;
    if net.trunc() != net {
        let (range, address) = (net.trunc(), net.addr());
        let message =
            format!("“{text}” is not a whole range. Write {range} for the range or {address} for the address.");
        return Err(Fault::new("private_target", message));
    }
    let net = canonical_range(net);
    if net.prefix_len() == 0 {
        let message = format!("“{text}” is every address. If that is meant, write the word any.");
        return Err(Fault::new("private_target", message));
    }
    Ok(PrivateTarget::Range { net, port: None })
}

/// A range of IPv4-mapped IPv6 addresses is the range of IPv4 addresses they stand for.
fn canonical_range(net: IpNet) -> IpNet {
    match (net.addr().to_canonical(), net.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(prefix)) if net.addr().is_ipv6() => {
            Ipv4Net::new(address, prefix).map_or(net, IpNet::V4)
        }
        _ => net,
    }
}

fn parse_name(text: &str) -> Option<PrivateTarget> {
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(nonzero(parse_digits(port)?)?)),
        None => (text, None),
    };
    // Numbers such as `10.1` are addresses to the URL standard, and not what was meant here.
    let Host::Domain(name) = Host::parse(name).ok()? else { return None };
    let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
    let is_whole = name.split('.').all(|label| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    is_whole.then_some(PrivateTarget::Name { name, port })
}

fn parse_digits(text: &str) -> Option<u16> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn nonzero(port: u16) -> Option<u16> {
    (port != 0).then_some(port)
}

fn not_a_target(text: &str) -> Fault {
    let message = format!(
        "“{text}” is not a target. Write an address (10.0.0.5 or 10.0.0.5:8443 or [::1]:8080), \
         a range (192.168.1.0/24) or a name (crm.internal or crm.internal:8443)."
    );
    Fault::new("private_target", message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn allowing(targets: &[&str]) -> AddressRule {
        AddressRule::with_exceptions(targets.iter().map(|text| text.parse().expect("a target")).collect())
    }

    #[test]
    fn only_the_public_internet_is_allowed_without_exceptions() {
        let rule = AddressRule::strict();
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "198.20.0.0",
            "223.255.255.255",
            "2000::",
            "2001:200::",
            "2606:4700::1111",
            "3ffe::1",
            "3fff:1000::",
            "::ffff:8.8.8.8",
        ] {
            assert!(rule.allows(ip(public), 443), "{public}");
        }
        for refused in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.8",
            "192.88.99.1",
            "192.168.0.1",
            "198.19.255.255",
            "203.0.113.7",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff:ffff::",
            "2001:db8::1",
            "2002:a00:1::",
            "2620:4f:8000::1",
            "3fff:fff::1",
            "4000::",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!rule.allows(ip(refused), 443), "{refused}");
        }
    }

    #[test]
    fn an_exception_opens_its_addresses_and_its_port_and_nothing_else() {
        let rule = allowing(&["10.0.0.5:8443", "192.168.1.0/24", "[fd00::1]:8080", "::ffff:172.16.0.0/108"]);
        for (address, port, allowed) in [
            ("10.0.0.5", 8443, true),
            ("::ffff:10.0.0.5", 8443, true),
            ("10.0.0.5", 443, false),
            ("10.0.0.6", 8443, false),
            ("192.168.1.255", 1, true),
            ("192.168.2.0", 1, false),
            ("fd00::1", 8080, true),
            ("fd00::1", 8081, false),
            ("172.31.0.1", 80, true),
            ("127.0.0.1", 80, false),
        ] {
            assert_eq!(rule.allows(ip(address), port), allowed, "{address} {port}");
        }
        assert!(allowing(&["any"]).allows(ip("127.0.0.1"), 80));
    }

    #[test]
    fn one_refused_answer_refuses_all() {
        let rule = AddressRule::strict();
        assert_eq!(rule.vet(&[ip("1.1.1.1"), ip("2606:4700::1111")], 443), Ok(()));
        let refused = RefusedAddress { address: ip("10.0.0.1"), port: 443, own: false };
        assert_eq!(rule.vet(&[ip("1.1.1.1"), ip("::ffff:10.0.0.1")], 443), Err(refused));
        assert_eq!(refused.to_string(), "10.0.0.1 port 443 is not public");
        assert_eq!(rule.vet(&[], 443), Ok(()));
    }

    #[test]
    fn an_allowed_name_may_lead_to_a_private_address() {
        let rule = allowing(&["CRM.internal:8443"]);
        let resolved = [ip("10.0.0.5"), ip("fd00::5")];
        assert_eq!(rule.vet_for("crm.internal", &resolved, 8443), Ok(()));
        assert_eq!(rule.vet_for("crm.internal.", &resolved, 8443), Ok(()));
        assert!(rule.vet_for("crm.internal", &resolved, 443).is_err());
        assert!(rule.vet_for("other.internal", &resolved, 8443).is_err());
        assert!(rule.vet(&resolved, 8443).is_err());
    }

    #[test]
    fn our_own_listeners_are_refused_inside_an_allowed_range_too() {
        let own = ["0.0.0.0:8080", "10.0.0.9:9090", "127.0.0.1:7070"].map(|text| text.parse().expect("an address"));
        let rule = allowing(&["any"]).with_own(own.to_vec());
        for (address, port, allowed) in [
            ("127.0.0.1", 8080, false),
            ("127.8.8.8", 8080, false),
            ("::1", 8080, false),
            ("0.0.0.0", 8080, false),
            ("::", 8080, false),
            ("127.0.0.1", 8081, true),
            ("10.0.0.9", 9090, false),
            ("::ffff:10.0.0.9", 9090, false),
            ("10.0.0.8", 9090, true),
            ("127.0.0.1", 7070, false),
            ("0.0.0.0", 7070, false),
        ] {
            assert_eq!(rule.allows(ip(address), port), allowed, "{address} {port}");
        }
        assert!(rule.vet_for("crm.internal", &[ip("10.0.0.9")], 9090).is_err_and(|refused| refused.own));
    }

    #[test]
    fn what_is_not_a_target_is_explained() {
        for bad in [
            "",
            "10.0.0.5:0",
            "10.0.0.5:99999",
            "10.1",
            "10.0.0.0/33",
            "*.internal",
            "a b",
            "crm:",
            "a..b",
            ":1",
            "[::1",
            "10.0.0.5]",
        ] {
            let fault = PrivateTarget::parse(bad).expect_err(bad);
            assert!(fault.message.starts_with(&format!("“{bad}” is not a target. Write an address")), "{fault:?}");
        }
        for every in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"] {
            let message = format!("“{every}” is every address. If that is meant, write the word any.");
            assert_eq!(PrivateTarget::parse(every), Err(Fault::new("private_target", message)));
        }
        let message = "“10.0.0.5/8” is not a whole range. Write 10.0.0.0/8 for the range or 10.0.0.5 for the address.";
        assert_eq!(PrivateTarget::parse("10.0.0.5/8"), Err(Fault::new("private_target", message)));
    }

    /// The IPv4 rule once more, by comparing first octets, so that a slip in the table shows.
    fn is_global_by_octets([a, b, c, _]: [u8; 4]) -> bool {
        !matches!(
            (a, b, c),
            (0 | 10 | 127 | 224..=255, _, _)
                | (100, 64..=127, _)
                | (169, 254, _)
                | (172, 16..=31, _)
                | (192, 168, _)
                | (192, 0, 0 | 2)
                | (192, 31, 196)
                | (192, 52, 193)
                | (192, 88, 99)
                | (192, 175, 48)
                | (198, 18 | 19, _)
                | (198, 51, 100)
                | (203, 0, 113)
        )
    }

    /// The IPv6 rule once more, by comparing first segments.
    fn is_global_by_segments(segments: [u16; 8]) -> bool {
        if let Some(v4) = Ipv6Addr::from(segments).to_ipv4_mapped() {
            return is_global_by_octets(v4.octets());
        }
        !matches!(
            (segments[0], segments[1], segments[2]),
            (0..=0x1fff | 0x4000..=0xffff, _, _)
                | (0x2001, 0..=0x01ff | 0x0db8, _)
                | (0x2002, _, _)
                | (0x2620, 0x004f, 0x8000)
                | (0x3fff, 0..=0x0fff, _)
        )
    }

    /// What an address begins with: anything, or close to a border of the rule.
    fn first_segments() -> impl Strategy<Value = Vec<u16>> {
        prop_oneof![
            Just(vec![]),
            (0x2000..0x4000_u16).prop_map(|first| vec![first]),
            (0x1ffe..0x2004_u16, 0..0x0201_u16).prop_map(|(first, second)| vec![first, second]),
            (Just(0x2001), 0x0db7..0x0dba_u16).prop_map(|(first, second)| vec![first, second]),
            (Just(0x2620), 0x004e..0x0051_u16, 0x7fff..0x8002_u16)
                .prop_map(|(first, second, third)| vec![first, second, third]),
            (0x3ffe..0x4001_u16, 0x0fff..0x1001_u16).prop_map(|(first, second)| vec![first, second]),
            Just(vec![0, 0, 0, 0, 0, 0xffff]),
        ]
    }

    /// What lies right before and right behind each special range is global, or special by another.
    #[test]
    fn no_range_reaches_over_its_borders() {
        let rule = AddressRule::strict();
        for net in SPECIAL_V4 {
            for border in [u32::from(net.network()).checked_sub(1), u32::from(net.broadcast()).checked_add(1)] {
                let Some(address) = border.map(Ipv4Addr::from) else { continue };
                assert_eq!(rule.allows(address.into(), 443), is_global_by_octets(address.octets()), "{address}");
            }
        }
        for net in SPECIAL_V6 {
            for border in [u128::from(net.network()).checked_sub(1), u128::from(net.broadcast()).checked_add(1)] {
                let Some(address) = border.map(Ipv6Addr::from) else { continue };
                assert_eq!(rule.allows(address.into(), 443), is_global_by_segments(address.segments()), "{address}");
            }
        }
    }

    #[test]
    fn every_range_is_refused_from_its_first_to_its_last_address() {
        let rule = AddressRule::strict();
        for net in SPECIAL_V4 {
            assert_eq!(net.trunc(), net, "written as a whole range");
            assert!(!rule.allows(net.network().into(), 1) && !rule.allows(net.broadcast().into(), 1), "{net}");
        }
        for net in SPECIAL_V6 {
            assert_eq!(net.trunc(), net, "written as a whole range");
            assert!(!rule.allows(net.network().into(), 1) && !rule.allows(net.broadcast().into(), 1), "{net}");
        }
    }

    proptest! {
        #[test]
        fn ipv4_agrees_with_a_second_telling_of_the_rule(octets: [u8; 4], port: u16) {
            let address = Ipv4Addr::from(octets);
            let rule = AddressRule::strict();
            prop_assert_eq!(rule.allows(address.into(), port), is_global_by_octets(octets));
            prop_assert_eq!(rule.allows(address.to_ipv6_mapped().into(), port), is_global_by_octets(octets));
        }

        #[test]
        fn every_address_of_a_special_range_is_refused(which in 0..SPECIAL_V4.len(), low: u32) {
            let net = SPECIAL_V4[which];
            let address = Ipv4Addr::from(u32::from(net.network()) | (low & u32::from(net.hostmask())));
            prop_assert!(!AddressRule::strict().allows(address.into(), 443));
        }

        #[test]
        fn ipv6_is_refused_outside_2000_3_and_in_its_special_parts(low: u128, which in 0..SPECIAL_V6.len()) {
            let outside = Ipv6Addr::from(low);
            let mapped_or_global = outside.to_ipv4_mapped().is_some() || outside.segments()[0] >> 13 == 1;
            prop_assert!(mapped_or_global || !AddressRule::strict().allows(outside.into(), 443));
            let net = SPECIAL_V6[which];
            let inside = Ipv6Addr::from(u128::from(net.network()) | (low & u128::from(net.hostmask())));
            prop_assert!(!AddressRule::strict().allows(inside.into(), 443));
        }

        #[test]
        fn ipv6_agrees_with_a_second_telling_of_the_rule(high: u64, low: u64, first in first_segments(), port: u16) {
            let mut segments = Ipv6Addr::from(u128::from(high) << 64 | u128::from(low)).segments();
            segments[..first.len()].copy_from_slice(&first);
            let address = Ipv6Addr::from(segments);
            prop_assert_eq!(AddressRule::strict().allows(address.into(), port), is_global_by_segments(segments));
        }

        #[test]
        fn an_ipv4_address_inside_an_ipv6_one_opens_nothing(octets: [u8; 4], low: u64, port: u16) {
            let rule = AddressRule::strict();
            let v4 = u128::from(u32::from(Ipv4Addr::from(octets)));
            for (what, address) in [
                ("compatible", v4),
                ("NAT64", 0x0064_ff9b << 96 | v4),
                ("local NAT64", 0x0064_ff9b_0001 << 80 | v4),
                ("6to4", 0x2002 << 112 | v4 << 80 | u128::from(low)),
                ("Teredo", 0x2001 << 112 | v4 << 64 | u128::from(low)),
                ("translated", 0xffff_0000 << 32 | v4),
            ] {
                prop_assert!(!rule.allows(Ipv6Addr::from(address).into(), port), "{what} {octets:?}");
            }
        }

        #[test]
        fn vetting_many_is_vetting_each(addresses: Vec<IpAddr>, port: u16) {
            let rule = allowing(&["10.0.0.0/8", "fc00::/7"]);
            let each = addresses.iter().all(|address| rule.allows(*address, port));
            prop_assert_eq!(rule.vet(&addresses, port).is_ok(), each);
        }

        #[test]
        fn reading_a_target_never_panics(text: String) {
            let _ = PrivateTarget::parse(&text);
        }
    }
}
