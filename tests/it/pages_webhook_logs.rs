//! An admin works through the list of Webhook Logs: filters it, sends again, exports it.

use std::time::Duration;

use serde_json::json;

use crate::{
    app::{TestApp, wait_until},
    browser::{Browser, between},
    receiver::{Receiver, Script},
};

const LIST: &str = "/integration/webhook-logs";

/// A webhook that gives up at once, so that a failure is final.
fn webhook(app: &TestApp, receiver: &Receiver, description: &str) -> String {
    let body = json!({
        "request_url": receiver.url(&format!("/{}", description.len())), "events": ["*"], "retry_schedule_s": [],
        "description": description,
    });
    app.webhook_with(body)["id"].as_str().unwrap().to_owned()
}

/// The Log IDs of a list, in its order.
fn ids(page: &str) -> Vec<String> {
    page.split("<tr data-id=\"").skip(1).map(|row| row.split('"').next().unwrap().to_owned()).collect()
}

/// The address that a link with this text leads to.
#[track_caller]
fn link(page: &str, text: &str) -> String {
    let end = page.find(&format!(">{text}")).unwrap_or_else(|| panic!("no link “{text}” in {page}"));
    let start = page[..end].rfind("href=\"").unwrap() + 6;
    page[start..end].split('"').next().unwrap().replace("&#38;", "&")
}

#[test]
fn an_empty_log_says_how_to_fill_it() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let page = browser.get(LIST).expect(200).text();
    for words in [
        "Nothing has been sent yet.",
        "Entries appear when an event matches a webhook.",
        "Send a test event from a webhook",
        &format!("curl {}/api/v1/events", app.base),
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let receiver = Receiver::start();
    webhook(&app, &receiver, "ERP sync");
    let page = browser.get(LIST).expect(200).text();
    let test = between(&page, r#"<form method="post" action=""#, "\"").filter(|path| path.ends_with("/test"));
    let test = test.or_else(|| {
        page.split("action=\"").filter_map(|part| part.split('"').next()).find(|path| path.ends_with("/test"))
    });
    assert!(browser.follow(browser.post(test.unwrap(), &page, &[])).contains("200 OK in"));
    let page = browser.get(LIST).expect(200).text();
    assert!(page.contains("1 entry") && page.contains(">Test</span>"), "{page}");

    let none = browser.get(&format!("{LIST}?status=failed&since=2099-01-01T00:00:00Z")).expect(200).text();
    assert!(none.contains("No entries match.") && none.contains("Clear filters") && !none.contains("without the time"));
    let none = browser.get(&format!("{LIST}?status=success&since=2099-01-01T00:00:00Z")).expect(200).text();
    assert!(none.contains("1 entry matches without the time limit."), "{none}");
    assert_eq!(ids(&browser.get(&link(&none, "Show")).expect(200).text()).len(), 1);
    let old = browser.get(&format!("{LIST}?until=2001-01-01T00:00:00Z")).expect(200).text();
    assert!(old.contains("days were deleted."), "{old}");
}

#[test]
fn filters_are_the_apis_and_every_cell_is_one() {
    let app = TestApp::start();
    let (receiver, other) = (Receiver::start(), Receiver::start());
    let browser = Browser::signed_in(&app);
    let erp = webhook(&app, &receiver, "ERP sync");
    webhook(&app, &other, "Tickets");
    other.answer(Script::status(503));
    for (event_type, payload) in [("contact.created", "{\"name\":\"Ann\"}"), ("ticket.updated", "{}")] {
        app.publish(event_type, payload);
    }
    app.wait_for_logs("status=success", 2);
    // A 503 makes the whole webhook wait.
    wait_until(|| {
        app.advance(Duration::from_secs(60));
        app.logs("status=failed").len() == 2
    })
    .unwrap();

    let page = browser.get(LIST).expect(200).text();
    assert!(page.contains("4 entries"), "{page}");
    for (text, query) in [
        ("<span class=\"status bad\">", "status=failed".to_owned()),
        ("Gave up after 1 attempt · last: 503", "http_status=503".to_owned()),
        ("<bdi>Contact created</bdi>", "event_type=contact.created".to_owned()),
        ("<bdi>ERP sync</bdi>", format!("webhook_id={erp}")),
    ] {
        assert_eq!(link(&page, text), format!("?{query}"), "{text}");
        let found: Vec<_> = app.logs(&query).iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids(&browser.get(&format!("{LIST}?{query}")).expect(200).text()), found, "{query}");
        assert_eq!(found.len(), 2);
    }
    let narrowed = browser.get(&format!("{LIST}?status=failed&event_type=ticket.updated&limit=25")).expect(200).text();
    assert!(narrowed.contains("1 entry matches") && narrowed.contains("Filters (2)"));
    assert_eq!(link(&narrowed, "<bdi>Status: Failed</bdi>"), format!("{LIST}?event_type=ticket.updated&limit=25"));
    assert_eq!(link(&narrowed, "<bdi>Tickets</bdi>").matches("webhook_id=").count(), 1);

    for (query, number) in [
        ("http_status=none", 0),
        ("http_status=2xx", 2),
        ("status=success_after_retry", 0),
        ("q=Ann", 2),
        ("q=nobody", 0),
    ] {
        assert_eq!(ids(&browser.get(&format!("{LIST}?{query}")).expect(200).text()).len(), number, "{query}");
    }
    for (query, status, words) in [
        ("status=Failed", 400, "Use pending, success, failed or success_after_retry."),
        ("http_status=9", 400, "Use a status such as 503, or 2xx to 5xx, or none."),
        ("period=year", 400, "Use one of 15m, 1h, 24h, 7d and between."),
        ("period=between&since_local=soon", 400, "Use a day and a time such as 2026-01-05 15:00:00."),
        ("statsu=failed", 400, "Did you mean status?"),
    ] {
        let page = browser.get(&format!("{LIST}?{query}")).expect(status).text();
        assert!(page.contains(words) && page.contains("This filter was not understood."), "{query}: {page}");
    }
}

