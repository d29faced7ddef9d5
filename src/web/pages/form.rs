//! Forms that can be trusted. Each form of ours carries a mark that only the browser it was shown
//! to can send back, and that can be used once.
//!
//! The mark is a random number and its HMAC under a key that belongs to the browser: its session
//! token or, before there is a session, the value of a signed cookie. Nothing has to be remembered
//! for that, and forms outlive a restart of the server.

use std::pin::Pin;

use actix_web::{
    FromRequest, HttpRequest, dev,
    http::header::{self, HeaderMap},
    web,
};
use askama::{Template, filters::HtmlSafe};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::fields::Fields;
use crate::{
    domain::{Problem, ProblemKind},
    system::Random,
    web::{State, problem::Refusal},
};

/// Most bytes of a form. Our largest has a test body in it.
const MAX_BYTES: usize = 256 * 1024;
/// Name of the field that carries the mark.
const FIELD: &str = "form";

/// The key that the marks of one browser are made with.
#[derive(Clone)]
pub struct FormKey(Vec<u8>);

/// The hidden field with a form's mark.
#[derive(Template, Debug, Clone, PartialEq, Eq)]
#[template(source = r#"<input type="hidden" name="form" value="{{ mark }}">"#, ext = "html")]
pub struct FormMark {
    mark: String,
}

impl HtmlSafe for FormMark {}

/// A form as it arrived. What is in it is given out only against the key of the browser.
pub struct Posted(Fields);

/// A form whose mark was looked at.
pub struct Form {
    /// What was typed.
    pub fields: Fields,
    /// Whether the mark is right. If it is not, nothing may be changed; the page is shown again
    /// with what was typed.
    pub fresh: bool,
}

impl FormKey {
    /// The key of a session or of a stranger's cookie.
    pub fn of(token: &str) -> FormKey {
        FormKey(token.as_bytes().to_vec())
    }

    /// A mark for the forms of one page.
    pub fn mark(&self, random: &dyn Random) -> FormMark {
        let mut number = [0; 12];
        random.bytes(&mut number);
        let number = URL_SAFE_NO_PAD.encode(number);
        let proof = URL_SAFE_NO_PAD.encode(self.hmac(&number).finalize().into_bytes());
        FormMark { mark: format!("{number}.{proof}") }
    }

    fn fits(&self, mark: &str) -> bool {
        let Some((number, proof)) = mark.split_once('.') else { return false };
        URL_SAFE_NO_PAD.decode(proof).is_ok_and(|proof| self.hmac(number).verify_slice(&proof).is_ok())
    }

    fn hmac(&self, number: &str) -> Hmac<Sha256> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        hmac.update(b"form:");
        hmac.update(number.as_bytes());
        hmac
    }
}

impl Posted {
    /// The form, and whether it was made for the browser with this key.
    pub fn of(self, key: &FormKey) -> Form {
        Form { fresh: key.fits(self.0.get(FIELD)), fields: self.0 }
    }
}

impl Form {
    /// What was typed, of a form that has nothing worth showing again.
    ///
    /// # Errors
    /// `form_expired` (403).
    pub fn fresh(self) -> Result<Fields, Refusal> {
        match self.fresh {
            true => Ok(self.fields),
            false => Err(expired().into()),
        }
    }

    /// The mark, by which a second sending of the same form is known.
    pub fn mark(&self) -> &str {
        self.fields.get(FIELD)
    }
}

/// The refusal of a form with an old mark.
pub fn expired() -> Problem {
    let detail = "This form had expired. Go back, reload the page, check it and submit again.";
    Problem::new(ProblemKind::Forbidden, "form_expired", detail)
}

