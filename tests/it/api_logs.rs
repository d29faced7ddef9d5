//! Webhook Logs by the API: found, shown, sent again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::TestApp,
    receiver::{Receiver, Script},
};

#[test]
fn an_entry_has_the_members_of_the_contract() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let webhook = app.webhook(&receiver, &["*"]);
    let event = app.post("/events", json!({"type": "contact.created", "id": "crm-1", "data": {}})).expect(202).json();
    let entry = app.wait_for_logs("status=success", 1).remove(0);
    let id = entry["id"].as_str().unwrap();
    assert_eq!(
        entry,
        json!({
            "id": id, "event_id": event["id"], "external_id": "crm-1", "event_type": "contact.created",
            "account": "default", "webhook_id": webhook["id"], "request_url": webhook["request_url"],
            "status": "success", "reason": "delivered", "timestamp": event["timestamp"],
            "received_at": event["timestamp"], "attempts": 1, "next_attempt_at": null, "last_http_status": 200,
            "last_cause": null, "last_duration_ms": entry["last_duration_ms"], "test": false, "ordering_key": null, "sequence": 1,
        })
    );
    let detail = app.log(id);
    let attempt = &detail["attempts"][0];
    assert_eq!((&attempt["number"], &attempt["started_by"]), (&json!(1), &json!("first")));
    assert_eq!(
        (&attempt["outcome"]["http_status"], &attempt["outcome"]["body_truncated"]),
        (&json!(200), &json!(false))
    );
    assert_eq!(attempt["request"]["address"], json!(receiver.addr().to_string()));
    let sent = &receiver.wait_for(1)[0];
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature", "webhook-log-id", "webhook-attempt"] {
        let shown = json!({"name": name, "value": sent.header(name).unwrap()});
        assert!(attempt["request"]["headers"].as_array().unwrap().contains(&shown), "{shown}");
    }
    assert_eq!(detail["payload"], serde_json::from_slice::<Value>(&sent.body).unwrap());
}

#[test]
fn entries_are_found_by_every_filter() {
    let app = TestApp::start();
    let (good, bad) = (Receiver::start(), Receiver::start());
    bad.answer(Script::status(503));
    let (good_id, bad_id) = (app.webhook(&good, &["contact.*"]), app.webhook(&bad, &["ticket.*"]));
    let first = app.publish("contact.created", r#"{"name":"Zoë"}"#);
    let second = app.publish("ticket.created", "2");
    app.wait_for_logs("http_status=503", 1);
    app.wait_for_logs("status=success", 1);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (good_id, bad_id) = (text(&good_id["id"]), text(&bad_id["id"]));
    for (query, event) in [
        (format!("webhook_id={good_id}"), Some(&first)),
        (format!("webhook_id={bad_id}"), Some(&second)),
        ("event_type=ticket.created".into(), Some(&second)),
        ("status=pending".into(), Some(&second)),
        ("http_status=5xx".into(), Some(&second)),
        ("http_status=2xx&status=success".into(), Some(&first)),
        (format!("event_id={}", text(&first["id"])), Some(&first)),
        (format!("q={}", text(&second["id"])), Some(&second)),
        ("q=Zo%C3%AB".into(), Some(&first)),
        ("account=other".into(), None),
        ("cause=connect_refused".into(), None),
        ("until=2000-01-01T00:00:00Z".into(), None),
    ] {
        let found: Vec<Value> = app.logs(&query).into_iter().map(|entry| entry["event_id"].clone()).collect();
        assert_eq!(found, event.map(|event| event["id"].clone()).into_iter().collect::<Vec<_>>(), "{query}");
    }
}

#[test]
fn a_page_leads_to_its_neighbours() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    app.webhook(&receiver, &["*"]);
    for number in 0..3 {
        app.publish("contact.created", &number.to_string());
    }
    app.wait_for_logs("status=success", 3);
    let first = app.get("/logs?limit=2&status=success").expect(200);
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    assert!(first.header("link").unwrap().contains("rel=\"next\""));
    let second = app.get(&format!("/logs?limit=2&status=success&cursor={cursor}")).expect(200).json();
    assert_eq!((second["data"].as_array().unwrap().len(), &second["has_more"]), (1, &json!(false)));
    for bad in [&cursor[1..], &format!("{cursor}A"), "x", &cursor.to_lowercase()] {
        let problem = app.get(&format!("/logs?cursor={bad}")).expect(400).json();
        assert_eq!(problem["code"], "bad_cursor", "{bad}");
    }
    assert_eq!(app.get(&format!("/events?cursor={cursor}")).expect(400).json()["code"], "bad_cursor");
}

