//! What can be seen: on a phone, in any script, in an empty house, and how much of it there is.

use serde_json::{Value, json};

use super::{admin::Admin, world::World};
use crate::{app::TestApp, receiver::Receiver};

/// What does not fit into the window, and what cannot be reached in it.
const OUTSIDE: &str = "const wide = document.documentElement.clientWidth, faults = [];
    if (document.documentElement.scrollWidth > wide) {
        const range = document.createRange(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ALL);
        const out = [];
        for (let node = walk.nextNode(); node; node = walk.nextNode()) {
            const element = node.nodeType === 1 ? node : node.parentElement;
            range.selectNode(node);
            const right = Math.max(...[...range.getClientRects()].map((one) => one.right), 0);
            if (right > wide + 0.5 && !element.closest('.payload'))
                out.push(element.localName + '.' + element.className + ' ' + node.textContent.slice(0, 80));
        }
        faults.push('the page is ' + document.documentElement.scrollWidth + ' wide: ' + out.slice(-3).join(' | '));
    }
    for (const one of document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea, summary')) {
        if (!one.checkVisibility() || one.closest('.skip, .default-button, .payload')) continue;
        one.scrollIntoView({block: one.offsetHeight > innerHeight ? 'start' : 'center', inline: 'nearest'});
        const place = one.getClientRects()[0];
        if (!place) continue;
        const what = one.outerHTML.slice(0, 120);
        if (place.left < -0.5 || place.right > wide + 0.5) { faults.push('outside: ' + what); continue; }
        const hit = document.elementFromPoint(place.left + place.width / 2, place.top + Math.min(place.height / 2, 40));
        const label = one.closest('label');
        if (!hit || !(one.contains(hit) || hit.contains(one) || (label && label.contains(hit))))
            faults.push('covered: ' + what + ' by ' + (hit ? hit.outerHTML.slice(0, 80) : 'nothing'));
    }
    return faults";

#[test]
fn detail_21_at_phone_width_and_at_400_percent_nothing_scrolls_sideways_and_all_can_be_reached() {
    let world = World::of("a-very-long-word-that-has-no-place-to-break-in-it-0123456789-and-goes-on");
    let Some(admin) = Admin::signed_in(&world.app) else { return };
    // A window of 1,280 by 1,024 pixels at 400 percent.
    admin.size(320, 256);
    let mut faults = Vec::new();
    for (name, path) in world.pages() {
        admin.visit(&path);
        for (width, height) in [(800, 600), (320, 256)] {
            admin.size(width, height);
            let found = admin.script(OUTSIDE);
            faults.extend(found.as_array().unwrap().iter().map(|fault| format!("{name}, {width}: {fault}")));
        }
    }
    for (name, walk) in world.behind_forms() {
        walk(&admin);
        let found = admin.script(OUTSIDE);
        faults.extend(found.as_array().unwrap().iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(faults.is_empty(), "{faults:#?}");

    // The way through the menu.
    admin.visit("/integration/webhook");
    admin.press("Menu");
    admin.go("Webhook Logs");
    admin.arrives_at("/integration/webhook-logs");
}

#[test]
fn detail_21_a_payload_scrolls_inside_its_box() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    app.publish("contact.created", &json!({"note": "word ".repeat(400)}).to_string());
    let entry = app.wait_for_logs("status=success", 1).remove(0);
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.width(320);
    admin.visit(&super::logs::page_of(&entry));
    let sizes = "const box = document.querySelector('.payload');
        return [box.scrollWidth > box.clientWidth, box.getBoundingClientRect().right <= innerWidth, box.tabIndex,
            document.documentElement.scrollWidth <= innerWidth]";
    assert_eq!(admin.script(sizes), json!([true, true, 0, true]));
}

#[test]
fn detail_22_any_script_reads_right() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let description = "مزامنة 42 العملاء";
    let webhook =
        app.webhook_with(json!({"request_url": receiver.url("/in"), "events": ["*"], "description": description}));
    let data = json!({
        "arabic": "مرحبا بالعالم 123 (نعم)", "hebrew": "שלום, עולם!", "mixed": "abc \u{202E}txt.exe", "nul": "a\u{0}b",
        "family": "👩‍👩‍👧‍👦 👍🏽 🇩🇪", "combined": "e\u{301}", "han": "漢字かな한글",
    });
    app.post("/events", json!({"type": "contact.created", "data": data})).expect(202);
    let entry = app.wait_for_logs("status=success", 1).remove(0);
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.visit(&super::webhooks::page_of_webhook(&webhook));
    // Where words of a page stand, from left to right.
    let places = "const words = arguments[0], found = [];
        const walk = document.createTreeWalker(document.querySelector(arguments[1]), NodeFilter.SHOW_TEXT);
        for (let node = walk.nextNode(); node; node = walk.nextNode())
            for (const word of words) {
                const at = node.data.indexOf(word);
                if (at < 0) continue;
                const range = document.createRange();
                range.setStart(node, at);
                range.setEnd(node, at + word.length);
                found.push([Math.round(range.getBoundingClientRect().left), word]);
            }
        return found.sort((one, other) => one[0] - other[0]).map((one) => one[1])";
    let order = admin.script_with(places, vec![json!([description, "created", "UTC", "by"]), ".heading".into()]);
    assert_eq!(order[0], json!(description), "the name stands before what follows it: {order}");
    assert_eq!(order[1], "created", "{order}");

    admin.visit("/integration/webhook-logs");
    let cells = "return [...document.querySelectorAll('tbody tr:first-child td')]
        .every((cell, place, all) => !place || all[place - 1].getBoundingClientRect().right <=
            cell.getBoundingClientRect().left + 1)";
    assert_eq!(admin.script(cells), true, "cells keep their places");

    admin.visit(&super::logs::page_of(&entry));
    let payload = admin.exact_text_of(".payload");
    for shown in
        ["abc ⟦U+202E⟧txt.exe", "👩‍👩‍👧‍👦 👍🏽 🇩🇪", "漢字かな한글", "שלום, עולם!", "مرحبا بالعالم 123 (نعم)", "e\u{301}"]
    {
        assert!(payload.contains(shown), "{shown}: {payload}");
    }
    let order =
        "const line = [...document.querySelectorAll('.payload .l')].find((one) => one.textContent.includes('arabic'));
        const range = document.createRange(), places = [];
        for (const part of line.querySelectorAll('bdi')) { range.selectNodeContents(part);
            places.push(range.getBoundingClientRect().left); }
        return places.every((place, number) => !number || place >= places[number - 1])";
    assert_eq!(admin.script(order), true, "a key stands before its value");
    // The family is one character wide, not four.
    let width =
        "const line = [...document.querySelectorAll('.payload .l')].find((one) => one.textContent.includes('family'));
        const at = line.textContent.indexOf('👩'), range = document.createRange();
        const walk = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
        for (let node = walk.nextNode(); node; node = walk.nextNode()) {
            const start = node.data.indexOf('👩');
            if (start < 0) continue;
            range.setStart(node, start);
            range.setEnd(node, start + '👩‍👩‍👧‍👦'.length);
            return range.toString() === '👩‍👩‍👧‍👦';
        }
        return false";
    assert_eq!(admin.script(width), true, "an emoji is one piece of text");
}

