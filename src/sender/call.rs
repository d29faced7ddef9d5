//! What is known of the request being sent on this thread.
//!
//! ureq runs a request on the thread that calls it, from the look-up to the last byte of the body,
//! and gives its connector and transports no way to tell requests apart. So they leave what they
//! see here, per thread, and the sender collects it afterwards.

use std::{
    cell::RefCell,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::domain::{Timings, TlsVersion};

/// How far a request has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Call {
    /// Tells this request from others on the same connection; never 0.
    pub number: u64,
    /// The address dialled last, or the one a kept connection leads to.
    pub address: Option<SocketAddr>,
    /// Whether there was a connection to send on, TLS included.
    pub connected: bool,
    /// Whether that connection had served a request before.
    pub reused: bool,
    /// Bytes of the answer received so far, decrypted.
    pub received: usize,
    /// How the connection is encrypted.
    pub tls: Option<TlsVersion>,
    /// When which part of it began.
    pub marks: Marks,
}

/// When which part of a request began, as far as it has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    /// The request.
    pub began: Option<Instant>,
    /// Dialling; the addresses are known then.
    pub dialled: Option<Instant>,
    /// What comes once the connection stands: TLS, if there is any.
    pub connected: Option<Instant>,
    /// Sending.
    pub sent: Option<Instant>,
    /// The answer.
    pub answered: Option<Instant>,
}

impl Call {
    /// How the time was spent until `end`, which came in the last phase that was begun.
    pub fn timings(&self, end: Instant) -> Timings {
        let Marks { began, dialled, connected, sent, answered } = self.marks;
        let from_to = |from: Option<Instant>, to: Option<Instant>| {
            let time = from.map_or(Duration::ZERO, |from| to.unwrap_or(end).saturating_duration_since(from));
            u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
        };
        let mut timings = Timings::default().with_tls(self.tls);
        timings.name_ms = from_to(began, dialled.or(sent));
        timings.connect_ms = from_to(dialled, connected);
        timings.tls_ms = from_to(connected, sent);
        timings.waiting_ms = from_to(sent, answered);
        timings.reading_ms = from_to(answered, None);
        timings.kept_connection = self.reused;
        timings
    }
}

const NOTHING: Call = Call {
    number: 0,
    address: None,
    connected: false,
    reused: false,
    received: 0,
    tls: None,
    marks: Marks { began: None, dialled: None, connected: None, sent: None, answered: None },
};

thread_local! {
    static PRESENT: RefCell<Call> = const { RefCell::new(NOTHING) };
}

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A request begins on this thread; what is left of the one before is forgotten.
pub(super) fn begin() {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let marks = Marks { began: Some(Instant::now()), ..NOTHING.marks };
    PRESENT.with_borrow_mut(|call| *call = Call { number, marks, ..NOTHING });
}

/// What is known so far.
pub(super) fn present() -> Call {
    PRESENT.with_borrow(|call| *call)
}

/// Adds something to what is known.
pub(super) fn note(change: impl FnOnce(&mut Call)) {
    PRESENT.with_borrow_mut(change);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment that many milliseconds after `start`.
    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn each_phase_has_its_time_and_the_last_one_ends_with_the_request() {
        let start = Instant::now();
        let mark = |ms: u64| Some(at(start, ms));
        let marks =
            Marks { began: mark(0), dialled: mark(3), connected: mark(24), sent: mark(64), answered: mark(1_202) };
        let whole = Call { marks, tls: Some(TlsVersion::Tls13), ..NOTHING };
        let found = whole.timings(at(start, 1_204));
        let phases = |it: Timings| [it.name_ms, it.connect_ms, it.tls_ms, it.waiting_ms, it.reading_ms];
        assert_eq!((phases(found), found.tls()), ([3, 21, 40, 1_138, 2], Some(TlsVersion::Tls13)));

        for (marks, expected) in [
            (Marks { answered: None, ..marks }, [3, 21, 40, 1_936, 0]),
            (Marks { answered: None, sent: None, ..marks }, [3, 21, 1_976, 0, 0]),
            (Marks { answered: None, sent: None, connected: None, ..marks }, [3, 1_997, 0, 0, 0]),
            (Marks { began: mark(0), ..NOTHING.marks }, [2_000, 0, 0, 0, 0]),
            // A kept connection is not dialled.
            (Marks { dialled: None, connected: None, sent: mark(0), ..marks }, [0, 0, 0, 1_202, 798]),
        ] {
            assert_eq!(phases(Call { marks, ..NOTHING }.timings(at(start, 2_000))), expected, "{marks:?}");
        }
    }
}
