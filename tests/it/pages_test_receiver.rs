//! A newcomer sees the whole circle with the built-in test receiver and no other tool.

use std::time::Duration;

use serde_json::json;

use crate::{
    app::TestApp,
    browser::{Browser, between},
};

const PAGE: &str = "/integration/test-receiver";

/// No exception for loopback: the test receiver needs none.
fn start() -> TestApp {
    TestApp::start_with(|config| config.allowed_private_targets.clear())
}

fn receiver_url(page: &str) -> String {
    between(page, r#"readonly value=""#, "\"").expect("the page shows the URL").to_owned()
}

fn webhook(app: &TestApp, url: &str) -> serde_json::Value {
    app.webhook_with(json!({"request_url": url, "events": ["*"], "retry_schedule_s": [60]}))
}

/// What the page says of each request, the newest first.
fn summaries(page: &str) -> Vec<String> {
    let parts = page.split("<summary><span class=\"nowrap\">").skip(1);
    let texts = parts.map(|part| part.split("</summary>").next().unwrap());
    texts
        .map(|text| {
            let plain: String = text.split('<').filter_map(|tag| tag.split('>').nth(1)).collect::<Vec<_>>().join(" ");
            plain.split_whitespace().skip(2).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[test]
fn a_webhook_to_the_test_receiver_shows_the_whole_circle() {
    let app = start();
    let browser = Browser::signed_in(&app);
    let empty = browser.get(PAGE).expect(200).text();
    assert!(empty.contains("Nothing has come yet.") && empty.contains("On for set-up until"), "{empty}");
    let url = receiver_url(&empty);
    assert!(url.starts_with(&format!("{}/in/rcv_", app.base)), "{url}");

    let link = between(&empty, r#"<a class="button primary" href=""#, "\"").unwrap().replace("&#38;", "&");
    let form = browser.get(&link).expect(200).text();
    assert!(form.contains(&format!(r#"value="{url}""#)), "the Request URL is filled in: {form}");
    let fields = [("request_url", url.as_str()), ("choice", "every"), ("description", "ERP sync"), ("do", "save")];
    let made = browser.follow(browser.post("/integration/webhook/new", &form, &fields));
    assert!(made.contains("Webhook created."), "{made}");
    app.publish("contact.created", r#"{"name":"Zoë O'Neil"}"#);
    let log = app.wait_for_logs("status=success", 1);

    let page = browser.get(PAGE).expect(200).text();
    let seen = summaries(&page);
    assert_eq!(seen.len(), 1, "{page}");
    assert!(seen[0].starts_with("POST contact.created") && seen[0].ends_with("signature right"), "{seen:?}");
    assert!(page.contains("1 webhook points at the test receiver"), "{page}");
    let id = log[0]["id"].as_str().unwrap();
    let detail = app.log(id);
    let mut signature = detail["attempts"][0]["request"]["headers"].as_array().unwrap().iter();
    let signature = signature.find(|header| header["name"] == "webhook-signature").unwrap();
    let shown = page.replace("&#38;", "&").replace("&#39;", "'").replace("&#34;", "\"");
    let line = format!("webhook-signature: {}", signature["value"].as_str().unwrap());
    assert!(shown.contains(&line), "the receiver shows what the log shows: {shown}");
    assert!(shown.contains(&format!("host: {}", app.base.trim_start_matches("http://"))), "{shown}");
    let file = browser.get(&format!("{PAGE}/1/body")).expect(200);
    assert_eq!(file.body, app.get(&format!("/logs/{id}/payload")).expect(200).body);
    assert!(shown.contains(r#"--data-raw '{"id":"evt_"#), "{shown}");

    let cleared = browser.follow(browser.post(&format!("{PAGE}/clear"), &page, &[]));
    assert!(cleared.contains("Cleared.") && cleared.contains("Nothing has come yet."));
}

#[test]
fn every_kind_of_trouble_appears_on_demand() {
    let app = start();
    let browser = Browser::signed_in(&app);
    let page = browser.get(PAGE).expect(200).text();
    let url = receiver_url(&page);
    for (preset, why) in [("500", "500"), ("503", "503"), ("301", "301"), ("drop", "closed_early"), ("410", "410")] {
        let saved = browser.follow(browser.post(&format!("{PAGE}/answers"), &page, &[("preset", preset)]));
        assert!(saved.contains("Saved."), "{saved}");
        let id = webhook(&app, &url)["id"].as_str().unwrap().to_owned();
        let tested = app.post(&format!("/webhooks/{id}/test"), json!({})).expect(200).text();
        assert!(tested.contains(why), "{preset}: {tested}");
        app.delete(&format!("/webhooks/{id}"));
    }
}

#[test]
fn it_fails_first_as_often_as_it_was_told() {
    let app = start();
    let browser = Browser::signed_in(&app);
    let page = browser.get(PAGE).expect(200).text();
    let url = receiver_url(&page);
    let bad = [("how", "always"), ("status", "299"), ("delay", "soon"), ("body", "kept <b>")];
    let refused = browser.post(&format!("{PAGE}/answers"), &page, &bad).expect(422).text();
    for words in ["<title>Error: ", "none of the statuses", "Use a whole number from 0 to 60.", "kept &#60;b&#62;"] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    let fields = [("how", "fail_first"), ("failures", "2"), ("status", "200"), ("body", "<b>taken</b>")];
    let saved = browser.follow(browser.post(&format!("{PAGE}/answers"), &page, &fields));
    assert!(saved.contains("Now: 2 failures with 500, then 200."), "{saved}");
    let path = url.strip_prefix(&app.base).unwrap();
    let statuses: Vec<_> = (0..3).map(|_| app.request("PUT", path, &[], Some(b"x")).status).collect();
    assert_eq!(statuses, [500, 500, 200]);
    let answer = app.request("GET", path, &[], None).expect(200);
    assert_eq!(
        (answer.text().as_str(), answer.header("content-type")),
        ("<b>taken</b>", Some("text/plain; charset=utf-8"))
    );
    let seen = summaries(&browser.get(PAGE).expect(200).text());
    assert_eq!(seen[0], "GET (no id header) 0 B not signed");
    assert_eq!(seen[3], "PUT (no id header) 1 B not signed");
}

#[test]
fn a_wrong_signature_says_what_is_wrong() {
    let app = start();
    let browser = Browser::signed_in(&app);
    let url = receiver_url(&browser.get(PAGE).expect(200).text());
    let mine = webhook(&app, &url);
    let other = app.webhook_with(json!({"request_url": url, "events": ["ticket.created"], "description": "ERP"}));
    app.publish("contact.created", r#"{"n":1}"#);
    app.wait_for_logs("status=success", 1);
    let body = browser.get(&format!("{PAGE}/1/body")).expect(200).body;
    let page = browser.get(PAGE).expect(200).text();
    let head = between(&page, "tabindex=\"0\">POST", "</pre>").unwrap().replace("&#38;", "&");
    let headers: Vec<(String, String)> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| name.starts_with("webhook-"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let send = |body: &[u8], but: (&str, &str)| {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), if name == but.0 { but.1 } else { value.as_str() }))
            .collect();
        app.request("POST", url.strip_prefix(&app.base).unwrap(), &headers, Some(body)).expect(200);
        summaries(&browser.get(PAGE).expect(200).text()).remove(0)
    };
    let none = ("", "");
    assert!(send(&body, none).ends_with("signature right"));
    let changed = String::from_utf8(body.clone()).unwrap().replace("\"n\":1", "\"n\":2");
    assert!(send(changed.as_bytes(), none).ends_with("signature wrong: body differs from what was signed"));
    let longer = [body.as_slice(), b"\n"].concat();
    assert!(send(&longer, none).ends_with("signature wrong: the body ends with white space that was not signed"));
    let garbage = send(&body, ("webhook-signature", "v2,abc"));
    assert!(garbage.ends_with("signature wrong: the webhook-signature has no value that begins with v1,"), "{garbage}");

    // The same requests are looked at anew with another webhook's Secret.
    let chosen = [("signed_by", other["id"].as_str().unwrap())];
    let page = browser.follow(browser.post(&format!("{PAGE}/check"), &page, &chosen));
    let seen = summaries(&page);
    let signer = format!("signature wrong: signed with the Secret of {}", mine["id"].as_str().unwrap());
    assert!(seen.iter().any(|line| line.ends_with(&signer)), "{seen:?}");
    app.advance(Duration::from_secs(600));
    let old = send(&body, none);
    assert!(old.contains("signature wrong: the timestamp is 600 s old"), "{old}");
}

#[test]
fn nothing_else_of_our_own_address_may_be_sent_to() {
    let app = start();
    let browser = Browser::signed_in(&app);
    let url = receiver_url(&browser.get(PAGE).expect(200).text());
    let post = |url: &str| app.post("/webhooks", json!({"request_url": url, "events": ["*"]}));
    for other in [format!("{url}x"), format!("{url}?a=1"), format!("{}/in/rcv_x", app.base), format!("{}/", app.base)] {
        let refused = post(&other).expect(422).text();
        assert!(refused.contains("url_not_public") || refused.contains("url_own_address"), "{other}: {refused}");
    }
    post(&url).expect(201);
    app.request("POST", "/in/rcv_AAAAAAAAAAAAAAAA", &[], Some(b"{}")).expect(404);
    assert!(browser.get(PAGE).expect(200).text().contains("Nothing has come yet."));
}

#[test]
fn it_ends_with_set_up_unless_the_operator_keeps_it() {
    let app = start();
    let browser = Browser::signed_in(&app);
    let url = receiver_url(&browser.get(PAGE).expect(200).text());
    let path = url.strip_prefix(&app.base).unwrap().to_owned();
    app.request("POST", &path, &[], Some(b"{}")).expect(200);
    app.advance(Duration::from_secs(73 * 3_600));
    let page = browser.get(PAGE).expect(200).text();
    assert!(page.contains("Off: set-up ended") && !page.contains("+ Add webhook with this URL"), "{page}");
    app.request("POST", &path, &[], Some(b"{}")).expect(404);
    let refused = app.post("/webhooks", json!({"request_url": url, "events": ["*"]})).expect(422).text();
    assert!(refused.contains("test_receiver_off"), "{refused}");

    // The same name after a restart, at the port of that run.
    let folder = app.stop();
    let app = TestApp::start_in(folder, |config| config.test_receiver = Some(true));
    app.request("POST", &path, &[], Some(b"{}")).expect(200);
}
