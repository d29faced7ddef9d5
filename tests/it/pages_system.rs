//! The operator's pages: pausing all sending, the overview, the settings.

use std::time::Duration;

use serde_json::json;

use crate::{
    app::{TestApp, wait_until},
    browser::{Browser, EMAIL, between},
    receiver::{Receiver, Script},
};

const DAY: Duration = Duration::from_secs(86_400);

fn pause(browser: &Browser, reason: &str) -> crate::app::Answer {
    let form = browser.get("/system/pause").expect(200).text();
    browser.post("/system/pause", &form, &[("reason", reason)])
}

/// What was read again is what the pages show; what waits for a restart they do not.
#[test]
fn a_configuration_that_was_read_again_is_shown_as_it_is_in_force() {
    let app = TestApp::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hookstead.toml"), "log.level = 'debug'\nretention_days = 30\n").unwrap();
    let new = hookstead::config::Config::load(&hookstead::config::Flags::default(), [], folder.path()).unwrap();
    for _ in 0..2 {
        let reloaded = app.app().reload(&new);
        assert!(reloaded.waiting.contains(&"retention_days") && !reloaded.waiting.contains(&"log.level"));
        assert_eq!(reloaded.failed, [""; 0]);
    }
    let page = Browser::signed_in(&app).get("/system/settings/configuration").expect(200).text();
    let row = |key: &str| page.split("<tr>").find(|row| row.contains(key)).unwrap().to_owned();
    assert!(row("log.level").contains("debug") && row("log.level").contains("hookstead.toml:1"), "{page}");
    assert!(row("retention_days").contains("90") && !row("retention_days").contains("hookstead.toml"), "{page}");
}

