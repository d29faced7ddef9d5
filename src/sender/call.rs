//! What is known of the request being sent on this thread.
//!
//! ureq runs a request on the thread that calls it, from the look-up to the last byte of the body,
//! and gives its connector and transports no way to tell requests apart. So they leave what they
//! see here, per thread, and the sender collects it afterwards.

use std::{
    cell::RefCell,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

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
}

thread_local! {
    static PRESENT: RefCell<Call> = const {
        RefCell::new(Call { number: 0, address: None, connected: false, reused: false, received: 0 })
    };
}

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A request begins on this thread; what is left of the one before is forgotten.
pub(super) fn begin() {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    PRESENT.with_borrow_mut(|call| *call = Call { number, ..Call::default() });
}

/// What is known so far.
pub(super) fn present() -> Call {
    PRESENT.with_borrow(|call| *call)
}

/// Adds something to what is known.
pub(super) fn note(change: impl FnOnce(&mut Call)) {
    PRESENT.with_borrow_mut(change);
}
