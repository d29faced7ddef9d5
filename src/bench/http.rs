//! As much HTTP as the bench speaks: requests prepared beforehand, and where a message ends.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The length of every event's body, in bytes.
pub(super) const BODY_BYTES: usize = 1_024;
/// Stands before an event's number.
const NUMBER_MARK: &[u8] = br#""number":""#;
/// Digits of an event's number. It is a string in the event, because a JSON number has no leading zeros.
const NUMBER_DIGITS: usize = 10;
/// Where an event's number is looked for: well within what stands before the padding.
const NUMBER_WITHIN: usize = 512;
/// How much room there is for one read.
const READ_BYTES: usize = 4 << 10;
/// How long one request of [`call`] may wait. A start after a crash is waited for elsewhere.
const CALL_WITHIN: Duration = Duration::from_secs(60);

/// A request that publishes an event, complete but for the event's number.
#[derive(Debug, Clone)]
pub(super) struct EventRequest {
    bytes: Vec<u8>,
    number_at: usize,
}

impl EventRequest {
    /// Publishes at `path`, for `account`.
    pub(super) fn new(path: &str, key: &str, account: &str) -> EventRequest {
        let body = event_body(account);
        let mut bytes = head("POST", path, key, body.len()).into_bytes();
        bytes.extend_from_slice(body.as_bytes());
        let number_at = find(&bytes, NUMBER_MARK).expect("every event has a number") + NUMBER_MARK.len();
        EventRequest { bytes, number_at }
    }

    /// The request with this number.
    pub(super) fn numbered(&mut self, number: u64) -> &[u8] {
        let digits = &mut self.bytes[self.number_at..self.number_at + NUMBER_DIGITS];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        &self.bytes
    }
}

/// The body of an event, [`BODY_BYTES`] long, with number 0.
pub(super) fn event_body(account: &str) -> String {
    let zeros = "0".repeat(NUMBER_DIGITS);
    let begin = format!(r#"{{"type":"contact.created","account":"{account}","data":{{"number":"{zeros}","pad":""#);
    let end = r#""}}"#;
    let pad = "x".repeat(BODY_BYTES - begin.len() - end.len());
    format!("{begin}{pad}{end}")
}

/// The number of the event in a body that was sent to a webhook.
pub(super) fn number_in(body: &[u8]) -> Option<u64> {
    let body = &body[..body.len().min(NUMBER_WITHIN)];
    let digits = body.get(find(body, NUMBER_MARK)? + NUMBER_MARK.len()..)?.get(..NUMBER_DIGITS)?;
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}

fn head(method: &str, path: &str, key: &str, length: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Reads one message after the other from a connection.
#[derive(Debug, Default)]
pub(super) struct Messages {
    buffer: Vec<u8>,
    /// Length of the message that was given last; it is thrown away before the next is read.
    given: usize,
}

/// A whole request or answer.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// First line and headers.
    pub(super) head: &'a [u8],
    /// What follows them.
    pub(super) body: &'a [u8],
}

impl Messages {
    /// The next message; none if the connection ended.
    pub(super) async fn next(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Message<'_>>> {
        self.buffer.drain(..self.given);
        self.given = 0;
        let (head, whole) = loop {
            if let Some(lengths) = lengths(&self.buffer)
                && self.buffer.len() >= lengths.1
            {
                break lengths;
            }
            self.buffer.reserve(READ_BYTES);
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        };
        self.given = whole;
        Ok(Some(Message { head: &self.buffer[..head], body: &self.buffer[head..whole] }))
    }
}

impl Message<'_> {
    /// The status, if this is an answer.
    pub(super) fn status(&self) -> u16 {
        let digits = self.head.get(9..12).unwrap_or_default();
        std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or_default()
    }

    /// The path, if this is a request.
    pub(super) fn path(&self) -> &[u8] {
        self.head.split(|byte| *byte == b' ').nth(1).unwrap_or_default()
    }
}

/// Length of the head and of the whole message, once the head is there.
fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    const LENGTH: &[u8] = b"content-length:";
    let (mut at, mut length) = (0, 0);
    loop {
        let line = &bytes[at..at + bytes[at..].iter().position(|byte| *byte == b'\n')?];
        at += line.len() + 1;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return Some((at, at + length));
        }
        if line.len() > LENGTH.len() && line[..LENGTH.len()].eq_ignore_ascii_case(LENGTH) {
            length = std::str::from_utf8(&line[LENGTH.len()..]).ok()?.trim().parse().ok()?;
        }
    }
}

/// One request on a connection of its own: status and body of the answer.
pub(super) fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    key: &str,
    body: &str,
) -> Result<(u16, String), String> {
    Line::open(address)
        .and_then(|mut line| line.call(method, path, key, body))
        .map_err(|error| format!("{method} {path}: {error}"))
}

/// A connection for one request after the other, each waited for.
#[derive(Debug)]
pub(super) struct Line(TcpStream);

impl Line {
    /// Connects.
    pub(super) fn open(address: SocketAddr) -> io::Result<Line> {
        let stream = TcpStream::connect_timeout(&address, CALL_WITHIN)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(CALL_WITHIN))?;
        stream.set_write_timeout(Some(CALL_WITHIN))?;
        Ok(Line(stream))
    }

    /// Status and body of the answer.
    pub(super) fn call(&mut self, method: &str, path: &str, key: &str, body: &str) -> io::Result<(u16, String)> {
        self.0.write_all(format!("{}{body}", head(method, path, key, body.len())).as_bytes())?;
        let (mut answer, mut piece) = (Vec::new(), [0; READ_BYTES]);
        loop {
            if let Some((head, whole)) = lengths(&answer)
                && answer.len() >= whole
            {
                let message = Message { head: &answer[..head], body: &answer[head..whole] };
                return Ok((message.status(), String::from_utf8_lossy(message.body).into_owned()));
            }
            match self.0.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => answer.extend_from_slice(&piece[..length]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_goes_there_and_back() {
        let mut request = EventRequest::new("/api/v1/events", "hsk_x", "acme-7");
        let bytes = request.numbered(1_234_567_890).to_vec();
        let (head, whole) = lengths(&bytes).unwrap();
        assert_eq!((bytes.len(), whole - head), (whole, BODY_BYTES));
        assert_eq!(number_in(&bytes[head..]), Some(1_234_567_890));
        let body: serde_json::Value = serde_json::from_slice(&bytes[head..]).unwrap();
        assert_eq!((&body["account"], &body["data"]["number"]), (&"acme-7".into(), &"1234567890".into()));
        assert_eq!(number_in(b"{}"), None);
    }

    #[test]
    fn a_message_ends_where_its_length_says() {
        let answer = b"HTTP/1.1 202 Accepted\r\nx: y\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200";
        let (head, whole) = lengths(answer).unwrap();
        assert_eq!((&answer[head..whole], &answer[whole..]), (&b"{}"[..], &b"HTTP/1.1 200"[..]));
        assert_eq!(Message { head: &answer[..head], body: b"" }.status(), 202);
        assert_eq!(Message { head: b"POST /fast/3 HTTP/1.1\r\n\r\n", body: b"" }.path(), b"/fast/3");
        assert_eq!(lengths(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"), None);
    }
}
