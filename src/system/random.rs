//! Random bytes: the operating system's, or a fixed course for a test.

use std::{
    cell::RefCell,
    sync::{Mutex, PoisonError},
};

use rustix::{io::Errno, rand::GetRandomFlags};

/// Gives random bytes.
pub trait Random: Send + Sync {
    /// Fills `out`.
    fn bytes(&self, out: &mut [u8]);

    /// Any number.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number from 0 to just under 1.
    fn unit_f64(&self) -> f64 {
        // 53 bits are what fits the fraction of an f64.
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The operating system's random bytes, good for secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

/// Bytes that a thread has asked for and not used yet: an event needs several small numbers, and a
/// system call for each would be the larger part of their cost.
struct Ahead {
    bytes: [u8; 512],
    used: usize,
}

thread_local! {
    static AHEAD: RefCell<Ahead> = const { RefCell::new(Ahead { bytes: [0; 512], used: 512 }) };
}

impl Random for SystemRandom {
    fn next_u64(&self) -> u64 {
        AHEAD.with_borrow_mut(|ahead| {
            if ahead.used == ahead.bytes.len() {
                self.bytes(&mut ahead.bytes);
                ahead.used = 0;
            }
            let mut number = [0; 8];
            let taken = &mut ahead.bytes[ahead.used..ahead.used + 8];
            number.copy_from_slice(taken);
            // A number that was given away is nowhere else.
            taken.fill(0);
            ahead.used += 8;
            u64::from_le_bytes(number)
        })
    }

    /// # Panics
    /// If the system has none to give; without them no secret and no id would be safe.
    fn bytes(&self, out: &mut [u8]) {
        let mut filled = 0;
        while filled < out.len() {
            // The system call itself: a static program in an empty root has no /dev/urandom.
            match rustix::rand::getrandom(&mut out[filled..], GetRandomFlags::empty()) {
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(error) => panic!("the system gives no random bytes: {error}"),
            }
        }
    }
}

/// The same course for the same seed; for tests, never for secrets.
#[derive(Debug)]
pub struct PlayedRandom {
    state: Mutex<u64>,
}

impl PlayedRandom {
    /// The course of `seed`.
    pub fn new(seed: u64) -> Self {
        PlayedRandom { state: Mutex::new(seed) }
    }

    /// A number from 0 to `below` - 1, evenly enough for a test.
    ///
    /// # Panics
    /// If `below` is 0.
    pub fn below(&self, below: usize) -> usize {
        (self.next_u64() % below as u64) as usize
    }
}

impl Random for PlayedRandom {
    fn bytes(&self, out: &mut [u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in out.chunks_mut(8) {
            // SplitMix64: a counter in steps of the golden ratio, stirred.
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_course_again_and_another_seed_another() {
        let course = |seed| {
            let random = PlayedRandom::new(seed);
            [random.next_u64(), random.next_u64(), random.next_u64()]
        };
        assert_eq!(course(1), course(1));
        assert_ne!(course(1), course(2));
        assert_ne!(course(3)[0], course(3)[1]);
    }

    #[test]
    fn units_lie_between_zero_and_one_and_odd_lengths_are_filled() {
        let random = PlayedRandom::new(4);
        let mean = (0..1000).map(|_| random.unit_f64()).inspect(|unit| assert!((0.0..1.0).contains(unit))).sum::<f64>();
        assert!((400.0..600.0).contains(&mean), "{mean}");
        let numbers: std::collections::HashSet<u64> = (0..200).map(|_| SystemRandom.next_u64()).collect();
        assert_eq!(numbers.len(), 200, "more than a thread asks for at once, and none twice");
        let mut bytes = [0; 19];
        SystemRandom.bytes(&mut bytes);
        assert!(bytes.iter().any(|&byte| byte != 0));
    }
}
