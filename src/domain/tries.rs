//! How often somebody may guess. Nobody is locked out for good: whoever guessed wrong waits, and the
//! wait ends; who comes from elsewhere does not wait for them.
//!
//! Our own code rather than a rate limiter's: the state must survive a restart as one small record
//! for each place, and a limit here is about failures in a row, not about a rate of requests.
//! `governor` keeps its state to itself.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Problem, ProblemKind, Timestamp};

/// Wrong guesses from one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// How many.
    pub count: u32,
    /// When the first of them was.
    pub since: Timestamp,
    /// When the last of them was.
    pub last: Timestamp,
}

/// Who guesses what. Emails and addresses are only kept as a hash: what was typed as an email may be
/// a password that slipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guesser {
    /// What is guessed.
    pub kind: Guessing,
    /// A hash of from where, or of for which account.
    pub place: u64,
}

/// What is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Guessing {
    /// Passwords and codes, from one network.
    FromAddress,
    /// Passwords and codes, of one account from wherever.
    OfAccount,
    /// Passwords and codes of one account, from one network.
    OfAccountFromAddress,
    /// API keys, from one network.
    Keys,
}

impl Guessing {
    /// Every kind; its place in here is its number on disk.
    pub const ALL: [Guessing; 4] =
        [Guessing::FromAddress, Guessing::OfAccount, Guessing::OfAccountFromAddress, Guessing::Keys];

    /// Its number on disk.
    pub fn number(self) -> u8 {
        Guessing::ALL.iter().position(|kind| *kind == self).unwrap_or_default() as u8
    }

    /// How many wrong ones are free.
    fn free(self) -> u32 {
        match self {
            Guessing::FromAddress => 5,
            // An account that so many guess at is under attack: from then on each network has one try.
            Guessing::OfAccount => 20,
            Guessing::OfAccountFromAddress => 1,
            Guessing::Keys => 60,
        }
    }

    /// How long one waits after that.
    fn wait(self, count: u32) -> Duration {
        match self {
            // Twice as long with each further one, a quarter of an hour at the most.
            Guessing::FromAddress => MINUTE * 2_u32.pow(count.saturating_sub(self.free()).min(4)).min(15),
            Guessing::OfAccount | Guessing::OfAccountFromAddress => MINUTE * 15,
            Guessing::Keys => MINUTE,
        }
    }

