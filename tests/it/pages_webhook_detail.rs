//! The page of a webhook: how it is doing, what is done about it, how it is set, and its tests.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    app::{TestApp, wait_until},
    browser::{Browser, between},
    receiver::{Receiver, Script},
};

const LIST: &str = "/integration/webhook";

#[test]
fn the_chart_shows_each_hour_and_leads_to_its_part_of_the_log() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    let page = format!("{LIST}/{id}");
    let empty = browser.get(&page).expect(200).text();
    assert!(empty.contains("Nothing was sent in this period.") && !empty.contains("<svg class=\"bars\""));
    assert!(empty.contains("Nothing has been sent yet."));

    for _ in 0..3 {
        app.publish("contact.created", "{}");
    }
    app.wait_for_logs("status=success", 3);
    app.advance(Duration::from_secs(3 * 3_600));
    receiver.answer(Script::status(410));
    app.publish("ticket.created", "{}");
    app.wait_for_logs("status=failed", 1);

    let shown = browser.get(&page).expect(200).text();
    for words in [
        "75 % delivered: 3 of 4. 1 failed.",
        "<dt>First-try success</dt><dd>75 %</dd>",
        "p50 ",
        "Show as table",
        "<pattern id=\"failed\"",
        ": 0 success, 1 failed</title>",
        "View all in logs",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(shown.matches("<rect class=\"bar-place\"").count(), 24);
    let (before, _) = shown.split_once(": 3 success, 0 failed\"").expect("a bar with the three");
    let link = before.rsplit("href=\"").next().unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let list = browser.get(&link.replace("&#38;", "&")).expect(200).text();
    assert_eq!(list.matches(">contact.created<").count(), 3, "{link}");
    assert!(!list.contains("410 Gone"), "the bar leads to its own hour: {link}");

    for (period, bars) in [("7d", 7), ("30d", 30)] {
        let shown = browser.get(&format!("{page}?period={period}")).expect(200).text();
        assert_eq!(shown.matches("<rect class=\"bar-place\"").count(), bars);
        assert!(shown.contains("75 % delivered: 3 of 4. 1 failed."));
    }
}

#[test]
fn a_failing_webhook_says_so_and_can_be_tried_at_once() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    receiver.answer(Script::status(500));
    let browser = Browser::signed_in(&app);
    let webhook = json!({"request_url": receiver.url("/in"), "events": ["*"], "retry_schedule_s": [36_000]});
    let id = app.webhook_with(webhook)["id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        app.publish("contact.created", "{}");
    }
    wait_until(|| {
        let entries = app.logs("status=pending");
        entries.len() == 2 && entries.iter().all(|entry| entry["attempts"] == json!(1))
    })
    .unwrap();
    app.advance(Duration::from_secs(2));
    let page = browser.get(&format!("{LIST}/{id}")).expect(200).text();
    for words in [
        "Failing since ",
        "500 Internal Server Error. 2 deliveries are waiting; next attempt ",
        "View failures",
        "Try all now",
        "Oldest waiting",
        "Nothing arrived in this period, after 2 attempts.",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    receiver.answer(Script::ok());
    let after = browser.follow(browser.post(&format!("{LIST}/{id}/try-now"), &page, &[]));
    assert!(after.contains("The waiting deliveries are being tried now, oldest first."));
    wait_until(|| {
        // Long before the ten hours are over.
        app.advance(Duration::from_secs(1));
        app.logs("status=success").len() == 2
    })
    .unwrap();
    assert!(browser.get(&format!("{LIST}/{id}")).text().contains("Healthy"));

    let page = browser.get(&format!("{LIST}/{id}")).text();
    browser.post(&format!("{LIST}/{id}/disable"), &page, &[]).expect(303);
    let refused = browser.post(&format!("{LIST}/{id}/try-now"), &browser.get(LIST).text(), &[]).expect(409).text();
    assert!(refused.contains("The webhook is off. Enable it, then try again."));
}

#[test]
fn settings_are_a_tab_and_a_file_that_the_api_takes() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let made = app.webhook_with(json!({
        "request_url": receiver.url("/in"), "events": ["contact.created", "ticket.*"], "description": "ERP sync",
        "retry_schedule_s": [5, 60],
        "headers": [{"name": "X-Env", "value": "prod"}, {"name": "X-Api-Key", "value": "hidden-value", "hidden": true}],
    }));
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let settings = browser.get(&format!("{LIST}/{id}/settings")).expect(200).text();
    for words in
        ["X-Env: prod", "X-Api-Key: ••••••••", "Contact created", "every ticket event", "3 attempts over 1 min 5 s"]
    {
        assert!(settings.contains(words), "{words}: {settings}");
    }
    let overview = browser.get(&format!("{LIST}/{id}")).expect(200).text();
    assert!(overview.contains("<code>X-Api-Key</code> (hidden)") && overview.contains("<code>X-Env: prod</code>"));

    let file = browser.get(&format!("{LIST}/{id}/export")).expect(200);
    assert_eq!(file.header("content-disposition"), Some(format!("attachment; filename=\"{id}.json\"").as_str()));
    let mut exported: Value = file.json();
    for text in [&settings, &overview, &file.text()] {
        assert!(!text.contains("hidden-value") && !text.contains(secret));
    }
    exported["headers"][1]["value"] = json!("another-value");
    let copy = app.webhook_with(exported);
    for member in ["request_url", "events", "description", "retry_schedule_s", "enabled", "ordered"] {
        assert_eq!(copy[member], made[member], "{member}");
    }
}

#[test]
fn a_test_is_chosen_edited_and_answered_on_the_same_page() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    receiver.answer(Script::status(422).header("x-reason", "no <b>name</b>").body("name is missing"));
    let browser = Browser::signed_in(&app);
    let id = app.webhook_with(json!({"request_url": receiver.url("/in"), "events": ["ticket.*"], "enabled": false}));
    let page = format!("{LIST}/{}/test", id["id"].as_str().unwrap());
    let form = browser.get(&page).expect(200).text();
    assert!(form.contains("Test event (webhook.test)") && form.contains("Ticket created (ticket.created)"));
    assert!(!form.contains("contact.created"), "only what it selected");
    assert!(form.contains("Test event sent from the admin pages."));
    let form = browser.get(&format!("{page}?type=ticket.created")).expect(200).text();
    let example = between(&form, "<textarea", "</textarea>").unwrap();
    assert!(example.contains("&#34;ticket&#34;"), "{example}");

    let fields = [("type", "ticket.created"), ("body", "{\"ticket\":\r\n {\"id\": 1152921506151679042}}")];
    let shown = browser.follow(browser.post(&page, &form, &fields));
    for words in [
        "422 Unprocessable",
        "name is missing",
        "x-reason: no &#60;b&#62;name&#60;/b&#62;",
        "<code>ticket.created</code>",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let sent = String::from_utf8(receiver.requests().pop().unwrap().body).unwrap();
    assert!(sent.ends_with("\"data\":{\"ticket\":\n {\"id\": 1152921506151679042}}}"), "{sent}");
    let entry = app.logs("event_type=ticket.created").remove(0);
    assert_eq!(entry["test"], json!(true));

    let fields = [("type", "ticket.created"), ("body", "{\"ticket\": <oops>}")];
    let wrong = browser.post(&page, &form, &fields).expect(422).text();
    assert!(wrong.contains("The body is not JSON: look at line 1, character 12."), "{wrong}");
    assert!(wrong.contains("&#60;oops&#62;"), "what was typed is kept");
    assert_eq!(receiver.requests().len(), 1);
}
