//! The list of Webhook Logs while it is live: new entries come by themselves and disturb nobody.

use serde_json::{Value, json};

use super::admin::Admin;
use crate::{
    app::{TestApp, wait_until},
    receiver::Receiver,
};

fn publish(app: &TestApp, count: usize) {
    let events: Vec<_> = (0..count).map(|n| json!({"type": "contact.created", "data": {"n": n}})).collect();
    app.post("/events/batch", json!({"events": events})).expect(202);
}

#[test]
fn detail_17_new_entries_come_by_themselves_and_move_nothing_that_is_in_use() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    publish(&app, 40);
    let arrived = |count: usize| {
        wait_until(|| app.logs("status=success&limit=100").len() == count).expect("they arrive");
    };
    arrived(40);
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.size(1280, 700);
    admin.visit("/integration/webhook-logs");
    // What the page means to do later.
    admin.script(
        "const [set, clear] = [window.setTimeout, window.clearTimeout];
        window.planned = new Set();
        window.setTimeout = (act, ...more) => {
            const id = set(() => { window.planned.delete(id); act(); }, ...more);
            window.planned.add(id);
            return id;
        };
        window.clearTimeout = (id) => { window.planned.delete(id); clear(id); }",
    );
    let rows = || admin.count("#rows tr");
    admin.press("Live");
    admin.until("the button to pause", || admin.text_of("[data-live]") == "Pause");
    publish(&app, 1);
    admin.until("the new entry on top", || rows() == 41);
    assert_eq!(admin.count(".live-bar:not([hidden])"), 0, "nothing is in use, so nothing is asked");

    // Somebody ticks a row, selects words and reads further down.
    admin.click("#rows tr:nth-child(12) input[name=id]");
    admin.script(
        "const row = document.querySelector('#rows tr:nth-child(20)');
        row.id = 'read';
        getSelection().selectAllChildren(row.querySelector('a.id'));
        row.scrollIntoView({block: 'center'})",
    );
    let place = "return [Math.round(document.querySelector('#read').getBoundingClientRect().top),
        getSelection().toString(), [...document.querySelectorAll('#rows input:checked')].map((one) => one.value),
        document.querySelector('#rows tr').dataset.id]";
    let before = admin.script(place);
    publish(&app, 10);
    let bar = "document.querySelector('.live-bar:not([hidden])')";
    admin.until("the bar", || {
        admin.script(&format!("return {bar} ? {bar}.innerText.startsWith('10 new entries') : false")) == true
    });
    assert_eq!(admin.script(place), before, "place, selection, ticks and the first row stay");
    assert_eq!(rows(), 41);
    let said = "const said = document.getElementById('said'); return [said.getAttribute('role'), said.textContent]";
    admin.until("a polite count", || {
        let said = admin.script(said);
        said[0] == "status" && said[1].as_str().is_some_and(|words| words.ends_with("new entries"))
    });

    admin.press("Show");
    admin.until("them on top", || rows() == 51);
    let now = admin.script(place);
    assert_eq!((&now[1], &now[2]), (&before[1], &before[2]), "what was selected and ticked still is");
    assert_ne!(now[3], before[3]);
    let ids = "return [...document.querySelectorAll('#rows tr')].map((row) => row.dataset.id)";
    let newest: Vec<Value> = app.logs("limit=51").iter().map(|entry| entry["id"].clone()).collect();
    assert_eq!(admin.script(ids), Value::from(newest), "each once, the newest first");

    admin.press("Pause");
    admin.until("the button to go on", || admin.text_of("[data-live]") == "Live");
    assert_eq!(admin.script("return window.planned.size"), 0, "no further look is planned");
    publish(&app, 1);
    arrived(52);
    assert_eq!((rows(), admin.count(".live-bar:not([hidden])")), (51, 0));
}
