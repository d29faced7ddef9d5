//! Pausing the retries of one webhook: first attempts go on, what failed waits.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::TestApp,
    browser::Browser,
    receiver::{Receiver, Script},
};

const HOUR: Duration = Duration::from_secs(3_600);

fn webhook(app: &TestApp, receiver: &Receiver, more: Value) -> String {
    let mut webhook = json!({"request_url": receiver.url("/in"), "events": ["*"], "retry_schedule_s": [60, 60]});
    webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.webhook_with(webhook)["id"].as_str().unwrap().to_owned()
}

fn press(browser: &Browser, id: &str, button: &str) -> String {
    let page = browser.get(&format!("/integration/webhook/{id}")).expect(200).text();
    browser.follow(browser.post(&format!("/integration/webhook/{id}/retries"), &page, &[("do", button)]))
}

#[test]
fn first_attempts_and_resends_go_on_and_retries_wait_until_resumed() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let id = webhook(&app, &receiver, json!({}));
    receiver.answer(Script::status(500));
    app.publish("contact.created", "1");
    app.publish("contact.created", "2");
    let waiting = app.wait_for_logs("status=pending&http_status=500", 2);

    let page = press(&browser, &id, "pause");
    for words in ["Retries are paused. First attempts go on.", "Retries are paused since ", ">Resume retries</button>"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    receiver.answer(Script::ok());
    app.advance(24 * HOUR);
    // Whoever is announced after that is sent at once.
    app.publish("contact.created", "3");
    app.wait_for_logs("status=success", 1);
    assert_eq!(receiver.requests().len(), 3, "no retry was made");
    let log = browser.get("/integration/webhook-logs").text();
    assert_eq!(log.matches("Waiting: retries paused").count(), 2, "{log}");
    assert_eq!(app.logs("status=pending")[0]["reason"], "retries_paused");
    assert_eq!(app.logs("status=pending")[0]["next_attempt_at"], Value::Null);

    // A first attempt that fails meanwhile waits like the others.
    receiver.answer(Script::status(500));
    app.publish("contact.created", "4");
    app.wait_for_logs("status=pending&http_status=500", 3);
    receiver.answer(Script::ok());
    app.post(&format!("/logs/{}/resend", waiting[0]["id"].as_str().unwrap()), json!({})).expect(202);
    app.wait_for_logs("status=success", 2);

    // A restart keeps them waiting, and finds first attempts behind them.
    let clock = app.clock.clone();
    let app = TestApp::start_at(app.stop(), clock, |_| {});
    app.advance(HOUR);
    app.publish("contact.created", "5");
    app.wait_for_logs("status=success", 3);
    assert_eq!(app.logs("status=pending").len(), 2);

    let browser = Browser::new(&app);
    browser.sign_in(crate::browser::PASSWORD).expect(303);
    assert!(press(&browser, &id, "resume").contains("Retries go on."));
    app.wait_for_logs("status=success", 5);
    assert!(!browser.get(&format!("/integration/webhook/{id}")).text().contains("Retries are paused since"));
    let problems = app.app().service().verify().unwrap();
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn order_is_kept_while_the_retry_of_an_earlier_event_waits() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let id = webhook(&app, &receiver, json!({"ordered": true}));
    receiver.answer(Script::status(500));
    let publish = |data: u32, key: &str| {
        app.post("/events", json!({"type": "contact.created", "data": data, "ordering_key": key})).expect(202);
    };
    publish(1, "a");
    app.wait_for_logs("status=pending&http_status=500", 1);
    app.patch(&format!("/webhooks/{id}"), json!({"retries_paused": true})).expect(200);
    receiver.answer(Script::ok());
    publish(2, "a");
    publish(3, "b");
    app.advance(HOUR);
    app.wait_for_logs("status=success", 1);
    assert_eq!(receiver.requests().len(), 2, "the second of its key stands behind the first");
    // Sent again by hand, the first lets the second go, whose first attempt that is.
    let first = app.logs("status=pending&http_status=500")[0]["id"].as_str().unwrap().to_owned();
    app.post(&format!("/logs/{first}/resend"), json!({})).expect(202);
    app.wait_for_logs("status=success", 3);
}
