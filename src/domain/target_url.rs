//! The Request URL: where a webhook's requests go.
//!
//! Two questions are kept apart. [`TargetUrl::parse`] asks whether the text is a URL we can send to
//! at all; [`TargetUrl::check`] asks whether this installation may send there, which depends on its
//! configuration. Names that need a look-up are vetted again when they are dialled, by
//! [`AddressRule::vet_for`].

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, ParseError, Url};

use super::{AddressRule, Fault, with_thousands};

/// Longest Request URL in characters, as typed and in its normal form.
pub const MAX_URL_CHARS: usize = 2048;

/// Last labels of names that never lead to a public address: RFC 6761 (`localhost`), RFC 6762
/// (`local`), and ICANN's reservation of 2024 (`internal`).
const PRIVATE_TOP_LABELS: [&str; 3] = ["localhost", "local", "internal"];

/// Ports of mail, remote login and stores, where an HTTP request could be read as commands.
/// Chosen after the port blocking list of the Fetch standard, and the stores it leaves out.
const PORTS_OF_OTHER_PROTOCOLS: [u16; 26] = [
    19, 21, 22, 23, 25, 53, 69, 110, 111, 119, 135, 139, 143, 161, 389, 465, 514, 587, 636, 993, 995, 3306, 5432, 6379,
    11211, 27017,
];

/// A Request URL in the normal form of the URL standard: what is stored is what is dialled.
///
/// Always http or https, with a host, without user info and fragment, never port 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetUrl(Url);

