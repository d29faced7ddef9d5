//! Values that must not be seen: they have no `Display`, and their `Debug` is a mask.

use std::fmt;

use url::Url;

/// What stands in the place of a secret.
pub(super) const MASK: &str = "********";

/// The password of the first admin, exactly as given.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    pub(super) fn new(text: &str) -> Self {
        Password(text.to_owned())
    }

    /// The password itself. Hash it; never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

/// The proxy for outgoing requests, whose URL may hold a user name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(Url);

impl ProxyUrl {
    pub(super) fn new(url: Url) -> Self {
        ProxyUrl(url)
    }

    /// The URL with user name and password. Hand it to the transport; never log it.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// The URL with the password, and the user name that goes with it, masked.
    pub fn masked(&self) -> String {
        let mut url = self.0.clone();
        if !url.username().is_empty() || url.password().is_some() {
            url.set_username(MASK).expect("an http URL with a host may have a user name");
            url.set_password(None).expect("an http URL with a host may be without a password");
        }
        url.into()
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let proxy = ProxyUrl(Url::parse("http://crm:hunter2@proxy.example:3128").unwrap());
        assert_eq!(format!("{proxy:?}"), "http://********@proxy.example:3128/");
        assert_eq!(format!("{:?}", Password::new("correct horse")), "********");
    }
}
