//! Wrong passwords, codes and API keys, counted by where they come from. What is counted outlives a
//! restart: it is in memory for speed and in the store for then.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard},
};

use super::Service;
use crate::{
    domain::{Actor, Guesser, Guessing, Problem, Timestamp, Tries, too_many},
    store::Store,
};

/// Places remembered of each kind.
const MOST: usize = 10_000;

type Known = HashMap<Guesser, Tries>;

/// Who guessed wrong lately.
pub struct Guesses(Mutex<Known>);

impl Guesses {
    /// What was known before the restart. What is too old is forgotten for good.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn load(store: &Store, now: Timestamp) -> Result<Guesses, Problem> {
        let (old, known): (Vec<_>, Vec<_>) =
            store.guesses()?.into_iter().partition(|(guesser, tries)| tries.is_forgotten(guesser.kind, now));
        if !old.is_empty() {
            drop(store.save_guesses(old.into_iter().map(|(guesser, _)| (guesser, None)).collect()));
        }
        Ok(Guesses(Mutex::new(known.into_iter().collect())))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().expect("nothing panics while it counts")
    }

    /// Counts a wrong one; gives what is to be written down.
    fn count(&self, guesser: Guesser, now: Timestamp) -> Vec<(Guesser, Option<Tries>)> {
        let mut known = self.known();
        let mut changes = Vec::new();
        if !known.contains_key(&guesser) && known.keys().filter(|one| one.kind == guesser.kind).count() >= MOST {
            changes = make_room(&mut known, guesser.kind, now);
        }
        let tries = Tries::one_more(known.get(&guesser).copied(), guesser.kind, now);
        known.insert(guesser, tries);
        changes.push((guesser, Some(tries)));
        changes
    }
}

/// Forgets what is old, or else the one that has been quiet for longest.
fn make_room(known: &mut Known, kind: Guessing, now: Timestamp) -> Vec<(Guesser, Option<Tries>)> {
    let of_kind = || known.iter().filter(|(guesser, _)| guesser.kind == kind);
    let old = of_kind().filter(|(_, tries)| tries.is_forgotten(kind, now)).map(|(guesser, _)| *guesser);
    let mut gone: Vec<Guesser> = old.collect();
    if gone.is_empty() {
        gone.extend(of_kind().min_by_key(|(_, tries)| tries.last).map(|(guesser, _)| *guesser));
    }
    for guesser in &gone {
        known.remove(guesser);
    }
    gone.into_iter().map(|guesser| (guesser, None)).collect()
}

impl Service {
    /// Fails if whoever is at `address` has to wait before another password for `email` is looked at.
    ///
    /// # Errors
    /// `rate_limited`.
    pub(super) fn check_guesser(&self, email: &str, address: Option<IpAddr>) -> Result<(), Problem> {
        let now = self.now();
        let known = self.guesses.known();
        let wait = |guesser: Guesser| known.get(&guesser).and_then(|tries| tries.wait(guesser.kind, now));
        let from_here = wait(Guesser::from(Guessing::FromAddress, address));
        // Only an account that many guess at has this narrower limit, and each network one try of it.
        let narrow = wait(Guesser::of(email)).and_then(|_| wait(Guesser::of_from(email, address)));
        match from_here.max(narrow) {
            Some(wait) => Err(too_many("Too many tries.", wait)),
            None => Ok(()),
        }
    }

    /// Counts a wrong password or code.
    pub(super) fn count_wrong_guess(&self, email: &str, address: Option<IpAddr>) {
        let now = self.now();
        let guessers =
            [Guesser::from(Guessing::FromAddress, address), Guesser::of(email), Guesser::of_from(email, address)];
        let changes: Vec<_> = guessers.into_iter().flat_map(|guesser| self.guesses.count(guesser, now)).collect();
        let from_here = changes.iter().filter(|(guesser, _)| guesser.kind == Guessing::FromAddress);
        if from_here.filter_map(|(_, tries)| *tries).any(|tries| tries.begins_to_wait(Guessing::FromAddress)) {
            tracing::warn!("too many wrong passwords or codes from one network: it has to wait");
            let nobody = Actor::admin("nobody").at(address);
            drop(self.store.write_audit(self.audit(&nobody, "user.sign_in_slowed_down", "")));
        }
        // Nobody waits for it: memory counts already.
        drop(self.store.save_guesses(changes));
    }

    /// Forgets the wrong ones of somebody who got it right.
    pub(super) fn forgive(&self, email: &str, address: Option<IpAddr>) {
        let guessers = [Guesser::from(Guessing::FromAddress, address), Guesser::of_from(email, address)];
        let mut known = self.guesses.known();
        let gone: Vec<_> = guessers.into_iter().filter(|guesser| known.remove(guesser).is_some()).collect();
        if !gone.is_empty() {
            drop(self.store.save_guesses(gone.into_iter().map(|guesser| (guesser, None)).collect()));
        }
    }

    /// Counts an API key that is none; fails once there were too many of them from that network. Good
    /// keys are never asked about, so guessing locks nobody out.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn count_bad_key(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        let (guesser, now) = (Guesser::from(Guessing::Keys, address), self.now());
        let known = self.guesses.known().get(&guesser).copied();
        if let Some(wait) = known.and_then(|tries| tries.wait(guesser.kind, now)) {
            return Err(too_many("Too many requests without a valid API key.", wait));
        }
        let changes = self.guesses.count(guesser, now);
        // One commit for each that has to wait from now on, not one for each wrong key.
        let waits = |tries: &Option<Tries>| tries.is_some_and(|tries| tries.wait(guesser.kind, now).is_some());
        if changes.iter().any(|(_, tries)| waits(tries)) {
            drop(self.store.save_guesses(changes));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quietest_place_is_forgotten_for_a_new_one() {
        let guesses = Guesses(Mutex::default());
        let at = |second: u64| Timestamp::from_millis(second * 1_000);
        for place in 0..MOST as u64 {
            guesses.count(Guesser { kind: Guessing::FromAddress, place }, at(1 + place % 7));
        }
        guesses.count(Guesser { kind: Guessing::Keys, place: 0 }, at(0));
        let changes = guesses.count(Guesser { kind: Guessing::FromAddress, place: u64::MAX }, at(9));
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0].1, None);
        assert_eq!(guesses.known().len(), MOST + 1, "of each kind so many");
        let changes = guesses.count(Guesser { kind: Guessing::FromAddress, place: u64::MAX - 1 }, at(10_000));
        assert_eq!(changes.len(), MOST + 1, "all of them were old");
    }
}