#[test]
fn detail_16_empty_pages_lead_on() {
    let app = TestApp::start();
    let Some(admin) = Admin::signed_in(&app) else { return };
    let leads = |path: &str, words: &str, next: &str, to: &str| {
        admin.visit(path);
        admin.sees(words);
        admin.click(&format!("main .empty {next}"));
        admin.arrives_at(to);
    };
    let webhooks = "/integration/webhook";
    leads(webhooks, "No webhooks yet.", ".primary", "/integration/webhook/new");
    leads(webhooks, "A webhook sends contact, ticket", "a[href*=event-types]", "/integration/event-types");
    let logs = "/integration/webhook-logs";
    leads(logs, "Nothing has been sent yet. Entries appear when an event matches a webhook.", ".primary", webhooks);
    leads("/integration/webhook-logs?status=failed", "No entries match.", ".button", logs);
    // The key that the test itself uses is there; without it the page is empty.
    let id = app.app().service().keys(&hookstead::domain::Actor::operator()).unwrap()[0].key.id.to_string();
    admin.visit(&format!("/developers/api-keys/{id}/revoke"));
    admin.click(".form-end .danger");
    admin.sees("API key revoked.");
    leads(
        "/developers/api-keys",
        "No API keys. Your CRM needs one to send events.",
        ".primary",
        "/developers/api-keys/new",
    );
    leads("/integration/webhook?q=acme", "No webhook matches “acme”.", ".button", webhooks);
}

#[test]
fn detail_14_times_have_seconds_and_a_zone() {
    let world = World::of("plain");
    let Some(admin) = Admin::signed_in(&world.app) else { return };
    for (name, path) in world.pages() {
        admin.visit(&path);
        let odd = "return [...document.querySelectorAll('time')].filter((one) =>
            !/^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{3})?Z$/.test(one.dateTime) || !/UTC$/.test(one.title)
            || !/\\d\\d:\\d\\d:\\d\\d/.test(one.textContent)).map((one) => one.outerHTML)";
        assert_eq!(admin.script(odd), json!([]), "{name}");
    }
    admin.visit("/integration/webhook-logs");
    assert!(admin.text_of("thead").contains("Timestamp (UTC)"));
    assert!(admin.count("td time") > 0);
}

