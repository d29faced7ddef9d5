//! One request over the network, to receivers good and bad.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hookstead::{
    domain::{AddressRule, Answer, Cause, Outcome, PrivateTarget, TargetUrl, Timestamp, WebhookId},
    sender::{HttpTransport, Lookup, OutgoingRequest, Sent, Transport, TransportOptions},
};
use socket2::{Domain, Socket, Type};

use crate::{
    certificates::{Authority, self_signed},
    receiver::{Gate, Receiver, Script},
};

/// The whole exchange. Short, and long enough for a busy machine to answer in.
const TIMEOUT: Duration = Duration::from_millis(600);

const MILLI: Duration = Duration::from_millis(1);

/// How much longer than its time a request may take before a test fails.
const GRACE: Duration = Duration::from_secs(1);

fn loopback_allowed() -> AddressRule {
    AddressRule::with_exceptions(vec![PrivateTarget::parse("127.0.0.0/8").expect("a range")])
}

fn options() -> TransportOptions {
    TransportOptions::new(loopback_allowed())
}

fn transport() -> HttpTransport {
    HttpTransport::new(options()).expect("valid options")
}

fn request(url: &str) -> OutgoingRequest {
    OutgoingRequest {
        webhook: WebhookId(1),
        url: TargetUrl::parse(url).expect("a valid URL"),
        headers: vec![("content-type".into(), "application/json".into())],
        body: (*b"{}").into(),
        timeout: TIMEOUT,
        now: Timestamp::from_millis(1_767_605_400_000),
        tls: Default::default(),
    }
}

/// Sends to `url` with time to spare: for tests that are not about time.
fn send(url: &str) -> Outcome {
    transport().send(&OutgoingRequest { timeout: Duration::from_secs(10), ..request(url) }).outcome
}

fn answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Answered(answer) => answer,
        Outcome::NoAnswer { cause, detail } => panic!("no answer: {cause} {detail}"),
    }
}

fn no_answer(outcome: &Outcome) -> (Cause, &str) {
    match outcome {
        Outcome::Answered(answer) => panic!("an answer: {answer:?}"),
        Outcome::NoAnswer { cause, detail } => (*cause, detail),
    }
}

/// Sends with the short time limit and says what came of it and how long it took.
fn timed(transport: &HttpTransport, url: &str) -> (Sent, Duration) {
    let started = Instant::now();
    let sent = transport.send(&request(url));
    (sent, started.elapsed())
}

