//! The main job: an event posted by the CRM arrives, signed, at every webhook that selected it,
//! and the log shows it.

use std::{fs, path::Path, time::Duration};

use hookstead::domain::Timestamp;
use serde_json::{Value, json};

use crate::{
    app::{TestApp, wait_until},
    receiver::{Received, Receiver, Script},
};

/// Fails unless the request is signed by `secret`, as a library that is not ours understands it.
#[track_caller]
fn verify(request: &Received, secret: &str) {
    let mut headers = ureq::http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let value = request.header(name).unwrap_or_else(|| panic!("no {name}"));
        headers.insert(ureq::http::HeaderName::from_static(name), value.parse().unwrap());
    }
    standardwebhooks::Webhook::new(secret).unwrap().verify(&request.body, &headers).unwrap();
}

/// As [`verify`], for a test that moved its clock away from the wall clock, which the library reads.
#[track_caller]
pub fn verify_at_its_time(request: &Received, secret: &str) {
    let (id, timestamp) = (request.header("webhook-id").unwrap(), request.header("webhook-timestamp").unwrap());
    let webhook = standardwebhooks::Webhook::new(secret).unwrap();
    let signature = webhook.sign(&id, timestamp.parse().unwrap(), &request.body).unwrap();
    let sent = request.header("webhook-signature").unwrap();
    assert!(sent.split(' ').any(|one| one == signature), "{sent} does not hold {signature}");
}

/// Every file of the samples that is JSON, with its name.
fn samples() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/payloads");
    let mut found = Vec::new();
    for folder in ["product", "vendor", "edge"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            if serde_json::from_slice::<&serde_json::value::RawValue>(&bytes).is_ok() {
                found.push((path.file_name().unwrap().to_string_lossy().into_owned(), bytes));
            }
        }
    }
    found.sort();
    assert!(found.len() > 30, "{} samples", found.len());
    found
}

/// What stands between the white space around a JSON value.
fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

#[test]
fn every_sample_arrives_byte_for_byte_signed_and_comes_back_out() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let secret = app.webhook(&receiver, &["contact.created"])["secret"].as_str().unwrap().to_owned();
    for (name, bytes) in samples() {
        let before = receiver.requests().len();
        let body = [br#"{"type":"contact.created","data":"#.as_slice(), &bytes, b"}"].concat();
        let accepted = app.post_bytes("/events", &body).expect(202).json();
        let id = accepted["id"].as_str().unwrap();
        assert_eq!(accepted["webhooks_matched"], 1, "{name}");

        let request = receiver.wait_for(before + 1).pop().unwrap();
        verify(&request, &secret);
        let event = app.get(&format!("/events/{id}")).expect(200).json();
        let front = format!(
            r#"{{"id":"{id}","type":"contact.created","timestamp":"{}","data":"#,
            event["timestamp"].as_str().unwrap()
        );
        assert_eq!(request.body, [front.as_bytes(), trimmed(&bytes), b"}"].concat(), "{name}");
        assert_eq!(request.header("webhook-id").as_deref(), Some(id), "{name}");

        let log = request.header("webhook-log-id").unwrap();
        assert_eq!(app.get(&format!("/events/{id}/payload")).expect(200).body, trimmed(&bytes), "{name}");
        assert_eq!(app.get(&format!("/logs/{log}/payload")).expect(200).body, request.body, "{name}");
    }
}

#[test]
fn an_event_goes_to_the_webhooks_that_selected_it_with_their_headers() {
    let app = TestApp::start();
    let (contacts, tickets, all) = (Receiver::start(), Receiver::start(), Receiver::start());
    app.webhook(&contacts, &["contact.*"]);
    app.webhook(&tickets, &["ticket.created"]);
    app.webhook_with(json!({
        "request_url": all.url("/all"), "events": ["*"],
        "headers": [{"name": "X-Env", "value": "prod"}, {"name": "X-Key", "value": "kéy", "hidden": true}],
    }));
    let event = app.publish("contact.updated", r#"{"id":7}"#);
    assert_eq!(event["webhooks_matched"], 2);
    contacts.wait_for(1);
    let request = all.wait_for(1).pop().unwrap();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/all"));
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", concat!("Hookstead/", env!("CARGO_PKG_VERSION"))),
        ("webhook-event-type", "contact.updated"),
        ("webhook-attempt", "1"),
        ("x-env", "prod"),
        ("x-key", "kéy"),
    ] {
        assert_eq!(request.header(name).as_deref(), Some(value), "{name}");
    }
    app.wait_for_logs("status=success", 2);
    assert!(tickets.requests().is_empty());
}

