//! What the operator limited, and what happens when something runs out.

use std::{sync::Mutex, time::Duration};

use hookstead::{
    control::{self, Ask},
    store::{OpenOptions, Store},
};
use serde_json::{Value, json};

use crate::{
    app::{TestApp, wait_until},
    disk::{Disk, FailedSync, Fault, Operations},
    receiver::{Gate, Receiver, Script},
};

#[test]
fn a_revoked_key_stops_working_at_once() {
    let app = TestApp::start();
    app.get("/me").expect(200);
    let id = app.get("/me").json()["id"].as_str().unwrap().to_owned();
    control::execute(app.app().service(), Ask::RevokeKey { id }).unwrap();
    assert_eq!(app.get("/me").expect(401).json()["code"], "unauthorized");
}

#[test]
fn http_targets_can_be_forbidden_and_webhooks_are_counted() {
    let app = TestApp::start_with(|config| {
        config.sender.require_https = true;
        config.limits.webhooks_per_account = 2;
    });
    let webhook = |url: &str, account: &str| {
        app.post("/webhooks", json!({"request_url": url, "events": ["*"], "account": account}))
    };
    let problem = webhook("http://hooks.example.com/", "acme").expect(422).json();
    assert_eq!(problem["errors"][0]["code"], "url_not_https");
    // Two webhooks may be equal: the receiver gets each event twice, as two log entries.
    webhook("https://hooks.example.com/", "acme").expect(201);
    webhook("https://hooks.example.com/", "acme").expect(201);
    let problem = webhook("https://hooks.example.com/", "acme").expect(422).json();
    assert_eq!(problem["code"], "limit_reached");
    webhook("https://hooks.example.com/", "other").expect(201);
}

#[test]
fn sending_again_while_a_request_is_under_way_never_makes_two_at_once() {
    let (app, receiver, gate) = (TestApp::start(), Receiver::start(), Gate::new());
    app.webhook(&receiver, &["*"]);
    receiver.answer(Script::ok().after(&gate));
    app.publish("contact.created", "1");
    receiver.wait_for(1);
    let id = app.logs("status=pending")[0]["id"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        app.post(&format!("/logs/{id}/resend"), json!({})).expect(202);
    }
    assert_eq!(receiver.requests().len(), 1, "the running request answers for all of them");
    gate.open();
    app.wait_for_logs("status=success", 1);
    assert_eq!(app.log(&id)["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn fifty_callers_with_one_id_publish_one_event() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    let answers: Mutex<Vec<Value>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let event = json!({"type": "contact.created", "id": "crm-1", "data": 1});
                answers.lock().unwrap().push(app.post("/events", event).expect(202).json());
            });
        }
    });
    let answers = answers.into_inner().unwrap();
    assert!(answers.iter().all(|answer| answer["id"] == answers[0]["id"]));
    assert_eq!(answers.iter().filter(|answer| answer["duplicate"] == false).count(), 1);
    app.wait_for_logs("status=success", 1);
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn when_the_store_has_reached_its_size_events_are_refused_and_everything_else_goes_on() {
    let app = TestApp::start_with(|config| config.limits.store_bytes = 1);
    wait_until(|| app.post("/events", json!({"type": "contact.created", "data": 1})).status == 503).unwrap();
    let refused = app.post("/events", json!({"type": "contact.created", "data": 1}));
    assert_eq!(refused.json()["code"], "queue_full");
    assert!(refused.header("retry-after").is_some());
    app.post("/webhooks", json!({"request_url": "https://hooks.example.com/", "events": ["*"]})).expect(201);
    app.get("/logs").expect(200);
}

#[test]
fn while_the_disk_fails_nothing_is_promised_and_everything_stays_readable() {
    let disk = Disk::new(1);
    let store = Store::open_played(disk.opener(), OpenOptions::default()).unwrap();
    store.start_writer().unwrap();
    let (app, receiver) = (TestApp::start_on(store), Receiver::start());
    app.webhook(&receiver, &["*"]);
    app.publish("contact.created", "1");
    app.wait_for_logs("status=success", 1);

    let sync = FailedSync::StillUnsynced;
    disk.fail(Fault { after: 0, lasting: true, what: Operations::Changes, sync });
    let event = json!({"type": "contact.created", "id": "crm-2", "data": 2});
    let refused = app.post("/events", event.clone()).expect(503);
    assert_eq!(refused.json()["code"], "cannot_write");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(app.logs("").len(), 1, "the log is readable");
    let ready = app.request("GET", "/readyz", &[], None);
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert!(ready.text().contains("store_writable"));
    assert_eq!(app.request("GET", "/healthz", &[], None).status, 200);

    disk.heal();
    wait_until(|| app.request("GET", "/readyz", &[], None).status == 200).expect("it heals by itself");
    assert_eq!(app.post("/events", event.clone()).expect(202).json()["duplicate"], false);
    assert_eq!(app.post("/events", event).expect(202).json()["duplicate"], true);
    app.wait_for_logs("status=success", 2);
    app.advance(Duration::from_secs(3_600));
    assert_eq!(receiver.requests().len(), 2);
}
