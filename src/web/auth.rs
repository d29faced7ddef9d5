//! Who calls the API: Bearer keys, and a bound on guessing them.

use std::{
    collections::HashMap,
    future::{Ready, ready},
    net::{IpAddr, Ipv6Addr},
    sync::Mutex,
    time::Duration,
};

use actix_web::{FromRequest, HttpRequest, dev, http::header, web};

use super::{WebState, peer, problem::Refusal};
use crate::domain::{Actor, ApiKey, Problem, ProblemKind, Timestamp};

/// Bad keys that one address may send in a minute before it is told to wait.
const BAD_KEYS_PER_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses remembered for that; beyond it, new ones are not counted until old ones expire.
const MAX_ADDRESSES: usize = 10_000;
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
        None => Err(state.bad_keys().count(address, state.service().now())),
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

/// Counts bad keys by address. Good keys are never asked about, so guessing locks nobody out.
#[derive(Debug, Default)]
pub struct BadKeys(Mutex<HashMap<IpAddr, (Timestamp, u32)>>);

impl BadKeys {
    /// Counts one, and says how it is refused: 401, or 429 once there were too many.
    pub fn count(&self, address: Option<IpAddr>, now: Timestamp) -> Refusal {
        let Some(address) = address.map(network) else { return Refusal::unauthorized() };
        let mut counts = self.0.lock().expect("nothing panics while it counts");
        if counts.len() >= MAX_ADDRESSES && !counts.contains_key(&address) {
            counts.retain(|_, (since, _)| now - *since < MINUTE);
            if counts.len() >= MAX_ADDRESSES {
                return Refusal::unauthorized();
            }
        }
        let (since, count) = counts.entry(address).or_insert((now, 0));
        if now - *since >= MINUTE {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        if *count <= BAD_KEYS_PER_MINUTE {
            return Refusal::unauthorized();
        }
        let seconds = (MINUTE - (now - *since)).as_secs() as u32 + 1;
        let detail = format!("Too many requests without a valid API key. Wait {seconds} seconds.");
        let problem = Problem::new(ProblemKind::TooMany, "rate_limited", detail);
        Problem { retry_after_s: Some(seconds), ..problem }.into()
    }
}

/// What is counted together: one IPv4 address, or the /64 that one IPv6 customer has.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
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

    #[test]
    fn after_sixty_bad_keys_in_a_minute_an_address_waits_and_others_do_not() {
        let bad_keys = BadKeys::default();
        let (mine, other) = ("203.0.113.7".parse().ok(), "203.0.113.8".parse().ok());
        let now = Timestamp::from_millis(1_000_000);
        for _ in 0..BAD_KEYS_PER_MINUTE {
            assert_eq!(bad_keys.count(mine, now).status, 401);
        }
        let later = now.plus(Duration::from_secs(20));
        let refusal = bad_keys.count(mine, later);
        assert_eq!((refusal.status.as_u16(), refusal.problem.retry_after_s), (429, Some(41)));
        assert_eq!(bad_keys.count(other, later).status, 401);
        assert_eq!(bad_keys.count(mine, now.plus(MINUTE)).status, 401);
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_counted_together() {
        let network_of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network_of("203.0.113.7"), "203.0.113.7");
    }
}
