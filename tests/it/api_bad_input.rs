//! What arrives that nobody asked for, and what it is answered: tables of bad input.

use serde_json::{Value, json};

use crate::{
    app::{Answer, TestApp},
    receiver::Receiver,
};

/// Every refusal has the same shape, and the same id in its head and body.
#[track_caller]
fn problem(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.json();
    assert_eq!(body["status"], json!(status));
    for member in ["type", "title", "code", "detail", "instance"] {
        assert!(body[member].is_string(), "{member} in {body}");
    }
    assert!(body["errors"].is_array());
    assert_eq!(body["request_id"].as_str(), answer.header("request-id"));
    assert!(body["request_id"].as_str().unwrap().starts_with("req_"));
    body
}

fn send(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
    let bearer = format!("Bearer {}", app.key);
    let mut all = vec![("authorization", &*bearer)];
    all.extend(headers);
    app.request(method, path, &all, body)
}

#[test]
fn bodies_that_cannot_be_read() {
    let app = TestApp::start();
    let deep = "[".repeat(100_000);
    for (body, status, code) in [
        (&b""[..], 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"{\"type\":\"contact.created\",\"data\":{\"card\":\"4111 1111\",}}", 400, "malformed_json"),
        (b"{\"type\":\"contact.created\",\"data\":tru}", 400, "malformed_json"),
        (b"{\"type\":\"contact.created\",\"data\":1,\"data\":2}", 400, "malformed_json"),
        (b"\xef\xbb\xbf{}", 400, "malformed_json"),
        (b"\xff\xfe{\0}\0", 400, "not_utf8"),
        (b"{\"type\":\"contact.created\",\"data\":\"caf\xe9\"}", 400, "not_utf8"),
        (deep.as_bytes(), 400, "malformed_json"),
        (b"[\"a\",{}]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"1", 422, "invalid"),
        (b"\"x\"", 422, "invalid"),
        (b"true", 422, "invalid"),
        (b"{}", 422, "invalid"),
        (b"{\"type\":\"contact.created\"}", 422, "invalid"),
        (b"{\"type\":\"contact.created\",\"data\":1,\"extra\":1}", 422, "invalid"),
    ] {
        let answer = app.post_bytes("/events", body);
        let found = problem(&answer, status);
        assert_eq!(found["code"], code, "{}", String::from_utf8_lossy(&body[..body.len().min(80)]));
        assert!(!found.to_string().contains("4111"), "{found}");
    }
    assert_eq!(app.get("/events").json()["data"], json!([]));
}

#[test]
fn event_types_that_are_none() {
    let app = TestApp::start();
    let long = "x".repeat(257);
    for event_type in [
        json!(7),
        json!(""),
        json!(long),
        json!("a b.c"),
        json!("a\u{0}.b"),
        json!("a.b\n"),
        json!(".."),
        json!("*"),
        json!("é.b"),
        Value::Null,
    ] {
        let found = problem(&app.post("/events", json!({"type": event_type, "data": 1})), 422);
        assert_eq!(found["errors"][0]["pointer"], "/type", "{event_type}");
    }
    let found = problem(&app.post("/events", json!({"type": "contact.craeted", "data": 1})), 422);
    assert_eq!((&found["code"], &found["errors"][0]["pointer"]), (&json!("unknown_event_type"), &json!("/type")));
    assert!(found["detail"].as_str().unwrap().contains("contact.created"));
}

#[test]
fn every_kind_of_json_is_a_payload() {
    let app = TestApp::start();
    for data in [
        "null",
        "true",
        "0",
        "-0",
        "1.10",
        "1e-400",
        "1E400",
        "12345678901234567890123",
        "\"\"",
        "[]",
        "{}",
        "\"\\u0000\u{202E}\u{FEFF}\u{1F600}\\ud800\"",
        r#"{"a":1,"a":2}"#,
        "[ 1 , 2 ]",
        r#""\/\b""#,
    ] {
        let event = app.publish("contact.created", data);
        let path = format!("/events/{}/payload", event["id"].as_str().unwrap());
        assert_eq!(app.get(&path).expect(200).text(), data);
    }
}

#[test]
fn media_types_and_encodings() {
    let app = TestApp::start();
    let body = br#"{"type":"contact.created","data":1}"#;
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "multipart/form-data; boundary=x")],
        &[("content-type", "application/json; charset=utf-16")],
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
        &[("content-type", "application/json"), ("content-type", "text/plain")],
    ] {
        problem(&send(&app, "POST", "/api/v1/events", headers, Some(body)), 415);
    }
    let good = [("content-type", "application/json; charset=utf-8"), ("content-encoding", "identity")];
    send(&app, "POST", "/api/v1/events", &good, Some(body)).expect(202);
}

