//! The list of webhooks: what it says of each, and what can be done from it.

use std::time::Instant;

use serde_json::json;

use crate::{
    app::{TestApp, wait_until},
    browser::{Browser, between},
    receiver::{Receiver, Script},
};

/// The row of the list that is about `id`.
#[track_caller]
fn row<'a>(list: &'a str, id: &str) -> &'a str {
    let rows = list.split("<tr>").skip(2);
    rows.into_iter().find(|row| row.contains(id)).unwrap_or_else(|| panic!("no row of {id}: {list}"))
}

#[test]
fn an_empty_list_leads_on_in_three_ways() {
    let app = TestApp::start();
    let page = Browser::signed_in(&app).get("/integration/webhook").expect(200).text();
    assert!(page.contains("No webhooks yet."));
    assert!(page.contains("A webhook sends contact, ticket and conversation events to a URL of yours."));
    for (href, words) in [
        ("/integration/webhook/new", "+ Add"),
        ("/integration/test-receiver", "Use the test receiver"),
        ("/integration/event-types", "What will I receive?"),
    ] {
        assert!(page.contains(&format!("href=\"{href}\">{words}</a>")), "{words}: {page}");
    }
}

#[test]
fn first_steps_are_shown_until_they_are_done() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let page = browser.get("/integration/webhook").expect(200).text();
    for words in ["First steps", "Try it with the test receiver", "Send a test event", "</span>Create an API key</b>"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(page.matches("<li class=\"done\">").count(), 1, "the tests have a key");
    let receiver = Receiver::start();
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    let page = browser.get("/integration/webhook").expect(200).text();
    assert_eq!(page.matches("<li class=\"done\">").count(), 2);
    let test = format!("/integration/webhook/{id}/test");
    assert!(page.contains(&format!("href=\"{test}\">Send a test event</a>")));
    browser.post(&test, &browser.get(&test).text(), &[]).expect(303);
    assert!(!browser.get("/integration/webhook").expect(200).text().contains("First steps"));
}

#[test]
fn each_row_says_how_its_webhook_is_doing_and_why() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let (good, bad) = (Receiver::start(), Receiver::start());
    bad.answer(Script::status(503));
    let good = app.webhook(&good, &["*"])["id"].as_str().unwrap().to_owned();
    let bad = app.webhook(&bad, &["ticket.*"])["id"].as_str().unwrap().to_owned();
    let new = app.webhook_with(json!({"request_url": "http://127.0.0.1:9/in", "events": ["contact.created"]}));
    app.publish("ticket.created", "{}");
    app.wait_for_logs(&format!("webhook_id={good}&status=success"), 1);
    wait_until(|| app.get(&format!("/webhooks/{bad}")).json()["failing_since"].is_string()).unwrap();

    let list = browser.get("/integration/webhook").expect(200).text();
    assert!(list.contains("3 webhooks · 1 healthy · 1 failing · 1 new"), "{list}");
    let healthy = row(&list, &good);
    for words in ["Healthy", "100 % · p95", "aria-label=\"Last 24 hours: 1 delivery, 0 failed;", "All, also later ones"]
    {
        assert!(healthy.contains(words), "{words}: {healthy}");
    }
    let failing = row(&list, &bad);
    for words in ["Failing", "1 waiting", " · 503", "since ", "Ticket (2)", "Nothing arrived yet"] {
        assert!(failing.contains(words), "{words}: {failing}");
    }
    let rule = "title=\"The last delivery failed for good, fewer than 95 % of the last 20 arrived,";
    assert!(failing.contains(rule), "{failing}");
    assert!(list.contains("What the words under Health mean"));
    assert!(row(&list, new["id"].as_str().unwrap()).contains("Nothing was sent yet."));

    let found = browser.get("/integration/webhook?health=failing").expect(200).text();
    assert!(found.contains(&bad) && !found.contains(&good));
    let none = browser.get("/integration/webhook?q=acme").expect(200).text();
    assert!(none.contains("No webhook matches “<bdi>acme</bdi>”.") && none.contains("Clear search"));
}

