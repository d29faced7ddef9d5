//! Requests that no client library would send, byte by byte.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::app::TestApp;

/// Sends bytes as they are and reads until the server closes or is silent for two seconds.
fn raw(app: &TestApp, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.base.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    // The server may have answered and closed before everything was written.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut part) {
        answer.extend_from_slice(&part[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("")
}

fn post(app: &TestApp, headers: &str, body: &str) -> String {
    let key = &app.key;
    format!(
        "POST /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         connection: close\r\n{headers}\r\n{body}"
    )
}

const EVENT: &str = r#"{"type":"contact.created","data":1}"#;

#[test]
fn heads_that_are_not_http_are_400_and_closed() {
    let app = TestApp::start();
    let length = EVENT.len();
    for headers in [
        format!("content-length: {length}\r\ncontent-length: {}\r\n", length + 1),
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
        "transfer-encoding: xchunked\r\n".into(),
        "content-length: -1\r\n".into(),
        "content-length: +5\r\n".into(),
        "content-length: 100000000000000000000\r\n".into(),
        "host: y\r\ncontent-length: 0\r\n".into(),
        "x: a\r\n b\r\n".into(),
        "x : a\r\n".into(),
    ] {
        let answer = raw(&app, post(&app, &headers, EVENT).as_bytes());
        assert_eq!(status(&answer), "400", "{headers:?}: {answer}");
    }
    for request in
        ["GET /api/v1/me HTTP/1.1\r\n\r\n", "GET /\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\0"]
    {
        let answer = raw(&app, request.as_bytes());
        assert!(["400", ""].contains(&status(&answer)), "{request:?}: {answer}");
    }
    app.get("/me").expect(200);
    assert_eq!(app.get("/events").json()["data"].as_array().unwrap().len(), 0);
}

#[test]
fn heads_that_are_too_large_are_431() {
    let app = TestApp::start();
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    assert_eq!(status(&raw(&app, post(&app, &many, "").as_bytes())), "431");
    let megabyte = format!("x: {}\r\n", "y".repeat(1 << 20));
    assert_eq!(status(&raw(&app, post(&app, &megabyte, "").as_bytes())), "431");
    let some = format!("x: {}\r\n", "y".repeat(40_000));
    let answer = raw(&app, post(&app, &some, "").as_bytes());
    assert_eq!(status(&answer), "431");
    assert!(answer.contains("\"code\":\"head_too_large\""), "{answer}");
}

#[test]
fn a_body_that_is_announced_too_large_is_refused_without_reading_it() {
    let app = TestApp::start();
    let began = Instant::now();
    for headers in ["content-length: 1073741824\r\n", "content-length: 1073741824\r\nexpect: 100-continue\r\n"] {
        let answer = raw(&app, post(&app, headers, "").as_bytes());
        assert!(answer.contains(" 413 ") && answer.contains("payload_too_large"), "{answer}");
    }
    assert!(began.elapsed() < Duration::from_secs(6));
}

#[test]
fn a_body_without_end_is_refused_once_it_is_over_the_limit() {
    let app = TestApp::start_with(|config| config.limits.event_bytes = 4096);
    let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400)).repeat(64);
    let answer = raw(&app, post(&app, "transfer-encoding: chunked\r\n", &chunk).as_bytes());
    assert_eq!(status(&answer), "413", "{answer}");
    let whole = format!("{:x}\r\n{EVENT}\r\n0\r\n\r\n", EVENT.len());
    let answer = raw(&app, post(&app, "transfer-encoding: chunked\r\n", &whole).as_bytes());
    assert_eq!(status(&answer), "202", "{answer}");
}

