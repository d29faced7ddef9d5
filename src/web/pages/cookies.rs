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
}

impl Cookie {
    /// With https the name begins with `__Host-`: no other host and no plain connection can set it.
    fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
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
        }
    }

    /// Its value in a request. Of a name that is there twice, the first counts.
    pub fn read(self, headers: &HeaderMap, secure: bool) -> Option<String> {
        let name = self.name(secure);
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
    pub fn keep(self, value: &str, max_age_s: Option<u64>, secure: bool) -> HeaderValue {
        let age = max_age_s.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let secure_word = if secure { "; Secure" } else { "" };
        let line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure_word}", self.name(secure));
        HeaderValue::from_str(&line).expect("our cookies hold URL-safe base64, plain words and names of time zones")
    }

    /// A `Set-Cookie` line that takes it away.
    pub fn drop(self, secure: bool) -> HeaderValue {
        self.keep("", Some(0), secure)
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
        assert_eq!(Cookie::Session.read(&request, false).as_deref(), Some("abc"));
        assert_eq!(Cookie::Note.read(&request, false).as_deref(), Some("x"));
        assert_eq!(Cookie::Session.read(&request, true), None, "not set under https");
        assert_eq!(Cookie::Session.read(&headers(&["hookstead_session="]), false), None);
        assert_eq!(Cookie::Session.read(&headers(&["xhookstead_session=1; =; ;;"]), false), None);
    }

    #[test]
    fn a_cookie_is_kept_from_scripts_and_other_sites() {
        assert_eq!(
            Cookie::Session.keep("abc", Some(60), true),
            "__Host-hookstead_session=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"
        );
        assert_eq!(Cookie::Note.drop(false), "hookstead_note=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
