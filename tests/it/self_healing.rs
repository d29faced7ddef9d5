//! A webhook that fails for long is warned about, disabled, asked whether it answers again, and
//! recovers; and the alarm URL hears of each step once.

use std::{sync::Arc, time::Duration};

use hookstead::{
    config::Config,
    domain::{AfterRecovery, Secret, TargetUrl, Timestamp},
};
use serde_json::{Value, json};

use crate::{
    app::{TestApp, wait_until},
    browser::Browser,
    main_job::verify_at_its_time,
    receiver::{Gate, Received, Receiver, Script},
};

const SECRET: &str = "whsec_dGhlIGFsYXJtIGtleSBvZiB0aGUgdGVzdHMgISE=";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Whoever listens at the alarm URL.
struct Listener(Receiver);

impl Listener {
    fn start() -> Listener {
        Listener(Receiver::start())
    }

    fn configure(&self, config: &mut Config) {
        config.alarm.url = Some(TargetUrl::parse(&self.0.url("/alarms")).unwrap());
        config.alarm.secret = Some(Secret::parse(SECRET).unwrap());
    }

    /// The names of the alarms so far, and for a warning its percentage.
    fn heard(&self) -> Vec<String> {
        self.0.requests().iter().map(|request| name(&body(request))).collect()
    }

    /// Waits until exactly these were heard, and gives the last one's data. Every one is signed.
    #[track_caller]
    fn wait_for(&self, names: &[&str]) -> Value {
        wait_until(|| self.heard() == names).unwrap_or_else(|()| panic!("wanted {names:?}, heard {:?}", self.heard()));
        let requests = self.0.requests();
        requests.iter().for_each(|request| verify_at_its_time(request, SECRET));
        body(requests.last().unwrap())["data"].clone()
    }
}

fn body(request: &Received) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn name(body: &Value) -> String {
    let name = body["type"].as_str().unwrap();
    match body["data"]["disable_warning"]["at_percent"].as_u64() {
        Some(percent) => format!("{name} {percent}"),
        None if body["data"]["reminder"] == true => format!("{name} again"),
        None => name.to_owned(),
    }
}

/// What a receiver was sent, by type.
fn types(receiver: &Receiver) -> Vec<String> {
    receiver.requests().iter().map(|request| request.header("webhook-event-type").unwrap()).collect()
}

fn payloads(requests: &[Received]) -> Vec<Value> {
    requests.iter().map(|request| body(request)["data"].clone()).collect()
}

/// A webhook that is sent one request at a time, and tries again only after a week.
fn webhook(app: &TestApp, receiver: &Receiver) -> String {
    let made = app.webhook_with(json!({
        "request_url": receiver.url("/in"), "events": ["*"], "description": "ERP sync", "max_in_flight": 1,
        "retry_schedule_s": [604_800],
    }));
    format!("/webhooks/{}", made["id"].as_str().unwrap())
}

/// Publishes five events, all of which the receiver refuses.
fn fail_five_times(app: &TestApp, receiver: &Receiver) {
    receiver.answer(Script::status(500));
    for number in 1..=5 {
        app.publish("contact.created", &number.to_string());
    }
    app.wait_for_logs("status=pending&http_status=500", 5);
}

/// Waits until the webhook is as wanted.
#[track_caller]
fn wait_for_webhook(app: &TestApp, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut seen = Value::Null;
    wait_until(|| {
        seen = app.get(path).expect(200).json();
        wanted(&seen)
    })
    .unwrap_or_else(|()| panic!("{seen:#}"));
    seen
}

