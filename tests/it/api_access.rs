//! Who gets in, and what those without a key or a scope are told.

use hookstead::control::{self, Ask};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

fn key(app: &TestApp, name: &str, scopes: &[&str], account: Option<&str>) -> String {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let ask = Ask::CreateKey { name: name.into(), scopes, account: account.map(String::from) };
    control::execute(app.app().service(), ask).unwrap().remove(0)
}

fn with(app: &TestApp, method: &str, path: &str, authorization: &[&str], body: Option<&str>) -> Answer {
    let mut headers: Vec<(&str, &str)> = authorization.iter().map(|value| ("authorization", *value)).collect();
    headers.push(("content-type", "application/json"));
    app.request(method, &format!("/api/v1{path}"), &headers, body.map(str::as_bytes))
}

/// A body without what differs from request to request.
fn same(answer: &Answer) -> Value {
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("request_id");
    body
}

#[test]
fn every_stranger_hears_the_same() {
    let app = TestApp::start();
    let good = format!("Bearer {}", app.key);
    let first = with(&app, "GET", "/me", &[], None).expect(401);
    assert_eq!(first.header("www-authenticate"), Some("Bearer"));
    assert_eq!(first.header("content-type"), Some("application/problem+json"));
    assert_eq!(first.json()["code"], "unauthorized");
    let wrong = format!("Bearer {}x", app.key);
    for authorization in [
        &["Bearer "][..],
        &["Bearer"],
        &["Bearer hsk_wrong"],
        &[&wrong],
        &["Basic aHNrXzp4"],
        &[&good, &good],
        &[&app.key],
    ] {
        let answer = with(&app, "GET", "/me", authorization, None).expect(401);
        assert_eq!(same(&answer), same(&first), "{authorization:?}");
    }
    let in_query = format!("/me?api_key={}", app.key);
    let answer = with(&app, "GET", &in_query, &[&good], None).expect(401);
    assert_eq!(same(&answer), same(&first));
    assert!(!answer.text().contains(&app.key));
    // Nothing of the body is looked at before the key.
    with(&app, "POST", "/events", &[], Some("{")).expect(401);
    with(&app, "GET", "/me", &[&good.replace("Bearer", "bearer")], None).expect(200);
}

#[test]
fn a_key_may_do_what_its_scopes_say() {
    let app = TestApp::start();
    let writer = format!("Bearer {}", key(&app, "writer", &["events:write"], None));
    let me = with(&app, "GET", "/me", &[&writer], None).expect(200).json();
    assert_eq!(
        (&me["name"], &me["scopes"], &me["account"]),
        (&json!("writer"), &json!(["events:write"]), &Value::Null)
    );
    with(&app, "POST", "/events", &[&writer], Some(r#"{"type":"contact.created","data":1}"#)).expect(202);
    let id = "whk_00000000000000000000000001";
    for (method, path, body, scope) in [
        ("GET", "/events".to_owned(), None, "events:read"),
        ("GET", "/logs".to_owned(), None, "logs:read"),
        ("GET", "/webhooks".to_owned(), None, "webhooks:read"),
        ("GET", format!("/webhooks/{id}/secret"), None, "secrets:read"),
        ("DELETE", format!("/webhooks/{id}"), None, "webhooks:write"),
        ("POST", "/bulk-resends".to_owned(), Some(r#"{"filter":{}}"#), "logs:resend"),
        ("DELETE", "/event-types/contact.created".to_owned(), None, "event-types:write"),
    ] {
        let problem = with(&app, method, &path, &[&writer], body).expect(403).json();
        assert_eq!(problem["code"], "missing_scope");
        assert!(problem["detail"].as_str().unwrap().contains(scope), "{method} {path}: {problem}");
    }
}

#[test]
fn a_key_of_one_account_sees_nothing_of_another() {
    let app = TestApp::start();
    let acme = format!("Bearer {}", key(&app, "acme", &["all"], Some("acme")));
    let event = app.post("/events", json!({"type": "contact.created", "data": 1})).expect(202).json();
    let webhook = app.webhook_with(json!({"request_url": "https://hooks.example.com/", "events": ["*"]}));
    let (event, webhook) = (event["id"].as_str().unwrap(), webhook["id"].as_str().unwrap());
    with(&app, "GET", &format!("/events/{event}"), &[&acme], None).expect(404);
    with(&app, "GET", &format!("/webhooks/{webhook}"), &[&acme], None).expect(404);
    with(&app, "DELETE", &format!("/webhooks/{webhook}"), &[&acme], None).expect(404);
    for path in ["/events", "/webhooks", "/logs"] {
        assert_eq!(with(&app, "GET", path, &[&acme], None).expect(200).json()["data"], json!([]), "{path}");
        with(&app, "GET", &format!("{path}?account=default"), &[&acme], None).expect(403);
    }
    let other = r#"{"type":"contact.created","data":1,"account":"default"}"#;
    assert_eq!(with(&app, "POST", "/events", &[&acme], Some(other)).expect(403).json()["code"], "wrong_account");
    let own = with(&app, "POST", "/events", &[&acme], Some(r#"{"type":"contact.created","data":1}"#)).expect(202);
    assert_eq!(own.json()["account"], "acme");
}

#[test]
fn guessing_keys_is_slowed_down_and_locks_nobody_out() {
    let app = TestApp::start();
    let good = format!("Bearer {}", app.key);
    let mut statuses = Vec::new();
    for number in 0..100 {
        let answer = with(&app, "GET", "/me", &[&format!("Bearer hsk_guess{number}")], None);
        if answer.status == 429 {
            assert_eq!(answer.json()["code"], "rate_limited");
            assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() <= 61);
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 60);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 40);
    with(&app, "GET", "/me", &[&good], None).expect(200);
    app.advance(std::time::Duration::from_secs(61));
    with(&app, "GET", "/me", &["Bearer hsk_guess"], None).expect(401);
}

#[test]
fn a_forwarded_address_of_a_stranger_is_not_believed() {
    let app = TestApp::start();
    for number in 0..60 {
        let address = format!("198.51.100.{number}");
        let headers = [("authorization", "Bearer hsk_guess"), ("x-forwarded-for", &*address)];
        assert_eq!(app.request("GET", "/api/v1/me", &headers, None).status, 401);
    }
    let headers = [("authorization", "Bearer hsk_guess"), ("x-forwarded-for", "203.0.113.9")];
    assert_eq!(app.request("GET", "/api/v1/me", &headers, None).status, 429);
}
