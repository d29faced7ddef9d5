//! Webhook Logs with very many rows: pages and filters show what they should, and cost what they
//! cost with few.

use std::time::{Duration, Instant};

use hookstead::domain::Timestamp;
use serde_json::{Value, json};

use crate::{
    app::TestApp,
    browser::{Browser, between},
    receiver::{Receiver, Script},
};

const LIST: &str = "/integration/webhook-logs";
/// Events of one request of the API.
const BATCH: usize = 1_000;

/// Rows that wait because their webhook is off, with a few of every other kind among the oldest.
struct LargeLog {
    app: TestApp,
    off: String,
    /// When the batch in the middle was published.
    middle: Timestamp,
    _receivers: [Receiver; 2],
}

impl LargeLog {
    fn of(rows: usize) -> LargeLog {
        let (app, works, fails) = (TestApp::start(), Receiver::start(), Receiver::start());
        fails.answer(Script::status(503));
        let webhook = |receiver: &Receiver, more: Value| {
            let mut body = json!({"request_url": receiver.url("/in"), "retry_schedule_s": []});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            app.webhook_with(body)["id"].as_str().unwrap().to_owned()
        };
        webhook(&works, json!({"events": ["ticket.created"]}));
        webhook(&fails, json!({"events": ["ticket.updated"]}));
        let off = webhook(&works, json!({"events": ["contact.created"], "enabled": false}));
        for event_type in ["ticket.created", "ticket.updated"] {
            app.publish(event_type, "{}");
        }
        app.wait_for_logs("status=failed", 1);
        app.wait_for_logs("status=success", 1);
        let mut log = LargeLog { middle: app.now(), app, off, _receivers: [works, fails] };
        for number in 0..rows / BATCH {
            log.app.advance(Duration::from_secs(1));
            if number == rows / BATCH / 2 {
                log.middle = log.app.now();
            }
            log.add(BATCH);
        }
        log
    }

    fn add(&self, count: usize) {
        let event = json!({"type": "contact.created", "data": {"note": "x"}});
        self.app.post("/events/batch", json!({"events": vec![event; count]})).expect(202);
    }

    /// Pages and filters by name: where each is.
    fn looks(&self) -> Vec<(&'static str, String)> {
        let middle = self.middle.to_string();
        let of = |filter: &str| format!("{LIST}?{filter}");
        vec![
            ("the first page", LIST.to_owned()),
            ("the middle", of(&format!("until={middle}"))),
            ("pending", of("status=pending")),
            ("the only failure, at the far end", of("status=failed")),
            ("an event type, at the far end", of("event_type=ticket.created")),
            ("a webhook", of(&format!("webhook_id={}", self.off))),
            ("an answer, at the far end", of("http_status=5xx")),
        ]
    }
}

/// The Log IDs of a page, in its order.
fn ids(page: &str) -> Vec<String> {
    page.split("data-id=\"").skip(1).map(|row| row.split('"').next().unwrap().to_owned()).collect()
}

/// Where the button *Older* leads.
fn older(page: &str) -> String {
    let link = between(page, "rel=\"next\" href=\"", "\"").unwrap_or_else(|| panic!("no older page: {page}"));
    link.replace("&#38;", "&").replace("&amp;", "&")
}

#[test]
fn of_a_hundred_thousand_rows_every_page_and_filter_shows_its_own_and_none_is_lost_or_twice() {
    let log = LargeLog::of(100_000);
    let browser = Browser::signed_in(&log.app);
    for (name, address) in log.looks() {
        let page = browser.get(&address).expect(200).text();
        let rows = ids(&page).len();
        let wanted = if name.ends_with("at the far end") { 1 } else { 50 };
        assert_eq!(rows, wanted, "{name}: {}", &page[..page.len().min(400)]);
    }
    assert!(browser.get(LIST).text().contains("more than 10,000"), "it does not count them all");

    // From the middle on, while new ones come: as the API has them, each once.
    let filter = format!("until={}", log.middle);
    let first = log.app.get(&format!("/logs?limit=100&{filter}")).expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = log.app.get(&format!("/logs?limit=100&{filter}&cursor={cursor}")).expect(200).json();
    let rows = [first, second].map(|page| page["data"].as_array().unwrap().clone()).concat();
    let wanted: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    let mut page = browser.get(&format!("{LIST}?{filter}")).expect(200).text();
    let mut seen = ids(&page);
    for _ in 0..3 {
        log.add(100);
        page = browser.get(&older(&page)).expect(200).text();
        seen.extend(ids(&page));
    }
    assert_eq!(seen, wanted);
}

/// Says how long each page takes with 20,000 rows, more than are ever counted, and with a million;
/// fails if one grows by more than what the deeper trees of the file explain.
#[test]
#[ignore = "takes minutes: ./test-long"]
fn a_page_of_a_million_rows_costs_what_one_of_twenty_thousand_costs() {
    let number = |text: String| text.parse().expect("HOOKSTEAD_ROWS is a number");
    let rows = std::env::var("HOOKSTEAD_ROWS").map_or(1_000_000, number);
    let (few, many) = (LargeLog::of(20_000), LargeLog::of(rows));
    let (few_browser, many_browser) = (Browser::signed_in(&few.app), Browser::signed_in(&many.app));
    for ((name, in_few), (_, in_many)) in few.looks().into_iter().zip(many.looks()) {
        // In turn, and the best of each: what else this machine does meanwhile tells nothing.
        let mut best = [Duration::MAX; 2];
        for _ in 0..41 {
            for (side, (browser, address)) in [(&few_browser, &in_few), (&many_browser, &in_many)].iter().enumerate() {
                let began = Instant::now();
                browser.get(address).expect(200);
                best[side] = best[side].min(began.elapsed());
            }
        }
        let ratio = best[1].as_secs_f64() / best[0].as_secs_f64();
        println!("{name}: {:?} with 20,000 rows, {:?} with {rows}: {ratio:.1} times", best[0], best[1]);
        assert!(ratio < 4.0, "{name}: {best:?}, {ratio:.1} times");
    }
}
