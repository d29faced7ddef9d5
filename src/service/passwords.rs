//! Passwords: what is one, and hashing them, which costs so much that few are hashed at a time.

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Service, access::random_bytes};
use crate::domain::{Fault, Problem, ProblemKind};

/// Passwords hashed at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Requests that may wait for their turn; a few seconds' worth.
const WAITING: usize = 64;
/// Least and most characters of a password. The most is there because hashing costs time.
const CHARS: std::ops::RangeInclusive<usize> = 12..=128;

/// The hash of no password, with the parameters of real ones.
const DECOY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The turns at hashing.
pub struct Hashing {
    waiting: Semaphore,
    turns: Semaphore,
}

/// A turn at hashing, and the place in the queue before it.
pub struct Turn<'a> {
    _place: SemaphorePermit<'a>,
    _turn: SemaphorePermit<'a>,
}

impl Default for Hashing {
    fn default() -> Self {
        Hashing { waiting: Semaphore::new(WAITING + AT_ONCE), turns: Semaphore::new(AT_ONCE) }
    }
}

impl Hashing {
    /// Waits for a turn.
    ///
    /// # Errors
    /// `rate_limited` if too many wait already: a flood ends here, without memory or time spent.
    pub async fn turn(&self) -> Result<Turn<'_>, Problem> {
        let place = self.waiting.try_acquire().map_err(|_| {
            let detail = "Too many sign-ins at the same moment. Try again in 5 seconds.";
            Problem { retry_after_s: Some(5), ..Problem::new(ProblemKind::TooMany, "rate_limited", detail) }
        })?;
        let turn = self.turns.acquire().await.map_err(|_| Problem::internal())?;
        Ok(Turn { _place: place, _turn: turn })
    }
}

impl Service {
    /// Hashes a password that was checked.
    pub(super) async fn hash_password(&self, password: String) -> Result<String, Problem> {
        let salt: [u8; 16] = random_bytes(&*self.random);
        let _turn = self.hashing.turn().await?;
        tokio::task::spawn_blocking(move || {
            let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|_| Problem::internal())
        })
        .await
        .map_err(|_| Problem::internal())?
    }

    /// Whether a password is the one of `hash`; without a hash it is not, and takes as long. Nothing
    /// is hashed that is too long to be a password. The caller holds a turn.
    pub(super) async fn verify_password(
        &self,
        _turn: &Turn<'_>,
        hash: Option<String>,
        password: String,
    ) -> Result<bool, Problem> {
        if password.chars().count() > *CHARS.end() {
            return Ok(false);
        }
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| DECOY_HASH.to_owned());
        let right = tokio::task::spawn_blocking(move || {
            let Ok(hash) = PasswordHash::new(&hash) else { return false };
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
        });
        Ok(right.await.map_err(|_| Problem::internal())? && is_known)
    }
}

/// Why that is no password, if it is none.
pub fn check(password: &str) -> Result<(), Fault> {
    let length = password.chars().count();
    let (least, most) = (CHARS.start(), CHARS.end());
    if CHARS.contains(&length) {
        return Ok(());
    }
    let message = match length < *least {
        true => format!("Use a password of at least {least} characters."),
        false => format!("Use a password of at most {most} characters."),
    };
    Err(Fault::new("invalid_password", message).at("/password"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decoy_costs_what_a_real_hash_costs() {
        let real = Argon2::default().hash_password_with_salt(b"correct horse battery", &[7; 16]).unwrap().to_string();
        let parameters = |hash: &str| hash.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!(parameters(&real), parameters(DECOY_HASH));
        assert!(PasswordHash::new(DECOY_HASH).is_ok());
    }

    #[test]
    fn a_password_is_twelve_to_128_characters_of_any_kind() {
        for good in
            ["correct horse battery", &"é".repeat(128), &" ".repeat(12), "\0\0\0\0\0\0\0\0\0\0\0\0", &"🦀".repeat(12)]
        {
            assert_eq!(check(good), Ok(()));
        }
        for bad in ["", "a", "elevenchars", &"a".repeat(129), &"a".repeat(1_000_000)] {
            assert_eq!(check(bad).unwrap_err().code, "invalid_password");
        }
    }

    #[tokio::test]
    async fn a_flood_of_passwords_is_refused_before_it_costs_anything() {
        let hashing = Hashing::default();
        let (_first, _second) = (hashing.turn().await.unwrap(), hashing.turn().await.unwrap());
        let mut queue: Vec<_> = (0..WAITING).map(|_| Box::pin(hashing.turn())).collect();
        for waiting in &mut queue {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(waiting.as_mut().poll(&mut context).is_pending());
        }
        let refused = hashing.turn().await.err().expect("no place is left");
        assert_eq!((refused.code, refused.retry_after_s), ("rate_limited", Some(5)));
        drop(queue);
        assert_eq!(hashing.waiting.available_permits(), WAITING);
    }
}
