//! Webhooks by the API: made, changed, switched, tested, rotated, deleted.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::{Answer, TestApp},
    receiver::{Receiver, Script},
};

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

fn with_if_match(app: &TestApp, method: &str, path: &str, tag: &str, body: Option<&Value>) -> Answer {
    let bearer = format!("Bearer {}", app.key);
    let headers = [("authorization", &*bearer), ("content-type", "application/json"), ("if-match", tag)];
    let body = body.map(|body| body.to_string().into_bytes());
    app.request(method, &format!("/api/v1{path}"), &headers, body.as_deref())
}

#[test]
fn a_webhook_is_made_shown_and_listed_and_its_secret_only_where_it_belongs() {
    let app = TestApp::start();
    let answer = app.post(
        "/webhooks",
        json!({
            "request_url": "https://HOOKS.example.com:443/crm", "events": ["contact.created", "ticket.*", "ticket.*"],
            "secret": "my own typed secret", "description": "ERP sync",
            "headers": [{"name": "X-Env", "value": "prod"}, {"name": "X-Api-Key", "value": "k3y-v4lue", "hidden": true}],
            "timeout_ms": 5000, "max_in_flight": 3, "rate_per_second": 7, "retry_schedule_s": [5, 60],
        }),
    );
    let answer = answer.expect(201);
    let mut made = answer.json();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), Some(&*format!("/api/v1/webhooks/{id}")));
    let now = app.now().to_string();
    let expected = json!({
        "id": id, "account": "default", "request_url": "https://hooks.example.com/crm", "description": "ERP sync",
        "events": ["contact.created", "ticket.*"],
        "headers": [
            {"name": "X-Env", "value": "prod", "hidden": false}, {"name": "X-Api-Key", "value": null, "hidden": true},
        ],
        "enabled": true, "disabled_reason": null, "disabled_at": null,
        "timeout_ms": 5000, "max_in_flight": 3, "rate_per_second": 7, "retry_schedule_s": [5, 60],
        "ordered": false, "hub_signature_header": null, "timestamped_signature_header": null,
            "tls_ca": null, "tls_ca_ends_at": null, "tls_client_certificate": null,
            "tls_client_certificate_ends_at": null, "health": "new", "failing_since": null, "disable_warning": null, "probe": null, "throttled_until": null, "set_by_configuration": null, "waiting": 0, "missed": 0,
        "old_secret_until": null, "created_at": now, "updated_at": now,
    });
    assert_eq!(made.as_object_mut().unwrap().remove("secret"), Some(json!("my own typed secret")));
    let made_by = made.as_object_mut().unwrap().remove("created_by").unwrap();
    assert!(made_by.as_str().unwrap().starts_with("key:"), "{made_by}");
    assert_eq!(made, expected);
    let shown = app.get(&format!("/webhooks/{id}")).expect(200);
    assert_eq!(shown.header("etag"), answer.header("etag"));
    for text in [shown.text(), app.get("/webhooks").expect(200).text()] {
        assert!(!text.contains("typed secret") && !text.contains("k3y-v4lue"), "{text}");
    }
    assert_eq!(app.get("/webhooks").json()["data"][0]["id"], json!(id));
    let secret = app.get(&format!("/webhooks/{id}/secret")).expect(200).json();
    assert_eq!(secret, json!({"secret": "my own typed secret"}));
}

#[test]
fn every_fault_of_a_webhook_is_named_at_once() {
    let app = TestApp::start();
    let problem = app.post(
        "/webhooks",
        json!({
            "request_url": "ftp://x", "events": ["contact.created", "Nonsense", "*.x"], "secret": "s3cret",
            "headers": [{"name": "Host", "value": "x"}, {"name": "X", "vlaue": "x"}], "timeout_ms": "5",
            "description": "two\nlines",
            "enabled": "yes", "account": "a b", "evnets": [],
        }),
    );
    let problem = problem.expect(422).json();
    let mut found = pointers(&problem);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "/account",
            "/description",
            "/enabled",
            "/events/1",
            "/events/2",
            "/evnets",
            "/headers/1/value",
            "/headers/1/vlaue",
            "/request_url",
            "/secret",
            "/timeout_ms",
        ]
    );
    assert!(!problem.to_string().contains("s3cret"), "{problem}");
    // What only the configuration and the catalogue know is named along with it.
    let problem = app.post(
        "/webhooks",
        json!({"request_url": "http://10.0.0.1/", "events": ["contact.craeted"], "timeout_ms": 1, "max_in_flight": 65}),
    );
    let problem = problem.expect(422).json();
    assert_eq!(pointers(&problem), ["/request_url", "/events/0", "/timeout_ms", "/max_in_flight"]);
    assert_eq!(problem["errors"][1]["code"], "unknown_event_type");
    assert_eq!(app.get("/webhooks").json()["data"], json!([]));
}

