//! Webhook Logs: what was sent and answered, why it failed, when it is tried again, and the way from
//! a filter to an entry and back.

use std::time::Duration;

use hookstead::domain::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::admin::Admin;
use crate::{
    app::{TestApp, wait_until},
    browser::{Browser, EMAIL},
    receiver::{Receiver, Script},
};

/// The page of a log entry.
pub fn page_of(entry: &Value) -> String {
    format!("/integration/webhook-logs/{}", entry["id"].as_str().unwrap())
}

#[test]
fn detail_01_the_log_shows_exactly_what_was_sent_and_answered() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let body = "{\"error\": \"busy  \u{e9}\"}\n<b>not bold</b>";
    receiver.answer(Script::status(503).header("X-Trace", "abc  123").header("content-type", "text/html").body(body));
    app.webhook_with(json!({
        "request_url": receiver.url("/in?a=b"),
        "events": ["*"],
        "headers": [{"name": "X-Env", "value": "prod"}, {"name": "X-Api-Key", "value": "very-hidden", "hidden": true}],
    }));
    app.publish("contact.created", r#"{"name": "Zoë"}"#);
    let entry = app.wait_for_logs("http_status=503", 1).remove(0);
    let sent = receiver.wait_for(1).pop().unwrap();
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.visit(&page_of(&entry));

    let shown = admin.exact_text_of(".exchange > div:first-child pre");
    let mut lines: Vec<_> = shown.lines().map(str::to_owned).collect();
    let mut wanted = vec![format!("POST {}", receiver.url("/in?a=b")), format!("to {}", receiver.addr())];
    // What belongs to the connection rather than to the message is left out.
    let of_message =
        |name: &str| !["host", "content-length", "connection", "accept", "accept-encoding"].contains(&name);
    for (name, value) in &sent.headers {
        let (name, value) = (String::from_utf8_lossy(name).to_lowercase(), String::from_utf8_lossy(value));
        match name.as_str() {
            "x-api-key" => wanted.push("x-api-key: •••••••• (hidden)".to_owned()),
            name if of_message(name) => wanted.push(format!("{name}: {value}")),
            _ => {}
        }
    }
    for lines in [&mut lines, &mut wanted] {
        // Names of headers are the same in any case.
        lines.iter_mut().for_each(|line| {
            if let Some((name, value)) = line.split_once(": ") {
                *line = format!("{}: {value}", name.to_lowercase());
            }
        });
        lines.sort();
    }
    assert_eq!(lines, wanted);

    let answer = admin.exact_text_of(".exchange > div:last-child pre");
    assert_eq!(answer.lines().next(), Some("503 Service Unavailable"));
    assert!(answer.contains("X-Trace: abc  123") || answer.contains("x-trace: abc  123"), "{answer}");
    assert_eq!(admin.exact_text_of(".exchange > div:last-child pre.tall"), body);
    let sum: String = Sha256::digest(&sent.body).iter().map(|byte| format!("{byte:02x}")).collect();
    admin.sees(&format!("{} bytes · application/json · SHA-256 {sum}", sent.body.len()));
    assert!(!admin.text().contains("very-hidden"));
}

#[test]
fn detail_02_the_payload_is_byte_exact() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    let Some(admin) = Admin::signed_in(&app) else { return };
    for sample in ["numbers_beyond_2_53", "key_order_and_whitespace", "duplicate_keys"] {
        let path = format!("{}/tests/fixtures/payloads/edge/{sample}.json", env!("CARGO_MANIFEST_DIR"));
        let before = receiver.requests().len();
        app.publish("contact.created", std::fs::read_to_string(path).unwrap().trim());
        let sent = String::from_utf8(receiver.wait_for(before + 1).pop().unwrap().body).unwrap();
        let entry = app.wait_for_logs("status=success", before + 1).remove(0);
        admin.visit(&page_of(&entry));
        let formatted = admin.text_of("#payload .payload");
        if sample == "numbers_beyond_2_53" {
            assert!(formatted.contains("1152921506151679042") && formatted.contains("1299.90"), "{formatted}");
        }
        admin.go("Raw");
        // A carriage return cannot be seen, and a browser would make a line feed of it.
        assert_eq!(admin.exact_text_of("#payload pre"), sent.replace('\r', "␍"), "{sample}, raw");
        let download = "const link = document.querySelector('a[download]');
            return fetch(link.href).then((answer) => answer.text()).then((text) => [link.download, text])";
        let id = entry["id"].as_str().unwrap();
        assert_eq!(admin.script(download), json!([format!("{id}.json"), sent]), "{sample}, as a file");
    }
}