    /// When wrong ones are forgotten.
    pub fn forgotten_after(self) -> Duration {
        match self {
            Guessing::FromAddress => MINUTE * 60,
            Guessing::OfAccount | Guessing::OfAccountFromAddress => MINUTE * 15,
            Guessing::Keys => MINUTE,
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

impl Guesser {
    /// Somebody at an address; without one (a Unix socket) all are counted together.
    pub fn from(kind: Guessing, address: Option<IpAddr>) -> Guesser {
        Guesser { kind, place: hash(&[&network(address)]) }
    }

    /// Whoever guesses at an account, be there one of that email or not.
    pub fn of(email: &str) -> Guesser {
        Guesser { kind: Guessing::OfAccount, place: hash(&[email.as_bytes()]) }
    }

    /// Somebody at an address who guesses at an account.
    pub fn of_from(email: &str, address: Option<IpAddr>) -> Guesser {
        Guesser { kind: Guessing::OfAccountFromAddress, place: hash(&[&network(address), email.as_bytes()]) }
    }
}

impl Tries {
    /// One more wrong one at `now`.
    pub fn one_more(before: Option<Tries>, kind: Guessing, now: Timestamp) -> Tries {
        match before.filter(|tries| !tries.is_forgotten(kind, now)) {
            None => Tries { count: 1, since: now, last: now },
            Some(tries) => Tries { count: tries.count.saturating_add(1), last: now, ..tries },
        }
    }

    /// How long to wait at `now` before the next one is looked at; `None` if it may come.
    pub fn wait(&self, kind: Guessing, now: Timestamp) -> Option<Duration> {
        if self.count < kind.free() || self.is_forgotten(kind, now) {
            return None;
        }
        let left = kind.wait(self.count).saturating_sub(now - self.counted_from(kind));
        (!left.is_zero()).then_some(left)
    }

    /// Whether the last one was the first that costs a wait.
    pub fn begins_to_wait(&self, kind: Guessing) -> bool {
        self.count == kind.free()
    }

    /// Whether they are too old to be counted.
    pub fn is_forgotten(&self, kind: Guessing, now: Timestamp) -> bool {
        now - self.counted_from(kind) >= kind.forgotten_after()
    }

    /// Keys are counted by the minute: programs send one over and over, and each would begin the wait
    /// anew. People who are told to wait are not counted meanwhile.
    fn counted_from(&self, kind: Guessing) -> Timestamp {
        match kind {
            Guessing::Keys => self.since,
            _ => self.last,
        }
    }
}

/// The refusal of somebody who has to wait.
pub fn too_many(what: &str, wait: Duration) -> Problem {
    let seconds = wait.as_millis().div_ceil(1_000) as u32;
    let detail = format!("{what} Wait {seconds} seconds.");
    let problem = Problem::new(ProblemKind::TooMany, "rate_limited", detail);
    Problem { retry_after_s: Some(seconds), ..problem }
}

/// What is counted together: one IPv4 address, or the /64 that one IPv6 customer has.
fn network(address: Option<IpAddr>) -> [u8; 16] {
    match address {
        None => [0; 16],
        Some(IpAddr::V4(address)) => address.to_ipv6_mapped().octets(),
        Some(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).octets(),
    }
}

fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    let hash: [u8; 32] = hash.finalize().into();
    u64::from_be_bytes(hash[..8].try_into().expect("a hash has more than eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1_000)
    }

    fn wrong(kind: Guessing, count: u32, seconds: u64) -> Tries {
        let first = Tries::one_more(None, kind, at(seconds));
        (1..count).fold(first, |tries, _| Tries::one_more(Some(tries), kind, at(seconds)))
    }

    #[test]
    fn five_wrong_passwords_are_free_and_then_each_costs_twice_the_wait() {
        let kind = Guessing::FromAddress;
        assert_eq!(wrong(kind, 4, 0).wait(kind, at(0)), None);
        for (count, minutes) in [(5, 1), (6, 2), (7, 4), (8, 8), (9, 15), (1_000, 15)] {
            let tries = wrong(kind, count, 0);
            assert_eq!(tries.wait(kind, at(0)), Some(MINUTE * minutes), "{count}");
            assert_eq!(tries.wait(kind, at(60 * u64::from(minutes))), None, "the wait ends");
        }
        let tries = Tries::one_more(Some(wrong(kind, 9, 0)), kind, at(3_600));
        assert_eq!(tries.count, 1, "after an hour of peace all is forgotten");
    }

    #[test]
    fn a_guessed_account_leaves_one_try_to_each_network() {
        let (account, pair) = (Guessing::OfAccount, Guessing::OfAccountFromAddress);
        assert_eq!(wrong(account, 19, 0).wait(account, at(0)), None);
        assert!(wrong(account, 20, 0).wait(account, at(0)).is_some());
        assert!(wrong(pair, 1, 0).wait(pair, at(0)).is_some());
        assert_eq!(wrong(pair, 1, 0).wait(pair, at(900)), None);
    }

    #[test]
    fn sixty_wrong_keys_in_a_minute_are_free() {
        let kind = Guessing::Keys;
        assert_eq!(wrong(kind, 59, 0).wait(kind, at(20)), None);
        assert_eq!(wrong(kind, 60, 0).wait(kind, at(20)), Some(Duration::from_secs(40)));
        assert_eq!(wrong(kind, 60, 0).wait(kind, at(60)), None);
        let problem = too_many("Too many tries.", Duration::from_millis(40_001));
        assert_eq!((problem.retry_after_s, &*problem.detail), (Some(41), "Too many tries. Wait 41 seconds."));
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_counted_together() {
        let from = |text: &str| Guesser::from(Guessing::Keys, text.parse().ok());
        assert_eq!(from("2001:db8:1:2:3:4:5:6"), from("2001:db8:1:2::1"));
        assert_ne!(from("2001:db8:1:2::1"), from("2001:db8:1:3::1"));
        assert_ne!(from("203.0.113.7"), from("203.0.113.8"));
        assert_ne!(Guesser::of_from("a@b", None), Guesser::of_from("c@d", None));
        for (number, kind) in Guessing::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.number()), number);
        }
    }
}