#[test]
fn request_urls_that_lead_nowhere_public_are_refused() {
    let app = TestApp::start_with(|config| config.allowed_private_targets.clear());
    for url in [
        "http://127.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::a00:1]/",
        "http://[2002:a00:1::]/",
        "http://10.0.0.1./",
        "http://①②⑦.0.0.1/",
        "http://localhost/",
        "http://a.localhost./",
        "http://printer.local/",
        "http://x.internal/",
        "http://169.254.169.254/latest",
        "https://user:pw@example.com/",
        "https://example.com/#x",
        "https://example.com:0/",
        "https://example.com:25/",
        "https://example.com:6379/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "//example.com",
        "https://",
        "https:// example.com/",
        "https://exa mple.com/",
        "",
        " ",
        "https://[::1",
        "https://example.com:99999/",
        &format!("https://example.com/{}", "x".repeat(4096)),
        &app.base,
    ] {
        let answer = app.post("/webhooks", json!({"request_url": url, "events": ["*"]}));
        assert_eq!(answer.status, 422, "{url}: {}", answer.text());
        assert_eq!(pointers(&answer.json()), ["/request_url"], "{url}");
    }
}

#[test]
fn secrets_headers_and_selections_out_of_bounds_are_refused() {
    let app = TestApp::start();
    let with = |name: &str, value: Value| {
        let mut body = json!({"request_url": "https://hooks.example.com/", "events": ["*"]});
        body[name] = value;
        app.post("/webhooks", body)
    };
    for secret in ["", "whsec_", "x", "whsec_not!base64!at!all!", &"x".repeat(1024)] {
        assert_eq!(pointers(&with("secret", json!(secret)).expect(422).json()), ["/secret"]);
    }
    with("secret", json!("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")).expect(201);
    let header = |name: &str, value: &str| json!({"name": name, "value": value});
    let thousand: Vec<Value> = (0..1000).map(|number| header(&format!("x-{number}"), "1")).collect();
    for headers in [
        json!([header("Host", "x")]),
        json!([header("content-length", "1")]),
        json!([header("Transfer-Encoding", "chunked")]),
        json!([header("webhook-id", "x")]),
        json!([header("X Y", "x")]),
        json!([header("x", "a\r\nb")]),
        json!([header("x", "1"), header("X", "2")]),
        json!([header("x", &"v".repeat(200_000))]),
        json!(thousand),
        json!({"x": "1"}),
    ] {
        let problem = with("headers", headers).expect(422).json();
        assert!(pointers(&problem)[0].starts_with("/headers"), "{problem}");
    }
    for events in [json!([]), json!(vec!["a.b"; 10_000]), json!(["no.such.thing"]), json!("*"), json!([1])] {
        let problem = with("events", events).expect(422).json();
        assert!(pointers(&problem)[0].starts_with("/events"), "{problem}");
    }
    let over = with("description", json!("x".repeat(201))).expect(422).json();
    assert_eq!(pointers(&over), ["/description"]);
    for schedule in [json!([0]), json!(vec![1; 31]), json!([700_000]), json!(5), json!([-1])] {
        let problem = with("retry_schedule_s", schedule).expect(422).json();
        assert!(pointers(&problem)[0].starts_with("/retry_schedule_s"), "{problem}");
    }
}