#[test]
fn methods_and_paths() {
    let app = TestApp::start();
    for (method, path, allow) in [
        ("DELETE", "/api/v1/events", "GET, HEAD, POST"),
        ("PUT", "/api/v1/webhooks/x", "DELETE, GET, HEAD, PATCH"),
        ("GET", "/api/v1/events/batch", "POST"),
        ("HEAD", "/api/v1/logs/x/resend", "POST"),
        ("TRACE", "/api/v1/me", "GET, HEAD"),
        ("OPTIONS", "/api/v1/events", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ] {
        let answer = send(&app, method, path, &[], None);
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
        if method != "HEAD" {
            assert_eq!(problem(&answer, 405)["code"], "method_not_allowed");
        }
        assert!(!answer.text().contains(&app.key));
    }
    let long = format!("/api/v1/{}", "x".repeat(8_000));
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/events",
        "/api/v1/nothing",
        "/api/v1/events/",
        "/api//v1/events",
        "/api/v1//events",
        "/api/v1/%2e%2e/%2e%2e/etc/passwd",
        "/api/v1/events/%00",
        "/api/v1/events/..%2f..%2f",
        &long,
    ] {
        assert_eq!(problem(&send(&app, "GET", path, &[], None), 404)["code"], "not_found", "{path}");
    }
    let head = send(&app, "HEAD", "/api/v1/me", &[], None).expect(200);
    assert_eq!((head.body.len(), head.header("content-type")), (0, Some("application/json")));
}

#[test]
fn ids_that_name_nothing() {
    let app = TestApp::start();
    let long = "x".repeat(10_000);
    for id in [
        "x",
        "1",
        "-1",
        "18446744073709551616",
        "evt_00000000000000000000000001",
        "whk_00000000000000000000000001",
        "log_00000000000000000000000001",
        "evt_",
        "%27%20OR%201%3D1",
        "..%2F",
        "evt_0000000000000000000000000%00",
        &long,
    ] {
        for path in ["/events", "/webhooks", "/logs", "/bulk-resends", "/event-types"] {
            problem(&app.get(&format!("{path}/{id}")), 404);
        }
        problem(&app.get(&format!("/logs/{id}/payload")), 404);
        problem(&app.post(&format!("/logs/{id}/resend"), json!({})), 404);
    }
}

#[test]
fn pages_and_times_out_of_bounds() {
    let app = TestApp::start();
    for (query, status, code) in [
        ("limit=0", 422, "invalid"),
        ("limit=-1", 422, "invalid"),
        ("limit=1000000000", 422, "invalid"),
        ("limit=abc", 422, "invalid"),
        ("cursor=AAAA", 400, "bad_cursor"),
        ("since=2026-02-30T00:00:00Z", 422, "invalid"),
        ("since=2026-01-01T00:00:00", 422, "invalid"),
        ("until=9999-12-31T23:59:59Z", 422, "invalid"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", 422, "invalid"),
        ("nonsense=1", 400, "bad_query"),
        ("limit=1&limit=2", 400, "bad_query"),
    ] {
        for path in ["/logs", "/events"] {
            assert_eq!(problem(&app.get(&format!("{path}?{query}")), status)["code"], code, "{path}?{query}");
        }
    }
    problem(&app.get("/logs?status=Failed&http_status=5x"), 400);
    let times = ["2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "yesterday", "9999-12-31T23:59:59Z", ""];
    for time in times {
        let found =
            problem(&app.post("/events", json!({"type": "contact.created", "data": 1, "timestamp": time})), 422);
        assert_eq!(found["errors"][0]["pointer"], "/timestamp");
    }
}

#[test]
fn every_answer_has_an_id_and_the_headers_that_keep_browsers_safe() {
    let app = TestApp::start();
    let mut ids = std::collections::HashSet::new();
    for path in ["/api/v1/me", "/api/v1/nothing", "/healthz", "/readyz", "/api/v1/openapi.json", "/nothing"] {
        let answer = send(&app, "GET", path, &[("request-id", "mine"), ("x-request-id", "mine")], None);
        assert!(ids.insert(answer.header("request-id").unwrap().to_owned()), "{path}");
        assert_ne!(answer.header("request-id"), Some("mine"));
        for (name, value) in
            [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cache-control", "no-store")]
        {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
    }
}

#[test]
fn metrics_count_what_happened() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    app.publish("contact.created", "1");
    app.wait_for_logs("status=success", 1);
    let text = app.request("GET", "/metrics", &[], None).expect(200).text();
    for line in [
        "hookstead_queue_depth 0".to_owned(),
        "hookstead_oldest_due_seconds 0".to_owned(),
        "hookstead_events_accepted_today 1".to_owned(),
        format!("hookstead_deliveries{{webhook_id=\"{webhook}\",status=\"success\"}} 1"),
        "hookstead_ready{check=\"store_writable\"} 1".to_owned(),
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
    }
}

#[test]
fn health_is_for_everybody() {
    let app = TestApp::start();
    assert_eq!(app.request("GET", "/healthz", &[], None).expect(200).json()["status"], "alive");
    let ready = app.request("GET", "/readyz", &[], None).expect(200).json();
    assert_eq!(ready["status"], "ready");
    assert!(ready["checks"].as_array().unwrap().contains(&json!({"name": "store_writable", "ok": true})), "{ready}");
    let document = app.request("GET", "/api/v1/openapi.json", &[], None).expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
}
