//! `/metrics` read as Prometheus reads it, and compared with what happened; and the dashboard and the
//! alerts, which use its names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use serde_json::json;

use crate::{
    app::{TestApp, wait_until},
    receiver::{Receiver, Script},
};

/// Every line: the name with its labels, and the number.
fn scrape(app: &TestApp) -> BTreeMap<String, f64> {
    let answer = app.request("GET", "/metrics", &[], None).expect(200);
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"), "{answer:?}");
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let mut described = BTreeSet::new();
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            described.extend(rest.split(' ').nth(1).map(str::to_owned));
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let bare = name.split('{').next().unwrap();
        let known = ["", "_total", "_info", "_bucket", "_sum", "_count"].iter();
        let is_known = known.filter_map(|end| bare.strip_suffix(end)).any(|family| described.contains(family));
        assert!(is_known, "{line} has no description before it");
        let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(lines.insert(name.to_owned(), value), None, "{name} is there twice");
    }
    lines
}

#[test]
fn what_happened_is_what_is_counted() {
    let (app, good, bad) = (TestApp::start(), Receiver::start(), Receiver::start());
    bad.answer(Script::status(422));
    let good_id = app.webhook(&good, &["contact.created"])["id"].as_str().unwrap().to_owned();
    let bad_id = app.webhook(&bad, &["contact.created"])["id"].as_str().unwrap().to_owned();
    let before = scrape(&app);
    assert_eq!(before[r#"hookstead_attempts_total{cause="success"}"#], 0.0, "a counter is there from the start");
    for _ in 0..3 {
        app.publish("contact.created", "1");
    }
    let batch = json!({"events": [{"type": "ticket.created", "data": 1}, {"type": "ticket.created", "data": 2}]});
    app.post("/events/batch", batch).expect(202);
    // What is refused is not taken in.
    app.post_bytes("/events", b"{").expect(400);
    app.post_bytes("/events?dry_run=true", br#"{"type":"contact.created","data":1}"#);
    app.wait_for_logs("status=success", 3);
    let mut seen = BTreeMap::new();
    wait_until(|| {
        seen = scrape(&app);
        seen[r#"hookstead_attempts_total{cause="http_4xx"}"#] == 3.0
    })
    .unwrap_or_else(|()| panic!("{seen:#?}"));
    for (name, value) in [
        (r#"hookstead_attempts_total{cause="success"}"#.to_owned(), 3.0),
        (r#"hookstead_attempts_total{cause="connect_refused"}"#.to_owned(), 0.0),
        ("hookstead_ingest_seconds_count".to_owned(), 4.0),
        (r#"hookstead_ingest_seconds_bucket{le="+Inf"}"#.to_owned(), 4.0),
        ("hookstead_attempt_seconds_count".to_owned(), 6.0),
        ("hookstead_delivery_seconds_count".to_owned(), 3.0),
        (format!("hookstead_deliveries{{webhook_id=\"{good_id}\",status=\"success\"}}"), 3.0),
        (format!("hookstead_deliveries{{webhook_id=\"{bad_id}\",status=\"pending\"}}"), 3.0),
        ("hookstead_queue_depth".to_owned(), 3.0),
        ("hookstead_oldest_due_seconds".to_owned(), 0.0),
        ("hookstead_events_accepted_today".to_owned(), 5.0),
        ("hookstead_webhooks".to_owned(), 2.0),
        ("hookstead_sending_paused".to_owned(), 0.0),
        (format!("hookstead_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
    ] {
        assert_eq!(seen.get(&name), Some(&value), "{name} in {seen:#?}");
    }
    let file = fs::metadata(app.folder.path().join("data").join(hookstead::store::DATA_FILE)).unwrap().len();
    assert_eq!(seen["hookstead_database_bytes"], file as f64);
    assert!(seen["hookstead_ingest_seconds_sum"] > 0.0 && seen["hookstead_disk_free_bytes"] > 0.0, "{seen:#?}");
    // Buckets only rise.
    for family in ["ingest", "attempt", "delivery"] {
        let prefix = format!("hookstead_{family}_seconds_bucket{{le=\"");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (name, count) in seen.iter().filter(|(name, _)| name.starts_with(&prefix)) {
            let bound = name[prefix.len()..].trim_end_matches("\"}");
            buckets.push((bound.replace("+Inf", "inf").parse().unwrap(), *count));
        }
        buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
        assert!(buckets.len() > 10 && buckets.is_sorted_by(|left, right| left.1 <= right.1), "{family}: {buckets:?}");
    }
}

/// A delivery that took two tries counts from its acceptance on, by the clock that it was planned by.
#[test]
fn a_late_delivery_is_counted_as_late() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    receiver.answer_next([Script::status(500)]);
    app.webhook(&receiver, &["*"]);
    app.publish("contact.created", "1");
    receiver.wait_for(1);
    wait_until(|| scrape(&app)[r#"hookstead_attempts_total{cause="http_5xx"}"#] == 1.0).unwrap();
    app.advance(Duration::from_secs(20));
    app.wait_for_logs("status=success", 1);
    let seen = scrape(&app);
    assert_eq!(seen[r#"hookstead_delivery_seconds_bucket{le="5.0"}"#], 0.0, "{seen:#?}");
    assert_eq!(seen[r#"hookstead_delivery_seconds_bucket{le="30.0"}"#], 1.0, "{seen:#?}");
}

#[test]
fn the_number_of_lines_does_not_grow_with_every_webhook() {
    let app = TestApp::start_with(|config| config.limits.webhooks_per_account = 2_000);
    for number in 0..1_010 {
        let url = format!("https://example.com/{number}");
        app.webhook_with(json!({"request_url": url, "events": ["contact.created"]}));
    }
    let seen = scrape(&app);
    let of_webhooks = seen.keys().filter(|name| name.starts_with("hookstead_deliveries{")).count();
    assert_eq!(of_webhooks, 3 * 1_001, "a thousand of their own, and the others together");
    assert_eq!(seen[r#"hookstead_deliveries{webhook_id="other",status="pending"}"#], 0.0);
    assert_eq!(seen["hookstead_webhooks"], 1_010.0);
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_what_is_there() {
    let app = TestApp::start();
    app.webhook_with(json!({"request_url": "https://example.com/", "events": ["*"]}));
    let seen = scrape(&app);
    let mut names: BTreeSet<&str> = seen.keys().map(|name| name.split('{').next().unwrap()).collect();
    // Only a server that speaks TLS has it.
    names.insert("hookstead_certificate_end_timestamp_seconds");
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    for file in ["grafana/dashboard.json", "prometheus/alerts.yml"] {
        let text = fs::read_to_string(packaging.join(file)).unwrap();
        let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let asked: BTreeSet<&str> = words.filter(|word| word.starts_with("hookstead_")).collect();
        let unknown: Vec<_> = asked.difference(&names).collect();
        assert!(asked.len() > 5 && unknown.is_empty(), "{file} asks for {unknown:?}");
    }
    let dashboard = fs::read_to_string(packaging.join("grafana/dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);
    // The settings and causes that the alerts name are there as well.
    let alerts = fs::read_to_string(packaging.join("prometheus/alerts.yml")).unwrap();
    for name in alerts.split('"').filter(|word| ["success", "internal"].contains(word)) {
        assert!(seen.contains_key(&format!("hookstead_attempts_total{{cause=\"{name}\"}}")), "{name}");
    }
}