#[test]
fn five_days_of_failures_disable_a_webhook_which_is_asked_and_offers_what_it_missed() {
    let (listener, receiver) = (Listener::start(), Receiver::start());
    let configure = |config: &mut Config| {
        listener.configure(config);
        config.sender.probe_disabled = true;
    };
    let app = TestApp::start_with(configure);
    let path = webhook(&app, &receiver);
    fail_five_times(&app, &receiver);
    app.advance(Duration::from_secs(6));
    let alarm = listener.wait_for(&["webhook.failing"]);
    let told = &alarm["webhook"];
    assert_eq!((&told["description"], &told["waiting"]), (&json!("ERP sync"), &json!(5)), "{alarm:#}");
    assert_eq!(told["request_url"], receiver.url("/in"));
    let since: Timestamp = told["failing_since"].as_str().unwrap().parse().unwrap();
    assert!(alarm["message"].as_str().unwrap().starts_with("Attempts have failed since "), "{alarm:#}");
    assert_eq!(app.get(&path).json()["disable_warning"], Value::Null);

    // Half of the time, and nine tenths of it.
    app.advance(60 * HOUR);
    let alarm = listener.wait_for(&["webhook.failing", "webhook.disable_warning 50"]);
    let end = since.plus(120 * HOUR).to_string();
    assert_eq!(alarm["disable_warning"], json!({"at_percent": 50, "disabled_at": end}));
    assert_eq!(app.get(&path).json()["disable_warning"], alarm["disable_warning"], "the API says the same");
    app.advance(48 * HOUR);
    let warned = ["webhook.failing", "webhook.disable_warning 50", "webhook.disable_warning 90"];
    listener.wait_for(&warned);

    // A restart repeats none of it.
    let clock = app.clock.clone();
    let app = TestApp::start_at(app.stop(), clock, configure);
    app.advance(HOUR);
    let browser = Browser::signed_in(&app);
    let page_path = path.replace("/webhooks/", "/integration/webhook/");
    let page = browser.get(&page_path).expect(200).text();
    assert!(page.contains("Failing since") && page.contains("Unless something arrives, it is disabled at"), "{page}");
    assert!(browser.get("/integration/webhook").text().contains("disabled at "));
    app.advance(12 * HOUR);
    let all = [&warned[..], &["webhook.disabled"]].concat();
    let alarm = listener.wait_for(&all);
    assert_eq!(alarm["webhook"]["disabled_reason"], "failed_too_long");
    let shown = app.get(&path).json();
    assert_eq!((&shown["health"], &shown["waiting"], &shown["missed"]), (&json!("off"), &json!(5), &json!(0)));

    // Its events wait, and it is asked: after an hour, then two, then four.
    for number in 6..=8 {
        app.publish("contact.created", &number.to_string());
    }
    assert_eq!(receiver.requests().len(), 5);
    receiver.answer(Script::status(503));
    app.advance(HOUR + MINUTE);
    let ping = receiver.wait_for(6).pop().unwrap();
    verify_at_its_time(&ping, secret_of(&app, &path).as_str());
    let sent = body(&ping);
    assert_eq!((&sent["type"], &sent["id"]), (&json!("webhook.ping"), &json!(ping.header("webhook-id").unwrap())));
    assert!(sent["data"]["message"].is_string() && sent["timestamp"].is_string(), "{sent}");
    let shown = wait_for_webhook(&app, &path, |webhook| webhook["probe"]["last_http_status"] == 503);
    assert_eq!(shown["probe"]["answers_since"], Value::Null);
    assert_eq!(shown["probe"]["next_at"], app.now().plus(2 * HOUR).to_string());
    let page = browser.get(&page_path).text();
    assert!(page.contains("Last probed at ") && page.contains(": 503 Service Unavailable, next at "), "{page}");
    app.advance(2 * HOUR);
    receiver.wait_for(7);
    wait_for_webhook(&app, &path, |webhook| webhook["probe"]["next_at"] == app.now().plus(4 * HOUR).to_string());
    assert_eq!(types(&receiver)[5..], ["webhook.ping", "webhook.ping"]);
    assert_eq!(app.logs("").len(), 8, "a ping has no log entry");

    // It answers again: that is told, and nothing is sent before somebody enables it.
    receiver.answer(Script::ok());
    app.advance(4 * HOUR);
    let all = [&all[..], &["webhook.recovered"]].concat();
    let alarm = listener.wait_for(&all);
    assert!(alarm["message"].as_str().unwrap().contains("Enable the webhook"), "{alarm:#}");
    assert_eq!((&alarm["webhook"]["enabled"], &alarm["webhook"]["missed"]), (&json!(false), &json!(3)));
    let shown = app.get(&path).json();
    assert_eq!((&shown["enabled"], &shown["probe"]["answers_since"]), (&json!(false), &json!(app.now())));
    let page = browser.get(&page_path).text();
    assert!(page.contains("It answers again since ") && page.contains("/enable\">Enable</a>"), "{page}");
    assert_eq!(receiver.requests().len(), 8);
    app.post(&format!("{path}/enable"), json!({"missed": "send"})).expect(200);
    assert_eq!(payloads(&receiver.wait_for(11)[8..]), [6, 7, 8]);
    app.wait_for_logs("status=success", 3);
    app.advance(MINUTE);
    app.advance(MINUTE);
    let shown = wait_for_webhook(&app, &path, |webhook| webhook["health"] == "healthy");
    assert_eq!((&shown["probe"], &shown["failing_since"]), (&Value::Null, &Value::Null));
    listener.wait_for(&all);
    let problems = app.app().service().verify().unwrap();
    assert!(problems.is_empty(), "{problems:?}");
}