#[test]
fn what_arrived_after_a_retry_and_what_got_no_answer_are_found() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    app.webhook(&receiver, &["*"]);
    receiver.answer_next([Script::close(), Script::close()]);
    app.publish("contact.created", "1");
    app.wait_for_logs("http_status=none&status=pending", 1);
    let page = browser.get(&format!("{LIST}?http_status=none")).expect(200).text();
    assert!(page.contains("Response: No response") && ids(&page).len() == 1, "{page}");
    wait_until(|| {
        app.advance(Duration::from_secs(600));
        app.logs("status=success_after_retry").len() == 1
    })
    .unwrap();
    let page = browser.get(&format!("{LIST}?status=success_after_retry")).expect(200).text();
    assert!(page.contains("Status: Success after retry") && page.contains(" attempt</a>"), "{page}");
}

#[test]
fn the_form_leads_to_an_address_of_the_apis_names() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let submit = |query: &str| {
        let answer = browser.get(&format!("{LIST}?{query}")).expect(303);
        answer.header("location").unwrap().to_owned()
    };
    assert_eq!(submit("status=failed&event_type=&q=&period=&since_local="), format!("{LIST}?status=failed"));
    let between_times = submit("status=&period=between&since_local=2026-01-05T15%3A00&until_local=2026-01-05T16:30:05");
    assert_eq!(between_times, format!("{LIST}?since=2026-01-05T15%3A00%3A00.000Z&until=2026-01-05T16%3A30%3A05.000Z"));
    let page = browser.get(&between_times).expect(200).text();
    assert!(page.contains("Since: 2026-01-05 15:00:00") && page.contains(r#"value="2026-01-05T16:30:05""#), "{page}");
    let last_hour = submit("period=1h");
    let since = app.now().minus(Duration::from_secs(3600)).to_string()[..19].replace(':', "%3A");
    assert!(last_hour.starts_with(&format!("{LIST}?since={}", &since[..15])), "{last_hour} {since}");
    assert_eq!(submit("period=&had_times=yes&since_local=2026-01-05T15:00"), LIST, "any time clears the times");
    assert!(submit("period=&since_local=2026-01-05T15:00").contains("since=2026-01-05T15"));
    let wrong =
        browser.get(&format!("{LIST}?period=between&since_local=2026-01-06T00:00&until_local=2026-01-05T00:00"));
    assert!(wrong.expect(400).text().contains("The second time must not be earlier than the first."));
}

#[test]
fn pages_are_links_with_a_choice_of_their_length() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    webhook(&app, &receiver, "ERP sync");
    let events: Vec<_> = (0..60).map(|n| json!({"type": "contact.created", "data": n})).collect();
    app.post("/events/batch", json!({ "events": events })).expect(202);
    app.wait_for_logs("status=success&limit=100", 60);
    let first = browser.get(LIST).expect(200);
    assert!(first.body.len() <= 120 * 1024, "{} bytes", first.body.len());
    let first = first.text();
    let second = browser.get(&link(&first, "Older ›")).expect(200).text();
    let mut seen = ids(&first);
    assert_eq!((seen.len(), ids(&second).len()), (50, 10));
    seen.extend(ids(&second));
    assert!(seen.is_sorted_by(|newer, older| newer > older), "no row twice, none out of order");
    assert_eq!(ids(&browser.get(&link(&second, "‹ Newer")).expect(200).text()), ids(&first));
    assert_eq!(ids(&browser.get(&link(&first, "25</a>")).expect(200).text()).len(), 25);
    let rows = browser.get(&format!("{LIST}/rows?limit=25")).expect(200);
    assert_eq!(ids(&rows.text()), seen[..25], "what a live page fetches");
    assert!(!rows.text().contains("<html"));
}