#[test]
fn a_merge_patch_changes_what_it_names() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let made = app.webhook_with(json!({
        "request_url": receiver.url("/a"), "events": ["*"], "description": "one", "timeout_ms": 5000,
        "headers": [{"name": "x", "value": "1"}], "retry_schedule_s": [9],
    }));
    let path = format!("/webhooks/{}", made["id"].as_str().unwrap());
    let changed =
        app.patch(&path, json!({"description": "two", "timeout_ms": null, "headers": null})).expect(200).json();
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("secret");
    expected["description"] = json!("two");
    expected["timeout_ms"] = Value::Null;
    expected["headers"] = json!([]);
    assert_eq!(changed, expected);
    for (body, pointer) in [
        (json!({"request_url": null}), "/request_url"),
        (json!({"events": null}), "/events"),
        (json!({"enabled": null}), "/enabled"),
        (json!({"id": "whk_00000000000000000000000001"}), "/id"),
        (json!({"created_at": "2026-01-01T00:00:00Z"}), "/created_at"),
        (json!({"account": "other"}), "/account"),
        (json!({"secret": "another typed secret"}), "/secret"),
        (json!({"secrets": []}), "/secrets"),
        (json!({"deleted_at": null}), "/deleted_at"),
    ] {
        let problem = app.patch(&path, body).expect(422).json();
        assert_eq!(pointers(&problem), [pointer]);
    }
    assert_eq!(app.get(&path).json(), expected);
    let off = app.patch(&path, json!({"enabled": false})).expect(200).json();
    assert_eq!(
        (&off["enabled"], &off["disabled_reason"], &off["health"]),
        (&json!(false), &json!("by_request"), &json!("off"))
    );
}

#[test]
fn a_change_on_an_old_version_is_refused() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    let path = format!("/webhooks/{id}");
    let first = app.get(&path).header("etag").unwrap().to_owned();
    let change = json!({"description": "mine"});
    let second = with_if_match(&app, "PATCH", &path, &first, Some(&change)).expect(200);
    assert_ne!(second.header("etag"), Some(&*first));
    for tag in [&*first, "W/\"1\"", "\"x\"", "1"] {
        let problem =
            with_if_match(&app, "PATCH", &path, tag, Some(&json!({"description": "late"}))).expect(412).json();
        assert_eq!(problem["status"], 412);
        with_if_match(&app, "DELETE", &path, tag, None).expect(412);
    }
    assert_eq!(app.get(&path).json()["description"], "mine");
    with_if_match(&app, "DELETE", &path, second.header("etag").unwrap(), None).expect(204);
}

#[test]
fn deleting_twice_is_204_then_404() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let path = format!("/webhooks/{}", app.webhook(&receiver, &["*"])["id"].as_str().unwrap());
    let gone = app.delete(&path).expect(204);
    assert_eq!((gone.body.len(), gone.header("request-id").is_some()), (0, true));
    app.delete(&path).expect(404);
    app.get(&path).expect(404);
    app.patch(&path, json!({})).expect(404);
    for action in ["enable", "disable", "test", "rotate-secret"] {
        app.post(&format!("{path}/{action}"), json!({})).expect(404);
    }
    app.get(&format!("{path}/secret")).expect(404);
    app.get(&format!("{path}/stats")).expect(404);
}