fn secret_of(app: &TestApp, path: &str) -> String {
    app.get(&format!("{path}/secret")).expect(200).json()["secret"].as_str().unwrap().to_owned()
}

#[test]
fn a_receiver_that_was_gone_and_answers_again_is_sent_what_it_missed_in_order() {
    let (listener, receiver) = (Listener::start(), Receiver::start());
    let app = TestApp::start_with(|config| {
        listener.configure(config);
        config.sender.probe_disabled = true;
        config.sender.after_recovery = AfterRecovery::Send;
    });
    let path = webhook(&app, &receiver);
    receiver.answer(Script::status(410));
    app.publish("contact.created", "0");
    app.wait_for_logs("status=failed", 1);
    app.advance(MINUTE);
    let alarm = listener.wait_for(&["webhook.disabled"]);
    assert_eq!(alarm["webhook"]["disabled_reason"], "gone");
    for number in 1..=20 {
        app.publish("contact.created", &number.to_string());
    }
    app.advance(HOUR);
    receiver.wait_for(2);
    wait_for_webhook(&app, &path, |webhook| webhook["probe"]["last_http_status"] == 410);
    receiver.answer(Script::ok());
    app.advance(2 * HOUR);
    let requests = receiver.wait_for(23);
    assert_eq!(requests[2].header("webhook-event-type").as_deref(), Some("webhook.ping"));
    let expected: Vec<Value> = (1..=20).map(|number| json!(number)).collect();
    assert_eq!(payloads(&requests[3..]), expected);
    let entry = app.wait_for_logs("status=success", 20).remove(0);
    assert_eq!(app.log(entry["id"].as_str().unwrap())["attempts"][0]["started_by"], "catch_up");
    let alarm = listener.wait_for(&["webhook.disabled", "webhook.recovered"]);
    assert!(alarm["message"].as_str().unwrap().contains("missed events are being sent"), "{alarm:#}");
    assert_eq!(alarm["webhook"]["enabled"], true);
    app.advance(MINUTE);
    wait_for_webhook(&app, &path, |webhook| webhook["health"] == "healthy" && webhook["probe"].is_null());
    assert_eq!(listener.heard().len(), 2);
}

#[test]
fn what_a_person_disabled_is_left_alone_and_so_is_everything_unless_the_operator_allows_it() {
    let (gone, asked) = (Receiver::start(), Receiver::start());
    let app = TestApp::start();
    let path = webhook(&app, &gone);
    gone.answer(Script::status(410));
    app.publish("contact.created", "0");
    app.wait_for_logs("status=failed", 1);
    app.advance(1_000 * HOUR);
    assert_eq!(app.get(&path).json()["probe"], Value::Null);
    let folder = {
        let clock = app.clock.clone();
        let folder = app.stop();
        (folder, clock)
    };

    let app = TestApp::start_at(folder.0, folder.1, |config| config.sender.probe_disabled = true);
    gone.wait_for(2);
    let by_request = webhook(&app, &asked);
    app.post(&format!("{by_request}/disable"), json!({})).expect(200);
    app.advance(1_000 * HOUR);
    gone.wait_for(3);
    assert_eq!(app.get(&by_request).json()["probe"], Value::Null);
    assert!(asked.requests().is_empty());
    for receiver in [&gone, &asked] {
        assert!(types(receiver)[receiver.requests().len().min(1)..].iter().all(|one| one == "webhook.ping"));
    }
}

