//! An admin works with one entry of Webhook Logs: reads it, copies it as a command, goes on to the
//! next one of the list, deletes what was sent.

use std::{fmt::Write as _, path::Path, process::Command};

use hookstead::domain::AuditEntry;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    app::TestApp,
    browser::{Browser, EMAIL, PASSWORD, between},
    data_file,
    receiver::{Receiver, Script},
};

const LIST: &str = "/integration/webhook-logs";

/// The page of a log entry.
fn page_of(entry: &Value) -> String {
    format!("{LIST}/{}", id(entry))
}

fn id(record: &Value) -> &str {
    record["id"].as_str().expect("every record has an ID")
}

/// A payload of the fixtures.
fn payload(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/payloads/edge").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// What a browser shows for a text of a page.
fn plain(html: &str) -> String {
    let text = html.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'");
    text.replace("&#38;", "&")
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The address that a link with this text leads to.
#[track_caller]
fn link(page: &str, text: &str) -> String {
    let end = page.find(&format!(">{text}")).unwrap_or_else(|| panic!("no link “{text}” in {page}"));
    let start = page[..end].rfind("href=\"").unwrap() + 6;
    plain(page[start..end].split('"').next().unwrap())
}

#[track_caller]
fn assert_verified(app: &TestApp) {
    assert_eq!(app.app().service().verify().unwrap(), Vec::<String>::new(), "every table agrees");
}

/// How often the audit log of a stopped server says that the payload of this event was deleted.
fn audited(data: &Path, event: &str) -> usize {
    let deleted =
        |entry: &AuditEntry| entry.action == "payload.deleted" && entry.object == event && entry.actor == EMAIL;
    data_file::audit_log(data).iter().filter(|entry| deleted(entry)).count()
}

#[test]
fn a_payload_is_deleted_on_request_and_the_entries_stay() {
    let app = TestApp::start();
    let (receiver, other) = (Receiver::start(), Receiver::start());
    let browser = Browser::signed_in(&app);
    app.webhook(&receiver, &["*"]);
    app.webhook(&other, &["*"]);
    receiver.answer_next([Script::status(500).body("who is Ann Example?")]);
    other.answer(Script::status(200).body("thanks for Ann Example"));
    app.publish("contact.created", r#"{"name":"Ann Example"}"#);
    let pending = app.wait_for_logs("status=pending&http_status=500", 1).remove(0);
    let arrived = app.wait_for_logs("status=success", 1).remove(0);
    let event = pending["event_id"].as_str().unwrap().to_owned();
    app.publish("contact.updated", r#"{"name":"Ben Example"}"#);
    let kept = app.wait_for_logs("status=success&event_type=contact.updated", 2).remove(0);

    // Refused while one entry of the event is pending, on the page of either.
    for entry in [&pending, &arrived] {
        let path = page_of(entry) + "/delete-payload";
        let asked = browser.get(&path).expect(200).text();
        assert!(asked.contains("This event is still to be sent, so its payload is needed."), "{asked}");
        assert!(!asked.contains("<button class=\"button danger"), "{asked}");
        let refused = browser.post(&path, &asked, &[]).expect(409).text();
        assert!(refused.contains("Wait until every entry of it has ended"), "{refused}");
        assert!(browser.get(&page_of(entry)).expect(200).text().contains("Ann Example"));
    }
    let page = browser.get(&page_of(&pending)).expect(200).text();
    browser.post(&(page_of(&pending) + "/resend"), &page, &[]).expect(303);
    app.wait_for_logs("status=success", 4);

    let path = page_of(&pending) + "/delete-payload";
    let asked = browser.get(&path).expect(200).text();
    assert!(asked.contains("which has 2 log entries") && asked.contains(&event), "{asked}");
    let page = browser.follow(browser.post(&path, &asked, &[]));
    assert!(page.contains("Payload deleted. The entry itself stays."), "{page}");

    let check = |app: &TestApp, browser: &Browser<'_>| {
        for entry in [&pending, &arrived] {
            let page = browser.get(&page_of(entry)).expect(200).text();
            for words in [
                "Payload deleted on ",
                &format!(" by {EMAIL}."),
                "The body is no longer kept.",
                "Success",
                "webhook-signature: v1,",
                id(entry),
            ] {
                assert!(page.contains(words), "{words}: {page}");
            }
            for gone in ["/resend\"", "/command", "/delete-payload", ">Download<", ">Raw<"] {
                assert!(!page.contains(gone), "{gone}: {page}");
            }
            let json = browser.get(&(page_of(entry) + "/json")).expect(200);
            assert_eq!(json.json(), app.log(id(entry)));
            let delete = browser.get(&(page_of(entry) + "/delete-payload")).expect(200).text();
            assert!(delete.contains("was deleted already"), "{delete}");
            let raw = browser.get(&(page_of(entry) + "?view=raw&all=1")).expect(200).text();
            let event = browser.get(&format!("/integration/events/{event}")).expect(200).text();
            assert!(event.contains("deleted on ") && event.contains(id(entry)), "{event}");
            let file = browser.get(&(page_of(entry) + "/payload")).expect(404).text();
            assert!(file.contains("There is no such payload."), "{file}");
            let command = browser.get(&(page_of(entry) + "/command")).expect(404).text();
            let fresh = browser.get(&(page_of(entry) + "/command?fresh=1")).expect(404).text();
            let resend = browser.post(&(page_of(entry) + "/resend"), &page, &[]).expect(409).text();
            assert!(resend.contains("Its payload was deleted, so it cannot be sent again."), "{resend}");
            for text in [page, json.text(), delete, raw, event, file, command, fresh, resend] {
                assert!(!text.contains("Ann Example"), "{text}");
            }
        }
        assert!(app.logs("q=Ann").is_empty(), "nor is it found");
        // Who checks a request of that event is not told that its body differs from what is gone.
        let verify = format!("/integration/webhook/{}/verify", pending["webhook_id"].as_str().unwrap());
        let form = browser.get(&verify).expect(200).text();
        let now = app.now().as_seconds();
        let headers = format!("webhook-id: {event}\nwebhook-timestamp: {now}\nwebhook-signature: v1,AAAA");
        let told = browser.post(&verify, &form, &[("headers", headers.as_str()), ("body", "{}")]).expect(200).text();
        assert!(told.contains("The event is not kept here any more, so it cannot be said which."), "{told}");
        let page = browser.get(&page_of(&kept)).expect(200).text();
        assert!(page.contains("Ben Example") && !page.contains("Payload deleted"), "{page}");
        assert_verified(app);
    };
    check(&app, &browser);
    assert_eq!((receiver.requests().len(), other.requests().len()), (3, 2), "nothing more was sent");

    let app = TestApp::start_in(app.stop(), |_| {});
    let browser = Browser::new(&app);
    browser.sign_in(PASSWORD).expect(303);
    check(&app, &browser);
    let folder = app.stop();
    assert_eq!(audited(&folder.path().join("data"), &event), 1);
}

#[test]
fn copied_as_curl_it_sends_the_same_bytes() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    app.webhook_with(json!({
        "request_url": receiver.url("/in?a=[1]&b={2}&c='$HOME'"), "events": ["*"],
        "headers": [
            {"name": "X-Env", "value": "it's \"$(touch owned)\" `touch owned`"},
            {"name": "X-Api-Key", "value": "k3y-v4lue", "hidden": true},
        ],
    }));
    for (number, name) in ["hostile_strings.json", "large_200kib_transcript.json"].into_iter().enumerate() {
        let data = payload(name);
        app.publish("contact.created", &data);
        let sent = receiver.wait_for(2 * number + 1).pop().unwrap();
        let entry = app.wait_for_logs("status=success", number + 1).remove(0);
        let page = browser.get(&page_of(&entry)).expect(200).text();
        let sum = between(&page, "SHA-256 ", "<").unwrap().trim().to_owned();
        assert_eq!(sum, sha256(&sent.body), "{name}");
        assert!(String::from_utf8_lossy(&sent.body).contains(data.trim()), "{name} is sent as it was published");

        let page = browser.get(&(page_of(&entry) + "/command")).expect(200).text();
        let command = plain(between(&page, "dir=\"ltr\">", "</textarea>").unwrap());
        assert!(!page.contains("k3y-v4lue") && command.contains("\"X-Api-Key: $X_API_KEY\""), "{command}");
        assert!(page.contains("<code>$X_API_KEY</code>"), "{page}");
        let folder = tempfile::tempdir().unwrap();
        let file = format!("{}.json", id(&entry));
        let is_file = command.contains(&format!("--data-binary @{file}"));
        assert_eq!(is_file, data.len() > 100 * 1024, "{name}");
        if is_file {
            let body = browser.get(&link(&page, &format!("Download {file}"))).expect(200);
            std::fs::write(folder.path().join(&file), body.body).unwrap();
        }
        std::fs::write(folder.path().join("pasted"), &command).unwrap();
        let ran = Command::new("bash")
            .arg("pasted")
            .current_dir(&folder)
            .envs([("X_API_KEY", "k3y-v4lue"), ("NO_PROXY", "*")])
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let again = receiver.wait_for(2 * number + 2).pop().unwrap();
        assert_eq!((sha256(&again.body), &again.path), (sum, &sent.path), "{name}");
        for name in ["x-env", "x-api-key", "content-type", "webhook-id", "webhook-timestamp", "webhook-signature"] {
            assert_eq!(again.header(name), sent.header(name), "{name}");
        }
        assert_eq!(again.header("user-agent"), sent.header("user-agent"));
        assert!(!folder.path().join("owned").exists(), "nothing of the payload was run");
    }
}

#[test]
fn a_large_payload_is_shown_in_part_and_every_byte_can_be_had() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    app.webhook(&receiver, &["*"]);
    app.publish("contact.created", &payload("large_200kib_transcript.json"));
    let entry = app.wait_for_logs("status=success", 1).remove(0);
    for view in ["", "?view=raw"] {
        let page = browser.get(&(page_of(&entry) + view)).expect(200);
        assert!(page.body.len() <= 400 * 1024, "{view}: {} bytes", page.body.len());
        let part = page.text();
        let all = browser.get(&link(&part, "Show all 200 KB")).expect(200).text();
        assert!(all.len() > part.len() && !all.contains("Show all"), "{view}");
        assert_eq!(all.contains("class=\"payload raw\""), !view.is_empty(), "it stays the same view");
    }
    for (number, name) in ["numbers_beyond_2_53.json", "key_order_and_whitespace.json"].into_iter().enumerate() {
        app.publish("ticket.updated", &payload(name));
        let sent = receiver.wait_for(number + 2).pop().unwrap();
        let entry = app.wait_for_logs("status=success", number + 2).remove(0);
        let page = browser.get(&(page_of(&entry) + "?view=raw")).expect(200).text();
        let raw = plain(between(&page, "<pre class=\"payload raw\" tabindex=\"0\">", "</pre>").unwrap());
        // A page cannot hold a carriage return; its picture stands for it.
        assert_eq!(raw.replace('\u{240D}', "\r"), String::from_utf8(sent.body.clone()).unwrap(), "{name}");
        let download = browser.get(&link(&page, "Download<")).expect(200);
        assert_eq!(download.body, sent.body, "{name}");
        let file = format!("attachment; filename=\"{}.json\"", id(&entry));
        assert_eq!(download.header("content-disposition"), Some(&*file));
        assert!(String::from_utf8(sent.body).unwrap().contains(payload(name).trim()), "{name}");
    }
}

#[test]
fn an_entry_leads_to_its_neighbours_its_event_and_its_document() {
    let app = TestApp::start();
    let (receiver, other) = (Receiver::start(), Receiver::start());
    let browser = Browser::signed_in(&app);
    app.webhook(&receiver, &["*"]);
    let tickets = app.webhook(&other, &["ticket.*"]);
    for (number, kind) in ["contact", "ticket", "contact", "ticket", "contact"].into_iter().enumerate() {
        app.publish(&format!("{kind}.created"), &number.to_string());
        receiver.wait_for(number + 1);
    }
    app.wait_for_logs("status=success", 7);
    let contacts = app.logs("event_type=contact.created");
    let filter = "?event_type=contact.created&status=success&limit=25";
    let at = |number: usize| page_of(&contacts[number]) + filter;
    let middle = browser.get(&at(1)).expect(200).text();
    let pairs = |address: &str| {
        let (path, query) = address.split_once('?').unwrap();
        let mut pairs: Vec<_> = query.split('&').map(str::to_owned).collect();
        pairs.sort();
        (path.to_owned(), pairs)
    };
    assert_eq!(pairs(&link(&middle, "‹ Newer entry")), pairs(&at(0)));
    assert_eq!(pairs(&link(&middle, "Older entry ›")), pairs(&at(2)));
    assert_eq!(pairs(&link(&middle, "<bdi>Webhook Logs</bdi>")), pairs(&format!("{LIST}{filter}")));
    assert_eq!(pairs(&link(&middle, "Raw<").replace("#payload", "")), pairs(&(at(1) + "&view=raw")));
    let newest = browser.get(&at(0)).expect(200).text();
    assert!(!newest.contains("Newer entry") && newest.contains("Older entry"), "{newest}");
    let oldest = browser.get(&at(2)).expect(200).text();
    assert!(oldest.contains("Newer entry") && !oldest.contains("Older entry"), "{oldest}");

    let entry = app.logs(&format!("webhook_id={}", id(&tickets))).remove(0);
    let page = browser.get(&page_of(&entry)).expect(200).text();
    let event = browser.get(&link(&page, "View event")).expect(200).text();
    let deliveries = app.logs(&format!("event_id={}", entry["event_id"].as_str().unwrap()));
    assert_eq!(deliveries.len(), 2);
    for delivery in &deliveries {
        assert!(event.contains(&format!("href=\"{}\"", page_of(delivery))), "{event}");
    }
    assert!([&receiver, &other].iter().all(|one| event.contains(&format!("<bdi>{}/in</bdi>", one.addr()))), "{event}");
    let rows = browser.get(&link(&event, "View in Webhook Logs")).expect(200).text();
    assert!(
        deliveries.iter().all(|delivery| rows.contains(id(delivery))) && rows.contains("2 entries match"),
        "{rows}"
    );
    let contact = browser.get(&format!("/integration/events/{}", contacts[0]["event_id"].as_str().unwrap()));
    let contact = contact.expect(200).text();
    assert!(contact.contains("Webhooks that did not get it") && contact.contains(&other.url("/in")), "{contact}");

    let document = browser.get(&link(&page, "Open in API (JSON)")).expect(200);
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert_eq!(document.body, app.get(&format!("/logs/{}", id(&entry))).expect(200).body);
    let stranger = Browser::new(&app);
    for part in ["", "/json", "/payload", "/command", "/delete-payload"] {
        assert_ne!(stranger.get(&(page_of(&entry) + part)).status, 200, "{part} asks who it is");
    }
}

#[test]
fn a_failed_entry_says_what_to_do() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    for (event_type, status, words) in [
        ("contact.created", 404, "404 Not Found|Nothing is at this path on the receiver. Check the Request URL."),
        ("contact.updated", 413, "413 Content Too Large|The receiver takes smaller bodies only."),
        (
            "ticket.created",
            429,
            "429 · asked to wait 90 s|The receiver asked for a slower pace. Waiting as asked.|Waiting for the receiver",
        ),
        ("ticket.updated", 503, "The receiver answered 503 Service Unavailable."),
    ] {
        let receiver = Receiver::start();
        receiver.answer(match status {
            429 => Script::status(status).header("retry-after", "90"),
            _ => Script::status(status),
        });
        app.webhook(&receiver, &[event_type]);
        app.publish(event_type, "{\"n\":1}");
        let entry = app.wait_for_logs(&format!("status=pending&http_status={status}"), 1).remove(0);
        let page = browser.get(&page_of(&entry)).expect(200).text();
        for words in words.split('|') {
            assert!(page.contains(words), "{words}: {page}");
        }
        let log = format!("may say more, under webhook-id {}.", entry["event_id"].as_str().unwrap());
        assert!(page.contains(&log), "{page}");
        if page.contains("smaller bodies") {
            let bytes = receiver.requests()[0].body.len();
            assert!(page.contains(&format!("This one has {bytes} bytes.")), "{page}");
        }
        // It is watched by the script; without one there is a link.
        let seconds: u64 = between(&page, "data-countdown=\"", "\"").expect("the next attempt").parse().unwrap();
        assert!(seconds > 0 && page.contains(">in ") && page.contains(">Refresh</a>"), "{page}");
        let watched = plain(between(&page, "data-watch=\"", "\"").unwrap());
        assert!(browser.get(&watched).expect(200).text().contains("id=\"state\""));
    }
}
