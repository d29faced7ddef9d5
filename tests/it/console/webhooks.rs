//! The webhook itself: tested, switched off and on, its secret rotated, its health, its end.

use std::time::Duration;

use hookstead::control::{self, Ask};
use serde_json::{Value, json};

use super::{admin::Admin, logs::page_of};
use crate::{
    app::{TestApp, wait_until},
    main_job::verify_at_its_time,
    receiver::{Gate, Receiver, Script},
};

/// The page of a webhook.
pub fn page_of_webhook(webhook: &Value) -> String {
    format!("/integration/webhook/{}", webhook["id"].as_str().unwrap())
}

#[test]
fn detail_06_a_test_event_shows_its_answer_on_the_same_page_with_and_without_a_script() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook(&receiver, &["contact.created"]);
    let Some(admin) = Admin::signed_in(&app) else { return };
    for (turn, script) in [(1, true), (2, false)] {
        if !script {
            admin.without_script();
        }
        receiver.answer(Script::status(422).header("X-Reason", format!("turn {turn}")).body("no such field: <name>"));
        admin.visit(&page_of_webhook(&webhook));
        admin.go("Send test event");
        admin.arrives_at(&page_of_webhook(&webhook));
        let shown = admin.text_of("#test");
        for words in ["Test event: 422 Unprocessable", " ms", &format!("turn {turn}"), "no such field: <name>"] {
            assert!(shown.to_lowercase().contains(&words.to_lowercase()), "{words}: {shown}");
        }
        assert_eq!(receiver.requests().len(), turn);
    }
}

#[test]
fn detail_10_disable_keeps_events_and_enable_offers_the_missed_ones() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    // One request at a time: several at once may overtake each other on their way.
    let webhook = app.webhook_with(json!({"request_url": receiver.url("/in"), "events": ["*"], "max_in_flight": 1}));
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.visit(&page_of_webhook(&webhook));
    admin.go("Disable");
    admin.sees("Disabled. Events from now on are kept but not sent.");
    let events: Vec<_> = (1..=3).map(|number| app.publish("contact.created", &number.to_string())).collect();
    admin.visit("/integration/webhook-logs");
    admin.sees("Waiting: webhook disabled");
    admin.visit("/integration/webhook");
    admin.sees("Off");
    admin.go(&format!("Off. Enable {}", webhook["request_url"].as_str().unwrap()));
    admin.sees("3 events happened while this was off");
    admin.tick("Send them now, oldest first");
    assert!(receiver.requests().is_empty());
    admin.go("Enable webhook");
    admin.sees("Enabled. The missed events are being sent, oldest first.");
    let sent = receiver.wait_for(3);
    let ids: Vec<_> = sent.iter().map(|request| Value::from(request.header("webhook-id").unwrap())).collect();
    let wanted: Vec<_> = events.iter().map(|event| event["id"].clone()).collect();
    assert_eq!(ids, wanted, "each of them once, in their order");
}

#[test]
fn detail_11_a_secret_is_rotated_with_an_overlap() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook(&receiver, &["*"]);
    let old = webhook["secret"].as_str().unwrap().to_owned();
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.visit(&format!("{}/settings", page_of_webhook(&webhook)));
    admin.go("Rotate…");
    admin.choose("Keep signing with the old one too", "For 24 hours");
    admin.go("Rotate secret");
    admin.sees("Two secrets are in use until");
    let new = admin.script("return document.querySelector('.banner.good input').value");
    let new = new.as_str().unwrap().to_owned();
    assert!(new.starts_with("whsec_") && new != old);
    app.publish("contact.created", "1");
    let both = receiver.wait_for(1).remove(0);
    assert_eq!(both.header("webhook-signature").unwrap().split(' ').count(), 2);
    verify_at_its_time(&both, &old);
    verify_at_its_time(&both, &new);

    admin.go("End now");
    admin.sees("Only the newest secret is in use now.");
    app.publish("contact.created", "2");
    let one = receiver.wait_for(2).remove(1);
    assert_eq!(one.header("webhook-signature").unwrap().split(' ').count(), 1);
    verify_at_its_time(&one, &new);
}