impl FromRequest for Posted {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Posted, Refusal>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let state = request.app_data::<State>().expect("the server is built with its state");
        let checked = check(request.headers(), state.service().settings().public_url.as_deref());
        let payload = web::Payload::from_request(request, payload);
        Box::pin(async move {
            checked?;
            let too_large = || Problem::new(ProblemKind::TooLarge, "form_too_large", "The form is too large.");
            let payload = payload.await.map_err(|_| Problem::internal())?;
            let deadline = std::time::Duration::from_secs(30);
            let received = tokio::time::timeout(deadline, payload.to_bytes_limited(MAX_BYTES))
                .await
                .map_err(|_| Refusal::slow_body(deadline.as_secs()))?;
            let cut = || Problem::new(ProblemKind::NotUnderstood, "bad_form", "The form broke off before its end.");
            let body = received.map_err(|_| too_large())?.map_err(|_| cut())?;
            Ok(Posted(Fields::parse(&body)?))
        })
    }
}

/// Refuses what cannot come from a page of ours, before anything is read.
fn check(headers: &HeaderMap, public_url: Option<&str>) -> Result<(), Problem> {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let media_type = text(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let detail = "Pages take forms as application/x-www-form-urlencoded.";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, "unsupported_media_type", detail));
    }
    let site = headers.get("sec-fetch-site").map(|value| value.to_str().unwrap_or("?"));
    let foreign = match (site, text(header::ORIGIN)) {
        (Some("same-origin" | "none"), _) => false,
        (Some(_), _) => true,
        // Our pages send no referrer, and browsers then leave the origin of a form out as well.
        // Those that old decide by the mark alone.
        (None, None | Some("null")) => false,
        (None, Some(origin)) => !is_ours(origin, text(header::HOST), public_url),
    };
    if foreign {
        let detail = "This form came from another site. Open it here and submit it again.";
        return Err(Problem::new(ProblemKind::Forbidden, "cross_site", detail));
    }
    Ok(())
}

fn is_ours(origin: &str, host: Option<&str>, public_url: Option<&str>) -> bool {
    let by_host = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
    let public = public_url.and_then(|public| url::Url::parse(public).ok());
    by_host || public.is_some_and(|public| public.origin().ascii_serialization() == origin)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::system::PlayedRandom;

    fn posted(mark: &str) -> Posted {
        Posted([(FIELD.to_owned(), mark.to_owned())].into_iter().collect())
    }

    #[test]
    fn a_mark_fits_the_browser_it_was_made_for_and_no_other() {
        let (mine, other) = (FormKey::of("session-a"), FormKey::of("session-b"));
        let random = PlayedRandom::new(7);
        let mark = mine.mark(&random).mark;
        assert!(posted(&mark).of(&mine).fresh);
        assert!(!posted(&mark).of(&other).fresh);
        assert_ne!(mine.mark(&random).mark, mark, "each page has its own");
        for bad in ["", ".", "x.y", &mark[1..], &format!("{mark}A"), mark.split('.').next().unwrap()] {
            assert!(!posted(bad).of(&mine).fresh, "{bad:?}");
        }
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let public = Some("https://hooks.acme.test/");
        for (headers, refused) in [
            (vec![], None),
            (vec![("sec-fetch-site", "same-origin"), ("origin", "null")], None),
            (vec![("sec-fetch-site", "none")], None),
            (vec![("sec-fetch-site", "cross-site")], Some("cross_site")),
            (vec![("sec-fetch-site", "same-site"), ("origin", "https://hooks.acme.test")], Some("cross_site")),
            (vec![("origin", "https://hooks.acme.test")], None),
            (vec![("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], None),
            (vec![("origin", "https://evil.test"), ("host", "127.0.0.1:8080")], Some("cross_site")),
            (vec![("origin", "https://hooks.acme.test.evil.test")], Some("cross_site")),
            (vec![("origin", "null")], None),
        ] {
            let mut request = TestRequest::default().insert_header(form);
            for header in &headers {
                request = request.insert_header(*header);
            }
            let code = check(request.to_http_request().headers(), public).err().map(|problem| problem.code);
            assert_eq!(code, refused, "{headers:?}");
        }
        for bad in ["application/json", "multipart/form-data; boundary=x", "text/plain", ""] {
            let request = TestRequest::default().insert_header(("content-type", bad)).to_http_request();
            assert_eq!(check(request.headers(), None).unwrap_err().code, "unsupported_media_type", "{bad:?}");
        }
    }
}
