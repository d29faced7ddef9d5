//! Order per key, and the numbers by which a receiver sees loss.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    app::{TestApp, wait_until},
    browser::{Browser, between},
    process::{Process, run},
    receiver::{Received, Receiver, Script},
};

/// An event of a key, or of none; its data is `number`. Answers its Log ID, if it is for one webhook.
fn publish(app: &TestApp, key: Option<&str>, number: u32) -> String {
    let mut event = json!({"type": "contact.updated", "data": number});
    if let Some(key) = key {
        event["ordering_key"] = key.into();
    }
    let id = app.post("/events", event).expect(202).json()["id"].clone();
    let entry = app.logs(&format!("event_id={}", id.as_str().unwrap())).remove(0);
    entry["id"].as_str().unwrap().to_owned()
}

fn ordered_webhook(app: &TestApp, receiver: &Receiver) -> String {
    let webhook = app.webhook_with(json!({
        "request_url": receiver.url("/in"), "events": ["*"], "ordered": true, "retry_schedule_s": [60, 60],
    }));
    assert_eq!(webhook["ordered"], true);
    format!("/webhooks/{}", webhook["id"].as_str().unwrap())
}

/// The data of each request, in the order they came.
fn arrived(receiver: &Receiver) -> Vec<u64> {
    receiver.requests().iter().map(number).collect()
}

fn number(request: &Received) -> u64 {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    body["data"].as_u64().unwrap()
}

fn sequence(request: &Received) -> u64 {
    request.header("webhook-sequence").expect("a number").parse().unwrap()
}

/// What an entry says of itself: its status and why.
fn stands(app: &TestApp, id: &str) -> (String, String) {
    let entry = app.log(id);
    (entry["status"].as_str().unwrap().to_owned(), entry["reason"].as_str().unwrap().to_owned())
}

fn wait_for_reason(app: &TestApp, id: &str, reason: &str) {
    wait_until(|| stands(app, id).1 == reason).unwrap_or_else(|()| panic!("{id} is {:?}", stands(app, id)));
}

/// An ordered webhook whose receiver has failed event 1 of `contact:42`.
fn with_a_failed_head() -> (TestApp, Receiver, String, String) {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let path = ordered_webhook(&app, &receiver);
    receiver.answer_next([Script::status(500)]);
    let head = publish(&app, Some("contact:42"), 1);
    wait_for_reason(&app, &head, "retry_scheduled");
    (app, receiver, path, head)
}

#[test]
fn while_an_event_fails_later_ones_of_its_key_wait_and_all_others_flow_past() {
    let (app, receiver, _, head) = with_a_failed_head();
    let second = publish(&app, Some("contact:42"), 2);
    publish(&app, Some("contact:7"), 10);
    publish(&app, None, 11);
    let third = publish(&app, Some("contact:42"), 3);
    app.wait_for_logs("status=success", 2);

    let entry = app.log(&third);
    assert_eq!((&entry["status"], &entry["reason"]), (&json!("pending"), &json!("behind")));
    assert_eq!((&entry["ordering_key"], &entry["sequence"]), (&json!("contact:42"), &json!(5)));
    assert_eq!((&entry["waits_for"], &entry["next_attempt_at"]), (&json!(head), &Value::Null));
    assert_eq!(app.log(&head)["waits_for"], Value::Null);

    receiver.answer_next([Script::status(500)]);
    app.advance(Duration::from_secs(67));
    receiver.wait_for(4);
    wait_until(|| app.log(&head)["attempts"].as_array().unwrap().len() == 2).expect("the second failure is recorded");
    assert_eq!(stands(&app, &second).1, "behind", "it waits through every retry");
    app.advance(Duration::from_secs(67));
    app.wait_for_logs("status=success", 5);
    let mut arrived = arrived(&receiver);
    arrived[1..3].sort_unstable();
    assert_eq!(arrived, [1, 10, 11, 1, 1, 2, 3]);
}

#[test]
fn an_event_that_is_given_up_lets_the_next_one_go() {
    let (app, receiver, _, head) = with_a_failed_head();
    let second = publish(&app, Some("contact:42"), 2);
    receiver.answer_next([Script::status(500), Script::status(500)]);
    for attempts in 2..=3 {
        app.advance(Duration::from_secs(67));
        receiver.wait_for(attempts);
        wait_until(|| app.log(&head)["attempts"].as_array().unwrap().len() == attempts).expect("it is recorded");
    }
    wait_for_reason(&app, &second, "delivered");
    assert_eq!(stands(&app, &head), ("failed".into(), "gave_up".into()));
    assert_eq!(arrived(&receiver), [1, 1, 1, 2]);

    // What had ended goes at once when it is sent again, whoever waits.
    receiver.answer_next([Script::status(500)]);
    let third = publish(&app, Some("contact:42"), 3);
    wait_for_reason(&app, &third, "retry_scheduled");
    app.post(&format!("/logs/{head}/resend"), json!({})).expect(202);
    wait_for_reason(&app, &head, "delivered");
    assert_eq!(arrived(&receiver), [1, 1, 1, 2, 3, 1]);
    let requests = receiver.requests();
    assert!(requests.iter().all(|one| sequence(one) == number(one)), "the same number on each retry and resend");
}