#[test]
fn a_failure_is_tried_again_on_schedule_with_the_same_id_and_body_and_a_fresh_signature() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let secret = app.webhook(&receiver, &["*"])["secret"].as_str().unwrap().to_owned();
    receiver.answer(Script::status(500).body("no"));
    app.publish("ticket.created", "{}");
    let entry = app.wait_for_logs("status=pending&http_status=500", 1).remove(0);
    let due = entry["next_attempt_at"].as_str().unwrap().to_owned();
    // 5 seconds and up to a tenth more, and what the attempt took.
    let wait = due.parse::<Timestamp>().unwrap() - app.now();
    assert!((Duration::from_secs(5)..Duration::from_secs(8)).contains(&wait), "{wait:?}");
    assert_eq!((entry["reason"].as_str(), entry["attempts"].as_u64()), (Some("retry_scheduled"), Some(1)));

    let began = app.now();
    app.advance(wait - Duration::from_millis(1));
    receiver.answer(Script::ok());
    app.advance(Duration::from_millis(1));
    let requests = receiver.wait_for(2);
    assert_eq!(requests.len(), 2, "nothing went out before its time");
    let (first, second) = (&requests[0], &requests[1]);
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(second.header("webhook-attempt").as_deref(), Some("2"));
    assert_eq!(second.header("webhook-timestamp").unwrap(), began.plus(wait).as_seconds().to_string());
    requests.iter().for_each(|request| verify(request, &secret));
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"));

    let entry = app.wait_for_logs("status=success", 1).remove(0);
    let detail = app.log(entry["id"].as_str().unwrap());
    let attempts = detail["attempts"].as_array().unwrap();
    let story: Vec<_> = attempts.iter().map(|one| (&one["started_by"], &one["outcome"]["http_status"])).collect();
    assert_eq!(story, [(&json!("first"), &json!(500)), (&json!("automatic"), &json!(200))]);
    assert_eq!(attempts[0]["next_attempt_at"], due.as_str());
    assert_eq!(attempts[0]["outcome"]["body"], "no");
}

#[test]
fn when_every_attempt_failed_it_is_given_up_and_can_be_sent_again_by_hand() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook_with(json!({
        "request_url": receiver.url("/in"), "events": ["*"], "retry_schedule_s": [60],
    }));
    receiver.answer(Script::status(404));
    let event = app.publish("contact.created", "1");
    app.wait_for_logs("status=pending&http_status=404", 1);
    app.advance(Duration::from_secs(66));
    let entry = app.wait_for_logs("status=failed", 1).remove(0);
    assert_eq!((entry["reason"].as_str(), entry["attempts"].as_u64()), (Some("gave_up"), Some(2)));

    receiver.answer(Script::ok());
    let id = entry["id"].as_str().unwrap();
    app.post(&format!("/logs/{id}/resend"), json!({})).expect(202);
    let request = receiver.wait_for(3).pop().unwrap();
    assert_eq!(request.header("webhook-id").as_deref(), event["id"].as_str());
    assert_eq!(request.header("webhook-attempt").as_deref(), Some("3"));
    app.wait_for_logs("status=success", 1);
    assert_eq!(app.log(id)["attempts"][2]["started_by"], "resend");
    let shown = app.get(&format!("/webhooks/{}", webhook["id"].as_str().unwrap())).expect(200).json();
    assert_eq!(shown["waiting"], 0);
}

#[test]
fn gone_disables_the_webhook_which_keeps_its_events_until_it_is_enabled() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook(&receiver, &["*"]);
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    receiver.answer(Script::status(410));
    app.publish("contact.created", "1");
    app.wait_for_logs("status=failed&http_status=410", 1);
    let shown = app.get(&path).expect(200).json();
    assert_eq!((shown["health"].as_str(), shown["disabled_reason"].as_str()), (Some("off"), Some("gone")));

    for number in 2..=4 {
        app.publish("contact.created", &number.to_string());
    }
    let waiting = app.logs("status=pending");
    assert!(waiting.iter().all(|entry| entry["reason"] == "webhook_disabled"), "{waiting:#?}");
    assert_eq!(app.get(&path).expect(200).json()["missed"], 3);

    receiver.answer(Script::ok());
    app.post(&format!("{path}/enable"), json!({"missed": "send"})).expect(200);
    let requests = receiver.wait_for(4);
    let payloads: Vec<Value> =
        requests[1..].iter().map(|one| serde_json::from_slice::<Value>(&one.body).unwrap()["data"].clone()).collect();
    assert_eq!(payloads.len(), 3);
    app.wait_for_logs("status=success", 3);
    let started_by = app.log(waiting[0]["id"].as_str().unwrap())["attempts"][0]["started_by"].clone();
    assert_eq!(started_by, "catch_up");
}

