//! Publishing events and looking them up, as the CRM's back end does.

use serde_json::{Value, json};

use crate::{app::TestApp, receiver::Receiver};

#[test]
fn an_event_is_accepted_shown_and_its_bytes_come_back() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let webhook = app.webhook(&receiver, &["contact.*"]);
    let data = "{ \"n\": 12345678901234567890123, \"n\":1.10, \"t\":\"\\ud800\" }";
    let body = format!(
        r#"{{"type":"contact.created","id":"crm-000123","timestamp":"2026-01-05T15:00:00.123+05:30","data":{data}}}"#
    );
    let answer = app.post_bytes("/events", body.as_bytes()).expect(202);
    let accepted = answer.json();
    let id = accepted["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(&*format!("/api/v1/events/{id}")));
    assert_eq!(
        accepted,
        json!({
            "id": id, "external_id": "crm-000123", "account": "default", "type": "contact.created",
            "timestamp": "2026-01-05T09:30:00.123Z", "duplicate": false, "webhooks_matched": 1,
        })
    );
    assert_eq!(app.get(&format!("/events/{id}/payload")).expect(200).text(), data);
    let event = app.get(&format!("/events/{id}")).expect(200).json();
    assert_eq!(event["logs"][0]["webhook_id"], webhook["id"]);
    assert_eq!(event["not_sent"], json!([]));
    let sent = String::from_utf8(receiver.wait_for(1)[0].body.clone()).unwrap();
    assert_eq!(
        sent,
        format!(r#"{{"id":"{id}","type":"contact.created","timestamp":"2026-01-05T09:30:00.123Z","data":{data}}}"#)
    );
    let log = event["logs"][0]["id"].as_str().unwrap();
    assert_eq!(app.get(&format!("/logs/{log}/payload")).expect(200).text(), sent);
    assert!(app.get(&format!("/logs/{log}")).expect(200).text().contains(&format!("\"payload\":{sent}")));
}

#[test]
fn a_repeat_is_one_event_and_another_body_a_conflict() {
    let app = TestApp::start();
    let event = json!({"type": "contact.created", "id": "crm-1", "data": {"n": 1}});
    let first = app.post("/events", event.clone()).expect(202).json();
    let again = app.post("/events", event).expect(202).json();
    assert_eq!((&again["id"], &again["duplicate"]), (&first["id"], &json!(true)));
    let other = app.post("/events", json!({"type": "contact.created", "id": "crm-1", "data": {"n": 2}})).expect(409);
    assert_eq!(other.json()["code"], "idempotency_conflict");
    assert_eq!(app.get("/events").expect(200).json()["data"].as_array().unwrap().len(), 1);
    // The same id in another account is another event.
    let elsewhere = json!({"type": "contact.created", "id": "crm-1", "account": "acme", "data": {"n": 2}});
    assert_eq!(app.post("/events", elsewhere).expect(202).json()["duplicate"], false);
}

#[test]
fn the_callers_id_may_come_as_idempotency_key() {
    let app = TestApp::start();
    let bearer = format!("Bearer {}", app.key);
    let post = |key: &str, body: &str| {
        let headers = [("authorization", &*bearer), ("content-type", "application/json"), ("idempotency-key", key)];
        app.request("POST", "/api/v1/events", &headers, Some(body.as_bytes()))
    };
    let body = r#"{"type":"contact.created","data":1}"#;
    let first = post("crm-7", body).expect(202).json();
    assert_eq!(first["external_id"], "crm-7");
    assert_eq!(post("crm-7", body).expect(202).json()["id"], first["id"]);
    assert_eq!(
        post("crm-7", r#"{"type":"contact.created","data":2}"#).expect(409).json()["code"],
        "idempotency_conflict"
    );
    for bad in ["", &"x".repeat(1024)] {
        let problem = post(bad, body).expect(422).json();
        assert_eq!((&problem["code"], &problem["errors"][0]["pointer"]), (&json!("invalid"), &json!("/id")));
    }
    let both = r#"{"type":"contact.created","id":"crm-8","data":1}"#;
    assert_eq!(post("crm-9", both).expect(422).json()["errors"][0]["code"], "two_ids");
    assert_eq!(post("crm-8", both).expect(202).json()["external_id"], "crm-8");
}

#[test]
fn a_dry_run_says_who_would_get_it_and_stores_nothing() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let (wanted, other) = (app.webhook(&receiver, &["*"]), app.webhook(&receiver, &["ticket.*"]));
    let event = json!({"type": "contact.created", "data": null});
    let answer = app.post("/events?dry_run=true", event).expect(200).json();
    assert_eq!(
        answer,
        json!({
            "account": "default",
            "webhooks_matched": 1,
            "matched": [{"webhook_id": wanted["id"], "request_url": wanted["request_url"], "enabled": true}],
            "not_sent": [{
                "webhook_id": other["id"], "request_url": other["request_url"], "reason": "not_selected",
                "explanation": "It had not selected this event.",
            }],
        })
    );
    assert_eq!(app.get("/events").json()["data"], json!([]));
    let problem = app.post("/events?dry_run=yes", json!({"type": "contact.created", "data": null})).expect(400).json();
    assert_eq!(problem["code"], "bad_query");
}

#[test]
fn a_batch_takes_what_is_right_and_says_what_is_wrong_with_the_rest() {
    let app = TestApp::start();
    app.post("/events", json!({"type": "contact.created", "id": "old", "data": 1})).expect(202);
    let answer = app.post(
        "/events/batch",
        json!({"events": [
            {"type": "contact.created", "id": "new", "data": 1},
            {"type": "contact.create", "data": 1},
            {"type": "contact.created", "id": "old", "data": 1},
            {"type": "contact.created", "id": "old", "data": 2},
            {"kind": "contact.created"},
            7,
        ]}),
    );
    let results = answer.expect(202).json()["results"].as_array().unwrap().clone();
    let statuses: Vec<&str> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["accepted", "rejected", "duplicate", "rejected", "rejected", "rejected"]);
    assert_eq!(results[0]["webhooks_matched"], 0);
    assert!(results[0]["id"].as_str().unwrap().starts_with("evt_"));
    let problem = &results[1]["problem"];
    assert_eq!((&problem["status"], &problem["code"]), (&json!(422), &json!("unknown_event_type")));
    assert_eq!(problem["errors"][0]["pointer"], "/events/1/type");
    assert!(problem["detail"].as_str().unwrap().contains("Did you mean contact.created?"), "{problem}");
    assert_eq!(results[3]["problem"]["code"], "idempotency_conflict");
    assert_eq!(pointers(&results[4]["problem"]), ["/events/4/type", "/events/4/data", "/events/4/kind"]);
    assert_eq!(pointers(&results[5]["problem"]), ["/events/5"]);
    assert_eq!(app.get("/events").json()["data"].as_array().unwrap().len(), 2);
}