#[test]
fn detail_03_resend_makes_a_new_attempt_in_the_same_row_under_the_same_id() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    receiver.answer(Script::status(500));
    app.webhook_with(json!({"request_url": receiver.url("/in"), "events": ["*"], "retry_schedule_s": []}));
    let event = app.publish("ticket.updated", "{}");
    app.wait_for_logs("status=failed", 1);
    let first = receiver.wait_for(1).remove(0);
    let Some(admin) = Admin::signed_in(&app) else { return };
    receiver.answer(Script::ok());
    app.advance(Duration::from_secs(60));

    admin.visit("/integration/webhook-logs");
    let id = admin.text_of("td .id");
    admin.go(&id);
    admin.sees("Attempts (1)");
    admin.go("Resend");
    admin.sees("Sending again now.");
    admin.sees_after_reload("Attempts (2)");
    admin.sees_after_reload("Success");
    admin.sees(&format!("resend by {EMAIL}"));
    let second = receiver.wait_for(2).remove(1);
    assert_eq!(second.header("webhook-id").as_deref(), event["id"].as_str());
    assert_eq!((second.header("webhook-id"), &second.body), (first.header("webhook-id"), &first.body));
    assert_ne!(second.header("webhook-timestamp"), first.header("webhook-timestamp"));
    assert_ne!(second.header("webhook-signature"), first.header("webhook-signature"));
    admin.visit("/integration/webhook-logs");
    assert_eq!(admin.count("tbody tr"), 1, "it is the same row");
    admin.sees("2nd attempt");

    // What arrived already is sent again only after a question.
    admin.go(&id);
    admin.go("Resend…");
    admin.sees("This was delivered already; the receiver may see it twice.");
    assert_eq!(receiver.requests().len(), 2);
    admin.go("Resend anyway");
    receiver.wait_for(3);
}

#[test]
fn detail_04_pending_says_when_and_it_is_tried_then() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    receiver.answer(Script::status(500));
    app.webhook(&receiver, &["*"]);
    app.publish("ticket.created", "{}");
    let entry = app.wait_for_logs("status=pending&http_status=500", 1).remove(0);
    let due: Timestamp = entry["next_attempt_at"].as_str().unwrap().parse().unwrap();
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.visit("/integration/webhook-logs");
    let shown = admin.text_of("td .why");
    let clock = shown.strip_prefix("Attempt 2 of 10 at ").unwrap_or_else(|| panic!("it says “{shown}”"));
    assert!(due.to_string().contains(&format!("T{clock}")), "{clock} is not the second of {due}");
    assert_eq!(receiver.requests().len(), 1);
    app.advance(due - app.now());
    receiver.wait_for(2);
    admin.sees_after_reload("Attempt 3 of 10 at ");

    // The entry counts down, and shows what became of it without being loaded again.
    admin.visit(&page_of(&entry));
    admin.script("window.notLoadedAgain = true");
    let countdown = || admin.text_of("[data-countdown]");
    let first = countdown();
    assert!(first.starts_with("in "), "{first}");
    admin.until("the countdown", || countdown() != first);
    admin.sees("Attempts (2)");
    receiver.answer(Script::ok());
    let due: Timestamp = app.log(entry["id"].as_str().unwrap())["next_attempt_at"].as_str().unwrap().parse().unwrap();
    app.advance(due - app.now());
    receiver.wait_for(3);
    admin.until("the third attempt", || admin.text_of("#attempts").contains("Attempts (3)"));
    admin.sees("Resend…");
    assert_eq!((admin.count("[data-watch]"), admin.count("[data-countdown]")), (0, 0), "it has ended");
    assert_eq!(admin.script("return window.notLoadedAgain"), json!(true));
}