#[test]
fn a_webhook_is_switched_and_tested_from_its_row() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    let browser = Browser::signed_in(&app);
    let page = "/integration/webhook";
    let list = browser.get(page).expect(200).text();
    for item in ["View", "Edit", "Send test event", "Duplicate", "Disable", "Delete"] {
        assert!(row(&list, &id).contains(&format!(">{item}</")), "{item}");
    }
    let off = browser.follow(browser.post(&format!("{page}/{id}/disable"), &list, &[("back", "list")]));
    assert!(off.contains("Disabled. Events from now on are kept but not sent."));
    assert!(row(&off, &id).contains("formaction=\"/integration/webhook/") && row(&off, &id).contains("/enable\""));
    app.publish("contact.created", "{}");
    app.wait_for_logs("status=pending", 1);
    let missed = browser.get(page).text();
    assert!(row(&missed, &id).contains("off since ") && row(&missed, &id).contains(" · 1 missed"), "{missed}");
    // What was missed is asked about, so the switch leads to the question.
    assert!(row(&missed, &id).contains(&format!("href=\"/integration/webhook/{id}/enable\" aria-label=\"Off.")));

    let tested = browser.follow(browser.post(&format!("{page}/{id}/test"), &missed, &[]));
    assert!(tested.contains("200 OK in"), "{tested}");
}

#[test]
fn a_copy_has_everything_but_the_secret() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let original = app.webhook_with(json!({
        "request_url": receiver.url("/in"), "events": ["ticket.*"], "description": "ERP sync", "timeout_ms": 5_000,
        "headers": [{"name": "X-Env", "value": "prod"}, {"name": "X-Api-Key", "value": "hidden-value", "hidden": true}],
    }));
    let browser = Browser::signed_in(&app);
    let id = original["id"].as_str().unwrap();
    let form = browser.get(&format!("/integration/webhook/new?from={id}")).expect(200).text();
    assert!(form.contains("value=\"ERP sync\"") && form.contains("value=\"prod\"") && form.contains("Create Webhook"));
    assert!(!form.contains("hidden-value") && !form.contains(original["secret"].as_str().unwrap()));
    let url = receiver.url("/copy");
    let fields = [
        ("copy_of", id),
        ("request_url", url.as_str()),
        ("event", "ticket.*"),
        ("header_name_0", "X-Api-Key"),
        ("header_hide_0", "yes"),
        ("header_kept_0", "X-Api-Key"),
        ("do", "save"),
    ];
    browser.post("/integration/webhook/new", &form, &fields).expect(303);
    app.publish("ticket.created", "{}");
    app.wait_for_logs("status=success", 2);
    let sent = receiver.requests();
    let copy = sent.iter().find(|request| request.path == "/copy").unwrap();
    assert!(
        copy.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case(b"x-api-key") && value == b"hidden-value")
    );
    browser.get("/integration/webhook/new?from=whk_00000000000000000000000000").expect(404);
}

#[test]
fn five_hundred_webhooks_are_five_pages_of_modest_size() {
    let app = TestApp::start();
    for number in 0..500 {
        let url = format!("http://127.0.0.1:9/a-receiver-with-a-rather-long-path/{number:03}");
        app.webhook_with(json!({"request_url": url, "events": ["ticket.*"], "enabled": false}));
    }
    let browser = Browser::signed_in(&app);
    let mut address = "/integration/webhook".to_owned();
    let mut seen = Vec::new();
    for page in 0..5 {
        let began = Instant::now();
        let list = browser.get(&address).expect(200).text();
        eprintln!("page {page}: {} bytes in {:?}", list.len(), began.elapsed());
        assert!(list.contains("500 webhooks · 500 off"));
        assert!(list.len() < 300_000, "{} bytes", list.len());
        let urls = list.split("long-path/").skip(1).map(|rest| rest[..3].to_owned());
        let mut urls: Vec<String> = urls.collect();
        urls.dedup();
        assert_eq!(urls.len(), 100, "page {page}");
        seen.extend(urls);
        match between(&list, "rel=\"next\" href=\"", "\"") {
            Some(next) => address = next.replace("&amp;", "&"),
            None => assert_eq!(page, 4),
        }
    }
    let all: Vec<String> = (0..500).rev().map(|number| format!("{number:03}")).collect();
    assert_eq!(seen, all, "each once, newest first");
}
