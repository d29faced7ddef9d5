//! The outermost layer of a connection: what the receiver sends, counted and bounded.
//!
//! It knows whether the connection is used for the first time, which address it leads to, and how
//! much has come, and leaves that in [`call`]. Its input buffer grows as needed up to a limit. (The
//! buffer of ureq does not grow; there a head larger than the buffer looks like a lost connection.)

use std::{net::SocketAddr, time::Instant};

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport};

use super::{call, failure::Failure};
use crate::domain::{Cause, TlsVersion};

/// Largest head of an answer, in bytes. Four times what common receivers send.
pub(super) const HEAD_LIMIT: usize = 32 * 1024;

/// Most bytes received for one request, whatever they are: a head, a body of 64 KiB in chunks of
/// one byte, and some interim answers. Without it a receiver could keep a thread busy with endless
/// 1xx answers or trailers until the time is up.
const RECEIVED_LIMIT: usize = 512 * 1024;

/// What the input buffer begins with, in bytes, and what it may grow to.
const INPUT_START: usize = 4 * 1024;
const INPUT_LIMIT: usize = HEAD_LIMIT + 8 * 1024;

/// Puts the watch on every connection, except the leg to a proxy underneath one.
#[derive(Debug)]
pub(super) struct WatchConnector {
    /// Whether a proxy is configured.
    pub proxied: bool,
}

impl<In: Transport> Connector<In> for WatchConnector {
    type Out = Either<In, Watched<In>>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let is_proxy_leg = self.proxied && details.config.proxy().is_none();
        let call = call::present();
        let watched = |inner| Watched::new(inner, call.address, call.tls);
        Ok(chained.map(|inner| if is_proxy_leg { Either::A(inner) } else { Either::B(watched(inner)) }))
    }
}

#[derive(Debug)]
pub(super) struct Watched<T> {
    inner: T,
    address: Option<SocketAddr>,
    tls: Option<TlsVersion>,
    /// Number of the call this connection served last; 0 before the first.
    call: u64,
    received: usize,
    input: Vec<u8>,
    filled: usize,
    consumed: usize,
    /// Whether the last use of the input consumed any of it.
    progress: bool,
}

impl<T: Transport> Watched<T> {
    fn new(inner: T, address: Option<SocketAddr>, tls: Option<TlsVersion>) -> Self {
        let input = Vec::new();
        Watched { inner, address, tls, call: 0, received: 0, input, filled: 0, consumed: 0, progress: false }
    }

    /// How much more the input buffer may take.
    fn free(&self) -> usize {
        INPUT_LIMIT - (self.filled - self.consumed)
    }

    /// Moves the input to the front of its buffer, which grows if `amount` more does not fit.
    fn make_room(&mut self, amount: usize) {
        self.input.copy_within(self.consumed..self.filled, 0);
        self.filled -= self.consumed;
        self.consumed = 0;
        let wanted = self.filled + amount;
        if self.input.len() < wanted {
            self.input.resize(wanted.next_power_of_two().max(INPUT_START), 0);
        }
    }
}

impl<T: Transport> Transport for Watched<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let number = call::present().number;
        if self.call != number {
            let reused = self.call != 0;
            self.call = number;
            self.received = 0;
            call::note(|call| {
                call.connected = true;
                call.reused = reused;
                (call.address, call.tls) = (self.address, self.tls);
                call.marks.sent = Some(Instant::now());
            });
        }
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        if self.free() == 0 {
            return Err(Failure::new(Cause::BadResponse, "One line of it is too long.").into());
        }
        self.inner.maybe_await_input(timeout)?;
        let amount = self.inner.buffers().input().len().min(self.free());
        self.make_room(amount);
        let buffers = self.inner.buffers();
        self.input[self.filled..self.filled + amount].copy_from_slice(&buffers.input()[..amount]);
        self.filled += amount;
        buffers.input_consume(amount);
        self.received += amount;
        call::note(|call| {
            call.received = self.received;
            if amount > 0 && call.marks.answered.is_none() {
                call.marks.answered = Some(Instant::now());
            }
        });
        if self.received > RECEIVED_LIMIT {
            return Err(Failure::new(Cause::BadResponse, format!("It is over {RECEIVED_LIMIT} bytes long.")).into());
        }
        Ok(amount > 0)
    }

    /// Asked before the connection is kept and before it is used again.
    fn is_open(&mut self) -> bool {
        if self.filled > self.consumed || !self.inner.is_open() {
            return false;
        }
        // An idle connection holds no buffer.
        (self.input, self.filled, self.consumed) = (Vec::new(), 0, 0);
        true
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<T: Transport> Buffers for Watched<T> {
    fn output(&mut self) -> &mut [u8] {
        self.inner.buffers().output()
    }

    fn input(&self) -> &[u8] {
        &self.input[self.consumed..self.filled]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_room(INPUT_START);
        &mut self.input[self.filled..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled += amount;
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.consumed += amount;
    }

    /// The scratch buffer is for bodies sent in chunks, which ours never are.
    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], self.inner.buffers().output())
    }

    fn can_use_input(&self) -> bool {
        self.progress && self.filled > self.consumed
    }
}
