//! Opens connections, and knows every open one, so that stop can end them.
//!
//! In place of ureq's TCP connector, for three reasons: stop ends a connection attempt too, a
//! write ends in time also when the receiver takes it in drops, and a receiver that answers before
//! it has read everything (413, then close) is still heard.

use std::{
    collections::HashMap,
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use rustix::{io::Errno, net::RecvFlags};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, time,
};

use super::{call, failure::Failure};
use crate::domain::Cause;

/// Addresses of one host that are tried, at most. They share the time to connect.
const ADDRESSES_TRIED: usize = 6;

/// Every open connection of the sender, in use or idle.
#[derive(Debug, Default)]
pub(super) struct OpenConnections {
    state: Mutex<OpenState>,
}

#[derive(Debug, Default)]
struct OpenState {
    shut: bool,
    next: u64,
    streams: HashMap<u64, Weak<TcpStream>>,
}

impl OpenConnections {
    /// How many there are, idle ones included.
    pub fn count(&self) -> usize {
        self.state().streams.len()
    }

    /// Whether [`OpenConnections::shut_down`] was called.
    pub fn is_shut(&self) -> bool {
        self.state().shut
    }

    /// Ends every read, write and connection attempt, and lets no new one begin.
    pub fn shut_down(&self) {
        let streams = {
            let mut state = self.state();
            state.shut = true;
            state.streams.values().filter_map(Weak::upgrade).collect::<Vec<_>>()
        };
        for stream in streams {
            // It fails only where the connection is gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn enter(self: &Arc<Self>, stream: TcpStream) -> Result<Tracked, Failure> {
        let stream = Arc::new(stream);
        let mut state = self.state();
        if state.shut {
            return Err(Failure::interrupted());
        }
        let number = state.next;
        state.next += 1;
        state.streams.insert(number, Arc::downgrade(&stream));
        drop(state);
        Ok(Tracked { stream, number, open: Arc::clone(self) })
    }

    /// No code of ours can panic while it holds the lock.
    fn state(&self) -> MutexGuard<'_, OpenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open socket, which strikes itself off the list when it closes.
#[derive(Debug)]
struct Tracked {
    stream: Arc<TcpStream>,
    number: u64,
    open: Arc<OpenConnections>,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.open.state().streams.remove(&self.number);
    }
}

/// Dials the addresses that the resolver vetted, unless there is a connection already (to a proxy).
#[derive(Debug)]
pub(super) struct Dialler {
    /// Where connections are entered.
    pub open: Arc<OpenConnections>,
}

impl<In: Transport> Connector<In> for Dialler {
    type Out = Either<In, TcpTransport>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        if let Some(connection) = chained {
            return Ok(Some(Either::A(connection)));
        }
        let deadline = connect_deadline(details);
        let addresses = &details.addrs[..details.addrs.len().min(ADDRESSES_TRIED)];
        let mut failure = Failure::new(Cause::DnsNotFound, "");
        call::note(|call| call.marks.dialled = Some(Instant::now()));
        for (position, address) in addresses.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(addresses.len() - position).expect("at most six");
            call::note(|call| call.address = Some(*address));
            match self.dial(*address, share) {
                Ok(socket) => {
                    call::note(|call| call.marks.connected = Some(Instant::now()));
                    let config = details.config;
                    let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
                    return Ok(Some(Either::B(TcpTransport::new(socket, buffers))));
                }
                Err(other) if other.cause == Cause::Interrupted => return Err(other.into()),
                Err(other) => failure = other,
            }
        }
        Err(failure.into())
    }
}

impl Dialler {
    fn dial(&self, address: SocketAddr, time: Duration) -> Result<Tracked, Failure> {
        if time.is_zero() {
            return Err(Failure::new(Cause::ConnectTimeout, address.to_string()));
        }
        let failed = |error: io::Error| {
            let cause = match error.kind() {
                ErrorKind::ConnectionRefused => Cause::ConnectRefused,
                ErrorKind::TimedOut | ErrorKind::WouldBlock => Cause::ConnectTimeout,
                _ => return Failure::new(Cause::ConnectFailed, format!("{address}: {error}.")),
            };
            Failure::new(cause, address.to_string())
        };
        // It fails where this machine has no file descriptors left; the receiver is not to blame.
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
            .map_err(|error| Failure::new(Cause::Internal, format!("No socket could be opened: {error}.")))?;
        // Entered before it connects, so that stop ends the attempt.
        let tracked = self.open.enter(socket.into())?;
        SockRef::from(&*tracked.stream).connect_timeout(&address.into(), time).map_err(failed)?;
        // Head and body go in separate writes; the second must not wait for the first's receipt.
        tracked.stream.set_nodelay(true).map_err(failed)?;
        Ok(tracked)
    }
}

/// When the connection must stand, TLS included.
pub(super) fn connect_deadline(details: &ConnectionDetails) -> Instant {
    let start = match details.now {
        time::Instant::Exact(start) => start,
        time::Instant::AlreadyHappened | time::Instant::NotHappening => Instant::now(),
    };
    start + bounded(details.timeout)
}

