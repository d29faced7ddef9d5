//! Changing the Request URL of a webhook while deliveries wait for the old one.

use std::time::Duration;

use serde_json::json;

use crate::{
    app::TestApp,
    browser::Browser,
    receiver::{Receiver, Script},
};

const HOUR: Duration = Duration::from_secs(3_600);

struct Story {
    app: TestApp,
    old: Receiver,
    new: Receiver,
    id: String,
}

impl Story {
    /// Two deliveries wait for the old URL.
    fn begin() -> Story {
        let (app, old, new) = (TestApp::start(), Receiver::start(), Receiver::start());
        old.answer(Script::status(500));
        let webhook = json!({"request_url": old.url("/old"), "events": ["*"], "retry_schedule_s": [60, 60]});
        let id = app.webhook_with(webhook)["id"].as_str().unwrap().to_owned();
        app.publish("contact.created", "1");
        app.publish("contact.created", "2");
        app.wait_for_logs("status=pending&http_status=500", 2);
        Story { app, old, new, id }
    }

    /// Saves the form with the new URL and that answer to its question.
    fn move_to_new(&self, browser: &Browser, waiting: &str) {
        let address = format!("/integration/webhook/{}/edit", self.id);
        let form = browser.get(&address).expect(200).text();
        for words in
            ["2 deliveries are waiting for the old URL.", "Send them to the new URL", "Send them to the old one"]
        {
            assert!(form.contains(words), "{words}: {form}");
        }
        let version = crate::browser::between(&form, "name=\"version\" value=\"", "\"").unwrap().to_owned();
        let url = self.new.url("/new");
        let fields = [
            ("version", version.as_str()),
            ("request_url", &url),
            ("choice", "every"),
            ("waiting", waiting),
            ("retry_schedule", "1 min, 1 min"),
            ("do", "save"),
        ];
        browser.post(&address, &form, &fields).expect(303);
    }
}

#[test]
fn what_waits_goes_to_the_new_url_unless_asked_otherwise() {
    let story = Story::begin();
    let browser = Browser::signed_in(&story.app);
    story.move_to_new(&browser, "new");
    story.app.advance(HOUR);
    story.app.wait_for_logs("status=success", 2);
    assert_eq!((story.old.requests().len(), story.new.requests().len()), (2, 2));
}

#[test]
fn what_waits_goes_to_the_old_url_if_asked_and_everything_newer_to_the_new_one() {
    let story = Story::begin();
    let Story { app, old, new, id } = &story;
    let browser = Browser::signed_in(app);
    story.move_to_new(&browser, "old");
    app.publish("ticket.created", "3");
    app.wait_for_logs("status=success", 1);
    assert_eq!((old.requests().len(), new.requests().len()), (2, 1));
    let page = browser.get(&format!("/integration/webhook/{id}")).expect(200).text();
    assert!(page.contains("still go to the old one: ") && page.contains(&old.url("/old")), "{page}");

    let waiting = app.logs("status=pending");
    let shown = browser.get(&format!("/integration/webhook-logs/{}", waiting[0]["id"].as_str().unwrap())).text();
    assert!(shown.contains("It goes to <code"), "{shown}");
    // That the old address is gone says nothing of the new one.
    old.answer(Script::status(410));
    let resent = waiting[1]["id"].as_str().unwrap();
    app.post(&format!("/logs/{resent}/resend"), json!({})).expect(202);
    app.wait_for_logs("status=success", 2);
    assert_eq!(new.requests().len(), 2, "what somebody sends again goes to the present URL");

    app.advance(HOUR);
    let gone = app.wait_for_logs("status=failed", 1);
    let entry = app.log(gone[0]["id"].as_str().unwrap());
    assert_eq!(entry["attempts"][1]["request"]["url"], old.url("/old"));
    assert_eq!((&entry["status"], &entry["reason"]), (&json!("failed"), &json!("gave_up")));
    let other = app.log(resent);
    assert_eq!(other["attempts"][0]["request"]["url"], old.url("/old"));
    assert_eq!(other["attempts"][1]["request"]["url"], new.url("/new"));
    let webhook = app.get(&format!("/webhooks/{id}")).json();
    assert_eq!(webhook["enabled"], true, "{webhook:#}");
    let page = browser.get(&format!("/integration/webhook/{id}")).expect(200).text();
    assert!(!page.contains("still go to the old one"), "nothing waits any more");
    // A test goes to the present URL too.
    app.post(&format!("/webhooks/{id}/test"), json!({})).expect(200);
    assert_eq!(new.requests().len(), 3);
}

#[test]
fn a_restart_remembers_where_each_delivery_goes() {
    let story = Story::begin();
    let browser = Browser::signed_in(&story.app);
    story.move_to_new(&browser, "old");
    let Story { app, old, new, .. } = story;
    let clock = app.clock.clone();
    let app = TestApp::start_at(app.stop(), clock, |_| {});
    old.answer(Script::ok());
    app.advance(HOUR);
    app.wait_for_logs("status=success", 2);
    assert_eq!((old.requests().len(), new.requests().len()), (4, 0));
}
