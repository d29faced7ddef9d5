//! Deleting a webhook that deliveries wait for: they are dropped, or tried once more.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::{TestApp, wait_until},
    browser::Browser,
    receiver::{Gate, Receiver, Script},
};

const LIST: &str = "/integration/webhook";

/// A webhook for which that many deliveries wait, because their first attempt failed; the next one
/// is ten hours away.
fn webhook_with_waiting(app: &TestApp, receiver: &Receiver, waiting: usize) -> String {
    receiver.answer(Script::status(500));
    let webhook = json!({"request_url": receiver.url("/in"), "events": ["*"], "retry_schedule_s": [36_000, 36_000]});
    let id = app.webhook_with(webhook)["id"].as_str().unwrap().to_owned();
    for _ in 0..waiting {
        app.publish("contact.created", "{}");
    }
    app.wait_for_logs("status=pending&http_status=500", waiting);
    id
}

/// Moves the clock second by second until the webhook is gone.
#[track_caller]
fn wait_until_gone(app: &TestApp, id: &str) {
    let gone = wait_until(|| {
        app.advance(Duration::from_secs(1));
        app.get(&format!("/webhooks/{id}")).status == 404
    });
    gone.unwrap_or_else(|()| panic!("{:#}", app.get(&format!("/webhooks/{id}")).json()));
}

/// How many attempts each entry has had.
fn attempts(app: &TestApp, query: &str) -> Vec<u64> {
    app.logs(query).iter().map(|entry| entry["attempts"].as_u64().unwrap()).collect()
}

#[test]
fn what_waits_is_dropped_or_tried_once_more_as_the_page_asks() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let id = webhook_with_waiting(&app, &receiver, 3);
    let page = browser.get(&format!("{LIST}/{id}/delete")).expect(200).text();
    for words in ["Drop the 3 waiting deliveries", "Try them once more, then delete", &receiver.url("/in")] {
        assert!(page.contains(words), "{words}: {page}");
    }

    // Once more: two arrive, one fails again and is given up, ten hours before its time.
    receiver.answer(Script::ok());
    receiver.answer_next([Script::status(500)]);
    let answer = browser.post(&format!("{LIST}/{id}/delete"), &page, &[("waiting", "once-more")]);
    assert!(browser.follow(answer).contains("Trying what waits once more."));
    wait_until_gone(&app, &id);
    assert_eq!(attempts(&app, "status=success"), [2, 2]);
    let failed = app.logs("status=failed");
    assert_eq!((&failed[0]["attempts"], &failed[0]["reason"]), (&json!(2), &json!("gave_up")), "{failed:#?}");
    let entry = app.log(failed[0]["id"].as_str().unwrap());
    assert_eq!(entry["attempts"][1]["started_by"], "resend");
    assert_eq!(entry["attempts"][1]["next_attempt_at"], Value::Null);
    assert!(browser.get(LIST).text().contains("No webhooks yet."));
    let shown = browser.get(&format!("/integration/webhook-logs/{}", failed[0]["id"].as_str().unwrap())).text();
    assert!(shown.contains("(deleted)"), "{shown}");

    // Dropped: nothing more is sent.
    let id = webhook_with_waiting(&app, &receiver, 2);
    let page = browser.get(&format!("{LIST}/{id}/delete")).expect(200).text();
    let sent = receiver.requests().len();
    let answer = browser.post(&format!("{LIST}/{id}/delete"), &page, &[("waiting", "drop")]);
    assert!(browser.follow(answer).contains("Webhook deleted."));
    app.wait_for_logs("status=pending", 0);
    let dropped = app.logs("status=failed").into_iter().filter(|entry| entry["reason"] == "webhook_deleted").count();
    assert_eq!((dropped, receiver.requests().len()), (2, sent));

    // Where nothing waits there is no question.
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    let page = browser.get(&format!("{LIST}/{id}/delete")).expect(200).text();
    assert!(!page.contains("once more"), "{page}");
    let problems = app.app().service().verify().unwrap();
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn a_webhook_that_is_being_deleted_takes_nothing_new_and_cannot_be_changed() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let id = webhook_with_waiting(&app, &receiver, 2);
    // It is off, and the last attempts are made all the same; the first of them hangs.
    app.post(&format!("/webhooks/{id}/disable"), json!({})).expect(200);
    let gate = Gate::new();
    receiver.answer(Script::ok().after(&gate));
    let page = browser.get(&format!("{LIST}/{id}/delete")).expect(200).text();
    browser.post(&format!("{LIST}/{id}/delete"), &page, &[("waiting", "once-more")]).expect(303);
    let published = app.publish("contact.created", "{}");
    assert_eq!(published["webhooks_matched"], 0);
    let event = app.get(&format!("/events/{}", published["id"].as_str().unwrap())).json();
    assert_eq!(event["not_sent"][0]["reason"], "deleted_before", "{event:#}");

    let shown = browser.get(&format!("{LIST}/{id}")).expect(200).text();
    assert!(shown.contains("This webhook is being deleted since "), "{shown}");
    assert!(shown.contains("2 deliveries still get one more attempt.") && !shown.contains(">Edit<"), "{shown}");
    assert!(browser.get(LIST).text().contains("being deleted, after one more attempt of what waits"));
    let refused = app.patch(&format!("/webhooks/{id}"), json!({"description": "kept"})).expect(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("is being deleted"), "{refused}");
    app.post(&format!("/webhooks/{id}/disable"), json!({})).expect(409);
    let webhook = app.get(&format!("/webhooks/{id}")).expect(200).json();
    assert!(webhook["deleting_since"].is_string() && webhook["enabled"] == true, "{webhook:#}");

    wait_until(|| {
        app.advance(Duration::from_secs(1));
        receiver.requests().len() == 4
    })
    .unwrap();
    gate.open();
    wait_until_gone(&app, &id);
    assert_eq!(attempts(&app, "status=success"), [2, 2]);
}