#[test]
fn a_batch_of_nothing_right_is_refused_as_a_whole() {
    let app = TestApp::start();
    let problem =
        app.post("/events/batch", json!({"events": [{"type": "x"}, {"type": "contact.created", "data": 1, "a": 1}]}));
    let problem = problem.expect(422).json();
    assert_eq!(problem["code"], "invalid");
    assert_eq!(pointers(&problem), ["/events/0/type", "/events/0/data", "/events/1/a"]);
    let event = json!({"type": "contact.created", "data": 1});
    for events in [json!([]), json!(vec![event; 1001]), json!({}), json!("x"), Value::Null] {
        let problem = app.post("/events/batch", json!({"events": events})).expect(422).json();
        assert_eq!(pointers(&problem), ["/events"]);
    }
    assert_eq!(app.get("/events").json()["data"], json!([]));
}

#[test]
fn events_are_listed_newest_first_page_by_page() {
    let app = TestApp::start();
    for number in 0..5 {
        let id = format!("crm-{number}");
        app.post("/events", json!({"type": "contact.created", "id": id, "data": number})).expect(202);
    }
    app.post("/events", json!({"type": "ticket.created", "data": 1})).expect(202);
    let names = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|event| event["external_id"].as_str().unwrap().to_owned()).collect()
    };
    let first = app.get("/events?type=contact.created&limit=2").expect(200);
    let page = first.json();
    assert_eq!(names(&page), ["crm-4", "crm-3"]);
    assert_eq!(page["has_more"], true);
    let cursor = page["next_cursor"].as_str().unwrap();
    let link = first.header("link").unwrap();
    assert!(
        link.starts_with(&format!("</api/v1/events?type=contact.created&limit=2&cursor={cursor}>; rel=\"next\"")),
        "{link}"
    );
    let second = app.get(&format!("/events?type=contact.created&limit=2&cursor={cursor}")).expect(200).json();
    assert_eq!(names(&second), ["crm-2", "crm-1"]);
    let back = second["prev_cursor"].as_str().unwrap();
    assert_eq!(
        names(&app.get(&format!("/events?type=contact.created&limit=2&cursor={back}")).json()),
        ["crm-4", "crm-3"]
    );
    let last = second["next_cursor"].as_str().unwrap();
    let last = app.get(&format!("/events?type=contact.created&limit=2&cursor={last}")).json();
    assert_eq!(
        (names(&last), &last["has_more"], &last["next_cursor"]),
        (vec!["crm-0".into()], &json!(false), &Value::Null)
    );
    assert_eq!(names(&app.get("/events?external_id=crm-2").json()), ["crm-2"]);
}

#[test]
fn a_payload_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let app = TestApp::start_with(|config| config.limits.event_bytes = 2048);
    let event = |bytes: usize| format!(r#"{{"type":"contact.created","data":"{}"}}"#, "x".repeat(bytes - 2));
    app.post_bytes("/events", event(2048).as_bytes()).expect(202);
    let problem = app.post_bytes("/events", event(2049).as_bytes()).expect(413).json();
    assert_eq!(problem["code"], "payload_too_large");
    assert!(problem["detail"].as_str().unwrap().replace(',', "").contains("2048"), "{problem}");
    app.post_bytes("/events", event(100_000).as_bytes()).expect(413);
}

#[test]
fn nesting_counts_from_the_data_itself() {
    let app = TestApp::start();
    let event =
        |depth: usize| format!(r#"{{"type":"contact.created","data":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    app.post_bytes("/events", event(128).as_bytes()).expect(202);
    for depth in [129, 1_000, 100_000] {
        let problem = app.post_bytes("/events", event(depth).as_bytes()).expect(422).json();
        assert_eq!(pointers(&problem), ["/data"]);
    }
}

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}