impl TargetUrl {
    /// Reads a Request URL as a person types it.
    pub fn parse(text: &str) -> Result<TargetUrl, Fault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Fault::new("url_empty", "Enter the Request URL."));
        }
        refuse_longer(text.chars().count())?;
        let url = match Url::parse(text) {
            Err(ParseError::RelativeUrlWithoutBase) => return Err(without_scheme(text)),
            Err(error) => return Err(unreadable(error)),
            Ok(url) if matches!(url.scheme(), "https" | "http") => url,
            Ok(url) if is_host_and_port(&url) => return Err(without_scheme(text)),
            Ok(_) => return Err(Fault::new("url_scheme", "The Request URL must start with https:// or http://.")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            let message = "Put the user name and password in a header, not in the Request URL.";
            return Err(Fault::new("url_user_info", message));
        }
        if url.fragment().is_some() {
            return Err(Fault::new("url_fragment", "The part after # is never sent. Remove it."));
        }
        if url.port() == Some(0) {
            return Err(port_out_of_range());
        }
        // The normal form can be longer than what was typed, and must itself be readable again.
        refuse_longer(url.as_str().len())?;
        Ok(TargetUrl(url))
    }

    /// Whether `rule` lets us send here, as far as the URL alone tells: private names, literal
    /// addresses, ports of other protocols.
    ///
    /// Every private target gets the same words, so that the answer does not tell which internal
    /// names exist.
    pub fn check(&self, rule: &AddressRule) -> Result<(), Fault> {
        if rule.receiver_at(self).is_some() {
            return Ok(());
        }
        let (host, port) = (self.host(), self.port());
        let own_address = || {
            let message = "That is this server's own address. To try things out, use the test receiver.";
            Err(Fault::new("url_own_address", message))
        };
        if rule.is_own_site(self) {
            return own_address();
        }
        if let Some(address) = self.address() {
            match rule.vet(&[address], port) {
                Ok(()) => {}
                Err(refused) if refused.own => return own_address(),
                Err(_) => return Err(not_public(&address.to_string())),
            }
        } else if is_private_name(host) && !rule.allows_name(host, port) {
            return Err(not_public(host));
        }
        if PORTS_OF_OTHER_PROTOCOLS.contains(&port) && !rule.names_port(host, self.address(), port) {
            let message = format!("Port {port} belongs to another protocol. Use the port of an HTTP receiver.");
            return Err(Fault::new("url_port", message));
        }
        Ok(())
    }

    /// The whole URL in its normal form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host in its normal form: lower case, international names in their `xn--` form, an IPv6
    /// address in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().expect("http and https URLs have a host")
    }

    /// The port that is dialled: the one written, or 443 for https and 80 for http.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().expect("http and https have a default port")
    }

    /// Whether requests are encrypted on their way.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The address, if the host is a literal address and needs no look-up.
    pub fn address(&self) -> Option<IpAddr> {
        match self.0.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) | None => None,
        }
    }

    /// Host and port as the `host` header has them: the port only where it is not the usual one.
    pub fn authority(&self) -> String {
        self.0.port().map_or_else(|| self.host().to_owned(), |port| format!("{}:{port}", self.host()))
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// What stands in the request line: the path, and the query if there is one.
    pub fn path_and_query(&self) -> String {
        self.0[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for TargetUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TargetUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        TargetUrl::parse(&text).map_err(|fault| serde::de::Error::custom(fault.message))
    }
}

fn refuse_longer(chars: usize) -> Result<(), Fault> {
    if chars <= MAX_URL_CHARS {
        return Ok(());
    }
    let (chars, limit) = (with_thousands(chars as u64), with_thousands(MAX_URL_CHARS as u64));
    let message = format!("The Request URL is {chars} characters long. The limit is {limit}.");
    Err(Fault::new("url_too_long", message))
}

/// `example.com:8443/x` reads as the scheme `example.com`; nobody means that.
fn is_host_and_port(url: &Url) -> bool {
    let after = url.path().trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = url.path().len() - after.len();
    digits > 0 && (after.is_empty() || after.starts_with('/'))
}

fn without_scheme(text: &str) -> Fault {
    let begin = "Start the Request URL with https://.";
    let guess = TargetUrl::parse(&format!("https://{}", text.trim_start_matches('/')));
    let message = match guess {
        Ok(guess) => format!("{begin} Did you mean {guess}?"),
        Err(_) => begin.to_owned(),
    };
    Fault::new("url_scheme", message)
}

fn unreadable(error: ParseError) -> Fault {
    let message = match error {
        ParseError::InvalidPort => return port_out_of_range(),
        ParseError::EmptyHost => "The Request URL names no host. Write it like https://hooks.example.com/path.",
        ParseError::InvalidIpv4Address | ParseError::InvalidIpv6Address => {
            "The address in the Request URL is not an IP address. Check the spelling."
        }
        _ => "The host name in the Request URL cannot be read. Check the spelling.",
    };
    Fault::new("url_invalid", message)
}

fn port_out_of_range() -> Fault {
    Fault::new("url_port", "The port in the Request URL must be a number from 1 to 65535.")
}

fn not_public(host: &str) -> Fault {
    let message = format!("{host} is not a public address. Your operator can allow it with allowed_private_targets.");
    Fault::new("url_not_public", message)
}

fn is_private_name(host: &str) -> bool {
    let last_label = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    PRIVATE_TOP_LABELS.contains(&last_label)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{PrivateTarget, TestReceiver};

    fn url(text: &str) -> TargetUrl {
        TargetUrl::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
    }

    fn allowing(targets: &[&str]) -> AddressRule {
        AddressRule::with_exceptions(targets.iter().map(|text| PrivateTarget::parse(text).expect("a target")).collect())
    }

    #[test]
    fn of_our_own_addresses_only_the_test_receiver_may_be_sent_to() {
        let listener = "127.0.0.1:8080".parse().expect("an address");
        let receiver = TestReceiver {
            url: url("https://hooks.acme.test/crm/in/rcv_8f3k"),
            local: url("http://127.0.0.1:8080/in/rcv_8f3k"),
            listener,
        };
        let rule = allowing(&["127.0.0.0/8", "hooks.acme.test"])
            .with_own(vec![listener])
            .with_site(Some(url("https://hooks.acme.test/crm/")))
            .with_receiver(Some(receiver));
        for (typed, code) in [
            ("https://hooks.acme.test/crm/in/rcv_8f3k", None),
            ("HTTPS://HOOKS.acme.test:443/crm/x/../in/rcv_8f3k", None),
            ("https://hooks.acme.test/crm/in/rcv_8f3k?x=1", Some("url_own_address")),
            ("https://hooks.acme.test/crm/in/rcv_8f3", Some("url_own_address")),
            ("https://hooks.acme.test./crm/in/rcv_8f3k", Some("url_own_address")),
            ("https://hooks.acme.test/crm", Some("url_own_address")),
            ("https://hooks.acme.test/crm/api/v1/events", Some("url_own_address")),
            ("http://127.0.0.1:8080/in/rcv_8f3k", Some("url_own_address")),
            ("http://127.0.0.1:8080/api/v1/events", Some("url_own_address")),
            ("https://hooks.acme.test/crm-2/in", None),
            ("https://hooks.acme.test:8443/crm/in", None),
            ("http://127.0.0.1:8081/in/rcv_8f3k", None),
        ] {
            assert_eq!(url(typed).check(&rule).err().map(|fault| fault.code), code, "{typed}");
        }
    }

    #[test]
    fn what_is_stored_is_the_normal_form() {
        for (typed, stored) in [
            ("https://hooks.example.com/crm?x=1", "https://hooks.example.com/crm?x=1"),
            ("  HTTPS://Hooks.Example.com:443/a/../b \n", "https://hooks.example.com/b"),
            ("http://example.com", "http://example.com/"),
            ("https:example.com\\a", "https://example.com/a"),
            ("https://@example.com/", "https://example.com/"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("https://example.com/ü ?q=\"", "https://example.com/%C3%BC%20?q=%22"),
        ] {
            assert_eq!(url(typed).as_str(), stored, "{typed}");
            assert_eq!(url(stored).as_str(), stored, "reads back as itself");
        }
    }

    #[test]
    fn each_mistake_is_named_with_what_to_do() {
        let scheme = "The Request URL must start with https:// or http://.";
        let user_info = "Put the user name and password in a header, not in the Request URL.";
        let fragment = "The part after # is never sent. Remove it.";
        let port = "The port in the Request URL must be a number from 1 to 65535.";
        let did_you_mean = "Start the Request URL with https://. Did you mean";
        for (typed, code, message) in [
            ("", "url_empty", "Enter the Request URL."),
            (" \t", "url_empty", "Enter the Request URL."),
            ("hooks.example.com/x", "url_scheme", &*format!("{did_you_mean} https://hooks.example.com/x?")),
            ("//hooks.example.com/x", "url_scheme", &format!("{did_you_mean} https://hooks.example.com/x?")),
            ("hooks.example.com:8443/x", "url_scheme", &format!("{did_you_mean} https://hooks.example.com:8443/x?")),
            ("/", "url_scheme", "Start the Request URL with https://."),
            ("bob@example.com/x", "url_scheme", "Start the Request URL with https://."),
            ("bob:pass@example.com/x", "url_scheme", scheme),
            ("ftp://example.com/", "url_scheme", scheme),
            ("javascript:alert(1)", "url_scheme", scheme),
            ("file:///etc/passwd", "url_scheme", scheme),
            ("https://bob@example.com/", "url_user_info", user_info),
            ("https://:pass@example.com/", "url_user_info", user_info),
            ("https://example.com/#part", "url_fragment", fragment),
            ("https://example.com/#", "url_fragment", fragment),
            ("https://example.com:0/", "url_port", port),
            ("https://example.com:65536/", "url_port", port),
            ("https://example.com:http/", "url_port", port),
            ("https://", "url_invalid", "The Request URL names no host. Write it like https://hooks.example.com/path."),
            (
                "https://[::1/",
                "url_invalid",
                "The address in the Request URL is not an IP address. Check the spelling.",
            ),
            ("https://a b/", "url_invalid", "The host name in the Request URL cannot be read. Check the spelling."),
        ] {
            assert_eq!(TargetUrl::parse(typed), Err(Fault::new(code, message)), "{typed:?}");
        }
    }

    #[test]
    fn the_limit_of_length_holds_for_what_is_typed_and_for_what_is_sent() {
        let base = "https://example.com/";
        let longest = format!("{base}{}", "a".repeat(MAX_URL_CHARS - base.len()));
        assert_eq!(url(&longest).as_str(), longest);
        let message = "The Request URL is 2,310 characters long. The limit is 2,048.";
        let typed = format!("{base}{}", "a".repeat(2310 - base.len()));
        assert_eq!(TargetUrl::parse(&typed), Err(Fault::new("url_too_long", message)));
        let grows = format!("{base}{}", "é".repeat(1000));
        let message = "The Request URL is 6,020 characters long. The limit is 2,048.";
        assert_eq!(TargetUrl::parse(&grows), Err(Fault::new("url_too_long", message)));
    }

    #[test]
    fn private_names_and_addresses_get_the_same_words_in_every_spelling() {
        for (typed, host) in [
            ("http://localhost:8080/", "localhost"),
            ("http://LOCALHOST./", "localhost."),
            ("https://a.localhost/", "a.localhost"),
            ("https://printer.local/", "printer.local"),
            ("https://crm.internal/", "crm.internal"),
            ("https://crm.internal./", "crm.internal."),
            ("http://127.0.0.1/", "127.0.0.1"),
            ("http://127.1/", "127.0.0.1"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://0177.0.0.1/", "127.0.0.1"),
            ("http://１２７.0.0.1/", "127.0.0.1"),
            ("http://127.0.0.1./", "127.0.0.1"),
            ("http://[::1]/", "::1"),
            ("http://[::ffff:10.0.0.1]/", "::ffff:10.0.0.1"),
            ("http://[64:ff9b::7f00:1]/", "64:ff9b::7f00:1"),
            ("http://[2002:7f00:1::]/", "2002:7f00:1::"),
        ] {
            let message =
                format!("{host} is not a public address. Your operator can allow it with allowed_private_targets.");
            assert_eq!(url(typed).check(&AddressRule::strict()), Err(Fault::new("url_not_public", message)), "{typed}");
            assert_eq!(url(typed).check(&allowing(&["any"])), Ok(()), "{typed}");
        }
        for public in ["https://localhost.example.com/", "http://8.8.8.8/", "https://[2606:4700::1111]/"] {
            assert_eq!(url(public).check(&AddressRule::strict()), Ok(()), "{public}");
        }
    }

    #[test]
    fn an_exception_opens_exactly_what_it_names() {
        let rule = allowing(&["crm.internal:8443", "10.0.0.5"]);
        for (typed, allowed) in [
            ("https://crm.internal:8443/", true),
            ("https://crm.internal.:8443/", true),
            ("https://crm.internal/", false),
            ("https://sub.crm.internal:8443/", false),
            ("http://10.0.0.5:9000/", true),
            ("http://10.0.0.6:9000/", false),
        ] {
            assert_eq!(url(typed).check(&rule).is_ok(), allowed, "{typed}");
        }
    }

    #[test]
    fn our_own_address_is_refused_and_told_only_where_sending_is_allowed() {
        let own = "127.0.0.1:8080".parse().expect("an address");
        let code = |rule: AddressRule| url("http://127.0.0.1:8080/").check(&rule).map_err(|fault| fault.code);
        assert_eq!(code(allowing(&["127.0.0.0/8"]).with_own(vec![own])), Err("url_own_address"));
        assert_eq!(code(AddressRule::strict().with_own(vec![own])), Err("url_not_public"));
    }

    #[test]
    fn ports_of_other_protocols_need_an_exception_that_names_them() {
        for port in [22, 25, 6379] {
            let typed = format!("http://mail.example.com:{port}/");
            let message = format!("Port {port} belongs to another protocol. Use the port of an HTTP receiver.");
            assert_eq!(url(&typed).check(&AddressRule::strict()), Err(Fault::new("url_port", message)));
            assert_eq!(url(&typed).check(&allowing(&[&format!("mail.example.com:{port}")])), Ok(()));
        }
        assert!(url("http://10.0.0.5:25/").check(&allowing(&["10.0.0.5"])).is_err());
        assert_eq!(url("http://10.0.0.5:25/").check(&allowing(&["10.0.0.5:25"])), Ok(()));
    }

    #[test]
    fn the_parts_of_a_url_are_what_is_dialled() {
        let plain = url("http://[2606:4700::1111]:8080/a/b?c=d");
        assert_eq!((plain.host(), plain.port(), plain.is_https()), ("[2606:4700::1111]", 8080, false));
        assert_eq!(plain.address(), "2606:4700::1111".parse().ok());
        assert_eq!(plain.path_and_query(), "/a/b?c=d");
        let named = url("https://hooks.example.com");
        assert_eq!((named.port(), named.is_https(), named.address()), (443, true, None));
        assert_eq!(named.path_and_query(), "/");
    }

    #[test]
    fn a_url_is_its_text_in_records() {
        let json = serde_json::to_string(&url("https://Example.com")).expect("a string");
        assert_eq!(json, r#""https://example.com/""#);
        assert_eq!(serde_json::from_str::<TargetUrl>(&json).expect("the same"), url("https://example.com/"));
        assert!(serde_json::from_str::<TargetUrl>(r#""ftp://example.com/""#).is_err());
    }

    /// A scheme with any slashes, a host of any sort, perhaps a port, perhaps more.
    const URL_LIKE: &str = "https?:[/\\\\]{0,3}\
        ([a-z0-9.-]{1,20}|[0-9x.]{1,12}|\\PC{1,4}\\.example|\\[[0-9a-f:.]{2,12}\\])\
        (:[0-9]{1,4})?([/?]\\PC{0,12})?";

    proptest! {
        /// What is stored must be readable again, or a webhook could not be loaded.
        #[test]
        fn every_normal_form_reads_back_as_itself(text in URL_LIKE) {
            if let Ok(url) = TargetUrl::parse(&text) {
                prop_assert_eq!(TargetUrl::parse(url.as_str()), Ok(url.clone()));
                prop_assert!(!url.host().is_empty() && url.port() > 0 && url.path_and_query().starts_with('/'));
                let _ = url.check(&AddressRule::strict());
            }
        }
    }
}
