//! What the test receiver got: the newest requests, in memory, for a day.

use std::{collections::VecDeque, time::Duration};

use actix_web::web::Bytes;

use crate::domain::Timestamp;

/// Requests kept.
pub const MOST_REQUESTS: usize = 100;
/// Bytes of all of them together.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// How long one is kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);

/// A request as it came.
#[derive(Clone)]
pub struct KeptRequest {
    /// Its number, from 1, since the server started.
    pub number: u64,
    /// When it came, by the wall clock.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// Its headers, in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Bytes,
    /// What it was answered, in a few words.
    pub answered: String,
}

impl KeptRequest {
    /// The first value of a header as text; empty if it is missing or no text.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice());
        value.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        headers + self.path.len() + self.body.len()
    }
}

/// The newest requests.
#[derive(Default)]
pub struct Kept {
    requests: VecDeque<KeptRequest>,
    bytes: usize,
    last: u64,
}

impl Kept {
    /// Keeps a request under the next number; the oldest go where the bounds ask for it.
    pub fn keep(&mut self, request: KeptRequest) {
        self.last += 1;
        let request = KeptRequest { number: self.last, ..request };
        self.bytes += request.bytes();
        self.requests.push_back(request);
        while self.requests.len() > MOST_REQUESTS || (self.bytes > MOST_BYTES && self.requests.len() > 1) {
            self.drop_first();
        }
    }

    /// What is kept at `now`, the newest first.
    pub fn newest(&mut self, now: Timestamp) -> Vec<KeptRequest> {
        while self.requests.front().is_some_and(|first| now - first.at >= KEPT_FOR) {
            self.drop_first();
        }
        self.requests.iter().rev().cloned().collect()
    }

    /// The request of that number.
    pub fn get(&self, number: u64) -> Option<&KeptRequest> {
        self.requests.iter().find(|request| request.number == number)
    }

    /// Forgets all of them; the numbers go on.
    pub fn clear(&mut self) {
        self.requests.clear();
        self.bytes = 0;
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.requests.pop_front() {
            self.bytes -= first.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(at: u64, bytes: usize) -> KeptRequest {
        KeptRequest {
            number: 0,
            at: Timestamp::from_millis(at),
            method: "POST".into(),
            path: String::new(),
            headers: Vec::new(),
            body: vec![b'x'; bytes].into(),
            answered: String::new(),
        }
    }

    #[test]
    fn the_newest_hundred_of_a_day_are_kept() {
        let mut kept = Kept::default();
        (0..150).for_each(|at| kept.keep(request(at, 10)));
        let numbers = |kept: &mut Kept, now| -> Vec<u64> {
            kept.newest(Timestamp::from_millis(now)).iter().map(|request| request.number).collect()
        };
        assert_eq!(numbers(&mut kept, 200), (51..=150).rev().collect::<Vec<_>>());
        let day = 24 * 3_600_000;
        assert_eq!(numbers(&mut kept, day + 147), [150, 149], "those of over a day ago are gone");
        kept.clear();
        kept.keep(request(300, 1));
        assert_eq!(numbers(&mut kept, 300), [151]);
    }

    #[test]
    fn large_requests_push_each_other_out() {
        let mut kept = Kept::default();
        (0..40).for_each(|at| kept.keep(request(at, 1024 * 1024)));
        assert_eq!(kept.newest(Timestamp::from_millis(40)).len(), 16);
        assert_eq!(kept.bytes, 16 * 1024 * 1024);
        assert!(kept.get(40).is_some() && kept.get(24).is_none());
    }
}