#[test]
fn a_webhook_that_recovers_in_time_is_not_disabled_and_begins_anew() {
    let (listener, receiver) = (Listener::start(), Receiver::start());
    let app = TestApp::start_with(|config| listener.configure(config));
    let path = webhook(&app, &receiver);
    fail_five_times(&app, &receiver);
    app.advance(110 * HOUR);
    listener.wait_for(&["webhook.disable_warning 90", "webhook.failing"]);
    receiver.answer(Script::ok());
    app.publish("contact.created", "6");
    app.wait_for_logs("status=success", 1);
    app.advance(20 * HOUR);
    listener.wait_for(&["webhook.disable_warning 90", "webhook.failing", "webhook.recovered"]);
    let shown = app.get(&path).json();
    assert_eq!((&shown["enabled"], &shown["disable_warning"]), (&json!(true), &Value::Null));
}

#[test]
fn an_alarm_receiver_that_is_down_or_hangs_gets_alarms_later_and_holds_up_nothing() {
    let (listener, receiver) = (Listener::start(), Receiver::start());
    let app = TestApp::start_with(|config| listener.configure(config));
    webhook(&app, &receiver);
    // Refused four times, taken at the last attempt.
    listener.0.answer_next((0..4).map(|_| Script::status(503)));
    fail_five_times(&app, &receiver);
    app.advance(Duration::from_secs(6));
    for (attempt, wait_s) in [(1, 5), (2, 30), (3, 120), (4, 600)] {
        listener.0.wait_for(attempt);
        wait_until(|| {
            // The answer is taken in a moment after the receiver has sent it.
            app.advance(Duration::from_secs(wait_s));
            listener.0.requests().len() > attempt
        })
        .expect("it is tried again");
    }
    let requests = listener.0.wait_for(5);
    assert_eq!(requests.len(), 5, "and taken: {:?}", listener.heard());
    requests.iter().for_each(|request| verify_at_its_time(request, SECRET));
    for request in &requests[1..] {
        assert_eq!(request.body, requests[0].body);
        assert_eq!(request.header("webhook-id"), requests[0].header("webhook-id"));
    }
    assert_eq!(requests[4].header("webhook-attempt").as_deref(), Some("5"));

    // It takes a request and says nothing: webhooks are sent and looked after as before.
    let gate = Gate::new();
    listener.0.answer(Script::ok().after(&gate));
    receiver.answer(Script::ok());
    app.publish("contact.created", "6");
    app.wait_for_logs("status=success", 1);
    app.advance(MINUTE);
    listener.0.wait_for(6);
    receiver.answer(Script::status(410));
    app.publish("contact.created", "7");
    app.wait_for_logs("status=failed", 1);
    app.advance(MINUTE);
    assert_eq!(listener.0.requests().len(), 6, "the next alarm waits");
    gate.open();
    listener.0.wait_for(7);
    assert_eq!(listener.heard()[5..], ["webhook.recovered", "webhook.disabled"]);
}

#[test]
fn a_stop_does_not_wait_for_a_receiver_that_hangs() {
    let (listener, gone) = (Listener::start(), Receiver::start());
    listener.0.answer(Script::hang());
    let app = TestApp::start_with(|config| {
        listener.configure(config);
        config.sender.probe_disabled = true;
        config.sender.timeout_ms = 60_000;
    });
    webhook(&app, &gone);
    gone.answer_next([Script::status(410)]);
    gone.answer(Script::hang());
    app.publish("contact.created", "0");
    app.wait_for_logs("status=failed", 1);
    app.advance(2 * HOUR);
    listener.0.wait_for(1);
    gone.wait_for(2);
    let folder = app.stop();
    // What was cut short counts for nothing: it is asked again after the start.
    gone.answer(Script::ok());
    let app = TestApp::start_at(folder, Arc::new(hookstead::system::PlayedClock::new(now_plus(3 * HOUR))), |config| {
        config.sender.probe_disabled = true;
    });
    gone.wait_for(3);
    drop(app);
}

fn now_plus(by: Duration) -> Timestamp {
    use hookstead::system::{Clock, SystemClock};
    SystemClock::new().now().plus(by)
}