#[test]
fn a_restart_goes_on_with_the_last_attempts() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let id = webhook_with_waiting(&app, &receiver, 2);
    let system = browser.get("/system/pause").expect(200).text();
    browser.post("/system/pause", &system, &[("reason", "ERP migration")]).expect(303);
    let page = browser.get(&format!("{LIST}/{id}/delete")).expect(200).text();
    browser.post(&format!("{LIST}/{id}/delete"), &page, &[("waiting", "once-more")]).expect(303);
    // Paused: nothing is sent, for however long.
    app.advance(Duration::from_secs(48 * 3_600));
    assert_eq!(receiver.requests().len(), 2);

    let clock = app.clock.clone();
    let app = TestApp::start_at(app.stop(), clock, |_| {});
    let browser = Browser::new(&app);
    browser.sign_in(crate::browser::PASSWORD).expect(303);
    receiver.answer(Script::ok());
    let system = browser.get("/system").expect(200).text();
    browser.post("/system/resume", &system, &[]).expect(303);
    wait_until_gone(&app, &id);
    assert_eq!(attempts(&app, "status=success"), [2, 2], "the pause took nothing of their time");
}

#[test]
fn a_webhook_that_is_being_deleted_can_be_deleted_at_once() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let id = webhook_with_waiting(&app, &receiver, 2);
    let gate = Gate::new();
    receiver.answer(Script::ok().after(&gate));
    let page = browser.get(&format!("{LIST}/{id}/delete")).expect(200).text();
    browser.post(&format!("{LIST}/{id}/delete"), &page, &[("waiting", "once-more")]).expect(303);
    let page = browser.get(&format!("{LIST}/{id}/delete")).expect(200).text();
    assert!(
        page.contains("It is being deleted already: one more attempt for the 2 waiting deliveries comes first."),
        "{page}"
    );
    app.delete(&format!("/webhooks/{id}")).expect(204);
    gate.open();
    app.get(&format!("/webhooks/{id}")).expect(404);
    app.wait_for_logs("status=pending", 0);
}
