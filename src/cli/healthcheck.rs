//! `hookstead healthcheck`: asks a running server whether it is ready, for containers that have no
//! other program to ask with.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs},
    process::ExitCode,
    str::FromStr,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};
use url::{Position, Url};

use super::output::complain;
use crate::{config::Config, system::unchecked_client};

/// Longest time for the question and its answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Most bytes of the answer that are read; the first line is enough, the rest says what is not ready.
const LONGEST_ANSWER: u64 = 16 << 10;

/// What to ask: an `http` or `https` URL with a host. The certificate is not checked, because the usual
/// server to ask is on this machine and its certificate for another name; nothing is told to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthUrl(Url);

impl FromStr for HealthUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        match url.scheme() {
            "http" | "https" => Ok(HealthUrl(url)),
            _ => Err("it must begin with http:// or https://".to_owned()),
        }
    }
}

impl HealthUrl {
    /// The address without the path.
    pub(super) fn base(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl From<&Config> for HealthUrl {
    /// `/readyz` where a server with this configuration listens.
    fn from(config: &Config) -> Self {
        let ip = match config.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let address = SocketAddr::new(ip, config.listen.port());
        let scheme = if config.tls().is_some() { "https" } else { "http" };
        HealthUrl(Url::parse(&format!("{scheme}://{address}/readyz")).expect("an address and a path make a URL"))
    }
}

/// Asks, and succeeds if the answer is 200.
pub(super) fn run(url: &HealthUrl) -> ExitCode {
    match ask(&url.0, Instant::now() + TIMEOUT) {
        Ok(answer) if is_ok(&answer) => ExitCode::SUCCESS,
        Ok(answer) => {
            complain(&format!("{} is not ready: {}", url.0, told(&answer)));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&format!("{} does not answer: {error}", url.0));
            ExitCode::FAILURE
        }
    }
}

/// The answer to a GET, as it came.
fn ask(url: &Url, deadline: Instant) -> io::Result<Vec<u8>> {
    let socket = connect(url, deadline)?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    socket.set_read_timeout(Some(time_left(deadline)?))?;
    let mut stream: Box<dyn Stream> = match url.scheme() {
        "https" => encrypted(url, socket.try_clone()?)?,
        _ => Box::new(socket.try_clone()?),
    };
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let target = &url[Position::BeforePath..Position::AfterQuery];
    // In one piece: a server that answers early must not find a rest of the question unread.
    stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes())?;

    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // The deadline is looked at for every piece, because a timeout alone starts anew with each.
    while (answer.len() as u64) < LONGEST_ANSWER {
        socket.set_read_timeout(Some(time_left(deadline)?))?;
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            // A server that closes without the goodbye of TLS has answered all the same.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}

/// A connection, encrypted or not.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

fn encrypted(url: &Url, socket: TcpStream) -> io::Result<Box<dyn Stream>> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let client = ClientConnection::new(unchecked_client(), name).map_err(io::Error::other)?;
    Ok(Box::new(StreamOwned::new(client, socket)))
}

fn connect(url: &Url, deadline: Instant) -> io::Result<TcpStream> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(80);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, time_left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn time_left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

fn is_ok(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200 ")
}

/// Status line and body in one line, without anything that could move a terminal's cursor.
fn told(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.lines().next().unwrap_or("no answer");
    let line = format!("{status} {body}");
    line.trim().chars().take(1000).map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// A server that takes one request and answers with `answer`; the request comes back.
    fn server(answer: &'static [u8]) -> (Url, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/readyz?verbose=1", listener.local_addr().unwrap()).parse().unwrap();
        let request = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer).unwrap();
            String::from_utf8(request[..length].to_vec()).unwrap()
        });
        (url, request)
    }

    fn soon() -> Instant {
        Instant::now() + TIMEOUT
    }

    #[test]
    fn a_ready_server_is_ready() {
        let (url, request) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        assert!(is_ok(&ask(&url, soon()).unwrap()));
        let host = url.authority();
        let expected = format!("GET /readyz?verbose=1 HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        assert_eq!(request.join().unwrap(), expected);
    }

    #[test]
    fn any_other_answer_is_told_and_harmless() {
        let (url, _) = server(b"HTTP/1.1 503 Service Unavailable\r\n\r\n{\"store\":\"cannot \x1b[2Jwrite\"}");
        let answer = ask(&url, soon()).unwrap();
        assert!(!is_ok(&answer));
        assert_eq!(told(&answer), "HTTP/1.1 503 Service Unavailable {\"store\":\"cannot  [2Jwrite\"}");
        assert!(!is_ok(b""));
        assert!(!is_ok(b"HTTP/1.1 2000"));
    }

    #[test]
    fn silence_ends_at_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let error = ask(&url, Instant::now() + Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn an_endless_answer_is_not_read_to_its_end() {
        let (url, _) = server(&[b'a'; 1 << 20]);
        assert!(ask(&url, soon()).unwrap().len() as u64 <= LONGEST_ANSWER + 4096);
    }

    #[test]
    fn the_configured_address_is_asked_from_this_machine() {
        let cases = [
            ("0.0.0.0:8080", "http://127.0.0.1:8080/readyz"),
            ("[::]:8080", "http://[::1]:8080/readyz"),
            ("10.0.0.5:80", "http://10.0.0.5/readyz"),
        ];
        for (listen, url) in cases {
            let mut config = Config::defaults();
            config.listen = listen.parse().unwrap();
            assert_eq!(HealthUrl::from(&config).0.as_str(), url);
        }
    }
}
