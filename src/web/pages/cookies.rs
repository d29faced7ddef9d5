//! The cookies of the pages: who is signed in, what a form of a stranger is tied to, the message
//! that the next page shows, and the zone and the theme that somebody chose.

use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// The session.
    Session,
    /// What forms are tied to before there is a session.
    Stranger,
    /// The message for the next page.
    Note,
    /// The time zone that times are shown in.
    Zone,
    /// The theme.
    Theme,
    /// The password was right, the code is still to come.
    HalfWay,
}

/// How browsers reach this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// By http: cookies have plain names.
    Plainly,
    /// By https at a host of its own. The names of cookies begin with `__Host-`: no other host and no
    /// plain connection can set them.
    Alone,
    /// By https below a path of a host that others may share, which is what `__Host-` denies.
    BelowPath,
}

impl Reached {
    /// By the address that the operator set, or else by this server's own.
    pub fn by(public_url: Option<&str>, speaks_tls: bool) -> Reached {
        if public_url.is_none() && speaks_tls {
            return Reached::Alone;
        }
        let url = public_url.and_then(|url| url::Url::parse(url).ok()).filter(|url| url.scheme() == "https");
        match url {
            None => Reached::Plainly,
            Some(url) if url.path() == "/" => Reached::Alone,
            Some(_) => Reached::BelowPath,
        }
    }
}

impl Cookie {
    fn name(self, reached: Reached) -> &'static str {
        match (self, reached == Reached::Alone) {
            (Cookie::Session, false) => "hookstead_session",
            (Cookie::Session, true) => "__Host-hookstead_session",
            (Cookie::Stranger, false) => "hookstead_form",
            (Cookie::Stranger, true) => "__Host-hookstead_form",
            (Cookie::Note, false) => "hookstead_note",
            (Cookie::Note, true) => "__Host-hookstead_note",
            (Cookie::Zone, false) => "hookstead_zone",
            (Cookie::Zone, true) => "__Host-hookstead_zone",
            (Cookie::Theme, false) => "hookstead_theme",
            (Cookie::Theme, true) => "__Host-hookstead_theme",
            (Cookie::HalfWay, false) => "hookstead_half_way",
            (Cookie::HalfWay, true) => "__Host-hookstead_half_way",
        }
    }

    /// Its value in a request. Of a name that is there twice, the first counts.
    pub fn read(self, headers: &HeaderMap, reached: Reached) -> Option<String> {
        let name = self.name(reached);
        headers
            .get_all(header::COOKIE)
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
            .filter(|value| !value.is_empty() && value.len() <= 200)
    }

    /// A `Set-Cookie` line that keeps `value`; until the browser closes without `max_age_s`.
    pub fn keep(self, value: &str, max_age_s: Option<u64>, reached: Reached) -> HeaderValue {
        let age = max_age_s.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let secure_word = if reached == Reached::Plainly { "" } else { "; Secure" };
        let line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure_word}", self.name(reached));
        HeaderValue::from_str(&line).expect("our cookies hold URL-safe base64, plain words and names of time zones")
    }

    /// A `Set-Cookie` line that takes it away.
    pub fn drop(self, reached: Reached) -> HeaderValue {
        self.keep("", Some(0), reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_cookie_is_read_by_its_exact_name() {
        let request = headers(&["a=b; hookstead_session=abc; hookstead_session=other", "hookstead_note=x"]);
        assert_eq!(Cookie::Session.read(&request, Reached::Plainly).as_deref(), Some("abc"));
        assert_eq!(Cookie::Note.read(&request, Reached::Plainly).as_deref(), Some("x"));
        assert_eq!(Cookie::Session.read(&request, Reached::Alone), None, "not set under https");
        assert_eq!(Cookie::Session.read(&headers(&["hookstead_session="]), Reached::Plainly), None);
        assert_eq!(Cookie::Session.read(&headers(&["xhookstead_session=1; =; ;;"]), Reached::Plainly), None);
    }

    #[test]
    fn a_cookie_is_kept_from_scripts_and_other_sites() {
        assert_eq!(
            Cookie::Session.keep("abc", Some(60), Reached::Alone),
            "__Host-hookstead_session=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"
        );
        assert_eq!(Cookie::Note.drop(Reached::Plainly), "hookstead_note=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }

    #[test]
    fn a_cookie_of_a_host_of_our_own_says_so_in_its_name() {
        for (address, reached, name) in [
            (None, Reached::Plainly, "hookstead_session"),
            (Some("http://127.0.0.1:8080"), Reached::Plainly, "hookstead_session"),
            (Some("https://hooks.acme.test"), Reached::Alone, "__Host-hookstead_session"),
            (Some("https://acme.test/hooks"), Reached::BelowPath, "hookstead_session"),
        ] {
            assert_eq!(Reached::by(address, false), reached);
            let line = Cookie::Session.keep("abc", None, reached);
            let line = line.to_str().unwrap();
            assert!(line.starts_with(&format!("{name}=abc; Path=/;")), "{line}");
            assert_eq!(line.ends_with("; Secure"), reached != Reached::Plainly, "{line}");
        }
    }
}