#[test]
fn a_good_request_before_a_bad_one_is_answered() {
    let app = TestApp::start();
    let good = format!("GET /api/v1/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", app.key);
    let answer = raw(&app, format!("{good}NONSENSE\r\n\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn a_key_with_odd_bytes_is_no_key_and_an_odd_method_no_method() {
    let app = TestApp::start();
    let mut request = b"GET /api/v1/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer hsk_".to_vec();
    request.extend_from_slice(b"\xff\xe9\r\n\r\n");
    assert_eq!(status(&raw(&app, &request)), "401");
    let answer = raw(&app, b"FOO /api/v1/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(status(&answer), "405");
    assert!(answer.contains("allow: GET, HEAD\r\n"), "{answer}");
}

/// Row 47: where lines end with a line feed alone it is taken or refused, and nothing in between.
#[test]
fn bare_line_feeds_are_taken_or_refused() {
    let app = TestApp::start();
    let request = post(&app, &format!("content-length: {}\r\n", EVENT.len()), EVENT).replace("\r\n", "\n");
    let answer = raw(&app, request.as_bytes());
    let taken = app.get("/events").json()["data"].as_array().unwrap().len();
    assert!(matches!((status(&answer), taken), ("202", 1) | ("400" | "", 0)), "{taken}: {answer}");
}

#[test]
fn trace_does_not_echo() {
    let app = TestApp::start();
    let answer = raw(&app, b"TRACE /api/v1/me HTTP/1.1\r\nhost: x\r\nx-secret: echo me\r\nconnection: close\r\n\r\n");
    assert_eq!(status(&answer), "405");
    assert!(!answer.contains("echo me"), "{answer}");
}

#[test]
fn a_slow_head_is_cut() {
    let app = TestApp::start();
    let mut stream = TcpStream::connect(app.base.trim_start_matches("http://")).unwrap();
    stream.write_all(b"GET /api/v1/me HT").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let began = Instant::now();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert_eq!(status(&answer), "408", "{answer}");
    assert!(began.elapsed() < Duration::from_secs(9));
}

/// Row 56 of the faults: a crowd of them, while others are served.
#[test]
fn slow_bodies_are_cut_and_hold_up_nobody() {
    let app = TestApp::start();
    let slow = |_| {
        let mut stream = TcpStream::connect(app.base.trim_start_matches("http://")).unwrap();
        stream.write_all(post(&app, "content-length: 100\r\n", "{").as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        stream
    };
    let began = Instant::now();
    let crowd: Vec<TcpStream> = (0..200).map(slow).collect();
    for _ in 0..20 {
        app.publish("contact.created", "1");
    }
    assert!(began.elapsed() < Duration::from_secs(25), "they were served while the crowd was held");
    for mut stream in crowd {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert_eq!(status(&answer), "408", "{answer}");
        assert!(answer.contains("\"code\":\"request_timeout\""), "{answer}");
    }
    assert!(began.elapsed() < Duration::from_secs(38));
    assert_eq!(app.get("/events").json()["data"].as_array().unwrap().len(), 20);
}

/// Row 55 of the faults: a crowd that sends a byte now and then and never ends its head. Some places
/// are left of the limit of connections, and whoever takes one is served.
#[test]
fn a_crowd_of_slow_heads_is_cut_and_holds_up_nobody() {
    let app = TestApp::start();
    let address = app.base.trim_start_matches("http://");
    let began = Instant::now();
    let mut crowd: Vec<TcpStream> = (0..900).map(|_| TcpStream::connect(address).unwrap()).collect();
    for stream in &mut crowd {
        stream.write_all(b"GET /api/v1/me HTTP/1.1\r\nx: ").unwrap();
        stream.set_nonblocking(true).unwrap();
    }
    let mut served = 0;
    while !crowd.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "{} are open still", crowd.len());
        // One that is refused is answered or closed; one that lives takes the byte.
        crowd.retain_mut(|stream| {
            let mut answer = [0; 512];
            let lives =
                matches!(stream.read(&mut answer), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
            lives && stream.write_all(b"a").is_ok()
        });
        app.get("/me").expect(200);
        served += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(served > 10, "{served} were served meanwhile");
}

#[test]
fn a_second_head_that_never_ends_is_cut() {
    let app = TestApp::start();
    let mut stream = TcpStream::connect(app.base.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(70))).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut first = [0; 4096];
    let count = stream.read(&mut first).unwrap();
    assert_eq!(status(&String::from_utf8_lossy(&first[..count])), "200");
    stream.write_all(b"G").unwrap();
    let began = Instant::now();
    let mut answer = String::new();
    let ended = stream.read_to_string(&mut answer);
    assert!(ended.is_ok(), "still open after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_client_that_goes_away_leaves_a_whole_event_or_none() {
    let app = TestApp::start();
    let request = post(&app, &format!("content-length: {}\r\n", EVENT.len()), EVENT);
    for cut in [1, EVENT.len() / 2, 0] {
        let mut stream = TcpStream::connect(app.base.trim_start_matches("http://")).unwrap();
        stream.write_all(&request.as_bytes()[..request.len() - cut]).unwrap();
        drop(stream);
    }
    app.get("/me").expect(200);
    assert!(app.get("/events").json()["data"].as_array().unwrap().len() <= 1);
}
