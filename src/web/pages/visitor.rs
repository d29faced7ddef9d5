//! Who looks at a page: somebody who is signed in, or a stranger.

use std::{pin::Pin, sync::Arc};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError, dev,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{
    ask,
    cookies::{Cookie, Reached},
    form::{FormKey, FormMark},
    notes::Note,
    text,
    theme::Theme,
    zone::Zone,
};
use crate::{
    domain::{Actor, Health, Need, Pause, Problem, Timestamp},
    service::{Browser, Storing},
    web::{
        State, WebState,
        assets::{Assets, assets},
        peer,
        problem::Refusal,
        routing::Needs,
    },
};

/// Somebody who is signed in, and what every page of theirs shows.
pub struct Visitor {
    /// On whose behalf things are done.
    pub actor: Actor,
    /// The session's token.
    pub token: String,
    /// What forms are tied to.
    pub key: FormKey,
    /// The mark of this page's forms.
    pub mark: FormMark,
    /// The message of the page before.
    pub note: Option<Note>,
    /// The zone times are shown in.
    pub zone: Zone,
    /// The moment the page is about.
    pub now: Timestamp,
    /// Number of webhooks that are failing.
    pub failing: usize,
    /// Number of webhooks that point at the test receiver.
    pub at_receiver: usize,
    /// All sending is paused.
    pub pause: Option<Arc<Pause>>,
    /// Whether what comes can be kept.
    pub storing: Storing,
    /// Which colours the pages have.
    pub theme: Theme,
    /// How cookies are kept.
    pub secure: Reached,
}

impl Visitor {
    /// Whether they may change anything; otherwise a page leaves its buttons out.
    pub fn may_change(&self) -> bool {
        self.actor.may(Need::Admin).is_ok()
    }
}

/// Somebody who is not signed in, as the pages before that need them.
pub struct Stranger {
    /// What forms are tied to.
    pub key: FormKey,
    /// The mark of this page's forms.
    pub mark: FormMark,
    /// The cookie to set, if there was none of ours.
    pub cookie: Option<HeaderValue>,
    /// Whether there is a session already.
    pub signed_in: bool,
    /// The session's token, good or not.
    pub token: Option<String>,
    /// Which colours the pages have.
    pub theme: Theme,
    /// How cookies are kept.
    pub secure: Reached,
    /// Where the page finds its files.
    pub assets: &'static Assets,
}

/// Why a page cannot be shown to somebody.
#[derive(Debug)]
pub enum NotIn {
    /// They must sign in first, and then go there.
    SignIn(String),
    /// The session could not be looked up.
    Refused(Refusal),
}

/// How this server is reached, as far as its cookies are concerned: by the address that people use.
pub fn reached_by(state: &WebState) -> Reached {
    let settings = state.service().settings();
    Reached::by(settings.public_url.as_deref(), settings.speaks_tls)
}

/// The browser a request comes from; `token` is the session it has.
pub fn browser(state: &WebState, request: &HttpRequest, token: Option<String>) -> Browser {
    let name = request.headers().get(header::USER_AGENT).map(|name| String::from_utf8_lossy(name.as_bytes()));
    let address = peer::address(request, state.trusted_proxies());
    Browser { address, name: name.unwrap_or_default().into_owned(), token }
}

impl FromRequest for Visitor {
    type Error = NotIn;
    type Future = Pin<Box<dyn Future<Output = Result<Visitor, NotIn>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let state = request.app_data::<State>().expect("the server is built with its state").clone();
        let secure = reached_by(&state);
        let token = Cookie::Session.read(request.headers(), secure);
        let note = Cookie::Note.read(request.headers(), secure).and_then(|code| Note::from_code(&code));
        let theme = Theme::of(request, secure);
        let zone = Cookie::Zone.read(request.headers(), secure).and_then(|name| Zone::named(&name));
        // After an action the page it stood on is not known: pages send no referrer.
        let next = match (request.method(), request.uri().path_and_query()) {
            (&Method::GET | &Method::HEAD, Some(path)) if path.path() != "/" => path.to_string(),
            _ => String::new(),
        };
        let address = peer::address(request, state.trusted_proxies());
        let need = request.app_data::<Needs>().map_or(Need::Admin, |needs| needs.of(request.method()));
        Box::pin(async move {
            let Some(token) = token else { return Err(NotIn::SignIn(next)) };
            let asked = token.clone();
            let found = ask(&state, move |service| {
                let Some(actor) = service.session(&asked, address)? else { return Ok(None) };
                // The one place where a page asks whether its visitor may; the service asks again.
                actor.may(need)?;
                let webhooks = service.webhooks(&actor, None)?;
                let failing = webhooks.iter().filter(|view| view.health == Health::Failing).count();
                let receiver = service.test_receiver().map(|receiver| &receiver.url);
                let at_receiver = webhooks.iter().filter(|view| Some(&view.webhook.request_url) == receiver).count();
                Ok(Some((actor, failing, at_receiver)))
            });
            let Some((actor, failing, at_receiver)) = found.await? else { return Err(NotIn::SignIn(next)) };
            let key = FormKey::of(&token);
            let mark = key.mark(state.random());
            let service = state.service();
            Ok(Visitor {
                actor,
                token,
                key,
                mark,
                note,
                zone: zone.unwrap_or_else(Zone::utc),
                now: service.now(),
                failing,
                at_receiver,
                pause: service.pause(),
                storing: service.storing(),
                theme,
                secure,
            })
        })
    }
}

