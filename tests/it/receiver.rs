//! A receiver that does as it is told: it records every request and answers by script.
//!
//! Plain threads and blocking sockets, one thread per connection. It stops, and its threads end,
//! when it is dropped.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustls::{ServerConfig, ServerConnection};
use socket2::SockRef;

/// How long [`Receiver::wait_for`] waits. Generous: only a test that fails gets there.
const PATIENCE: Duration = Duration::from_secs(20);

/// A receiver on `127.0.0.1`.
pub struct Receiver {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// A request as it came.
#[derive(Clone)]
pub struct Received {
    /// Such as `POST`.
    pub method: String,
    /// The path, and the query if there is one.
    pub path: String,
    /// Names and values in the order received.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// As many bytes as `content-length` said.
    pub body: Vec<u8>,
    /// When its last byte had come.
    pub at: Instant,
    /// Which connection it came on, from 0.
    pub connection: usize,
}

/// How to answer one request.
#[derive(Clone)]
pub struct Script {
    gate: Option<Gate>,
    body_unread: bool,
    how: How,
    then: Then,
}

#[derive(Clone)]
enum How {
    Answer { status: u16, headers: Vec<(String, Vec<u8>)>, body: Vec<u8> },
    Bytes(Vec<u8>),
    Trickle { bytes: Vec<u8>, every: Duration },
    Endless { first: Vec<u8>, again: Vec<u8> },
    Nothing,
}

/// What becomes of the connection after the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Keep,
    Close,
    Reset,
    Hang,
}