#[test]
fn detail_14_times_are_shown_in_the_zone_that_somebody_chose() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    let event = json!({"type": "contact.created", "timestamp": "2026-01-05T09:30:00.123Z", "data": {}});
    app.post("/events", event).expect(202);
    let entry = app.wait_for_logs("status=success", 1).remove(0);
    let Some(admin) = Admin::signed_in(&app) else { return };
    let in_list = || {
        admin.visit("/integration/webhook-logs");
        (admin.text_of("thead"), admin.text_of("#rows [data-label^=Timestamp]"))
    };
    let (head, time) = in_list();
    assert!(head.contains("Timestamp (UTC)") && time == "2026-01-05 09:30:00", "{head}: {time}");
    admin.visit("/system/settings");
    admin.choose("Time zone", "Asia/Kolkata");
    admin.go("Save");
    admin.sees("all times Asia/Kolkata (UTC+05:30)");
    let (head, time) = in_list();
    assert!(head.contains("Timestamp (IST, UTC+05:30)") && time == "2026-01-05 15:00:00", "{head}: {time}");
    assert!(admin.text_of("form[role=search]").contains("From (IST, UTC+05:30)"));
    let exact = "const time = document.querySelector('#rows time'); return [time.dateTime, time.title]";
    let exact = admin.script(exact);
    assert!(exact[0].as_str().unwrap().starts_with("2026-01-05T09:30:00"), "{exact}");
    assert!(exact[1].as_str().unwrap().ends_with("UTC"), "{exact}");
    admin.visit(&super::logs::page_of(&entry));
    admin.sees("2026-01-05 15:00:00.123");
}

#[test]
fn pages_stay_small_and_lists_load_no_payloads() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let long = format!("/crm/{}", "0123456789".repeat(20));
    let description = "x".repeat(200);
    app.webhook_with(json!({"request_url": receiver.url(&long), "events": ["*"], "description": description}));
    let secret = "payload-that-no-list-loads".repeat(4_000);
    let events: Vec<_> =
        (0..50).map(|n| json!({"type": "conversation.created", "data": {"n": n, "text": secret}})).collect();
    for part in events.chunks(25) {
        app.post("/events/batch", json!({"events": part})).expect(202);
    }
    crate::app::wait_until(|| app.logs("status=success&limit=100").len() == 50).expect("they arrive");
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.visit("/integration/webhook-logs");
    assert_eq!(admin.count("tbody tr"), 50);
    let size = "return fetch(location.href).then((answer) => answer.text()).then((text) => new Blob([text]).size)";
    let bytes = admin.script(size).as_u64().unwrap();
    assert!(bytes <= 120 * 1024, "the list of 50 rows has {bytes} bytes");
    let html = admin.script("return document.documentElement.outerHTML");
    assert!(!html.as_str().unwrap().contains("payload-that-no-list-loads"));
    for (kind, what) in [("css", "link[rel=stylesheet]"), ("js", "script[src]")] {
        let sizes = format!(
            "return Promise.all([...document.querySelectorAll('{what}')].map((one) => fetch(one.href || one.src)
                .then((answer) => answer.text()).then((text) => new Blob([text]).size)))"
        );
        let sizes = admin.script(&sizes);
        let sum: u64 = sizes.as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).sum();
        assert!(sum > 0 && sum <= 30 * 1024, "{kind}: {sum} bytes");
    }
    // The list is the page, its style sheet, its script and its icon, and nothing else.
    let kinds: Vec<_> = admin.seen().requests.into_iter().map(|(_, kind)| kind).collect();
    assert!(
        kinds
            .iter()
            .all(|kind| ["Document", "Stylesheet", "Script", "Other", "Image", "Fetch"].contains(&kind.as_str()))
    );

    let transcript = include_str!("../../fixtures/payloads/edge/large_200kib_transcript.json");
    app.publish("message.received", transcript.trim());
    let entry = app.wait_for_logs("event_type=message.received&status=success", 1).remove(0);
    admin.visit(&super::logs::page_of(&entry));
    admin.sees("Show all");
    let bytes = admin.script(size).as_u64().unwrap();
    assert!(bytes <= 400 * 1024, "an entry of 200 KiB has {bytes} bytes before “Show all”");
    admin.click("#payload a[href*=all]");
    admin.arrives_at(&format!("{}?all=1", super::logs::page_of(&entry)));
    let whole: Value = serde_json::from_str(transcript).unwrap();
    assert!(whole.is_object() && admin.count("#payload a[href*=all]") == 0);
}