#[test]
fn what_waits_for_another_is_not_resent_and_the_refusal_says_for_which() {
    let (app, receiver, _, head) = with_a_failed_head();
    let second = publish(&app, Some("contact:42"), 2);
    let refusal = app.post(&format!("/logs/{second}/resend"), json!({})).expect(409).json();
    assert_eq!(
        (refusal["code"].as_str(), refusal["detail"].as_str()),
        (
            Some("conflict"),
            Some(&*format!(
                "Its webhook keeps order, and it waits for {head}, an earlier event of the same key. Resend that \
                 one; this one follows when it has ended."
            ))
        )
    );

    // A bulk resend moves the head forward and passes over the other.
    let job = json!({"filter": {"status": "pending"}, "rate_per_second": 1000, "dry_run": false});
    let job = app.post("/bulk-resends", job).expect(202).json()["id"].as_str().unwrap().to_owned();
    let ended = || {
        app.advance(Duration::from_millis(500));
        !app.get(&format!("/bulk-resends/{job}")).expect(200).json()["finished_at"].is_null()
    };
    wait_until(ended).expect("the bulk resend ends");
    let progress = app.get(&format!("/bulk-resends/{job}")).expect(200).json();
    assert_eq!((&progress["queued"], &progress["passed_over"]), (&json!(1), &json!(1)), "{progress:#}");
    wait_for_reason(&app, &second, "delivered");
    assert_eq!(arrived(&receiver), [1, 1, 2]);
    assert_eq!(app.log(&head)["attempts"][1]["started_by"], "bulk");
    assert_eq!(app.log(&second)["attempts"][0]["started_by"], "first");
}

#[test]
fn order_stays_while_a_webhook_is_off_and_skipping_lets_the_next_one_go() {
    let (app, receiver, path, head) = with_a_failed_head();
    app.post(&format!("{path}/disable"), json!({})).expect(200);
    let second = publish(&app, Some("contact:42"), 2);
    let third = publish(&app, Some("contact:7"), 3);
    assert_eq!(stands(&app, &second).1, "webhook_disabled");
    app.post(&format!("{path}/enable"), json!({"missed": "send"})).expect(200);
    wait_for_reason(&app, &third, "delivered");
    assert_eq!(stands(&app, &second).1, "behind");

    // Off again: what came meanwhile is skipped, the head and what came while it was on are not.
    app.post(&format!("{path}/disable"), json!({})).expect(200);
    let skipped = [publish(&app, Some("contact:42"), 4), publish(&app, Some("contact:8"), 5)];
    app.post(&format!("{path}/enable"), json!({"missed": "skip"})).expect(200);
    let last = [publish(&app, Some("contact:42"), 6), publish(&app, Some("contact:8"), 7)];
    wait_for_reason(&app, &last[1], "delivered");
    for id in skipped.iter().chain([&second]) {
        assert_eq!(stands(&app, id), ("failed".into(), "skipped".into()), "it came while the webhook was off");
    }
    app.advance(Duration::from_secs(67));
    wait_for_reason(&app, &last[0], "delivered");
    assert_eq!(stands(&app, &head).1, "delivered");
    assert_eq!(arrived(&receiver), [1, 3, 7, 1, 6]);
    let shown = app.get(&path).expect(200).json();
    assert_eq!((&shown["waiting"], &shown["missed"]), (&json!(0), &json!(0)));
}

#[test]
fn a_webhook_that_is_gone_or_deleted_leaves_nobody_waiting_for_nothing() {
    let (app, receiver, path, head) = with_a_failed_head();
    let second = publish(&app, Some("contact:42"), 2);
    receiver.answer_next([Script::status(410)]);
    app.advance(Duration::from_secs(67));
    wait_for_reason(&app, &head, "gone");
    assert_eq!(stands(&app, &second).1, "webhook_disabled");
    app.post(&format!("{path}/enable"), json!({"missed": "send"})).expect(200);
    wait_for_reason(&app, &second, "delivered");
    assert_eq!(arrived(&receiver), [1, 1, 2]);

    receiver.answer_next([Script::status(500)]);
    let left: Vec<String> = (3..6).map(|number| publish(&app, Some("contact:42"), number)).collect();
    wait_for_reason(&app, &left[0], "retry_scheduled");
    app.delete(&path).expect(204);
    for id in &left {
        assert_eq!(stands(&app, id), ("failed".into(), "webhook_deleted".into()));
    }
    assert_eq!(app.get("/stats").expect(200).json()["queue_depth"], 0);
}