#[test]
fn a_pause_stops_sending_and_nothing_else_also_through_a_restart() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    app.webhook(&receiver, &["*"]);
    let asked = pause(&browser, " ").expect(422).text();
    assert!(asked.contains("Enter the reason.") && asked.contains("<title>Error: Pause all sending"), "{asked}");
    let page = browser.follow(pause(&browser, "ERP <migration>"));
    let bar =
        format!("Sending is paused since {} by {EMAIL}: “ERP &#60;migration&#62;”.", &app.now().to_string()[11..19]);
    assert!(page.contains(&bar) && page.contains("Sending: paused"), "{bar}: {page}");

    for number in 0..5 {
        app.publish("contact.created", &format!(r#"{{"n":{number}}}"#));
    }
    let waiting = app.wait_for_logs("status=pending", 5);
    assert!(waiting.iter().all(|entry| entry["reason"] == "sending_paused" && entry["next_attempt_at"].is_null()));
    let list = browser.get("/integration/webhook-logs").expect(200).text();
    assert!(list.contains("Waiting: sending paused") && list.contains(&bar), "on every page: {list}");
    let ready = app.request("GET", "/readyz", &[], None).expect(200).text();
    assert!(ready.contains("sender_alive"), "the server is ready: {ready}");
    assert!(app.request("GET", "/metrics", &[], None).text().contains("hookstead_sending_paused 1"));
    assert!(!app.get("/stats").json()["sending_paused_since"].is_null());
    app.advance(10 * DAY);

    let (folder, clock) = (app.folder.clone(), app.clock.clone());
    drop(browser);
    app.stop();
    let app = TestApp::start_at(folder, clock, |_| {});
    let browser = Browser::new(&app);
    browser.sign_in(crate::browser::PASSWORD).expect(303);
    let page = browser.get("/integration/webhook").expect(200).text();
    assert!(page.contains("Sending is paused since"), "{page}");
    assert!(page.contains(r#"class="status calm""#) && !page.contains("Failing</span>"), "nothing is held against it");
    assert!(receiver.requests().is_empty(), "nothing was sent");

    let page = browser.follow(browser.post("/system/resume", &page, &[]));
    assert!(page.contains("Sending goes on.") && page.contains("Sending: on"), "{page}");
    let sent = app.wait_for_logs("status=success", 5);
    assert!(sent.iter().all(|entry| entry["attempts"] == 1), "{sent:?}");
    assert_eq!(receiver.requests().len(), 5, "each of them once");
    let again = browser.post("/system/resume", &page, &[]).expect(303);
    assert_eq!(again.header("location"), Some("/system"), "a second click is no error");
}

#[test]
fn a_webhook_that_failed_before_a_long_pause_is_not_disabled_after_it() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    receiver.answer(Script::status(500));
    let schedule = vec![1; 20];
    let made = app.webhook_with(json!({
        "request_url": receiver.url("/in"), "events": ["*"], "retry_schedule_s": schedule,
    }));
    let id = made["id"].as_str().unwrap().to_owned();
    let entry = app.publish("contact.created", "{}");
    wait_until(|| {
        app.advance(Duration::from_secs(2));
        receiver.requests().len() >= 6
    })
    .unwrap();
    let page = browser.follow(pause(&browser, "ERP migration"));
    let attempts = wait_for_calm(&app, &receiver);
    app.advance(6 * DAY);
    browser.follow(browser.post("/system/resume", &page, &[]));
    wait_until(|| {
        app.advance(Duration::from_secs(2));
        receiver.requests().len() > attempts
    })
    .unwrap();
    let state = app.get(&format!("/webhooks/{id}")).json();
    assert_eq!((&state["enabled"], &state["disable_warning"]), (&json!(true), &json!(null)), "{entry} {state}");
}

/// Waits until no request is under way; gives how many there were.
fn wait_for_calm(app: &TestApp, receiver: &Receiver) -> usize {
    let mut seen = 0;
    wait_until(|| {
        let (before, metrics) = (seen, app.get("/stats").json());
        seen = receiver.requests().len();
        before == seen && !metrics["sending_paused_since"].is_null()
    })
    .unwrap();
    seen
}

#[test]
fn the_overview_says_what_the_server_is_at() {
    let app = TestApp::start_with(|config| config.public_url = Some("http://hooks.acme.test/".parse().unwrap()));
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    app.webhook(&receiver, &["*"]);
    app.publish("contact.created", "{}");
    app.wait_for_logs("status=success", 1);
    app.advance(Duration::from_secs(7_500));
    let page = browser.get("/system").expect(200).text();
    for words in [
        "waiting · nothing waits",
        "Sending: on",
        "0 failed for good",
        "too few events to say how long that lasts",
        "Database writable",
        "Sender loop ",
        "Clock (UTC)",
        "The public address is not https",
        &format!("· schema {}", hookstead::store::Store::SCHEMA),
        "2 h 5 min",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let database = between(&page, "<dt>Database</dt><dd>", "<small>").unwrap();
    assert!(database.ends_with(" MB") || database.ends_with(" KB"), "{database}");
}

#[test]
fn zone_and_theme_are_chosen_in_the_browser_and_rendered_on_the_server() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    app.webhook(&receiver, &["*"]);
    app.publish("contact.created", "{}");
    app.wait_for_logs("status=success", 1);
    let page = browser.get("/system/settings").expect(200).text();
    assert!(!page.contains("data-theme") && page.contains(r#"<option value="UTC" selected>"#));
    browser.post("/system/settings", &page, &[("zone", "Mars/Olympus"), ("theme", "dark")]).expect(400);
    let fields = [("zone", "Asia/Kolkata"), ("theme", "dark")];
    let page = browser.follow(browser.post("/system/settings", &page, &fields));
    for words in [
        "Settings saved in this browser.",
        r#"<html lang="en" data-theme="dark">"#,
        "all times Asia/Kolkata (UTC+05:30)",
        r#"<option value="Asia/Kolkata" selected>Asia/Kolkata</option>"#,
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let list = browser.get("/integration/webhook-logs").expect(200).text();
    assert!(list.contains("Timestamp (IST, UTC+05:30)"), "{list}");
    let (utc, shown) =
        (between(&list, r#"<time datetime=""#, "\"").unwrap(), between(&list, " UTC\">", "</time>").unwrap());
    let minutes = |text: &str| text[11..13].parse::<u32>().unwrap() * 60 + text[14..16].parse::<u32>().unwrap();
    assert_eq!(minutes(shown), (minutes(utc) + 330) % (24 * 60), "{utc} is {shown}");
    let missing = browser.get("/nope").expect(404).text();
    assert!(missing.contains(r#"data-theme="dark""#), "pages without a frame too: {missing}");
    browser.set_cookie("hookstead_zone", "<b>");
    browser.set_cookie("hookstead_theme", "pink");
    let page = browser.get("/system").expect(200).text();
    assert!(page.contains("all times UTC ·") && !page.contains("data-theme"), "what is no choice is none");
}

#[test]
fn each_setting_says_where_it_was_set() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("HOOKSTEAD_RETENTION_DAYS".into(), "120".into()),
        ("HOOKSTEAD_ALARM_URL".into(), "https://alarms.example.com/x".into()),
        ("HOOKSTEAD_ALARM_SECRET".into(), "correct horse battery".into()),
        ("HOOKSTEAD_TEST_RECEIVER".into(), "false".into()),
    ];
    let loaded = hookstead::config::Config::load(&Default::default(), environment, folder.path()).unwrap();
    let app = TestApp::start_with(|config| {
        let (listen, data_dir) = (config.listen, config.data_dir.clone());
        *config = loaded;
        (config.listen, config.data_dir) = (listen, data_dir);
    });
    let browser = Browser::signed_in(&app);
    let page = browser.get("/system/settings").expect(200).text();
    for words in [
        "120 d",
        "Set by HOOKSTEAD_RETENTION_DAYS",
        "No event grows older than 120 days in the next 24 hours.",
        "https://alarms.example.com/x",
        "10 attempts",
        "An event that came now: at once (",
        "Set sender.retry_schedule_s in the configuration file or HOOKSTEAD_SENDER_RETRY_SCHEDULE_S, and restart.",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let all = browser.get("/system/settings/configuration").expect(200).text();
    for words in ["<code>alarm.secret</code>", "********", "HOOKSTEAD_ALARM_SECRET", "<code>limits.event_bytes</code>"]
    {
        assert!(all.contains(words), "{words}: {all}");
    }
    assert!(!all.contains("correct horse"), "secrets are masked");
    let receiver = browser.get("/integration/test-receiver").expect(200).text();
    assert!(receiver.contains("Off: test_receiver = false."), "{receiver}");
}
