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

use crate::{
    app::{TestApp, wait_until},
    faults::{SmallDisk, can, inside},
    process::{Caller, command},
};

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

/// A bound for payloads takes the oldest, and none that is still to be sent; the log keeps its entries.
#[test]
fn the_oldest_payloads_go_where_there_are_too_many_and_none_that_is_still_to_be_sent() {
    let app = TestApp::start_with(|config| config.retention_max_bytes = 50_000);
    let browser = crate::browser::Browser::signed_in(&app);
    let off = app.webhook_with(json!({"request_url": "http://127.0.0.1:9/", "events": ["ticket.created"]}));
    app.post(&format!("/webhooks/{}/disable", off["id"].as_str().unwrap()), json!({})).expect(200);
    let publish = |event_type: &str| {
        let event = app.publish(event_type, &json!("x".repeat(1_000)).to_string());
        event["id"].as_str().unwrap().to_owned()
    };
    let pending = publish("ticket.created");
    let events: Vec<String> = (0..100).map(|_| publish("contact.created")).collect();
    app.advance(Duration::from_secs(11));
    let has_payload = |id: &String| app.get(&format!("/events/{id}/payload")).status == 200;
    wait_until(|| !has_payload(&events[0])).expect("the oldest goes");
    wait_until(|| app.app().service().payload_bytes().unwrap().unwrap().bytes <= 50_000).unwrap();
    let kept = events.iter().filter(|id| has_payload(id)).count();
    assert!((40..50).contains(&kept), "{kept}");
    assert!(events[100 - kept..].iter().all(has_payload), "the newest stay");
    assert!(has_payload(&pending), "it is the oldest, and still to be sent");
    assert!(events.iter().all(|id| app.get(&format!("/events/{id}")).status == 200), "only payloads went");

    let settings = browser.get("/system/settings").expect(200).text();
    let words = format!("{} payloads are kept, ", kept + 1);
    assert!(settings.contains(&words) && settings.contains(" of 49 KB."), "{words}: {settings}");
    assert!(settings.contains("it would delete about 1"), "a hundred came in the last day: {settings}");
    let event = browser.get(&format!("/integration/events/{}", events[0])).expect(200).text();
    assert!(event.contains("retention_max_bytes"), "{event}");
    assert_eq!(app.app().service().verify().unwrap(), Vec::<String>::new());
}

/// Row 14, on a disk of 8 MB that later has 64: payloads go while it is full, or later, and no event.
#[test]
fn on_a_full_disk_the_oldest_payloads_go_or_stay_and_no_event_is_lost() {
    if !can(&["unshare", "nsenter", "mount"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let SmallDisk { disk, process, key } =
        SmallDisk::serve(folder.path(), &[("HOOKSTEAD_RETENTION_MAX_BYTES", "1048576")]);
    let (shown, target) = (disk.to_str().unwrap(), process.id().to_string());
    let enter = ["nsenter", "-m", "-t", target.as_str()];
    let caller = Caller::new(&key);
    let mut taken = Vec::new();
    loop {
        let event = json!({"type": "contact.created", "data": "x".repeat(100_000)});
        let (status, answer) = caller.post(&process.base, "/events", &event).unwrap();
        if status != 202 {
            assert_eq!((status, &answer["code"]), (503, &json!("cannot_write")), "{answer}");
            break;
        }
        taken.push(answer["id"].as_str().unwrap().to_owned());
        assert!(taken.len() < 1_000, "8 MB are never full");
    }
    let payload = |id: &String| caller.get(&process.base, &format!("/api/v1/events/{id}/payload")).unwrap().0;
    let is_kept = || taken.iter().filter(|id| payload(id) == 200).count() <= 10;
    // Whether a deletion finds room on a full disk is the disk's business.
    println!("while it is full the oldest payloads go: {}", wait_until(is_kept).is_ok());
    let remount = std::process::Command::new(enter[0])
        .args(&enter[1..])
        .args(["mount", "-o", "remount,size=64m", shown])
        .status();
    assert!(remount.unwrap().success());
    wait_until(|| caller.get(&process.base, "/readyz").is_some_and(|(status, _)| status == 200)).unwrap();
    wait_until(is_kept).expect("the bound is kept");
    assert_eq!(payload(taken.last().unwrap()), 200, "the newest stays");
    for id in &taken {
        assert_eq!(caller.get(&process.base, &format!("/api/v1/events/{id}")).unwrap().0, 200, "{id} is lost");
    }
    let mut doctor = command(&disk.join("data"));
    doctor.current_dir("/").arg("doctor");
    let checked = inside(&enter, &doctor).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
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