/// A connection without encryption.
#[derive(Debug)]
pub(super) struct TcpTransport {
    socket: Tracked,
    buffers: LazyBuffers,
    /// What is to be written before anything is read: head and body leave together.
    held: Vec<u8>,
    /// The receiver takes no more; what it said before is still to be read.
    write_failed: bool,
    /// Nothing was asked of the socket since it was last read.
    just_read: bool,
    /// The time limits that the socket has, so that they are set only when they are too long.
    read_limit: Option<Duration>,
    write_limit: Option<Duration>,
}

/// Bytes that are held back at most until an answer is awaited.
const HELD: usize = 16 * 1024;

/// The longest time limit that a socket gets. One read or write may end after this and is then
/// begun again; so the limit need not be set anew for each request.
const SOCKET_LIMIT: Duration = Duration::from_secs(2);

impl TcpTransport {
    fn new(socket: Tracked, buffers: LazyBuffers) -> Self {
        TcpTransport {
            socket,
            buffers,
            held: Vec::new(),
            write_failed: false,
            just_read: false,
            read_limit: None,
            write_limit: None,
        }
    }

    /// Takes in what was read into the input buffer. False if the receiver has said its last.
    fn came(&mut self, amount: usize) -> bool {
        self.buffers.input_appended(amount);
        self.just_read = true;
        amount > 0
    }

    /// Writes what is held, before `deadline`.
    fn flush(&mut self, deadline: Instant, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let mut stream = &*self.socket.stream;
        let mut written = 0;
        while written < self.held.len() && !self.write_failed {
            let limit = socket_limit(self.write_limit, deadline, timeout)?;
            if self.write_limit != Some(limit) {
                stream.set_write_timeout(Some(limit))?;
                self.write_limit = Some(limit);
            }
            match stream.write(&self.held[written..]) {
                Ok(amount) => written += amount,
                Err(error) => match error.kind() {
                    // The deadline decides; the limit of the socket may be shorter.
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    // Reading tells whether an answer came first.
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => self.write_failed = true,
                    _ => return Err(error.into()),
                },
            }
        }
        self.held.clear();
        Ok(())
    }
}

impl Transport for TcpTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.held.extend_from_slice(&self.buffers.output()[..amount]);
        match self.held.len() >= HELD {
            true => self.flush(Instant::now() + bounded(timeout), timeout),
            false => Ok(()),
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let deadline = Instant::now() + bounded(timeout);
        self.flush(deadline, timeout)?;
        let mut stream = &*self.socket.stream;
        loop {
            let Ok(limit) = socket_limit(self.read_limit, deadline, timeout) else {
                // This machine may have stood still meanwhile, and the answer be there all the same.
                let flags = RecvFlags::DONTWAIT;
                let come = rustix::net::recv(&*self.socket.stream, self.buffers.input_append_buf(), flags);
                let Ok((amount, _)) = come else { return Err(ureq::Error::Timeout(timeout.reason)) };
                return Ok(self.came(amount));
            };
            if self.read_limit != Some(limit) {
                stream.set_read_timeout(Some(limit))?;
                self.read_limit = Some(limit);
            }
            match stream.read(self.buffers.input_append_buf()) {
                Ok(amount) => return Ok(self.came(amount)),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return Err(error.into()),
                },
            }
        }
    }

    /// A kept connection is good while the receiver says nothing on it, not even goodbye. Asked
    /// when it is put aside and again when it is used; the socket is looked at only then.
    fn is_open(&mut self) -> bool {
        if self.write_failed || !self.buffers.input().is_empty() || !self.held.is_empty() {
            return false;
        }
        if std::mem::take(&mut self.just_read) {
            // An idle connection holds no buffer.
            self.held = Vec::new();
            return true;
        }
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        matches!(rustix::net::recv(&*self.socket.stream, &mut [0_u8], flags), Err(Errno::AGAIN))
    }
}

/// The time limit of one read or write that must end before `deadline`: the one the socket has, if
/// it is short enough.
fn socket_limit(present: Option<Duration>, deadline: Instant, timeout: NextTimeout) -> Result<Duration, ureq::Error> {
    let left = time_left(deadline, timeout)?;
    Ok(match present {
        Some(present) if present <= left && (present == SOCKET_LIMIT || left < SOCKET_LIMIT) => present,
        _ => left.min(SOCKET_LIMIT),
    })
}

/// The time limit; ureq writes "never" as a length that no clock can add.
fn bounded(timeout: NextTimeout) -> Duration {
    (*timeout.after).min(Duration::from_secs(3600))
}

/// What is left for one read or write; at least a millisecond, as zero would mean without end.
fn time_left(deadline: Instant, timeout: NextTimeout) -> Result<Duration, ureq::Error> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ureq::Error::Timeout(timeout.reason)) } else { Ok(left.max(Duration::from_millis(1))) }
}