fn closed_port() -> SocketAddr {
    // Free again at the end of the line; nothing else on this machine takes it so soon.
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

// What is sent

#[test]
fn a_request_arrives_byte_for_byte_and_with_nothing_added() {
    let receiver = Receiver::start();
    let mut sent = request(&receiver.url("/in/%C3%BC?a=b&c"));
    sent.headers = vec![
        ("content-type".into(), "application/json".into()),
        ("user-agent".into(), "Hookstead/test".into()),
        ("X-Team".into(), "crm \t ünï ✓ \u{80}".into()),
        ("x-twice".into(), "one".into()),
        ("X-Twice".into(), "two".into()),
        ("x-empty".into(), String::new()),
    ];
    sent.body = [b"{\"data\":".as_slice(), &[0xff, 0xfe, 0, 13, 10], b"}"].concat().into();

    let outcome = transport().send(&sent);

    assert_eq!(answer(outcome.outcome).body, b"ok");
    assert_eq!(outcome.address, Some(receiver.addr()));
    let received = receiver.requests().remove(0);
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/in/%C3%BC?a=b&c"));
    assert_eq!(received.body, *sent.body);
    let mut headers: Vec<(String, Vec<u8>)> = received
        .headers
        .into_iter()
        .map(|(name, value)| (String::from_utf8(name).expect("names are ASCII"), value))
        .collect();
    headers.sort();
    let host = receiver.addr().to_string().into_bytes();
    assert_eq!(
        headers,
        [
            ("content-length", sent.body.len().to_string().into_bytes()),
            ("content-type", b"application/json".to_vec()),
            ("host", host),
            ("user-agent", b"Hookstead/test".to_vec()),
            ("x-empty", b"".to_vec()),
            ("x-team", "crm \t ünï ✓ \u{80}".as_bytes().to_vec()),
            ("x-twice", b"one".to_vec()),
            ("x-twice", b"two".to_vec()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    );
}

#[test]
fn a_large_body_arrives_whole() {
    let receiver = Receiver::start();
    let body: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let sent =
        OutgoingRequest { body: body.clone().into(), timeout: Duration::from_secs(10), ..request(&receiver.url("/")) };
    assert!(transport().send(&sent).outcome.is_success());
    assert!(receiver.requests()[0].body == body, "the body has changed");
}

#[test]
fn every_url_that_can_be_saved_can_be_sent() {
    let receiver = Receiver::start();
    let transport = transport();
    let mut sent = 0;
    for character in (0x20..0x7f).map(char::from).filter(|character| !"#".contains(*character)) {
        let url = TargetUrl::parse(&receiver.url(&format!("/a{character}b?c{character}d"))).expect("a valid URL");
        let outcome = transport.send(&OutgoingRequest { url: url.clone(), ..request(&receiver.url("/")) }).outcome;
        assert!(outcome.is_success(), "{url}: {outcome:?}");
        sent += 1;
        let received = receiver.wait_for(sent).pop().expect("it arrived");
        assert_eq!(received.path, url.path_and_query(), "{character:?}");
    }
}

#[test]
fn a_header_that_cannot_be_sent_is_our_fault_and_not_repeated() {
    let receiver = Receiver::start();
    for (name, value) in [("x-token", "sec\r\nret"), ("x token", "secret"), ("authorization", "sécret")] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let outcome = transport().send(&OutgoingRequest { headers, ..request(&receiver.url("/")) }).outcome;
        let (cause, detail) = no_answer(&outcome);
        assert_eq!(cause, Cause::Internal, "{name}: {detail}");
        assert!(!detail.contains("cret"), "{detail}");
    }
    assert_eq!(receiver.requests().len(), 0);
}

// Connecting

#[test]
fn a_closed_port_is_refused_at_once() {
    let address = closed_port();
    let (sent, took) = timed(&transport(), &format!("http://{address}/"));
    assert_eq!(no_answer(&sent.outcome), (Cause::ConnectRefused, address.to_string().as_str()));
    assert_eq!(sent.address, Some(address));
    assert!(took < Duration::from_millis(300), "{took:?}");
}

/// A port whose queue of connections is full, so that further ones get no answer.
struct SilentPort {
    _listener: Socket,
    _queue: Vec<Socket>,
    address: SocketAddr,
}

impl SilentPort {
    fn new() -> SilentPort {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
        listener.listen(0).expect("it listens");
        let address = listener.local_addr().expect("an address").as_socket().expect("of IPv4");
        let mut queue = Vec::new();
        loop {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            let connected = socket.connect_timeout(&address.into(), Duration::from_millis(100));
            queue.push(socket);
            if connected.is_err() {
                return SilentPort { _listener: listener, _queue: queue, address };
            }
        }
    }
}

#[test]
fn a_port_that_does_not_answer_costs_the_time_to_connect() {
    let port = SilentPort::new();
    let options = TransportOptions { connect_timeout: Duration::from_millis(250), ..options() };
    let transport = HttpTransport::new(options).expect("valid options");
    let (sent, took) = timed(&transport, &format!("http://{}/", port.address));
    assert_eq!(no_answer(&sent.outcome), (Cause::ConnectTimeout, port.address.to_string().as_str()));
    assert!(took >= Duration::from_millis(240) && took < Duration::from_millis(250) + GRACE, "{took:?}");
}

#[test]
fn the_whole_time_bounds_the_time_to_connect() {
    let port = SilentPort::new();
    let (sent, took) = timed(&transport(), &format!("http://{}/", port.address));
    assert_eq!(no_answer(&sent.outcome).0, Cause::ConnectTimeout);
    assert!(took < TIMEOUT + GRACE, "{took:?}");
}

// Receivers that are slow, endless or broken

#[test]
fn a_receiver_that_says_nothing_costs_the_whole_time_and_no_more() {
    let receiver = Receiver::start();
    receiver.answer(Script::hang());
    let (sent, took) = timed(&transport(), &receiver.url("/silent"));
    assert_eq!(no_answer(&sent.outcome), (Cause::ResponseTimeout, ""));
    assert_eq!(sent.address, Some(receiver.addr()));
    assert!(took >= TIMEOUT - Duration::from_millis(10) && took < TIMEOUT + GRACE, "{took:?}");
}

#[test]
fn a_receiver_that_takes_nothing_in_costs_the_whole_time_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let sent = OutgoingRequest { body: vec![b' '; 32 << 20].into(), ..request(&url) };
    let started = Instant::now();
    let outcome = transport().send(&sent).outcome;
    assert_eq!(no_answer(&outcome), (Cause::ResponseTimeout, ""));
    assert!(started.elapsed() < TIMEOUT + GRACE, "{:?}", started.elapsed());
}

#[test]
fn a_trickled_head_costs_the_whole_time_and_no_more() {
    let receiver = Receiver::start();
    receiver.answer(Script::trickle("HTTP/1.1 200 OK\r\nx-long: ".to_owned() + &"a".repeat(1000), 20 * MILLI));
    let (sent, took) = timed(&transport(), &receiver.url("/slowhead"));
    assert_eq!(no_answer(&sent.outcome), (Cause::ResponseTimeout, ""));
    assert!(took < TIMEOUT + GRACE, "{took:?}");
}

#[test]
fn the_status_decides_when_the_body_trickles() {
    let receiver = Receiver::start();
    receiver.answer(Script::bytes("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nthanks").then_hang());
    let (sent, took) = timed(&transport(), &receiver.url("/trickle"));
    let answer = answer(sent.outcome);
    assert_eq!((answer.http_status, answer.body.as_slice(), answer.body_truncated), (200, b"thanks".as_slice(), true));
    assert!(took < TIMEOUT + GRACE, "{took:?}");
}

#[test]
fn the_status_decides_when_the_body_breaks_off() {
    for status in [200, 500] {
        for head in ["content-length: 1000\r\n\r\nthanks", "transfer-encoding: chunked\r\n\r\n6\r\nthanks\r\nzz"] {
            let receiver = Receiver::start();
            receiver.answer(Script::bytes(format!("HTTP/1.1 {status} X\r\n{head}")));
            let answer = answer(send(&receiver.url("/")));
            assert_eq!((answer.http_status, answer.body.as_slice()), (status, b"thanks".as_slice()), "{head}");
            assert!(answer.body_truncated);
        }
    }
}

#[test]
fn an_endless_body_is_read_as_far_as_the_cap_and_kept_as_far_as_configured() {
    for head in ["", "content-length: 1073741824\r\n", "transfer-encoding: chunked\r\n"] {
        let receiver = Receiver::start();
        let again = if head.starts_with("transfer") { "8\r\n12345678\r\n" } else { "12345678" };
        receiver.answer(Script::endless(format!("HTTP/1.1 200 OK\r\n{head}\r\n"), again.repeat(100)));
        let started = Instant::now();
        let answer = answer(send(&receiver.url("/huge")));
        assert_eq!((answer.http_status, answer.body_truncated), (200, true));
        assert_eq!(answer.body, b"12345678".repeat(512));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }
}

#[test]
fn a_body_is_truncated_only_if_it_is_longer_than_what_is_kept() {
    let receiver = Receiver::start();
    let transport = transport();
    for (bytes, kept, truncated) in [(0, 0, false), (4096, 4096, false), (4097, 4096, true), (65536, 4096, true)] {
        receiver.answer(Script::status(200).body(vec![b'x'; bytes]));
        let answer = answer(transport.send(&request(&receiver.url("/"))).outcome);
        assert_eq!((answer.body.len(), answer.body_truncated), (kept, truncated), "{bytes}");
    }
}

#[test]
fn a_compressed_body_is_kept_as_it_came() {
    let receiver = Receiver::start();
    let bomb = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff];
    receiver.answer(Script::status(200).header("content-encoding", "gzip").body(bomb));
    let answer = answer(send(&receiver.url("/bomb")));
    assert_eq!(answer.body, bomb);
    assert_eq!(answer.header("content-encoding"), Some(b"gzip".as_slice()));
}