impl FromRequest for Stranger {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Stranger, Refusal>>>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let state = request.app_data::<State>().expect("the server is built with its state").clone();
        let secure = reached_by(&state);
        let session = Cookie::Session.read(request.headers(), secure);
        let address = peer::address(request, state.trusted_proxies());
        let known = Cookie::Stranger.read(request.headers(), secure);
        let known = known.filter(|value| state.desk().is_ours(value));
        let theme = Theme::of(request, secure);
        Box::pin(async move {
            let token = session.clone();
            let signed_in = match session {
                Some(token) => ask(&state, move |service| service.session(&token, address)).await?.is_some(),
                None => false,
            };
            let (value, cookie) = match known {
                Some(value) => (value, None),
                None => {
                    let value = state.desk().new_stranger(state.random());
                    let cookie = Cookie::Stranger.keep(&value, None, secure);
                    (value, Some(cookie))
                }
            };
            let key = FormKey::of(&value);
            let mark = key.mark(state.random());
            Ok(Stranger { key, mark, cookie, signed_in, token, theme, secure, assets: assets() })
        })
    }
}

/// Makes and knows the cookies that strangers' forms are tied to. They are signed, so that a
/// neighbouring host that can set cookies for this one cannot choose their value.
pub struct StrangerKey([u8; 32]);

impl StrangerKey {
    /// A key of this run of the server; strangers of the run before get a new cookie.
    pub fn new(bytes: [u8; 32]) -> Self {
        StrangerKey(bytes)
    }

    /// A signed value around random bytes.
    pub fn sign(&self, bytes: [u8; 18]) -> String {
        let number = URL_SAFE_NO_PAD.encode(bytes);
        let proof = URL_SAFE_NO_PAD.encode(self.hmac(&number).finalize().into_bytes());
        format!("{number}.{proof}")
    }

    /// Whether a value is one that was signed.
    pub fn knows(&self, value: &str) -> bool {
        let Some((number, proof)) = value.split_once('.') else { return false };
        URL_SAFE_NO_PAD.decode(proof).is_ok_and(|proof| self.hmac(number).verify_slice(&proof).is_ok())
    }

    fn hmac(&self, number: &str) -> Hmac<Sha256> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        hmac.update(b"stranger:");
        hmac.update(number.as_bytes());
        hmac
    }
}

impl From<Refusal> for NotIn {
    fn from(refusal: Refusal) -> Self {
        NotIn::Refused(refusal)
    }
}

impl From<Problem> for NotIn {
    fn from(problem: Problem) -> Self {
        NotIn::Refused(problem.into())
    }
}

impl std::fmt::Display for NotIn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotIn::SignIn(_) => formatter.write_str("not signed in"),
            NotIn::Refused(refusal) => refusal.fmt(formatter),
        }
    }
}

impl ResponseError for NotIn {
    fn status_code(&self) -> StatusCode {
        match self {
            NotIn::SignIn(_) => StatusCode::SEE_OTHER,
            NotIn::Refused(refusal) => refusal.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            NotIn::Refused(refusal) => refusal.error_response(),
            NotIn::SignIn(next) => {
                let address = match next.is_empty() {
                    true => "/sign-in".to_owned(),
                    false => format!("/sign-in?next={}", text::query_value(next)),
                };
                HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signed_strangers_are_known() {
        let (key, other) = (StrangerKey::new([1; 32]), StrangerKey::new([2; 32]));
        let value = key.sign([7; 18]);
        assert!(key.knows(&value));
        assert!(!other.knows(&value));
        for bad in ["", "x", ".", "abc.def", &format!("x{value}")] {
            assert!(!key.knows(bad), "{bad:?}");
        }
    }
}
