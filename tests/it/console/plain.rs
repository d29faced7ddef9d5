//! The main stories in a browser that runs no script.

use std::time::Duration;

use serde_json::json;

use super::admin::Admin;
use crate::{
    app::{TestApp, wait_until},
    browser::{Browser, EMAIL, PASSWORD},
    receiver::{Receiver, Script},
};

#[test]
fn detail_07_everything_works_without_javascript() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    Browser::signed_in(&app);
    let Some(admin) = Admin::new(&app) else { return };
    admin.without_script();

    admin.visit("/integration/webhook");
    admin.fill("Email", EMAIL);
    admin.fill("Password", PASSWORD);
    admin.go("Sign in");
    admin.go("+ Add");
    assert_eq!(admin.script("return document.documentElement.className"), "", "no script ran");
    let dead = "return [...document.querySelectorAll('[data-script]')].filter((one) => one.offsetParent).length";
    assert_eq!(admin.script(dead), 0, "what needs a script is not shown");
    admin.fill("Request URL", &receiver.url("/in"));
    admin.fill("Description", "without a script");
    admin.tick("All Ticket events");
    for number in 0..5 {
        if admin.count(&format!("#header_name_{number}")) == 0 {
            admin.go("Add another header");
        }
        admin.click(&format!("#header_name_{number}"));
        admin.keys(&format!("X-Header-{number}"));
        admin.click(&format!("#header_value_{number}"));
        admin.keys(&format!("value {number}"));
    }
    admin.go("Generate");
    let secret = admin.script("return document.querySelector('#secret').value");
    assert!(secret.as_str().unwrap().starts_with("whsec_"), "{secret}");
    admin.tick("Send a test event after creating");
    admin.go("Create Webhook");
    admin.sees("Webhook created.");
    let webhook = app.get("/webhooks").expect(200).json()["data"][0].clone();
    let headers = webhook["headers"].as_array().unwrap();
    let named: Vec<_> = headers.iter().map(|one| format!("{}: {}", one["name"], one["value"])).collect();
    let wanted: Vec<_> = (0..5).map(|n| format!("\"X-Header-{n}\": \"value {n}\"")).collect();
    assert_eq!(named, wanted);
    assert_eq!(webhook["events"], json!(["ticket.*"]));

    // One that fails and enough that arrive for a second page.
    receiver.answer_next([Script::status(410)]);
    let mut events: Vec<_> = (0..51).map(|n| json!({"type": "ticket.updated", "data": {"n": n}})).collect();
    app.publish("ticket.created", "{}");
    app.wait_for_logs("status=failed", 1);
    app.post(&format!("/webhooks/{}/enable", webhook["id"].as_str().unwrap()), json!({"missed": "send"})).expect(200);
    app.post("/events/batch", json!({"events": events.split_off(0)})).expect(202);
    wait_until(|| app.logs("status=success&limit=100").len() == 51).expect("they arrive");
    admin.go("Webhook Logs");
    assert_eq!(admin.count("tbody tr"), 50);
    admin.go("Older ›");
    assert_eq!(admin.count("tbody tr"), 2);
    admin.go("‹ Newer");
    admin.choose("Status", "Failed");
    admin.go("Search");
    assert_eq!(admin.count("tbody tr"), 1);
    let id = admin.text_of("td .id");
    admin.go(&id);
    admin.go("Resend");
    admin.sees("Sending again now.");
    let arrived = || {
        app.advance(Duration::from_secs(1));
        app.logs("status=success&event_type=ticket.created").len() == 1
    };
    wait_until(arrived).expect("it arrives");
    admin.sees_after_reload("resend by");

    admin.visit(&format!("/integration/webhook/{}/settings", webhook["id"].as_str().unwrap()));
    admin.go("Rotate…");
    admin.go("Rotate secret");
    admin.sees("Two secrets are in use until");
    admin.visit(&format!("/integration/webhook/{}/settings", webhook["id"].as_str().unwrap()));
    admin.go("Show secret");
    let shown = admin.script("return document.querySelector('main input[readonly]').value");
    let path = format!("/webhooks/{}/secret", webhook["id"].as_str().unwrap());
    assert_eq!(shown, app.get(&path).expect(200).json()["secret"]);
    admin.visit(&format!("/integration/webhook/{}", webhook["id"].as_str().unwrap()));
    admin.go("Disable");
    admin.sees("Disabled. Events from now on are kept but not sent.");
    admin.go("Sign out");
    admin.sees("You are signed out.");
}
