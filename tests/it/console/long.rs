//! What takes minutes in a browser: a large payload in one piece, and a list that is live for long.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{admin::Admin, logs::page_of};
use crate::{app::TestApp, receiver::Receiver};

/// Longest task of a page while it was loaded, in milliseconds; those under 50 are not told.
const LONGEST_TASK: &str = "return new Promise((told) => {
    let longest = 0;
    new PerformanceObserver((list) => {
        for (const task of list.getEntries()) longest = Math.max(longest, task.duration);
    }).observe({type: 'longtask', buffered: true});
    requestAnimationFrame(() => setTimeout(() => told(longest), 200));
})";

/// A browser that does nothing else needs its best time; a machine that is busy with other things
/// is not what this is about.
#[test]
#[ignore = "measures times: ./test-long"]
fn all_of_200_kib_is_shown_without_holding_the_browser_up() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    let transcript = include_str!("../../fixtures/payloads/edge/large_200kib_transcript.json");
    app.publish("message.received", transcript.trim());
    let entry = app.wait_for_logs("event_type=message.received&status=success", 1).remove(0);
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.size(1280, 900);
    let longest = |address: &str| {
        let times = (0..5).map(|_| {
            admin.visit(address);
            admin.script(LONGEST_TASK).as_f64().unwrap()
        });
        times.fold(f64::INFINITY, f64::min)
    };
    let part = longest(&page_of(&entry));
    let all = longest(&format!("{}?all=1", page_of(&entry)));
    println!("longest task: {part} ms for the first 64 KiB, {all} ms for all 200 KiB");
    assert!(all <= 200.0, "one task of {all} ms; {part} ms for the first 64 KiB");
}

/// `HOOKSTEAD_LIVE_S` says for how long; ten minutes if it does not.
#[test]
#[ignore = "takes ten minutes: ./test-long"]
fn a_live_list_with_fifty_events_a_second_keeps_its_rows_and_its_memory_bounded() {
    let number = |text: String| text.parse().expect("HOOKSTEAD_LIVE_S is a number");
    let seconds: u64 = std::env::var("HOOKSTEAD_LIVE_S").map_or(600, number);
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    app.publish("contact.created", "{}");
    app.wait_for_logs("status=success", 1);
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.visit("/integration/webhook-logs");
    admin.press("Live");
    admin.until("the button to pause", || admin.text_of("[data-live]") == "Pause");
    let used = || {
        admin.devtools("HeapProfiler.collectGarbage", json!({}));
        let metrics = admin.devtools("Performance.getMetrics", json!({}));
        let metrics = metrics["metrics"].as_array().unwrap().clone();
        let of =
            |name: &str| metrics.iter().find(|one| one["name"] == name).map_or(Value::Null, |one| one["value"].clone());
        (of("JSHeapUsedSize").as_f64().unwrap(), of("Nodes").as_f64().unwrap())
    };
    admin.devtools("Performance.enable", json!({}));
    let began = Instant::now();
    let (mut warm, mut most_rows) = (None, 0);
    for second in 1..=seconds {
        let events: Vec<_> = (0..50).map(|n| json!({"type": "contact.created", "data": {"n": n}})).collect();
        app.post("/events/batch", json!({"events": events})).expect(202);
        // The played clock goes along, as the server's own time would.
        app.advance(Duration::from_secs(1));
        most_rows = most_rows.max(admin.count("#rows tr"));
        assert!(most_rows <= 200, "{most_rows} rows after {second} s");
        if second >= seconds / 5 && most_rows >= 150 && warm.is_none() {
            warm = Some(used());
        }
        // Real seconds, since the page counts them: this is how long somebody watches.
        std::thread::sleep(Duration::from_secs(second).saturating_sub(began.elapsed()));
    }
    let ((heap, nodes), (heap_now, nodes_now)) = (warm.expect("the list has grown full"), used());
    println!("{most_rows} rows at the most; heap {heap} then {heap_now}; nodes {nodes} then {nodes_now}");
    assert!(heap_now < heap * 1.5 && nodes_now < nodes * 1.5, "heap {heap} → {heap_now}, nodes {nodes} → {nodes_now}");
}