#[test]
fn a_large_head_is_read_and_kept_in_part() {
    let receiver = Receiver::start();
    let mut script = Script::ok().header("x-huge", "h".repeat(20_000)).header("x-raw", [b'a', 0xe9, b'b']);
    for number in 0..100 {
        script = script.header(&format!("x-{number}"), "value");
    }
    receiver.answer(script);
    let answer = answer(send(&receiver.url("/")));
    assert_eq!((answer.http_status, answer.body.as_slice()), (200, b"ok".as_slice()));
    assert_eq!(answer.header("x-huge"), None, "it is over 4 KiB");
    assert_eq!(answer.header("x-raw"), Some([b'a', 0xe9, b'b'].as_slice()));
    assert_eq!(answer.headers.len(), 64);
}

#[test]
fn a_head_over_the_limits_is_not_an_answer() {
    for (head, why) in [
        ("x-huge: ".to_owned() + &"h".repeat(200_000) + "\r\n", "Its head is over 32768 bytes."),
        ((0..5000).map(|number| format!("x-{number}: y\r\n")).collect(), "It has over 128 headers."),
    ] {
        let receiver = Receiver::start();
        receiver.answer(Script::bytes(format!("HTTP/1.1 200 OK\r\n{head}\r\n")));
        let outcome = send(&receiver.url("/headers"));
        assert_eq!(no_answer(&outcome), (Cause::BadResponse, why));
    }
}

#[test]
fn interim_answers_are_passed_over_but_not_without_end() {
    let receiver = Receiver::start();
    let early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let fine = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    receiver.answer_next([
        Script::bytes("HTTP/1.1 100 Continue\r\n\r\n".to_owned() + fine),
        Script::bytes(early.repeat(1000) + fine),
        Script::endless("", early.repeat(100)),
    ]);
    assert_eq!(answer(send(&receiver.url("/continue"))).body, b"ok");
    assert_eq!(answer(send(&receiver.url("/early"))).body, b"ok");
    assert_eq!(no_answer(&send(&receiver.url("/endless"))), (Cause::BadResponse, "It is over 524288 bytes long."));
}

#[test]
fn endless_trailers_end_and_the_status_still_decides() {
    let receiver = Receiver::start();
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n";
    receiver.answer(Script::endless(head, "x: y\r\n".repeat(100)));
    let answer = answer(send(&receiver.url("/")));
    assert_eq!((answer.http_status, answer.body.as_slice()), (200, b"ok".as_slice()));
}