#[test]
fn what_failed_is_sent_again_once() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    receiver.answer(Script::status(500));
    app.webhook(&receiver, &["*"]);
    app.publish("contact.created", "1");
    let entry = app.wait_for_logs("http_status=500", 1).remove(0);
    assert_eq!((&entry["status"], &entry["reason"]), (&json!("pending"), &json!("retry_scheduled")));
    receiver.answer(Script::ok());
    let path = format!("/logs/{}", entry["id"].as_str().unwrap());
    let again = app.post(&format!("{path}/resend"), json!({})).expect(202).json();
    assert_eq!(again["id"], entry["id"]);
    app.wait_for_logs("status=success", 1);
    app.advance(Duration::from_secs(3600));
    let detail = app.get(&path).json();
    let started: Vec<_> = detail["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["started_by"]).collect();
    assert_eq!(started, ["first", "resend"]);
    let requests = receiver.wait_for(2);
    assert_eq!((requests.len(), &requests[0].body), (2, &requests[1].body));
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
}

#[test]
fn a_resend_to_a_deleted_webhook_is_a_conflict() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let webhook = app.webhook(&receiver, &["*"]);
    app.publish("contact.created", "1");
    let entry = app.wait_for_logs("status=success", 1).remove(0);
    app.delete(&format!("/webhooks/{}", webhook["id"].as_str().unwrap())).expect(204);
    let problem = app.post(&format!("/logs/{}/resend", entry["id"].as_str().unwrap()), json!({})).expect(409).json();
    assert_eq!(problem["code"], "conflict");
    // The log still names it.
    assert_eq!(app.logs("")[0]["request_url"], webhook["request_url"]);
}

#[test]
fn many_are_planned_sent_again_and_cancelled() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    receiver.answer(Script::status(410));
    let webhook =
        app.webhook_with(json!({"request_url": receiver.url("/in"), "events": ["*"], "retry_schedule_s": []}));
    app.publish("contact.created", "1");
    app.wait_for_logs("status=failed", 1);
    receiver.answer(Script::ok());
    app.post(&format!("/webhooks/{}/enable", webhook["id"].as_str().unwrap()), json!({})).expect(200);
    let filter = json!({"status": "failed", "http_status": 410});
    let plan = app.post("/bulk-resends", json!({"filter": filter})).expect(200).json();
    assert_eq!(
        plan,
        json!({
            "total": 1, "by_status": {"failed": 1, "pending": 0, "success": 0}, "at_least": false,
            "rate_per_second": 10, "takes_s": 1,
        })
    );
    let answer =
        app.post("/bulk-resends", json!({"filter": filter, "rate_per_second": 100, "dry_run": false})).expect(202);
    let job = answer.json();
    let path = format!("/bulk-resends/{}", job["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), Some(&*format!("/api/v1{path}")));
    assert_eq!((&job["state"], &job["planned"]), (&json!("running"), &json!(1)));
    assert_eq!(job["filter"], json!({"status": "failed", "http_status": "410"}));
    assert_eq!(app.get(&path).expect(200).json()["id"], job["id"]);
    let problem = app.post("/bulk-resends", json!({"filter": {"stauts": "failed", "limit": "3"}})).expect(422).json();
    let mut pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    pointers.sort_by_key(|pointer| pointer.to_string());
    assert_eq!(pointers, ["/filter/limit", "/filter/stauts"]);
    for (body, status) in [
        (json!({}), 422),
        (json!({"filter": {}, "rate_per_second": 0}), 422),
        (json!({"filter": {}, "rate_per_second": 1001}), 422),
        (json!({"filter": {"status": "Failed"}}), 422),
        (json!({"filter": {"since": "yesterday"}}), 422),
    ] {
        app.post("/bulk-resends", body).expect(status);
    }
    let other =
        app.post("/bulk-resends", json!({"filter": {"q": "nothing fits this"}, "dry_run": false})).expect(202).json();
    let other = format!("/bulk-resends/{}", other["id"].as_str().unwrap());
    let cancelled = app.delete(&other);
    assert!([200, 409].contains(&cancelled.status), "{}", cancelled.text());
    app.get("/bulk-resends/job_00000000000000000000000001").expect(404);
}