#[test]
fn detail_08_filters_are_in_the_address_and_have_the_names_of_the_api() {
    let (app, good, bad) = (TestApp::start(), Receiver::start(), Receiver::start());
    bad.answer(Script::status(503));
    app.webhook_with(json!({"request_url": good.url("/in"), "events": ["*"], "description": "ERP sync"}));
    app.webhook_with(json!({
        "request_url": bad.url("/in"), "events": ["*"], "description": "Tickets", "retry_schedule_s": [],
    }));
    for number in 0..3 {
        app.publish("ticket.created", &format!(r#"{{"subject":"printer {number}"}}"#));
        app.publish("contact.updated", "{}");
    }
    app.wait_for_logs("status=success", 6);
    // A receiver that only fails is asked now and then.
    let all_failed = || {
        app.advance(Duration::from_secs(60));
        app.logs("status=failed").len() == 6
    };
    wait_until(all_failed).expect("each of them fails");
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.visit("/integration/webhook-logs");
    assert_eq!(admin.count("tbody tr"), 12);
    admin.choose("Status", "Failed");
    admin.choose("Event", "Ticket created");
    admin.choose("Webhook", "Tickets");
    admin.fill("Response", "5xx");
    admin.fill("Search", "printer");
    admin.go("Search");
    let rows = "return [...document.querySelectorAll('td a.id')].map((one) => one.textContent)";
    let shown = admin.script(rows);
    let address = admin.address();
    let (_, query) = address.split_once('?').expect("filters are in the address");
    let named: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()).collect();
    let mut names: Vec<_> = named.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    assert_eq!(names, ["event_type", "http_status", "q", "status", "webhook_id"]);
    let mut same = url::form_urlencoded::Serializer::new(String::new());
    let answered = app.logs(&same.extend_pairs(&named).finish());
    let ids: Vec<_> = answered.iter().map(|entry| entry["id"].clone()).collect();
    assert_eq!(shown, Value::from(ids));
    assert_eq!(shown.as_array().unwrap().len(), 3);

    // Somebody else gets the address and signs in first.
    let colleague = Browser::new(&app);
    let asked = colleague.get(&address).expect(303);
    assert!(asked.header("location").unwrap().starts_with("/sign-in?next="));
    let Some(other) = Admin::new(&app) else { return };
    other.visit(&address);
    other.fill("Email", EMAIL);
    other.fill("Password", crate::browser::PASSWORD);
    other.go("Sign in");
    assert_eq!(other.script(rows), shown, "the same rows");
    other.go("Clear filters");
    assert_eq!(other.count("tbody tr"), 12);
}

#[test]
fn detail_13_paging_loses_and_repeats_no_row_while_new_ones_come() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    let batch = |count: usize| {
        let events: Vec<_> = (0..count).map(|n| json!({"type": "contact.created", "data": {"n": n}})).collect();
        app.post("/events/batch", json!({"events": events})).expect(202);
    };
    batch(220);
    app.wait_for_logs("limit=100&status=success&q=%22n%22%3A219%7D", 1);
    let mut wanted = Vec::new();
    let mut next = Some("limit=100".to_owned());
    while let Some(query) = next {
        let page = app.get(&format!("/logs?{query}")).expect(200).json();
        wanted.extend(page["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()));
        next = page["next_cursor"].as_str().map(|cursor| format!("limit=100&cursor={cursor}"));
    }
    assert_eq!(wanted.len(), 220);
    let Some(admin) = Admin::signed_in(&app) else { return };
    let rows = || {
        let ids = admin.script("return [...document.querySelectorAll('td a.id')].map((one) => one.textContent)");
        ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    admin.visit("/integration/webhook-logs");
    let first_page = rows();
    let mut seen = first_page.clone();
    while admin.count("a[rel=next]") == 1 {
        batch(30);
        admin.go("Older ›");
        seen.extend(rows());
    }
    assert_eq!(seen, wanted, "each row once, in order");
    for _ in 0..4 {
        admin.go("‹ Newer");
    }
    assert_eq!(rows(), first_page, "back to where it began, though 120 newer ones are there");
}
