//! The catalogue of event types by the API.

use serde_json::{Value, json};

use crate::app::TestApp;

fn pointers(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

#[test]
fn seven_types_come_with_the_product() {
    let app = TestApp::start();
    let known = app.get("/event-types").expect(200).json();
    let names: Vec<_> = known["data"].as_array().unwrap().iter().map(|info| info["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "contact.created",
            "contact.updated",
            "ticket.created",
            "ticket.updated",
            "conversation.created",
            "conversation.updated",
            "message.received",
        ]
    );
    let message = app.get("/event-types/message.received").expect(200).json();
    assert_eq!((&message["label"], &message["category"]), (&json!("Message received"), &json!("Conversation")));
    assert_eq!(message["description"], "Triggered when a new message is received.");
    assert!(message["example"].is_object());
}

#[test]
fn a_type_of_ones_own_is_added_changed_and_removed() {
    let app = TestApp::start();
    let new = r#"{"name":"invoice.paid","label":"Invoice paid","category":"Invoice","description":"When it is paid.",
        "example":{"total": 1299.90}}"#;
    let answer = app.post_bytes("/event-types", new.as_bytes()).expect(201);
    assert_eq!(answer.header("location"), Some("/api/v1/event-types/invoice.paid"));
    assert!(answer.text().contains(r#""example":{"total": 1299.90}"#), "{}", answer.text());
    app.post_bytes("/event-types", new.as_bytes()).expect(409);
    let path = "/event-types/invoice.paid";
    let changed = app.patch(path, json!({"label": "Paid", "example": null})).expect(200).json();
    assert_eq!(
        (&changed["label"], &changed["example"], &changed["category"]),
        (&json!("Paid"), &Value::Null, &json!("Invoice"))
    );
    assert_eq!(pointers(&app.patch(path, json!({"name": "a.b"})).expect(422).json()), ["/name"]);
    assert_eq!(pointers(&app.patch(path, json!({"label": null})).expect(422).json()), ["/label"]);
    app.delete(path).expect(204);
    app.delete(path).expect(404);
    app.post_bytes("/event-types", new.as_bytes()).expect(201);
    app.webhook_with(json!({"request_url": "https://hooks.example.com/", "events": ["invoice.paid"]}));
    let retired = app.delete(path).expect(200).json();
    assert_eq!(retired["retired"], true);
}

#[test]
fn what_is_wrong_with_a_new_type_is_named() {
    let app = TestApp::start();
    let problem = app.post("/event-types", json!({"name": "Invoice", "schema": [], "lable": "x"})).expect(422).json();
    assert_eq!(pointers(&problem), ["/name", "/label", "/category", "/description", "/schema", "/lable"]);
    for name in ["webhook.test", "webhook.mine", "one", "a.b.c.d.e", "a..b", "*", "a.*", "é.x", &"a.b".repeat(60)] {
        let body = json!({"name": name, "label": "x", "category": "x", "description": "x"});
        assert_eq!(pointers(&app.post("/event-types", body).expect(422).json()), ["/name"], "{name}");
    }
    for name in ["no.such", "%2e%2e", "contact.created%00", "x%2Fy"] {
        app.get(&format!("/event-types/{name}")).expect(404);
    }
}