#[test]
fn a_lag_and_a_disk_that_runs_low_are_alarms() {
    let (listener, receiver, gate) = (Listener::start(), Receiver::start(), Gate::new());
    let disk = rustix::fs::statvfs(std::env::temp_dir().as_path()).unwrap();
    let free = disk.f_bavail * disk.f_frsize;
    let app = TestApp::start_with(|config| {
        listener.configure(config);
        config.limits.min_free_disk_bytes = free / 3 * 2;
    });
    let alarm = listener.wait_for(&["system.disk_low"]);
    assert_eq!(alarm["disk"]["limit_bytes"], free / 3 * 2 * 2);
    assert!(alarm["disk"]["free_bytes"].is_u64() && alarm["webhook"].is_null(), "{alarm:#}");

    let path = webhook(&app, &receiver);
    receiver.answer(Script::ok().after(&gate));
    app.publish("contact.created", "1");
    app.publish("contact.created", "2");
    receiver.wait_for(1);
    app.advance(Duration::from_secs(301));
    let looked = || {
        app.advance(Duration::from_secs(15));
        listener.heard().len() == 2
    };
    wait_until(looked).expect("the lag is told");
    let alarm = listener.wait_for(&["system.disk_low", "system.lag"]);
    assert!(alarm["lag"]["lag_s"].as_u64().unwrap() > 300, "{alarm:#}");
    assert_eq!(alarm["lag"]["limit_s"], 300);
    assert!(path.ends_with(alarm["webhook"]["id"].as_str().unwrap()), "{alarm:#}");
    gate.open();
    app.wait_for_logs("status=success", 2);
    let looked = || {
        app.advance(Duration::from_secs(15));
        listener.heard().len() == 3
    };
    wait_until(looked).expect("the end of the lag is told");
    listener.wait_for(&["system.disk_low", "system.lag", "system.lag_ok"]);
}

#[test]
fn a_ping_is_the_senders_own() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    app.webhook(&receiver, &["*"]);
    let problem = app.post("/events", json!({"type": "webhook.ping", "data": {}})).expect(422).json();
    assert_eq!(problem["errors"][0]["pointer"], "/type", "{problem:#}");
    let defined =
        json!({"name": "webhook.ping", "label": "Ping", "category": "Webhook", "description": "Not to be had."});
    let problem = app.post("/event-types", defined).expect(422).json();
    assert_eq!(problem["errors"][0]["code"], "event_type_reserved", "{problem:#}");
}

#[test]
fn a_webhook_can_have_its_own_alarm_url_signed_with_its_own_secret() {
    let (listener, owner, receiver) = (Listener::start(), Receiver::start(), Receiver::start());
    let app = TestApp::start_with(|config| listener.configure(config));
    let path = webhook(&app, &receiver);
    // The form says what is wrong with it, as it does of the Request URL.
    let browser = Browser::signed_in(&app);
    let edit = format!("{}/edit", path.replace("/webhooks/", "/integration/webhook/"));
    let form = browser.get(&edit).expect(200).text();
    assert!(form.contains("Alarm URL") && form.contains("Signed with its Secret."), "{form}");
    let wrong = browser.post(&edit, &form, &[("request_url", &receiver.url("/in")), ("alarm_url", "ftp://x")]);
    assert!(wrong.expect(422).text().contains("The alarm URL must start with https:// or http://."));
    let private = json!({"alarm_url": "https://10.0.0.1/alarms"});
    assert_eq!(app.patch(&path, private).expect(422).json()["errors"][0]["pointer"], "/alarm_url");
    app.patch(&path, json!({"alarm_url": owner.url("/mine")})).expect(200);

    // It hangs at first; the operator hears all the same.
    let gate = Gate::new();
    owner.answer_next([Script::status(500)]);
    owner.answer(Script::ok().after(&gate));
    fail_five_times(&app, &receiver);
    app.advance(Duration::from_secs(6));
    listener.wait_for(&["webhook.failing"]);
    owner.wait_for(1);
    receiver.answer(Script::ok());
    app.advance(Duration::from_secs(6));
    gate.open();
    owner.wait_for(2);
    let told = owner.requests();
    for request in &told {
        assert_eq!((name(&body(request)), request.path.as_str()), ("webhook.failing".to_owned(), "/mine"));
        verify_at_its_time(request, &secret_of(&app, &path));
    }
    assert_eq!(told[0].header("webhook-id"), told[1].header("webhook-id"), "the same alarm, once more");
    app.patch(&path, json!({"alarm_url": null})).expect(200);
    assert_eq!(app.get(&path).json()["alarm_url"], Value::Null);
}