#[test]
fn order_that_is_switched_off_holds_for_what_waits_already() {
    let (app, receiver, path, head) = with_a_failed_head();
    let second = publish(&app, Some("contact:42"), 2);
    assert_eq!(app.patch(&path, json!({"ordered": false})).expect(200).json()["ordered"], false);
    let flows = publish(&app, Some("contact:42"), 3);
    wait_for_reason(&app, &flows, "delivered");
    assert_eq!(stands(&app, &second).1, "behind");
    app.patch(&path, json!({"ordered": true})).expect(200);
    let fourth = publish(&app, Some("contact:42"), 4);
    assert_eq!(stands(&app, &fourth).1, "behind");
    app.advance(Duration::from_secs(67));
    wait_for_reason(&app, &fourth, "delivered");
    assert_eq!((arrived(&receiver), stands(&app, &head).1), (vec![1, 3, 1, 2, 4], "delivered".into()));
}

#[test]
fn each_webhook_counts_its_own_requests_from_one_without_gaps_also_after_a_restart() {
    let (app, all, some) = (TestApp::start(), Receiver::start(), Receiver::start());
    let first = app.webhook(&all, &["*"]);
    app.webhook(&some, &["contact.*"]);
    let result = app.post(&format!("/webhooks/{}/test", first["id"].as_str().unwrap()), json!({})).expect(200).json();
    assert_eq!(all.wait_for(1)[0].header("webhook-sequence"), None, "a test is not counted");
    assert_eq!(app.logs("status=success")[0]["sequence"], Value::Null, "{result:#}");

    let post = |app: &TestApp, from: u32| {
        for number in from..from + 10 {
            let event_type = if number.is_multiple_of(3) { "ticket.created" } else { "contact.created" };
            // A repeat takes no number.
            let event = json!({"type": event_type, "id": format!("crm-{number}"), "data": number});
            (0..2).for_each(|_| _ = app.post("/events", event.clone()).expect(202));
        }
    };
    post(&app, 1);
    app.wait_for_logs("status=success", 1 + 10 + 7);
    let clock = app.clock.clone();
    let app = TestApp::start_at(app.stop(), clock, |_| {});
    post(&app, 11);
    let (at_all, at_some) = (all.wait_for(21), some.wait_for(7 + 7));
    let sorted = |requests: &[Received]| {
        let mut numbers: Vec<u64> = requests.iter().map(sequence).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(sorted(&at_all[1..]), (1..=20).collect::<Vec<u64>>());
    assert_eq!(sorted(&at_some), (1..=14).collect::<Vec<u64>>());

    // The log shows the header that was sent.
    app.wait_for_logs("status=success", 1 + 20 + 14);
    let request = &at_some[5];
    let detail = app.log(&request.header("webhook-log-id").unwrap());
    assert_eq!(detail["sequence"], sequence(request));
    let shown = json!({"name": "webhook-sequence", "value": sequence(request).to_string()});
    assert!(detail["attempts"][0]["request"]["headers"].as_array().unwrap().contains(&shown), "{detail:#}");
}

#[test]
fn a_key_is_checked_kept_and_part_of_what_makes_a_repeat() {
    let app = TestApp::start();
    let event = json!({"type": "contact.created", "id": "crm-1", "ordering_key": "contact:42", "data": {}});
    let id = app.post("/events", event.clone()).expect(202).json()["id"].clone();
    assert_eq!(app.post("/events", event.clone()).expect(202).json()["duplicate"], true);
    for other in [json!("contact:43"), Value::Null] {
        let mut clash = event.clone();
        clash["ordering_key"] = other;
        assert_eq!(app.post("/events", clash).expect(409).json()["code"], "idempotency_conflict");
    }
    let path = format!("/events/{}", id.as_str().unwrap());
    assert_eq!(app.get(&path).expect(200).json()["ordering_key"], "contact:42");
    assert_eq!(app.get("/events").expect(200).json()["data"][0]["ordering_key"], "contact:42");
    for bad in ["", "a\nb", &"x".repeat(256)] {
        let refusal = app.post("/events", json!({"type": "contact.created", "ordering_key": bad, "data": 1}));
        let fault = refusal.expect(422).json()["errors"][0].clone();
        assert_eq!(fault["pointer"], "/ordering_key");
        assert_eq!(fault["message"], "An ordering key is 1 to 255 printable characters.");
    }
    let batch = json!({"events": [{"type": "contact.created", "ordering_key": "é".repeat(255), "data": 1}]});
    assert_eq!(app.post("/events/batch", batch).expect(202).json()["results"][0]["status"], "accepted");
}

#[test]
fn the_pages_set_order_and_say_what_an_entry_waits_for() {
    let (app, receiver, path, head) = with_a_failed_head();
    let second = publish(&app, Some("contact:<42>"), 2);
    wait_for_reason(&app, &second, "delivered");
    let third = publish(&app, Some("contact:42"), 3);
    let admin = Browser::signed_in(&app);
    let address = format!("/integration{}", path.replace("webhooks", "webhook"));
    let webhook = admin.get(&format!("{address}/settings")).expect(200).text();
    assert!(webhook.contains("keeps the order of events with the same key"), "{webhook}");

    let list = admin.get("/integration/webhook-logs?status=pending").expect(200).text();
    assert!(list.contains("Waiting: an earlier event of the same key"), "{list}");
    let page = admin.get(&format!("/integration/webhook-logs/{third}")).expect(200).text();
    assert!(page.contains(&format!("href=\"/integration/webhook-logs/{head}\">{head}</a> has arrived")), "{page}");
    assert!(page.contains("<dt>Ordering key</dt><dd><bdi>contact:42</bdi></dd>"), "{page}");
    assert!(page.contains("<dt>Sequence</dt><dd>3</dd>"), "{page}");
    assert!(!page.contains("/resend\""), "what waits for another offers no Resend: {page}");
    let page = admin.get(&format!("/integration/webhook-logs/{second}")).expect(200).text();
    assert!(page.contains("webhook-sequence: 2"), "{page}");
    assert!(page.contains("contact:&#60;42&#62;"), "{page}");

    // The form shows it ticked; sent without the tick, order is off.
    let form = admin.get(&format!("{address}/edit")).expect(200).text();
    assert!(form.contains(r#"name="ordered" value="yes" checked"#), "{form}");
    let (url, version) = (receiver.url("/in"), between(&form, r#"name="version" value=""#, "\"").unwrap());
    let fields = [("request_url", &*url), ("choice", "every"), ("version", version), ("do", "save")];
    admin.post(&format!("{address}/edit"), &form, &fields).expect(303);
    let page = admin.get(&format!("{address}/settings")).expect(200).text();
    assert!(!page.contains("keeps the order"), "{page}");
    assert_eq!(app.get(&path).expect(200).json()["ordered"], false);
}

#[test]
fn kills_in_the_middle_keep_the_order_of_every_key() {
    const KEYS: u64 = 4;
    const EVENTS: u64 = 120;
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let (code, key, complaint) = run(&data_dir, &["apikey", "create", "crm"]);
    assert_eq!(code, Some(0), "{complaint}");
    let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
    let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(10))).build().into();
    let call = |base: &str, path: &str, body: &Value| {
        let request = agent.post(format!("{base}/api/v1{path}")).content_type("application/json");
        let mut answer = request.header("authorization", format!("Bearer {}", key.trim())).send(body.to_string());
        let answer = answer.as_mut().ok()?;
        let text = answer.body_mut().read_to_string().ok()?;
        Some((answer.status().as_u16(), serde_json::from_str::<Value>(&text).ok()?))
    };
    let receiver = Receiver::start();
    let mut process = Process::serve(&data_dir);
    let webhook = json!({
        "request_url": receiver.url("/in"), "events": ["*"], "ordered": true, "retry_schedule_s": [1, 1, 1, 1, 1],
    });
    assert_eq!(call(&process.base, "/webhooks", &webhook).unwrap().0, 201);
    for number in 0..EVENTS {
        if number % 30 == 15 {
            // Its requests are under way, some answered, some recorded.
            process.kill();
            process = Process::serve(&data_dir);
        }
        if number % 20 == 0 {
            receiver.answer_next([Script::status(500)]);
        }
        let event = json!({
            "type": "contact.updated", "id": format!("crm-{number}"), "ordering_key": format!("contact:{}", number % KEYS),
            "data": number,
        });
        assert_eq!(call(&process.base, "/events", &event).expect("it listens").0, 202);
    }
    let all_numbers = || receiver.requests().iter().map(number).collect::<std::collections::BTreeSet<_>>();
    wait_until(|| all_numbers().len() == EVENTS as usize).expect("all arrive");
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    let mut numbers: BTreeMap<u64, u64> = BTreeMap::new();
    for request in receiver.requests() {
        let number = number(&request);
        let last = last.entry(number % KEYS).or_insert(number);
        assert!(number >= *last, "{number} came after {last}");
        assert!(number <= *last + KEYS, "{number} came before {}", *last + KEYS);
        *last = number;
        let before = numbers.insert(sequence(&request), number);
        assert!(before.is_none_or(|before| before == number), "one number for two events");
    }
    assert_eq!(numbers.keys().copied().collect::<Vec<_>>(), (1..=EVENTS).collect::<Vec<_>>());
}
