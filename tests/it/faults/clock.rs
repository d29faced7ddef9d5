//! Rows 30 to 33. The program is one static file, which a preloaded library that fakes the time
//! does not reach, and no namespace has a wall clock of its own: so the clock is played, through
//! the seam that the program has for it. How the machine's clock is followed is told in
//! `src/system/clock.rs`, and clocks that jump under load are part of the simulation.

use std::{process::Stdio, sync::Arc, time::Duration};

use hookstead::{
    domain::Timestamp,
    system::{Clock, PlayedClock, SystemClock},
};
use serde_json::json;

use super::data_with_key;
use crate::{
    app::TestApp,
    process::{Caller, Process, command},
    receiver::{Receiver, Script},
};

const TWO_DAYS: Duration = Duration::from_secs(2 * 86_400);

/// Row 30.
#[test]
fn two_days_forward_what_is_due_goes_out_and_each_once() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    // Four failures each: with one more, a webhook would get a pause, and this clock stands still.
    (0..5).for_each(|_| drop(app.webhook(&receiver, &["*"])));
    receiver.answer(Script::status(500));
    (0..4).for_each(|number| drop(app.publish("contact.created", &number.to_string())));
    app.wait_for_logs("status=pending&http_status=500", 20);
    receiver.answer(Script::ok());
    app.advance(TWO_DAYS);
    app.wait_for_logs("status=success", 20);
    assert_eq!(receiver.requests().len(), 40);
}

/// Row 31. The machine's time goes back for a running process only by being shown less: what is
/// due then waits as long as it would have, and after a restart two days in the past it does not
/// wait for two days more than it was told to.
#[test]
fn two_days_back_nothing_is_early_and_new_events_go_out_at_once() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    app.publish("contact.created", "1");
    app.wait_for_logs("status=success", 1);
    let back = app.now().minus(TWO_DAYS);
    let clock = Arc::new(PlayedClock::new(back));
    let app = TestApp::start_at(app.stop(), clock, |_| {});
    app.publish("contact.created", "2");
    app.wait_for_logs("status=success", 2);
    let shown = app.logs("");
    assert!(shown.iter().all(|entry| entry["attempts"] == 1), "{shown:#?}");
    assert_eq!(receiver.requests().len(), 2);
}

/// Row 32. Time ends for us when the last zone enters the year 10,000.
#[test]
fn at_the_ends_of_time_events_are_taken_sent_and_signed() {
    for at in ["1970-01-01T00:00:00Z", "2038-01-20T00:00:00Z", "9999-12-30T21:59:58Z"] {
        let clock = Arc::new(PlayedClock::new(at.parse::<Timestamp>().unwrap()));
        let app = TestApp::start_at(Arc::new(tempfile::tempdir().unwrap()), clock, |_| {});
        let receiver = Receiver::start();
        app.webhook(&receiver, &["*"]);
        receiver.answer_next([Script::status(500)]);
        let event = app.publish("contact.created", "1");
        app.wait_for_logs("status=pending&http_status=500", 1);
        assert!(event["timestamp"].as_str().unwrap().starts_with(&at[..10]), "{event}");
        let stamp: u64 = receiver.requests()[0].header("webhook-timestamp").unwrap().parse().unwrap();
        assert_eq!(stamp, at.parse::<Timestamp>().unwrap().as_seconds(), "{at}");
        app.advance(Duration::from_secs(6));
        if !at.starts_with("9999") {
            app.wait_for_logs("status=success", 1);
        }
        app.get("/logs").expect(200);
        app.get("/webhooks").expect(200);
    }
}

/// Row 33.
#[test]
fn the_zone_of_the_machine_changes_no_stored_time() {
    for zone in ["America/New_York", "Asia/Kathmandu", ":/nowhere"] {
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, key) = data_with_key(folder.path());
        let mut serve = command(&data_dir);
        serve.args(["serve", "--listen", "127.0.0.1:0"]).env("TZ", zone).stdout(Stdio::null());
        let process = Process::start(serve);
        let event = json!({"type": "contact.created", "data": 1});
        let (status, answer) = Caller::new(&key).post(&process.base, "/events", &event).unwrap();
        assert_eq!(status, 202);
        let text = answer["timestamp"].as_str().unwrap();
        assert!(text.ends_with('Z'), "{text}");
        let age = SystemClock::new().now() - text.parse::<Timestamp>().unwrap();
        assert!(age < Duration::from_secs(600), "{zone}: {text}");
    }
}