#[test]
fn selected_entries_are_sent_again_and_what_arrived_asks_first() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    webhook(&app, &receiver, "ERP sync");
    receiver.answer_next([Script::status(500), Script::status(500)]);
    for n in 0..3 {
        app.publish("contact.created", &n.to_string());
        app.wait_for_logs("limit=100", n + 1);
        wait_until(|| app.logs("status=pending").is_empty()).unwrap();
    }
    let page = browser.get(&format!("{LIST}?status=failed")).expect(200).text();
    let failed = ids(&page);
    let path = format!("{LIST}/resend-selected");
    let back = ("back", "status=failed");
    let none = browser.follow(browser.post(&path, &page, &[back]));
    assert!(none.contains("Nothing was selected."), "{none}");
    let fields = [back, ("id", &*failed[0]), ("id", &*failed[1])];
    let sent = browser.post(&path, &page, &fields).expect(303);
    assert_eq!(sent.header("location"), Some(&*format!("{LIST}?status=failed")));
    assert!(browser.follow(sent).contains("Sending the selected entries again now."));
    app.wait_for_logs("status=success", 3);
    browser.post(&path, &page, &fields).expect(200);
    assert_eq!(receiver.requests().len(), 5, "the second click asks, because they arrived");

    let page = browser.get(LIST).expect(200).text();
    let all = ids(&page);
    let fields: Vec<_> = all.iter().map(|id| ("id", id.as_str())).collect();
    let asked = browser.post(&path, &page, &fields).expect(200).text();
    for words in ["Resend 3 entries?", "3 of them were delivered already; the receiver may see it twice.", &all[2]] {
        assert!(asked.contains(words), "{words}: {asked}");
    }
    let mut fields = fields;
    fields.push(("confirmed", "yes"));
    let sent = browser.post(&path, &asked, &fields);
    assert!(browser.follow(sent).contains("Sending the selected entries again now."));
    browser.post(&path, &asked, &fields).expect(303);
    receiver.wait_for(8);
    wait_until(|| app.logs("status=success").len() == 3).unwrap();
    assert_eq!(receiver.requests().len(), 8, "a double click sends once");
}