#[test]
fn what_is_not_an_answer_is_told_apart() {
    let receiver = Receiver::start();
    for (script, cause) in [
        (Script::bytes("garbage\r\n\r\n"), Cause::BadResponse),
        (Script::bytes("HTTP/2.0 200 OK\r\n\r\n"), Cause::BadResponse),
        (Script::bytes("HTTP/1.1 000 OK\r\n\r\n"), Cause::BadResponse),
        (Script::bytes("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"), Cause::BadResponse),
        (Script::bytes(vec![0x15, 3, 3, 0, 2, 2, 70]), Cause::BadResponse),
        (Script::bytes("HTTP/1.1 200 OK\r\nx-cut:"), Cause::ClosedEarly),
        (Script::bytes("HTT"), Cause::ClosedEarly),
        (Script::close(), Cause::ClosedEarly),
        (Script::reset(), Cause::ClosedEarly),
    ] {
        let before = receiver.requests().len();
        receiver.answer(script);
        let outcome = send(&receiver.url("/"));
        assert_eq!(no_answer(&outcome).0, cause);
        assert_eq!(receiver.requests().len(), before + 1, "sent once");
    }
}

#[test]
fn a_204_with_a_body_is_a_success_and_spoils_nothing() {
    let receiver = Receiver::start();
    let transport = transport();
    receiver.answer_next([Script::status(204).body("not allowed here")]);
    let first = answer(transport.send(&request(&receiver.url("/"))).outcome);
    assert_eq!((first.http_status, first.body.as_slice()), (204, b"".as_slice()));
    assert_eq!(answer(transport.send(&request(&receiver.url("/"))).outcome).body, b"ok");
}

#[test]
fn an_answer_before_the_whole_request_was_taken_is_heard() {
    let receiver = Receiver::start();
    receiver.answer(Script::status(413).body("too large").then_close().body_unread());
    let sent = OutgoingRequest {
        body: vec![b' '; 8 << 20].into(),
        timeout: Duration::from_secs(10),
        ..request(&receiver.url("/"))
    };
    let answer = answer(transport().send(&sent).outcome);
    assert_eq!(answer.http_status, 413);
}

// What answers mean