#[test]
fn what_a_disabled_webhook_misses_waits_and_is_sent_or_skipped() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    let off = app.post(&format!("/webhooks/{id}/disable"), json!({})).expect(200).json();
    assert_eq!((&off["enabled"], &off["disabled_reason"]), (&json!(false), &json!("by_request")));
    app.publish("contact.created", "1");
    let shown = app.get(&format!("/webhooks/{id}")).json();
    assert_eq!((&shown["waiting"], &shown["missed"]), (&json!(1), &json!(1)));
    assert_eq!(app.logs("status=pending")[0]["reason"], "webhook_disabled");
    let problem = app.post(&format!("/webhooks/{id}/enable"), json!({"missed": "drop"})).expect(422).json();
    assert_eq!(pointers(&problem), ["/missed"]);
    // No body at all is the same as an empty object: nothing is lost.
    let bearer = format!("Bearer {}", app.key);
    let path = format!("/api/v1/webhooks/{id}/enable");
    let on = app.request("POST", &path, &[("authorization", &bearer)], None).expect(200).json();
    assert_eq!(on["enabled"], true);
    receiver.wait_for(1);
    app.post(&format!("/webhooks/{id}/disable"), json!({})).expect(200);
    app.publish("contact.created", "2");
    app.post(&format!("/webhooks/{id}/enable"), json!({"missed": "skip"})).expect(200);
    let skipped = app.wait_for_logs("status=failed", 1).remove(0);
    assert_eq!(skipped["reason"], "skipped");
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn a_test_is_sent_at_once_and_answered_with_what_came_of_it() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    receiver.answer(Script::status(418).header("x-pot", "tea").body("short and stout"));
    let id = app.webhook_with(json!({
        "request_url": receiver.url("/in"), "events": ["*"],
        "headers": [{"name": "x-api-key", "value": "k3y-v4lue", "hidden": true}],
    }))["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let result = app.post(&format!("/webhooks/{id}/test"), json!({})).expect(200).json();
    assert_eq!(result["success"], false);
    let (attempt, outcome) = (&result["attempt"], &result["attempt"]["outcome"]);
    assert_eq!((&attempt["number"], &attempt["started_by"]), (&json!(1), &json!("test")));
    assert_eq!((&outcome["http_status"], &outcome["body"]), (&json!(418), &json!("short and stout")));
    let pot = json!({"name": "x-pot", "value": "tea"});
    assert!(outcome["headers"].as_array().unwrap().contains(&pot), "{outcome}");
    assert_eq!(attempt["request"]["url"], json!(receiver.url("/in")));
    let hidden = json!({"name": "x-api-key", "value": null});
    assert!(attempt["request"]["headers"].as_array().unwrap().contains(&hidden), "{attempt}");
    assert_eq!(receiver.wait_for(1)[0].header("webhook-event-type").as_deref(), Some("webhook.test"));
    let log = app.log(result["log_id"].as_str().unwrap());
    assert_eq!((&log["test"], &log["attempts"][0]), (&json!(true), attempt));
    let own = json!({"type": "ticket.created", "data": {"mine": 1.10}});
    app.post(&format!("/webhooks/{id}/test"), own).expect(200);
    assert!(String::from_utf8_lossy(&receiver.wait_for(2)[1].body).contains(r#""data":{"mine":1.1"#));
    let problem = app.post(&format!("/webhooks/{id}/test"), json!({"type": "no.such"})).expect(422).json();
    assert_eq!(pointers(&problem), ["/type"]);
}

#[test]
fn a_rotation_signs_with_both_secrets_until_the_overlap_is_over() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    let rotated = app.post(&format!("/webhooks/{id}/rotate-secret"), json!({"overlap_hours": 1})).expect(200);
    assert!(!rotated.text().contains("whsec_"));
    let until = app.now().plus(Duration::from_secs(3600)).to_string();
    assert_eq!(rotated.json()["old_secret_until"], json!(until));
    app.publish("contact.created", "1");
    let signatures = receiver.wait_for(1)[0].header("webhook-signature").unwrap();
    assert_eq!(signatures.split(' ').count(), 2, "{signatures}");
    let own = json!({"secret": "another typed secret", "overlap_hours": 0});
    app.post(&format!("/webhooks/{id}/rotate-secret"), own).expect(200);
    assert_eq!(app.get(&format!("/webhooks/{id}/secret")).json()["secret"], "another typed secret");
    app.publish("contact.created", "2");
    let signatures = receiver.wait_for(2)[1].header("webhook-signature").unwrap();
    assert_eq!(signatures.split(' ').count(), 1, "{signatures}");
    for bad in [json!({"overlap_hours": -1}), json!({"overlap_hours": 721}), json!({"overlap_hours": 1.5})] {
        app.post(&format!("/webhooks/{id}/rotate-secret"), bad).expect(422);
    }
}

#[test]
fn the_numbers_of_a_webhook() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    app.publish("contact.created", "1");
    app.wait_for_logs("status=success", 1);
    let stats = app.get(&format!("/webhooks/{id}/stats")).expect(200).json();
    assert_eq!((&stats["webhook_id"], &stats["health"]), (&json!(id), &json!("healthy")));
    assert_eq!((&stats["success"], &stats["failed"], &stats["waiting"]), (&json!(1), &json!(0), &json!(0)));
    assert_eq!((&stats["last_day"]["success"], &stats["last_day"]["attempts"]), (&json!(1), &json!(1)));
    assert_eq!(stats["hours"].as_array().unwrap().len(), 1);
    let system = app.get("/stats").expect(200).json();
    assert_eq!(
        system,
        json!({"queue_depth": 0, "oldest_due_at": null, "accepted_today": 1, "delivered_today": 1, "failed_today": 0, "sending_paused_since": null})
    );
}
