//! Who calls the API: Bearer keys. How often they may be guessed is counted by the service.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev, http::header, web};

use super::{WebState, peer, problem::Refusal};
use crate::domain::{Actor, ApiKey};

/// What every key begins with.
const KEY_PREFIX: &str = "hsk_";

/// A caller with a valid API key.
pub struct Caller {
    /// On whose behalf.
    pub actor: Actor,
    /// The key.
    pub key: ApiKey,
}

impl FromRequest for Caller {
    type Error = Refusal;
    type Future = Ready<Result<Caller, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let state = request.app_data::<web::Data<WebState>>().expect("the server is built with its state");
        ready(caller(request, state))
    }
}

fn caller(request: &HttpRequest, state: &WebState) -> Result<Caller, Refusal> {
    let address = peer::address(request, state.trusted_proxies());
    let found = bearer(request).and_then(|key| state.service().authenticate(key, address));
    match found {
        Some((actor, key)) => Ok(Caller { actor, key }),
        None => Err(state.service().count_bad_key(address).map_or_else(Refusal::from, |()| Refusal::unauthorized())),
    }
}

/// The key in the one `Authorization` header there may be. A key in the query string makes the
/// whole request refused: it has already been written into somebody's log.
fn bearer(request: &HttpRequest) -> Option<&str> {
    if request.query_string().contains(KEY_PREFIX) {
        return None;
    }
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let (Some(value), None) = (headers.next(), headers.next()) else { return None };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    let key = key.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && key.starts_with(KEY_PREFIX)).then_some(key)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn one_bearer_key_and_nothing_else_is_read() {
        let header =
            |value: &str| TestRequest::default().append_header((header::AUTHORIZATION, value)).to_http_request();
        assert_eq!(bearer(&header("Bearer hsk_abc")), Some("hsk_abc"));
        assert_eq!(bearer(&header("bearer  hsk_abc")), Some("hsk_abc"));
        for bad in ["", "Bearer", "Bearer ", "hsk_abc", "Basic aHNrX2FiYw==", "Bearerhsk_abc", "Bearer abc"] {
            assert_eq!(bearer(&header(bad)), None, "{bad:?}");
        }
        let twice = TestRequest::default()
            .append_header((header::AUTHORIZATION, "Bearer hsk_abc"))
            .append_header((header::AUTHORIZATION, "Bearer hsk_abc"));
        assert_eq!(bearer(&twice.to_http_request()), None);
        let in_query = TestRequest::with_uri("/?key=hsk_abc").append_header((header::AUTHORIZATION, "Bearer hsk_abc"));
        assert_eq!(bearer(&in_query.to_http_request()), None);
    }
}