#[test]
fn a_bulk_resend_is_planned_started_watched_and_cancelled() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let id = webhook(&app, &receiver, "ERP sync");
    receiver.answer(Script::status(500));
    let events: Vec<_> = (0..40).map(|n| json!({"type": "contact.created", "data": n})).collect();
    app.post("/events/batch", json!({ "events": events })).expect(202);
    wait_until(|| {
        app.advance(Duration::from_secs(1));
        app.logs("status=failed&limit=100").len() == 40
    })
    .unwrap();
    receiver.answer(Script::ok());
    app.publish("contact.created", "true");
    wait_until(|| {
        app.advance(Duration::from_secs(1));
        app.logs("status=success").len() == 1
    })
    .unwrap();

    let list = browser.get(&format!("{LIST}?webhook_id={id}")).expect(200).text();
    let plan = browser.get(&link(&list, "Resend all that match…")).expect(200).text();
    for words in [
        "Resend 41 entries?",
        "<dt>failed for good</dt><dd>40</dd>",
        "<dt>succeeded (would arrive twice)</dt><dd>1</dd>",
        "1 would arrive twice.",
        "Webhook <b><bdi>ERP sync</bdi></b>",
        "10 a second (about 5 s)",
        "Oldest first.",
    ] {
        assert!(plan.contains(words), "{words}: {plan}");
    }
    let list = browser.get(&format!("{LIST}?status=failed")).expect(200).text();
    let plan = browser.get(&link(&list, "Resend all that match…")).expect(200).text();
    assert!(plan.contains("Resend 40 entries?") && !plan.contains("would arrive twice."), "{plan}");
    let fields = [("status", "failed"), ("rate_per_second", "1")];
    let started = browser.post("/integration/bulk-resends/new", &plan, &fields).expect(303);
    let job = started.header("location").unwrap().to_owned();
    let again = browser.post("/integration/bulk-resends/new", &plan, &fields).expect(303);
    assert_eq!(again.header("location"), Some(&*job), "a double click starts one");

    wait_until(|| {
        app.advance(Duration::from_millis(200));
        browser.get(&job).text().contains(" success</span>") && !browser.get(&job).text().contains(" 0 success</span>")
    })
    .unwrap();
    let page = browser.get(&job).expect(200).text();
    for words in ["Resending…", " of 40 (", " left", "admin@acme.example", "Cancel the rest", "<progress"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(browser.get(&format!("{job}?refresh=5")).text().contains(r#"http-equiv="refresh" content="5""#));
    assert!(browser.get(LIST).text().contains("A bulk resend is going on:"));
    let ended = browser.follow(browser.post(&format!("{job}/cancel"), &page, &[]));
    let sent: u64 = between(&ended, "Cancelled by admin@acme.example after ", ".").unwrap().parse().unwrap();
    let rest: u64 = between(&ended, &format!("after {sent}. "), " ").unwrap().parse().unwrap();
    assert_eq!(sent + rest, 40, "{ended}");
    assert!(!ended.contains("Cancel the rest") && !ended.contains("data-progress"));
    assert!(!browser.get(LIST).text().contains("A bulk resend is going on:"));
    browser.get("/integration/bulk-resends/job_00000000000000000000000001").expect(404);

    let plan = browser.get("/integration/bulk-resends/new?status=failed").expect(200).text();
    let fields = [("status", "failed"), ("rate_per_second", "1000")];
    let job = browser.post("/integration/bulk-resends/new", &plan, &fields).expect(303);
    let job = job.header("location").unwrap().to_owned();
    wait_until(|| {
        app.advance(Duration::from_millis(200));
        browser.get(&job).text().contains("Bulk resend finished")
    })
    .unwrap();
    assert!(browser.get(&job).text().contains("Finished: "));
    let none = browser.get("/integration/bulk-resends/new?q=nothing").expect(200).text();
    assert!(none.contains("there is nothing to send"), "{none}");
}

#[test]
fn the_export_has_every_row_and_no_formula() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    webhook(&app, &receiver, "=HYPERLINK(\"http://x\")");
    let events: Vec<_> = (0..250)
        .map(|n| json!({"type": "contact.created", "data": {"secret-field": n}, "id": format!("+{n}")}))
        .collect();
    app.post("/events/batch", json!({ "events": events })).expect(202);
    wait_until(|| app.logs("status=pending").is_empty()).unwrap();
    let file = browser.get(&format!("{LIST}/export.csv?status=success")).expect(200);
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(file.header("content-disposition").unwrap().starts_with("attachment; filename=\"webhook-logs-"));
    let text = file.text();
    let lines: Vec<_> = text.split("\r\n").collect();
    assert!(lines[0].starts_with("\u{FEFF}Log ID,Event,Timestamp (UTC),Status,"), "{}", lines[0]);
    assert_eq!((lines.len(), lines[251]), (252, ""));
    assert!(lines[1].contains(",contact.created,") && lines[1].contains(",\"'+249\","), "{}", lines[1]);
    assert!(lines[1].contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{}", lines[1]);
    assert!(!text.contains("secret-field"));
    assert_eq!(browser.get(&format!("{LIST}/export.csv?status=failed")).text().lines().count(), 1);
    browser.get(&format!("{LIST}/export.csv?status=x")).expect(400);
}
