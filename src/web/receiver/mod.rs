//! `/in/{name}`: the built-in test receiver. Takes whatever comes, keeps it in memory for its page,
//! and answers as it was told to. No sign-in and no form mark: what is sent here is a webhook.
//!
//! Everything is bounded: the size of a body, the requests in a second, the answers that wait, and
//! what is kept. A name that nobody can guess is all that leads here.

mod kept;
mod script;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::StatusCode, web};
use subtle::ConstantTimeEq;

pub use kept::{Kept, KeptRequest, MOST_REQUESTS};
pub use script::{Given, MOST_BODY_CHARS, MOST_DELAY_S, MOST_FAILURES, STATUSES, Script};

use super::{
    State, idle,
    problem::{Refusal, Reply},
};
use crate::{
    domain::{Problem, ProblemKind},
    service::{Service, SignedBy},
};

/// Most bytes of a body, whatever events may have.
const MOST_BYTES: usize = 1024 * 1024 + super::body::AROUND_PAYLOAD;
/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);
/// Requests taken in a second; further ones are answered 429.
const A_SECOND: u32 = 500;
/// Answers that wait for their time at once; further ones are answered 503.
const WAITING: usize = 64;

/// What the test receiver remembers; all of it may be lost.
#[derive(Default)]
pub struct Receiver {
    memory: Mutex<Memory>,
    waiting: AtomicUsize,
}

/// What is behind the lock.
#[derive(Default)]
pub struct Memory {
    /// How it answers.
    pub script: Script,
    /// Whose Secret signatures are checked with.
    pub signed_by: SignedBy,
    /// What came.
    pub kept: Kept,
    second: Option<(Instant, u32)>,
}

impl Receiver {
    /// The memory, to look at and to change.
    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        // No code panics while it holds the lock, and half a change would harm nobody.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Counts a request; false if there were too many in the present second.
    fn admits(&mut self, now: Instant) -> bool {
        let (since, count) = match self.second {
            Some((since, count)) if now.duration_since(since) < Duration::from_secs(1) => (since, count),
            _ => (now, 0),
        };
        self.second = Some((since, count.saturating_add(1)));
        count < A_SECOND
    }
}

/// Takes a request of any method.
pub async fn receive(state: State, request: HttpRequest, payload: web::Payload) -> Reply {
    if !is_here(state.service(), request.match_info().query("name")) {
        return Err(Refusal::no_such_path());
    }
    if !state.receiver().memory().admits(Instant::now()) {
        let detail = format!("The test receiver takes {A_SECOND} requests in a second.");
        let problem = Problem::new(ProblemKind::TooMany, "rate_limited", detail);
        return Err(Problem { retry_after_s: Some(1), ..problem }.into());
    }
    let body = read(payload).await?;
    let arrived = KeptRequest {
        number: 0,
        at: state.service().wall(),
        method: request.method().to_string(),
        path: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
        headers: request.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect(),
        body,
        answered: String::new(),
    };
    let given = {
        let mut memory = state.receiver().memory();
        let given = memory.script.next_answer();
        memory.kept.keep(KeptRequest { answered: given.words(), ..arrived });
        given
    };
    answer(&state, &request, given).await
}

/// Whether the receiver is on and called so. Off and unknown look the same from outside.
fn is_here(service: &Service, name: &str) -> bool {
    let right = service.test_receiver().and_then(|receiver| receiver.local.path().strip_prefix("/in/"));
    let fits = right.is_some_and(|right| bool::from(right.as_bytes().ct_eq(name.as_bytes())));
    fits && service.receiver_switch().is_on()
}

async fn read(payload: web::Payload) -> Result<web::Bytes, Refusal> {
    let too_large = || {
        let detail = format!("The test receiver takes bodies of {MOST_BYTES} bytes at the most.");
        Problem::new(ProblemKind::TooLarge, "payload_too_large", detail)
    };
    let received = tokio::time::timeout(DEADLINE, payload.to_bytes_limited(MOST_BYTES)).await;
    let received = received.map_err(|_| Refusal::slow_body(DEADLINE.as_secs()))?;
    let cut = |_| Problem::new(ProblemKind::NotUnderstood, "body_cut", "The body broke off before its end.");
    Ok(received.map_err(|_| too_large())?.map_err(cut)?)
}

async fn answer(state: &State, request: &HttpRequest, given: Given) -> Reply {
    if !given.delay.is_zero() {
        let waiting = &state.receiver().waiting;
        if waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            waiting.fetch_sub(1, Ordering::Relaxed);
            let detail = format!("{WAITING} answers of the test receiver wait already.");
            return Err(Problem::new(ProblemKind::Unavailable, "too_many_waiting", detail).into());
        }
        // Counted down also if the caller goes away while it waits.
        let _place = Place(state.clone());
        tokio::time::sleep(given.delay).await;
    }
    let Some(status) = given.status else {
        idle::cut(request);
        return Ok(HttpResponse::InternalServerError().finish());
    };
    let mut response = HttpResponseBuilder::new(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
    response.content_type("text/plain; charset=utf-8");
    for (name, value) in &given.headers {
        response.insert_header((*name, value.as_str()));
    }
    // These two have no body by their definition.
    Ok(if matches!(status, 204 | 304) { response.finish() } else { response.body(given.body) })
}

struct Place(State);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.receiver().waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_room_for_so_many_and_the_next_one_again() {
        let mut memory = Memory::default();
        let start = Instant::now();
        assert!((0..A_SECOND).all(|_| memory.admits(start)));
        assert!(!memory.admits(start + Duration::from_millis(999)));
        assert!(memory.admits(start + Duration::from_secs(1)));
    }
}