#[test]
fn redirects_are_shown_and_not_followed() {
    let elsewhere = Receiver::start();
    let receiver = Receiver::start();
    for status in [301, 302, 303, 307, 308] {
        receiver.answer(Script::status(status).header("location", elsewhere.url("/in")));
        let answer = answer(send(&receiver.url("/")));
        assert_eq!(answer.http_status, status);
        assert_eq!(answer.header("location"), Some(elsewhere.url("/in").as_bytes()));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn retry_after_arrives_as_seconds_or_a_date_and_nonsense_does_not() {
    let receiver = Receiver::start();
    // The request says that it is sent at 2026-01-05 09:30:00.
    for (value, seconds) in [
        ("5", Some(5)),
        ("Mon, 05 Jan 2026 09:30:30 GMT", Some(30)),
        ("Mon, 05 Jan 2026 09:00:00 GMT", Some(0)),
        ("-1", None),
        ("NaN", None),
        ("120.1", None),
        ("1e30", None),
    ] {
        receiver.answer(Script::status(429).header("Retry-After", value));
        let answer = answer(send(&receiver.url("/")));
        // A date is counted from the end of the answer, a moment after the request.
        let rounded = answer.retry_after.map(|wait| (wait + 500 * MILLI).as_secs());
        assert_eq!((answer.http_status, rounded), (429, seconds), "{value}");
    }
}

// Kept connections

#[test]
fn a_connection_is_used_again() {
    let receiver = Receiver::start();
    let transport = transport();
    for _ in 0..20 {
        assert!(transport.send(&request(&receiver.url("/"))).outcome.is_success());
    }
    assert_eq!((receiver.requests().len(), receiver.connections()), (20, 1));
}

#[test]
fn a_receiver_that_drops_kept_connections_causes_no_failure() {
    let receiver = Receiver::start();
    receiver.answer(Script::ok().then_close());
    let transport = transport();
    for _ in 0..100 {
        let outcome = transport.send(&request(&receiver.url("/"))).outcome;
        assert!(outcome.is_success(), "{outcome:?}");
    }
    assert_eq!(receiver.requests().len(), 100, "none was taken twice");
}

#[test]
fn a_request_that_dies_on_a_kept_connection_is_sent_once_more_on_a_new_one() {
    for dies in [Script::close(), Script::reset()] {
        let receiver = Receiver::start();
        let transport = transport();
        receiver.answer_next([Script::ok(), dies.clone(), Script::ok(), dies.clone(), dies]);
        let send = || transport.send(&request(&receiver.url("/"))).outcome;
        assert!(send().is_success());
        assert!(send().is_success(), "the old connection died, a new one served");
        let connections: Vec<usize> = receiver.requests().iter().map(|request| request.connection).collect();
        assert_eq!(connections, [0, 0, 1]);
        assert_eq!(no_answer(&send()).0, Cause::ClosedEarly, "the new connection died too");
        assert_eq!((receiver.requests().len(), receiver.connections()), (5, 3));
    }
}

#[test]
fn a_kept_connection_that_is_silent_or_half_answers_is_not_tried_again() {
    for (script, cause) in
        [(Script::hang(), Cause::ResponseTimeout), (Script::bytes("HTTP/1.1 200"), Cause::ClosedEarly)]
    {
        let receiver = Receiver::start();
        let transport = transport();
        receiver.answer_next([Script::ok(), script]);
        assert!(transport.send(&request(&receiver.url("/"))).outcome.is_success());
        assert_eq!(no_answer(&transport.send(&request(&receiver.url("/"))).outcome).0, cause);
        assert_eq!(receiver.requests().len(), 2);
    }
}

#[test]
fn webhooks_share_no_connection_and_a_forgotten_one_begins_anew() {
    let receiver = Receiver::start();
    let transport = transport();
    let send = |webhook| {
        let sent = OutgoingRequest { webhook: WebhookId(webhook), ..request(&receiver.url("/")) };
        assert!(transport.send(&sent).outcome.is_success());
        receiver.connections()
    };
    assert_eq!([send(1), send(2), send(1), send(2)], [1, 2, 2, 2]);
    transport.forget(WebhookId(1));
    assert_eq!([send(2), send(1)], [2, 3]);
}

#[test]
fn many_threads_and_webhooks_send_at_once() {
    let receiver = Receiver::start();
    let transport = transport();
    thread::scope(|scope| {
        for thread in 0..16_u128 {
            let (transport, receiver) = (&transport, &receiver);
            scope.spawn(move || {
                for number in 0..50 {
                    let webhook = WebhookId(1 + (thread + number) % 5);
                    let timeout = Duration::from_secs(10);
                    let sent = OutgoingRequest { webhook, timeout, ..request(&receiver.url("/")) };
                    let outcome = transport.send(&sent).outcome;
                    assert!(outcome.is_success(), "{outcome:?}");
                }
            });
        }
    });
    assert_eq!(receiver.requests().len(), 800);
}

// Stop

fn interrupted(transport: &HttpTransport, url: &str, when_sent: impl FnOnce()) {
    let sent = OutgoingRequest { timeout: Duration::from_secs(60), ..request(url) };
    thread::scope(|scope| {
        let sending = scope.spawn(|| transport.send(&sent).outcome);
        when_sent();
        let started = Instant::now();
        transport.shut_down();
        let outcome = sending.join().expect("sending does not panic");
        assert_eq!(no_answer(&outcome), (Cause::Interrupted, ""));
        assert!(started.elapsed() < GRACE, "{:?}", started.elapsed());
    });
    let later = transport.send(&sent).outcome;
    assert_eq!(no_answer(&later), (Cause::Interrupted, ""));
}

#[test]
fn stop_ends_a_request_that_waits_for_its_answer() {
    let receiver = Receiver::start();
    receiver.answer(Script::hang());
    interrupted(&transport(), &receiver.url("/"), || drop(receiver.wait_for(1)));
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn stop_ends_a_connection_attempt() {
    let port = SilentPort::new();
    let options = TransportOptions { connect_timeout: Duration::from_secs(60), ..options() };
    let transport = HttpTransport::new(options).expect("valid options");
    // Whether the attempt has begun cannot be seen from here; either way it must end.
    interrupted(&transport, &format!("http://{}/", port.address), || thread::sleep(50 * MILLI));
}

#[test]
fn stop_ends_a_wait_for_a_name() {
    let lookup = PlayedLookup::new(&[]);
    let gate = lookup.hold();
    let options = TransportOptions { connect_timeout: Duration::from_secs(60), ..options() };
    let transport = HttpTransport::with_lookup(options, lookup.clone()).expect("valid options");
    interrupted(&transport, "http://hooks.example.com/", || lookup.wait_for(1));
    gate.open();
}

#[test]
fn stop_leaves_an_answer_that_has_begun() {
    let receiver = Receiver::start();
    receiver.answer(Script::bytes("HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\nbegun").then_hang());
    let transport = transport();
    let sent = OutgoingRequest { timeout: Duration::from_secs(2), ..request(&receiver.url("/")) };
    thread::scope(|scope| {
        let sending = scope.spawn(|| transport.send(&sent).outcome);
        receiver.wait_for(1);
        // The answer is on its way, but nobody can see it arrive.
        thread::sleep(200 * MILLI);
        transport.shut_down();
        assert_eq!(answer(sending.join().expect("sending does not panic")).http_status, 202);
    });
}

// Names and addresses

/// Answers names from a table, counts look-ups, and can be held up.
struct PlayedLookup {
    names: Mutex<HashMap<String, io::Result<Vec<IpAddr>>>>,
    asked: AtomicUsize,
    held: Mutex<Option<Gate>>,
}

impl PlayedLookup {
    fn new(names: &[(&str, &[&str])]) -> Arc<PlayedLookup> {
        let names = names.iter().map(|(name, addresses)| ((*name).to_owned(), Ok(parse_all(addresses)))).collect();
        Arc::new(PlayedLookup { names: Mutex::new(names), asked: AtomicUsize::new(0), held: Mutex::new(None) })
    }

    fn hold(&self) -> Gate {
        let gate = Gate::new();
        *self.held.lock().expect("not poisoned") = Some(gate.clone());
        gate
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn wait_for(&self, n: usize) {
        while self.asked() < n {
            thread::yield_now();
        }
    }
}

fn parse_all(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().expect("an address")).collect()
}

impl Lookup for PlayedLookup {
    fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let held = self.held.lock().expect("not poisoned").clone();
        if let Some(gate) = held {
            gate.wait();
        }
        match self.names.lock().expect("not poisoned").get(host) {
            Some(Ok(addresses)) => Ok(addresses.clone()),
            Some(Err(error)) => Err(error.kind().into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn with_names(rule: AddressRule, names: &[(&str, &[&str])]) -> (HttpTransport, Arc<PlayedLookup>) {
    let lookup = PlayedLookup::new(names);
    let transport = HttpTransport::with_lookup(TransportOptions::new(rule), lookup.clone()).expect("valid options");
    (transport, lookup)
}

#[test]
fn private_addresses_are_refused_in_every_spelling_and_nothing_is_dialled() {
    let receiver = Receiver::start();
    let port = receiver.addr().port();
    let (transport, _) = with_names(
        AddressRule::strict(),
        &[
            ("private.example.com", &["127.0.0.1"]),
            ("mapped.example.com", &["::ffff:127.0.0.1"]),
            ("mixed.example.com", &["93.184.216.34", "127.0.0.1"]),
            ("mixed6.example.com", &["2606:4700::1111", "::1"]),
            ("any.example.com", &["0.0.0.0"]),
        ],
    );
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "localhost",
        "localhost.",
        "crm.internal",
        "private.example.com",
        "mapped.example.com",
        "mixed.example.com",
        "mixed6.example.com",
        "any.example.com",
    ] {
        let sent = transport.send(&request(&format!("http://{host}:{port}/")));
        assert_eq!(no_answer(&sent.outcome), (Cause::BlockedAddress, ""), "{host}");
        assert_eq!(sent.address, None, "{host}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[test]
fn an_exception_opens_what_it_names_and_nothing_else() {
    let receiver = Receiver::start();
    let port = receiver.addr().port();
    let exceptions = [format!("127.0.0.1:{port}"), "crm.internal".to_owned()];
    let rule = AddressRule::with_exceptions(exceptions.map(|text| text.parse().expect("a target")).to_vec());
    let (transport, _) = with_names(
        rule,
        &[
            ("named.example.com", &["127.0.0.1"]),
            ("crm.internal", &["127.0.0.1"]),
            ("other.example.com", &["127.0.0.2"]),
            ("other.internal", &["127.0.0.1"]),
        ],
    );
    let send = |host: &str| transport.send(&request(&format!("http://{host}:{port}/"))).outcome;
    for allowed in ["127.0.0.1", "named.example.com", "crm.internal"] {
        assert!(send(allowed).is_success(), "{allowed}");
    }
    for refused in ["127.0.0.2", "other.example.com", "other.internal"] {
        assert_eq!(no_answer(&send(refused)), (Cause::BlockedAddress, ""), "{refused}");
    }
}

#[test]
fn a_name_is_looked_up_once_in_a_while_and_what_was_vetted_is_dialled() {
    let receiver = Receiver::start();
    let (transport, lookup) = with_names(loopback_allowed(), &[("hooks.example.com", &["127.0.0.1"])]);
    let url = format!("http://hooks.example.com:{}/", receiver.addr().port());
    for webhook in 0..50 {
        // Another webhook each time, so that no connection is used again.
        let sent = transport.send(&OutgoingRequest { webhook: WebhookId(webhook), ..request(&url) });
        assert!(sent.outcome.is_success());
        assert_eq!(sent.address, Some(receiver.addr()));
    }
    assert_eq!(lookup.asked(), 1);
    let host = receiver.requests()[0].header("host");
    assert_eq!(host, Some(format!("hooks.example.com:{}", receiver.addr().port())));
}

#[test]
fn the_next_address_is_tried_when_one_refuses() {
    let receiver = Receiver::start();
    let (transport, _) = with_names(loopback_allowed(), &[("two.example.com", &["127.0.0.2", "127.0.0.1"])]);
    let url = format!("http://two.example.com:{}/", receiver.addr().port());
    let sent = transport.send(&request(&url));
    assert!(sent.outcome.is_success(), "{:?}", sent.outcome);
    assert_eq!(sent.address, Some(receiver.addr()));
}

#[test]
fn no_such_name_is_told_apart_from_a_failed_look_up() {
    let (transport, lookup) = with_names(loopback_allowed(), &[("empty.example.com", &[])]);
    let broken = ("broken.example.com".to_owned(), Err(io::ErrorKind::TimedOut.into()));
    lookup.names.lock().expect("not poisoned").extend([broken]);
    for (host, cause) in [
        ("nowhere.example.com", Cause::DnsNotFound),
        ("empty.example.com", Cause::DnsNotFound),
        ("broken.example.com", Cause::DnsFailed),
    ] {
        let sent = transport.send(&request(&format!("http://{host}/")));
        assert_eq!((no_answer(&sent.outcome).0, sent.address), (cause, None), "{host}");
    }
}

#[test]
fn a_look_up_that_hangs_ends_in_time_and_leaves_other_names_alone() {
    let receiver = Receiver::start();
    let lookup = PlayedLookup::new(&[("fine.example.com", &["127.0.0.1"])]);
    let gate = lookup.hold();
    let options = TransportOptions { connect_timeout: 200 * MILLI, ..options() };
    let transport = HttpTransport::with_lookup(options, lookup.clone()).expect("valid options");
    let (sent, took) = timed(&transport, "http://slow.example.com/");
    assert_eq!(no_answer(&sent.outcome), (Cause::DnsFailed, "The name server did not answer in time."));
    assert!(took < 200 * MILLI + GRACE, "{took:?}");
    *lookup.held.lock().expect("not poisoned") = None;
    let (sent, _) = timed(&transport, &format!("http://fine.example.com:{}/", receiver.addr().port()));
    assert!(sent.outcome.is_success(), "{:?}", sent.outcome);
    gate.open();
}

// TLS

fn tls_options(authority: &Authority) -> TransportOptions {
    TransportOptions { ca_file_pem: Some(authority.pem()), ..options() }
}

fn send_tls(receiver: &Receiver, options: TransportOptions) -> Outcome {
    let lookup = PlayedLookup::new(&[("hooks.example.com", &["127.0.0.1"])]);
    let transport = HttpTransport::with_lookup(options, lookup).expect("valid options");
    let url = format!("https://hooks.example.com:{}/", receiver.addr().port());
    transport.send(&OutgoingRequest { timeout: Duration::from_secs(10), ..request(&url) }).outcome
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_and_nothing_is_sent() {
    let authority = Authority::new();
    let fine = ["hooks.example.com"];
    for (server, cause, why) in [
        (
            authority.server(&fine, |params| params.not_after = rcgen::date_time_ymd(2021, 2, 3)),
            Cause::TlsExpired,
            "It ended on 2021-02-03.",
        ),
        (
            authority.server(&fine, |params| params.not_before = rcgen::date_time_ymd(2998, 2, 3)),
            Cause::TlsExpired,
            "It begins on 2998-02-03.",
        ),
        (
            authority.server(&["a.example.com", "*.example.net"], |_| {}),
            Cause::TlsName,
            "It is for a.example.com, *.example.net.",
        ),
        (Authority::new().server(&fine, |_| {}), Cause::TlsUntrusted, "Its issuer is not known."),
        (self_signed("hooks.example.com"), Cause::TlsUntrusted, "It is self-signed, or of an unusual kind."),
    ] {
        let receiver = Receiver::start_tls(server);
        let outcome = send_tls(&receiver, tls_options(&authority));
        assert_eq!(no_answer(&outcome), (cause, why));
        assert_eq!(receiver.requests().len(), 0);
    }
}

#[test]
fn a_certificate_of_the_ca_file_is_trusted_and_connections_are_kept() {
    let authority = Authority::new();
    let receiver = Receiver::start_tls(authority.server(&["hooks.example.com", "127.0.0.1"], |_| {}));
    assert_eq!(no_answer(&send_tls(&receiver, options())).0, Cause::TlsUntrusted);
    assert_eq!(answer(send_tls(&receiver, tls_options(&authority))).body, b"ok");

    let transport = HttpTransport::new(tls_options(&authority)).expect("valid options");
    let before = receiver.connections();
    for _ in 0..10 {
        let sent = OutgoingRequest { timeout: Duration::from_secs(10), ..request(&receiver.url("/")) };
        let sent = transport.send(&sent);
        assert_eq!((answer(sent.outcome).body.as_slice(), sent.address), (b"ok".as_slice(), Some(receiver.addr())));
    }
    assert_eq!(receiver.connections() - before, 1);
}

#[test]
fn an_encrypted_connection_that_was_dropped_causes_no_failure() {
    let authority = Authority::new();
    let receiver = Receiver::start_tls(authority.server(&["127.0.0.1"], |_| {}));
    receiver.answer(Script::ok().then_close());
    let transport = HttpTransport::new(tls_options(&authority)).expect("valid options");
    for _ in 0..30 {
        let sent = OutgoingRequest { timeout: Duration::from_secs(10), ..request(&receiver.url("/")) };
        let outcome = transport.send(&sent).outcome;
        assert!(outcome.is_success(), "{outcome:?}");
    }
    receiver.answer(Script::close());
    let outcome = transport.send(&request(&receiver.url("/"))).outcome;
    assert_eq!(no_answer(&outcome).0, Cause::ClosedEarly);
}

#[test]
fn a_port_without_tls_and_a_handshake_that_stalls_are_tls_failures() {
    let plain = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}/", plain.local_addr().expect("an address"));
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = plain.accept().expect("a connection");
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").expect("it is taken");
            // Open until the sender has had enough.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        assert_eq!(no_answer(&send(&url)), (Cause::TlsFailed, "The receiver does not speak TLS here."));
    });

    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let options = TransportOptions { connect_timeout: 300 * MILLI, ..options() };
    let transport = HttpTransport::new(options).expect("valid options");
    let (sent, took) = timed(&transport, &format!("https://{}/", silent.local_addr().expect("an address")));
    assert_eq!(no_answer(&sent.outcome), (Cause::TlsFailed, "The handshake did not end in time."));
    assert!(took < 300 * MILLI + GRACE, "{took:?}");
}

#[test]
fn tls_ends_in_time_with_a_trickling_receiver_too() {
    let authority = Authority::new();
    let receiver = Receiver::start_tls(authority.server(&["127.0.0.1"], |_| {}));
    receiver.answer(Script::trickle("HTTP/1.1 200 OK\r\nx-long: ".to_owned() + &"a".repeat(1000), 20 * MILLI));
    let transport = HttpTransport::new(tls_options(&authority)).expect("valid options");
    let (sent, took) = timed(&transport, &receiver.url("/"));
    assert_eq!(no_answer(&sent.outcome), (Cause::ResponseTimeout, ""));
    assert!(took < TIMEOUT + GRACE, "{took:?}");
}

#[test]
fn a_ca_file_or_proxy_that_cannot_be_used_is_a_fault_that_repeats_nothing() {
    for pem in ["", "secret", "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n"] {
        let options = TransportOptions { ca_file_pem: Some(pem.into()), ..options() };
        let fault = HttpTransport::new(options).err().expect("a fault");
        assert_eq!(fault.code, "ca_file");
        assert!(!fault.message.contains("secret"));
    }
    for proxy in ["socks5://u:secret@127.0.0.1:1", "", "http://u:secret@"] {
        let options = TransportOptions { proxy: Some(proxy.into()), ..options() };
        let fault = HttpTransport::new(options).err().unwrap_or_else(|| panic!("{proxy}"));
        assert_eq!(fault.code, "proxy");
        assert!(!fault.message.contains("secret"));
    }
}

// Proxy

#[test]
fn a_configured_proxy_is_asked_to_connect_and_looks_the_name_up() {
    let proxy = Receiver::start();
    let lookup = PlayedLookup::new(&[]);
    let url = format!("http://user:pass@{}", proxy.addr());
    let options = TransportOptions { proxy: Some(url), ..TransportOptions::new(AddressRule::strict()) };
    let transport = HttpTransport::with_lookup(options, lookup.clone()).expect("valid options");
    // The played proxy answers the request in the tunnel itself.
    proxy.answer_next([Script::status(200), Script::status(202)]);

    let sent = transport.send(&request("http://hooks.example.com/in"));
    assert_eq!((answer(sent.outcome).http_status, sent.address), (202, Some(proxy.addr())));
    let requests = proxy.requests();
    let lines: Vec<_> = requests.iter().map(|request| (request.method.as_str(), request.path.as_str())).collect();
    assert_eq!(lines, [("CONNECT", "hooks.example.com:80"), ("POST", "/in")]);
    assert_eq!(requests[1].header("proxy-authorization"), None);
    assert_eq!(lookup.asked(), 0);

    proxy.answer(Script::status(403));
    let refused = transport.send(&OutgoingRequest { webhook: WebhookId(2), ..request("http://hooks.example.com/") });
    assert_eq!(no_answer(&refused.outcome), (Cause::ConnectFailed, "The proxy refused to connect."));

    let before = proxy.connections();
    let blocked = transport.send(&request("http://10.0.0.1/"));
    assert_eq!(no_answer(&blocked.outcome), (Cause::BlockedAddress, ""));
    assert_eq!(proxy.connections(), before);
}

#[test]
fn the_played_receiver_stops_when_dropped() {
    let receiver = Receiver::start();
    receiver.answer(Script::ok().after(&Gate::new()));
    let address = receiver.addr();
    let url = receiver.url("/");
    thread::scope(|scope| {
        scope.spawn(|| transport().send(&request(&url)));
        receiver.wait_for(1);
        drop(receiver);
    });
    assert!(TcpStream::connect(address).is_err());
}
