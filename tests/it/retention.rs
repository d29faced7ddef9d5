//! Forgetting what is old while others write.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use hookstead::store::DATA_FILE;
use serde_json::json;

use crate::app::{TestApp, wait_until};

const BATCH: usize = 1_000;
/// Events made before the clock moves; each is three rows (event, body, delivery) besides its index.
const OLD_EVENTS: usize = 350_000;
const PUBLISHERS: usize = 8;

/// A million rows go while others publish: their slowest percent is compared with the same load
/// without it, and the file must not grow, because what is new finds the room of what went.
#[test]
#[ignore = "takes minutes: ./test-long"]
fn a_million_rows_are_forgotten_while_others_publish() {
    let app = TestApp::start();
    let webhook = app.webhook_with(json!({"request_url": "http://127.0.0.1:9/", "events": ["*"]}));
    let id = webhook["id"].as_str().unwrap();
    app.post(&format!("/webhooks/{id}/disable"), json!({})).expect(200);
    let event = json!({"type": "contact.created", "data": {"note": "x".repeat(400)}});
    let batch = json!({ "events": vec![event; BATCH] });
    for _ in 0..OLD_EVENTS / BATCH {
        app.post("/events/batch", batch.clone()).expect(202);
    }
    // Nothing pending is ever forgotten.
    app.post(&format!("/webhooks/{id}/enable"), json!({"missed": "skip"})).expect(200);
    app.delete(&format!("/webhooks/{id}")).expect(204);

    let count = || app.get("/events?limit=1").expect(200).json()["data"].as_array().unwrap().len();
    let newest = app.now().plus(Duration::from_secs(1));
    let alone = slowest_percent(&app, |began| began.elapsed() > Duration::from_secs(20));
    let size = |app: &TestApp| fs::metadata(app.folder.path().join("data").join(DATA_FILE)).unwrap().len();
    let before = size(&app);

    app.advance(Duration::from_secs(91 * 86_400));
    let old = format!("/events?limit=1&until={newest}");
    let is_over = || app.get(&old).expect(200).json()["data"].as_array().unwrap().is_empty();
    let began = Instant::now();
    let meanwhile = slowest_percent(&app, |_| is_over());
    println!(
        "{OLD_EVENTS} events forgotten in {:.1} s; slowest percent of POST {alone:?} without, {meanwhile:?} meanwhile \
         ({:.2}); file {before} then {} bytes",
        began.elapsed().as_secs_f64(),
        meanwhile.as_secs_f64() / alone.as_secs_f64(),
        size(&app),
    );
    assert!(count() > 0, "what is new stays");
    assert!(size(&app) <= before + before / 10, "the file grew from {before} to {} bytes", size(&app));
    wait_until(|| app.app().service().verify().unwrap().is_empty()).expect("every table agrees");
}

/// The 99th percentile of how long publishing takes, with eight publishers at work until `ended`.
fn slowest_percent(app: &TestApp, ended: impl Fn(Instant) -> bool) -> Duration {
    let stop = AtomicBool::new(false);
    let mut took: Vec<Duration> = thread::scope(|scope| {
        let publish = || {
            let mut took = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                app.publish("ticket.updated", r#"{"note":"new"}"#);
                took.push(began.elapsed());
            }
            took
        };
        let publishers: Vec<_> = (0..PUBLISHERS).map(|_| scope.spawn(publish)).collect();
        let began = Instant::now();
        while !ended(began) {
            thread::sleep(Duration::from_millis(200));
        }
        stop.store(true, Ordering::Relaxed);
        publishers.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

/// A client that reads its page a byte at a time holds nothing of the store: what others write and
/// forget meanwhile finds the room of what went, and the file does not grow.
#[test]
fn a_slow_reader_does_not_keep_the_room_of_what_is_forgotten() {
    let app = TestApp::start();
    let event = json!({"type": "contact.created", "data": {"note": "x".repeat(1_000)}});
    let batch = json!({ "events": vec![event; BATCH] });
    let size = || fs::metadata(app.folder.path().join("data").join(DATA_FILE)).unwrap().len();
    let churn = || {
        (0..5).for_each(|_| drop(app.post("/events/batch", batch.clone()).expect(202)));
        app.advance(Duration::from_secs(91 * 86_400));
        wait_until(|| app.get("/events?limit=1").json()["data"].as_array().unwrap().is_empty())
            .expect("all of it is forgotten");
    };
    app.post("/events/batch", batch.clone()).expect(202);
    let mut slow = TcpStream::connect(app.base.strip_prefix("http://").unwrap()).unwrap();
    write!(slow, "GET /api/v1/events?limit=100 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", app.key)
        .unwrap();
    let mut byte = [0];
    slow.read_exact(&mut byte).unwrap();
    churn();
    let before = size();
    for _ in 0..6 {
        slow.read_exact(&mut byte).unwrap();
        churn();
    }
    assert!(size() <= before + before / 4, "the file grew from {before} to {} bytes", size());
}