#[test]
fn what_was_missed_can_be_skipped_and_the_log_says_so() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook(&receiver, &["*"]);
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    app.post(&format!("{path}/disable"), json!({})).expect(200);
    app.publish("contact.created", "1");
    app.post(&format!("{path}/enable"), json!({"missed": "skip"})).expect(200);
    app.publish("contact.created", "2");
    receiver.wait_for(1);
    app.wait_for_logs("status=success", 1);
    let skipped = app.logs("status=failed");
    assert_eq!(skipped.len(), 1);
    assert_eq!((skipped[0]["reason"].as_str(), skipped[0]["attempts"].as_u64()), (Some("skipped"), Some(0)));
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn a_receiver_that_asks_to_wait_is_left_alone_as_a_whole() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook_with(json!({"request_url": receiver.url("/in"), "events": ["*"], "max_in_flight": 1}));
    receiver.answer_next([Script::status(429).header("retry-after", "120")]);
    app.publish("contact.created", "1");
    app.wait_for_logs("status=pending&http_status=429", 1);
    app.publish("contact.created", "2");
    let shown = app.get(&format!("/webhooks/{}", webhook["id"].as_str().unwrap())).expect(200).json();
    let until: Timestamp = shown["throttled_until"].as_str().unwrap().parse().unwrap();
    let wait = until - app.now();
    assert!((Duration::from_secs(120)..Duration::from_secs(133)).contains(&wait), "{wait:?}");
    app.advance(Duration::from_secs(119));
    assert_eq!(app.logs("status=pending").len(), 2);
    assert_eq!(receiver.requests().len(), 1);
    app.advance(Duration::from_secs(15));
    app.wait_for_logs("status=success", 2);
}

#[test]
fn a_test_event_is_sent_at_once_even_to_a_webhook_that_is_off() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook(&receiver, &["contact.created"]);
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    app.post(&format!("{path}/disable"), json!({})).expect(200);
    let result = app.post(&format!("{path}/test"), json!({})).expect(200).json();
    let request = receiver.wait_for(1).pop().unwrap();
    verify(&request, webhook["secret"].as_str().unwrap());
    assert_eq!(request.header("webhook-event-type").as_deref(), Some("webhook.test"));
    let entry = app.logs("status=success").remove(0);
    assert_eq!(entry["test"], true);
    assert!(result.to_string().contains(entry["id"].as_str().unwrap()), "{result:#}");
    assert_eq!(app.get(&path).expect(200).json()["health"], "off");
}

#[test]
fn while_a_secret_is_rotated_both_verify() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook(&receiver, &["*"]);
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    app.post(&format!("{path}/rotate-secret"), json!({"overlap_hours": 1})).expect(200);
    let new = app.get(&format!("{path}/secret")).expect(200).json()["secret"].as_str().unwrap().to_owned();
    let old = webhook["secret"].as_str().unwrap();
    assert_ne!(new, old);
    app.publish("contact.created", "1");
    let request = receiver.wait_for(1).pop().unwrap();
    assert_eq!(request.header("webhook-signature").unwrap().split(' ').count(), 2);
    verify(&request, old);
    verify(&request, &new);
    app.advance(Duration::from_secs(3_601));
    app.publish("contact.created", "2");
    let request = receiver.wait_for(2).pop().unwrap();
    assert_eq!(request.header("webhook-signature").unwrap().split(' ').count(), 1);
    verify_at_its_time(&request, &new);
}

#[test]
fn everything_is_there_after_a_restart_and_what_waited_is_sent() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    receiver.answer(Script::status(500));
    let event = app.publish("contact.created", "1");
    app.wait_for_logs("status=pending&http_status=500", 1);
    let clock = app.clock.clone();
    let folder = app.stop();
    receiver.answer(Script::ok());
    let app = TestApp::start_at(folder, clock, |_| {});
    app.advance(Duration::from_secs(6));
    let request = receiver.wait_for(2).pop().unwrap();
    assert_eq!(request.header("webhook-id").as_deref(), event["id"].as_str());
    app.wait_for_logs("status=success", 1);
}

#[test]
fn a_bulk_resend_sends_the_failed_ones_again_oldest_first() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook_with(json!({"request_url": receiver.url("/in"), "events": ["*"], "retry_schedule_s": []}));
    receiver.answer(Script::status(500));
    for number in 0..5 {
        app.publish("contact.created", &number.to_string());
    }
    app.wait_for_logs("status=failed", 5);
    receiver.answer(Script::ok());
    let plan = app.post("/bulk-resends", json!({"filter": {"status": "failed"}})).expect(200).json();
    assert_eq!(plan["by_status"]["failed"], 5, "{plan:#}");
    let job =
        app.post("/bulk-resends", json!({"filter": {"status": "failed"}, "rate_per_second": 1000, "dry_run": false}));
    let job = job.expect(202).json()["id"].as_str().unwrap().to_owned();
    let all_arrived = || {
        app.advance(Duration::from_millis(500));
        app.logs("status=success").len() == 5
    };
    wait_until(all_arrived).expect("all five arrive");
    let progress = app.get(&format!("/bulk-resends/{job}")).expect(200).json();
    assert_eq!(progress["success"], 5, "{progress:#}");
    assert_eq!(receiver.requests().len(), 10);
}