/// Something a script waits for until the test opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Receiver {
    /// A receiver for `http` that answers `200` with the body `ok` until told otherwise.
    pub fn start() -> Receiver {
        Receiver::start_with(None)
    }

    /// The same for `https`.
    pub fn start_tls(config: ServerConfig) -> Receiver {
        Receiver::start_with(Some(Arc::new(config)))
    }

    fn start_with(tls: Option<Arc<ServerConfig>>) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared::default());
        let acceptor = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.accept_all(&listener, tls))
        };
        Receiver { address, scheme, shared, acceptor: Some(acceptor) }
    }

    /// Its URL with this path, such as `/in?a=b`.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers every request from now on like this.
    pub fn answer(&self, script: Script) {
        self.shared.state().always = script;
    }

    /// Answers the next requests like this, one after the other, before it goes on as it was told.
    pub fn answer_next(&self, scripts: impl IntoIterator<Item = Script>) {
        self.shared.state().next.extend(scripts);
    }

    /// Every request so far, in the order of their last bytes.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.state().requests.clone()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Waits until `n` requests have come, and gives all there are.
    ///
    /// # Panics
    /// If they do not come, saying what did.
    pub fn wait_for(&self, n: usize) -> Vec<Received> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.state();
        while state.requests.len() < n {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited for {n} requests, got {:#?}", state.requests);
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.requests.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let streams: Vec<_> = {
            let mut state = self.shared.state();
            state.stopping = true;
            state.gates.iter().for_each(Gate::open);
            state.streams.iter().filter_map(Weak::upgrade).collect()
        };
        self.shared.changed.notify_all();
        for stream in streams {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Received {
    /// The first value of a header, as text. The name is in lower case.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(each, _)| each.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} ({} bytes)", self.method, self.path, self.body.len())
    }
}

impl Script {
    /// `200` with the body `ok`.
    pub fn ok() -> Script {
        Script::status(200).body("ok")
    }

    /// This status and no body.
    pub fn status(status: u16) -> Script {
        Script::how(How::Answer { status, headers: Vec::new(), body: Vec::new() }, Then::Keep)
    }

    /// Takes the request and says nothing.
    pub fn hang() -> Script {
        Script::how(How::Nothing, Then::Hang)
    }

    /// Takes the request and closes the connection.
    pub fn close() -> Script {
        Script::how(How::Nothing, Then::Close)
    }

    /// Takes the request and resets the connection.
    pub fn reset() -> Script {
        Script::how(How::Nothing, Then::Reset)
    }

    /// Sends exactly these bytes and closes.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Script {
        Script::how(How::Bytes(bytes.into()), Then::Close)
    }

    /// Sends these bytes one at a time, then closes.
    pub fn trickle(bytes: impl Into<Vec<u8>>, every: Duration) -> Script {
        Script::how(How::Trickle { bytes: bytes.into(), every }, Then::Close)
    }

    /// Sends `first`, then `again` without end.
    pub fn endless(first: impl Into<Vec<u8>>, again: impl Into<Vec<u8>>) -> Script {
        Script::how(How::Endless { first: first.into(), again: again.into() }, Then::Close)
    }

    /// The same answer with this header.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Script {
        match &mut self.how {
            How::Answer { headers, .. } => headers.push((name.to_owned(), value.into())),
            _ => panic!("only an answer has headers"),
        }
        self
    }

    /// The same answer with this body.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Script {
        match &mut self.how {
            How::Answer { body, .. } => *body = bytes.into(),
            _ => panic!("only an answer has a body"),
        }
        self
    }

    /// The same, but only once the gate is open.
    pub fn after(self, gate: &Gate) -> Script {
        Script { gate: Some(gate.clone()), ..self }
    }

    /// The same, and then closes the connection without having said so.
    pub fn then_close(self) -> Script {
        Script { then: Then::Close, ..self }
    }

    /// The same, and then neither sends nor closes.
    pub fn then_hang(self) -> Script {
        Script { then: Then::Hang, ..self }
    }

    /// The same without reading the request's body. The request is recorded with an empty one. To
    /// be set with [`Receiver::answer`] before the request comes.
    pub fn body_unread(self) -> Script {
        Script { body_unread: true, ..self }
    }

    fn how(how: How, then: Then) -> Script {
        Script { gate: None, body_unread: false, how, then }
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Gate {
        Gate::default()
    }

    /// Lets everyone through, now and later.
    pub fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open.
    pub fn wait(&self) {
        let mut open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*open {
            open = self.0.1.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Shared {
    state: Mutex<State>,
    /// A request came, or the receiver stops.
    changed: Condvar,
}

struct State {
    requests: Vec<Received>,
    next: VecDeque<Script>,
    always: Script,
    connections: usize,
    streams: Vec<Weak<TcpStream>>,
    gates: Vec<Gate>,
    stopping: bool,
}

impl Default for Shared {
    fn default() -> Self {
        let state = State {
            requests: Vec::new(),
            next: VecDeque::new(),
            always: Script::ok(),
            connections: 0,
            streams: Vec::new(),
            gates: Vec::new(),
            stopping: false,
        };
        Shared { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept_all(self: Arc<Self>, listener: &TcpListener, tls: Option<Arc<ServerConfig>>) {
        let mut handlers: Vec<JoinHandle<()>> = Vec::new();
        for stream in listener.incoming() {
            let Ok(stream) = stream else { break };
            let stream = Arc::new(stream);
            let connection = {
                let mut state = self.state();
                if state.stopping {
                    break;
                }
                state.streams.retain(|stream| stream.strong_count() > 0);
                state.streams.push(Arc::downgrade(&stream));
                state.connections += 1;
                state.connections - 1
            };
            handlers.retain(|handler| !handler.is_finished());
            let shared = Arc::clone(&self);
            let tls = tls.clone();
            handlers.push(thread::spawn(move || {
                // An error means that the sender is gone, or its TLS was not to be understood.
                let _ = shared.serve(Wire::new(stream, tls), connection);
            }));
        }
        for handler in handlers {
            let _ = handler.join();
        }
    }

    fn serve(&self, wire: Wire, connection: usize) -> io::Result<()> {
        let mut wire = BufReader::new(wire);
        while let Some(request) = self.read(&mut wire, connection)? {
            let script = self.record(request);
            if let Some(gate) = &script.gate {
                gate.wait();
            }
            self.play(&script.how, wire.get_mut())?;
            match script.then {
                Then::Keep => {}
                Then::Close => return wire.get_mut().close(),
                Then::Reset => return wire.get_ref().reset(),
                Then::Hang => {
                    self.pause(PATIENCE * 10);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn read(&self, wire: &mut BufReader<Wire>, connection: usize) -> io::Result<Option<Received>> {
        let first = read_line(wire)?;
        if first.is_empty() {
            return Ok(None);
        }
        let first = String::from_utf8_lossy(&first).into_owned();
        let mut words = first.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = Vec::new();
        loop {
            let line = read_line(wire)?;
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
            // Exactly one space is written after the colon; what else is there belongs to the value.
            let value = line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]);
            headers.push((line[..colon].to_vec(), value.to_vec()));
        }
        let mut request = Received { method, path, headers, body: Vec::new(), at: Instant::now(), connection };
        let unread = {
            let state = self.state();
            state.next.front().unwrap_or(&state.always).body_unread
        };
        if !unread {
            let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
            request.body = vec![0; length];
            wire.read_exact(&mut request.body)?;
            request.at = Instant::now();
        }
        Ok(Some(request))
    }

    fn record(&self, request: Received) -> Script {
        let mut state = self.state();
        let script = state.next.pop_front().unwrap_or_else(|| state.always.clone());
        state.gates.extend(script.gate.clone());
        if state.stopping {
            state.gates.iter().for_each(Gate::open);
        }
        state.requests.push(request);
        self.changed.notify_all();
        script
    }

    fn play(&self, how: &How, wire: &mut Wire) -> io::Result<()> {
        match how {
            How::Nothing => Ok(()),
            How::Bytes(bytes) => wire.write_all(bytes),
            How::Answer { status, headers, body } => {
                let mut bytes = format!("HTTP/1.1 {status} Scripted\r\n").into_bytes();
                for (name, value) in headers {
                    bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
                }
                bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
                bytes.extend(body);
                wire.write_all(&bytes)
            }
            How::Trickle { bytes, every } => {
                for byte in bytes {
                    wire.write_all(&[*byte])?;
                    self.pause(*every);
                }
                Ok(())
            }
            How::Endless { first, again } => {
                wire.write_all(first)?;
                // Ends when the sender closes, or the receiver stops.
                loop {
                    wire.write_all(again)?;
                }
            }
        }
    }

    /// Waits, unless the receiver stops.
    fn pause(&self, time: Duration) {
        let state = self.state();
        let stopping = self.changed.wait_timeout_while(state, time, |state| !state.stopping);
        drop(stopping);
    }
}

/// A line without its end; empty at the end of the stream too.
fn read_line(wire: &mut BufReader<Wire>) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    wire.read_until(b'\n', &mut line)?;
    while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        line.pop();
    }
    Ok(line)
}

/// A connection with or without TLS.
struct Wire {
    stream: Arc<TcpStream>,
    tls: Option<ServerConnection>,
}

impl Wire {
    fn new(stream: Arc<TcpStream>, tls: Option<Arc<ServerConfig>>) -> Wire {
        let tls = tls.map(|config| ServerConnection::new(config).expect("a valid configuration"));
        Wire { stream, tls }
    }

    fn close(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            tls.write_tls(&mut &*self.stream)?;
        }
        self.stream.shutdown(Shutdown::Both)
    }

    /// Closing with a linger time of zero sends a reset.
    fn reset(&self) -> io::Result<()> {
        SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut &*self.stream).read(buffer),
            None => (&*self.stream).read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut &*self.stream).write(bytes),
            None => (&*self.stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls, &mut &*self.stream).flush(),
            None => Ok(()),
        }
    }
}
