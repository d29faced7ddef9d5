//! Signatures of other forms beside that of Standard Webhooks, as receivers of other senders check them.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    app::TestApp,
    browser::Browser,
    main_job::verify_at_its_time,
    receiver::{Received, Receiver, Script},
};

/// HMAC-SHA256 as hex, the key being the text that a person was given.
fn hex(secret: &str, message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a receiver with the time and these secrets expects.
fn timestamped(request: &Received, secrets: &[&str]) -> String {
    let at = request.header("webhook-timestamp").unwrap();
    let message = [at.as_bytes(), b".", &request.body].concat();
    let values: String = secrets.iter().map(|secret| format!(",v1={}", hex(secret, &message))).collect();
    format!("t={at}{values}")
}

#[test]
fn three_signatures_side_by_side_each_as_its_receiver_checks_it() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook_with(json!({
        "request_url": receiver.url("/in"), "events": ["*"],
        "hub_signature_header": "X-Hub-Signature-256", "timestamped_signature_header": "X-Acme-Signature",
    }));
    let (id, first) = (webhook["id"].as_str().unwrap(), webhook["secret"].as_str().unwrap());
    receiver.answer_next([Script::status(500)]);
    app.publish("contact.created", r#"{"name":"Ann"}"#);
    let request = receiver.wait_for(1).pop().unwrap();
    verify_at_its_time(&request, first);
    let hub = request.header("x-hub-signature-256").unwrap();
    assert_eq!(hub, format!("sha256={}", hex(first, &request.body)));
    assert_eq!(request.header("x-acme-signature").unwrap(), timestamped(&request, &[first]));

    // The log has them as they were sent.
    let entry = app.wait_for_logs("status=pending&http_status=500", 1).remove(0);
    let log = app.log(entry["id"].as_str().unwrap());
    let headers = log["attempts"][0]["request"]["headers"].as_array().unwrap();
    let shown = |name: &str| headers.iter().find(|header| header["name"] == name).map(|header| header["value"].clone());
    assert_eq!(shown("X-Hub-Signature-256"), Some(Value::from(hub)), "{log}");
    let admin = Browser::signed_in(&app);
    let page = admin.get(&format!("/integration/webhook-logs/{}", entry["id"].as_str().unwrap())).expect(200).text();
    assert!(page.contains("X-Acme-Signature") && page.contains("X-Hub-Signature-256"), "{page}");

    // While the secret is rotated the form with room for several has both.
    let second = "typed-for-the-migration";
    app.post(&format!("/webhooks/{id}/rotate-secret"), json!({"secret": second, "overlap_hours": 24})).expect(200);
    app.publish("contact.created", "{}");
    let request = receiver.wait_for(2).pop().unwrap();
    assert_eq!(request.header("x-acme-signature").unwrap(), timestamped(&request, &[second, first]));
    assert_eq!(request.header("x-hub-signature-256").unwrap(), format!("sha256={}", hex(second, &request.body)));

    app.patch(&format!("/webhooks/{id}"), json!({"hub_signature_header": null})).expect(200);
    app.publish("contact.created", "{}");
    let request = receiver.wait_for(3).pop().unwrap();
    assert_eq!(request.header("x-hub-signature-256"), None);
    assert!(request.header("x-acme-signature").is_some());
}

#[test]
fn a_signature_cannot_take_a_header_that_is_there_already() {
    let app = TestApp::start();
    let url = "https://hooks.example.com/";
    let header = json!([{"name": "X-Sign", "value": "1"}]);
    for (members, pointer) in [
        (json!({"hub_signature_header": "webhook-signature"}), "/hub_signature_header"),
        (json!({"hub_signature_header": "not a name"}), "/hub_signature_header"),
        (json!({"hub_signature_header": ""}), "/hub_signature_header"),
        (
            json!({"hub_signature_header": "X-A", "timestamped_signature_header": "x-a"}),
            "/timestamped_signature_header",
        ),
        (json!({"headers": header, "hub_signature_header": "x-sign"}), "/hub_signature_header"),
    ] {
        let mut input = json!({"request_url": url, "events": ["*"]});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let problem = app.post("/webhooks", input).expect(422).json();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    let id = app.webhook_with(json!({"request_url": url, "events": ["*"], "headers": header}))["id"].clone();
    let path = format!("/webhooks/{}", id.as_str().unwrap());
    app.patch(&path, json!({"timestamped_signature_header": "x-SIGN"})).expect(422);
    let both = json!({"timestamped_signature_header": "x-SIGN", "headers": []});
    assert_eq!(app.patch(&path, both).expect(200).json()["timestamped_signature_header"], "x-SIGN");
    app.patch(&path, json!({"headers": header})).expect(422);
}
