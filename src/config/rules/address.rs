//! Rules for addresses, networks and URLs.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

use super::{Given, Refusal, Rule, text::Text};
use crate::{config::secret::ProxyUrl, domain::TargetUrl};

/// An IP address with a port.
pub(in crate::config) fn address() -> Text<SocketAddr> {
    Text {
        allowed: "an IP address and a port such as 127.0.0.1:8080 or [::1]:8080, with port 0 for any free one",
        parse: |text| text.parse().map_err(|_| String::new()),
    }
}

/// A network, or a single address as the network of itself.
pub(in crate::config) fn network() -> Text<IpNet> {
    Text { allowed: "an IP address or a network such as 10.0.0.0/8", parse: parse_network }
}

/// Where webhooks may go although it is no public address.
///
/// This is the one place where the form of an entry is checked; the address rules decide what it opens.
pub(in crate::config) fn private_target() -> Text<String> {
    Text {
        allowed: "an IP address, a network such as 192.168.1.0/24 or a host name, with :PORT if only that port is meant",
        parse: |text| check_private_target(text).map(|()| text.to_owned()),
    }
}

/// The address of the pages: a path is welcome, everything after it is not.
pub(in crate::config) fn public_url() -> Text<Url> {
    Text {
        allowed: "a URL such as https://hooks.example.com, a path at most after the host",
        parse: |text| {
            let url = parse_http(text)?;
            if url.query().is_some() || url.fragment().is_some() {
                return Err("nothing may follow the path".to_owned());
            }
            if !url.username().is_empty() || url.password().is_some() {
                return Err("it has a user name or a password".to_owned());
            }
            Ok(url)
        },
    }
}

/// Where a webhook may lead; the address rules say afterwards whether it may lead there.
pub(in crate::config) fn target_url() -> Text<TargetUrl> {
    Text {
        allowed: "a URL such as https://alarms.example.com/hookstead",
        parse: |text| TargetUrl::parse(text).map_err(|fault| fault.message.trim_end_matches('.').to_owned()),
    }
}

/// A proxy for outgoing requests, with user name and password if it wants them.
pub(in crate::config) fn proxy_url() -> ProxyText {
    ProxyText
}

/// See [`proxy_url`]. Not a [`Text`], because a refused value may hold a password and is not repeated.
pub(in crate::config) struct ProxyText;

impl Rule<ProxyUrl> for ProxyText {
    fn allowed(&self) -> String {
        "a URL such as http://proxy.example.com:3128".to_owned()
    }

    fn read(&self, given: &Given<'_>) -> Result<ProxyUrl, Refusal> {
        let url = given.value.text().and_then(|text| parse_http(text).ok());
        url.map(ProxyUrl::new).ok_or_else(|| Refusal { told: "no URL of an HTTP proxy".to_owned(), why: String::new() })
    }
}

fn parse_http(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err("it must begin with https:// or http://".to_owned()),
    }
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let network: IpNet = text.parse().map_err(|_| String::new())?;
    match network.trunc() {
        whole if whole == network => Ok(network),
        whole => Err(format!("the network of that size is {whole}")),
    }
}

fn check_private_target(text: &str) -> Result<(), String> {
    if text.contains('/') {
        let network = parse_network(strip_port(text))?;
        // Opening everything at once is more often a slip than a wish, and naming the networks is easy.
        return match network.prefix_len() {
            0 => Err("it would open every address; name the networks that are meant".to_owned()),
            _ => Ok(()),
        };
    }
    // An IPv6 address stands bare, or in brackets where a port follows.
    if text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok_and(|address| address.port() != 0) {
        return Ok(());
    }
    let host = strip_port(text);
    match Host::parse(host) {
        Ok(Host::Domain(name)) if is_host_name(&name) => Ok(()),
        Ok(Host::Ipv4(address)) if address.to_string() == host => Ok(()),
        Ok(Host::Ipv6(_)) => Ok(()),
        Ok(Host::Ipv4(address)) => Err(format!("write the address as {address}")),
        _ => Err(String::new()),
    }
}

/// `text` without `:PORT` at its end; a port that is none stays, so that what is left is refused.
fn strip_port(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok_and(|port| port != 0) => host,
        _ => text,
    }
}

fn is_host_name(name: &str) -> bool {
    let label_is_right = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= 253 && name.split('.').all(label_is_right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_targets() {
        let cases = [
            ("10.0.0.5", true),
            ("10.0.0.5:8443", true),
            ("192.168.1.0/24", true),
            ("192.168.1.0/24:8080", true),
            ("fd00::1", true),
            ("[fd00::1]:443", true),
            ("[fd00::1]", true),
            ("fd00::/8", true),
            ("crm.internal", true),
            ("crm.internal:8080", true),
            ("localhost", true),
            ("", false),
            ("10.0.0.5:0", false),
            ("10.0.0.5:65536", false),
            ("10.0.0.5:http", false),
            ("10.0.0.0/33", false),
            ("10.0.0.5/8", false),
            ("0.0.0.0/0", false),
            ("::/0", false),
            ("10.1", false),
            ("0x7f000001", false),
            ("http://10.0.0.5", false),
            ("crm internal", false),
            ("*.internal", false),
            ("crm..internal", false),
            ("-crm.internal", false),
        ];
        for (text, right) in cases {
            assert_eq!(check_private_target(text).is_ok(), right, "{text}");
        }
    }

    #[test]
    fn a_network_with_a_slip_is_shown_as_it_was_meant() {
        assert_eq!(parse_network("10.1.2.3/8"), Err("the network of that size is 10.0.0.0/8".to_owned()));
        assert_eq!(parse_network("10.1.2.3").unwrap().to_string(), "10.1.2.3/32");
    }
}
