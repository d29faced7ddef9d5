//! Who is at the other end of a connection, also through a reverse proxy.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// Most proxies one after the other that are looked through.
const MAX_HOPS: usize = 20;
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address a request comes from. `X-Forwarded-For` is believed only as far as configured
/// proxies wrote it: it is read from its end, and the first address that is no proxy is the caller.
pub fn address(request: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let lines: Vec<&str> = request.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
    Some(through_proxies(peer, &lines, trusted))
}

fn through_proxies(peer: IpAddr, lines: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_proxy = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut caller = peer;
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')).take(MAX_HOPS) {
        if !is_proxy(&caller) {
            break;
        }
        let Some(address) = read(hop.trim()) else { break };
        caller = address;
    }
    caller
}

/// An address, with or without a port.
fn read(text: &str) -> Option<IpAddr> {
    let address = text.parse().or_else(|_| text.parse().map(|with_port: SocketAddr| with_port.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_configured_proxy_says_is_believed() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let hundred = vec!["10.0.0.9"; 100].join(",");
        for (peer, lines, caller) in [
            ("203.0.113.7", vec!["198.51.100.1"], "203.0.113.7"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", vec!["6.6.6.6, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", vec!["6.6.6.6", "198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", vec!["<script>"], "10.0.0.1"),
            ("10.0.0.1", vec!["6.6.6.6,"], "10.0.0.1"),
            ("::1", vec!["[2001:db8::1]:443"], "2001:db8::1"),
            ("::1", vec!["::ffff:198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", vec![hundred.as_str()], "10.0.0.9"),
        ] {
            let seen = through_proxies(peer.parse().unwrap(), &lines, &trusted);
            assert_eq!(seen.to_string(), caller, "{peer} {lines:?}");
        }
    }
}
