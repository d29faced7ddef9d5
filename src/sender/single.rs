//! One request outside of the lanes: a test that somebody waits for.

use std::sync::{Mutex, PoisonError};

/// Requests outside of the lanes at once; one more is refused.
const AT_ONCE: usize = 8;

/// As many single requests as are allowed are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyAtOnce;

/// Counts the single requests that are under way.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: Mutex<usize>,
}

/// The right to send one; given back when dropped, also by a panic.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Places);

impl Places {
    pub(super) fn take(&self) -> Result<Place<'_>, TooManyAtOnce> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if *taken >= AT_ONCE {
            return Err(TooManyAtOnce);
        }
        *taken += 1;
        Ok(Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_is_refused_until_another_ends() {
        let places = Places::default();
        let mut taken: Vec<_> = (0..AT_ONCE).map(|_| places.take().unwrap()).collect();
        assert_eq!(places.take().unwrap_err(), TooManyAtOnce);
        taken.pop();
        assert!(places.take().is_ok());
    }
}