#[test]
fn detail_19_health_shows_at_a_glance_on_every_page_and_recovers() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook_with(json!({
        "request_url": receiver.url("/in"), "events": ["*"], "retry_schedule_s": [5, 600],
    }));
    let Some(admin) = Admin::signed_in(&app) else { return };
    app.publish("contact.created", "1");
    app.wait_for_logs("status=success", 1);
    admin.visit("/integration/webhook");
    admin.sees("Healthy");
    assert!(!admin.text().contains("failing"), "{}", admin.text());

    receiver.answer(Script::status(500));
    app.publish("contact.created", "2");
    app.wait_for_logs("status=pending&http_status=500", 1);
    let given_up = || {
        app.advance(Duration::from_secs(60));
        !app.logs("status=failed").is_empty()
    };
    wait_until(given_up).expect("it is given up after three attempts");
    app.publish("contact.created", "3");
    app.wait_for_logs("status=pending", 1);
    for path in ["/integration/webhook", "/integration/webhook-logs", "/developers/api-keys", "/system"] {
        admin.visit(path);
        assert!(admin.text_of("header").contains("1 webhook failing"), "{path}: {}", admin.text_of("header"));
    }
    admin.go("1 webhook failing");
    assert!(admin.text_of("tbody td[data-label=Health]").contains("Failing"));
    assert!(admin.text_of("tbody td[data-label=Health]").contains("1 waiting"));
    admin.visit(&page_of_webhook(&webhook));
    let banner = admin.text_of(".banner.bad");
    for words in ["Failing since", "500", "1 delivery is waiting"] {
        assert!(banner.contains(words), "{words}: {banner}");
    }
    assert_eq!(admin.count(".banner.bad a"), 2, "from there one gets to the failures and to what waits");

    receiver.answer(Script::ok());
    let recovered = || {
        app.advance(Duration::from_secs(60));
        app.logs("status=success").len() == 2
    };
    wait_until(recovered).expect("what waited arrives");
    // One failure in twenty is within what is healthy.
    for number in 0..20 {
        app.publish("contact.created", &number.to_string());
    }
    app.wait_for_logs("status=success", 22);
    admin.visit("/integration/webhook");
    admin.sees_after_reload("Healthy");
    assert!(!admin.text_of("header").contains("failing"));
}

#[test]
fn detail_23_destructive_and_doubtful_actions_are_named_counted_and_done_once() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let Some(admin) = Admin::signed_in(&app) else { return };
    let gate = Gate::new();
    receiver.answer(Script::ok().after(&gate));
    admin.visit("/integration/webhook/new");
    admin.fill("Request URL", &receiver.url("/in"));
    admin.tick("Every event, also ones added later");
    admin.tick("Send a test event after creating");
    let double =
        "const button = document.querySelector('.form-end .primary'); button.click(); button.click(); return 1";
    admin.leads_away("Create Webhook, twice", || {
        admin.script(double);
    });
    admin.sees("Webhook created.");
    let webhooks = app.get("/webhooks").expect(200).json()["data"].as_array().unwrap().clone();
    assert_eq!(webhooks.len(), 1, "a double click makes one");

    let path = page_of_webhook(&webhooks[0]);
    app.post(&format!("/webhooks/{}/disable", webhooks[0]["id"].as_str().unwrap()), json!({})).expect(200);
    for number in 0..3 {
        app.publish("contact.created", &number.to_string());
    }
    admin.visit(&path);
    admin.click(".heading .row-menu summary");
    admin.go("Delete");
    let asked = admin.text_of("main");
    for words in [receiver.url("/in").as_str(), "3 waiting deliveries", "Delete webhook"] {
        assert!(asked.contains(words), "{words}: {asked}");
    }
    admin.go("Back");
    assert_eq!(app.logs("status=pending").len(), 3, "a question changes nothing");

    let ask = Ask::CreateKey { name: "crm-production".into(), scopes: vec!["all".into()], account: None };
    control::execute(app.app().service(), ask).unwrap();
    admin.visit("/developers/api-keys");
    admin.go("Revoke…");
    let asked = admin.text_of("main");
    assert!(asked.contains("Revoke “crm-production”") && asked.contains("Last used"), "{asked}");
    gate.open();
}

#[test]
fn detail_25_every_page_can_be_quoted() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let webhook = app.webhook(&receiver, &["*"]);
    let body = json!({"type": "contact.created", "data": {}, "id": "crm-000123"});
    let event = app.post("/events", body).expect(202).json();
    let entry = app.wait_for_logs("status=success", 1).remove(0);
    let Some(admin) = Admin::signed_in(&app) else { return };
    let allow = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": app.base});
    admin.devtools("Browser.grantPermissions", allow);
    admin.visit(&page_of(&entry));
    for (label, wanted) in [("Log ID", &entry["id"]), ("Event ID", &event["id"])] {
        let quoted = format!("input[aria-label='{label}']");
        admin.click(&format!("{quoted} + button"));
        admin.sees("Copied");
        assert_eq!(&admin.script("return navigator.clipboard.readText()"), wanted, "{label}");
        admin.until("the button's own word", || admin.text_of(&format!("{quoted} + button")) == "Copy");
    }
    admin.sees("crm-000123");
    admin.visit(&format!("{}/settings", page_of_webhook(&webhook)));
    admin.click("input[aria-label='Webhook ID'] + button");
    admin.sees("Copied");
    assert_eq!(admin.script("return navigator.clipboard.readText()"), webhook["id"]);
    admin.visit(&format!("{}/settings", page_of_webhook(&webhook)));
    // Without a script, or where it may not copy: whatever one clicks into is selected whole.
    admin.click("input[aria-label='Webhook ID']");
    assert_eq!(admin.script("return getSelection().toString()"), webhook["id"]);
}
