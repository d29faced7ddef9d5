//! The audit log: every change is in it with who, when, from where, old and new, and no secret.

use std::time::Duration;

use hookstead::control::{self, Ask};
use serde_json::json;

use crate::{
    app::TestApp,
    browser::{Browser, EMAIL, PASSWORD, between},
};

/// The rows of a page: what stands in each cell, without tags.
fn rows(page: &str) -> Vec<Vec<String>> {
    let body = between(page, "<tbody>", "</tbody>").unwrap_or("");
    let text = |cell: &str| {
        let mut inside = false;
        let kept = cell.chars().map(|character| {
            let was_inside = inside;
            inside = character == '<' || (inside && character != '>');
            if inside || was_inside { ' ' } else { character }
        });
        kept.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let cells = |row: &str| {
        let cells = row.split("<td ").skip(1).map(|cell| text(cell.split_once('>').unwrap().1));
        let mut cells = cells.collect::<Vec<_>>();
        // What was done and to what are in one cell.
        let what = cells.remove(2);
        let (action, object) = what.split_once(' ').unwrap_or((&what, ""));
        cells.splice(2..2, [action.to_owned(), object.to_owned()]);
        cells
    };
    body.split("<tr>").skip(1).map(cells).collect()
}

fn actions(page: &str) -> Vec<String> {
    rows(page).into_iter().map(|row| row[2].clone()).collect()
}

#[test]
fn a_change_says_who_when_from_where_old_and_new() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let webhook = app.webhook_with(json!({
        "request_url": "https://hooks.example.com/a", "events": ["ticket.*"], "description": "ERP",
        "headers": [{"name": "X-Api-Key", "value": "first-hidden-value", "hidden": true}],
    }));
    let id = webhook["id"].as_str().unwrap();
    let path = format!("/webhooks/{id}");
    app.patch(&path, json!({"description": "CRM", "timeout_ms": 2_000})).expect(200);
    let headers = json!([{"name": "X-Api-Key", "value": "second-hidden-value", "hidden": true}]);
    app.patch(&path, json!({"headers": headers})).expect(200);
    let secret = app.get(&format!("{path}/secret")).expect(200).json()["secret"].as_str().unwrap().to_owned();
    app.post(&format!("{path}/rotate-secret"), json!({})).expect(200);

    let page = admin.get("/system/audit").expect(200).text();
    let shown = rows(&page);
    let find =
        |action: &str| shown.iter().find(|row| row[2] == action).unwrap_or_else(|| panic!("{action}: {shown:#?}"));
    let changed: Vec<_> = shown.iter().filter(|row| row[2] == "webhook.changed").collect();
    assert!(changed[1][4].contains("description : ERP → CRM timeout_ms : default → 2000"), "{changed:?}");
    assert_eq!(changed[0][4], "headers : a hidden value → another hidden value");
    assert!(changed[0][1].starts_with("key:tests-") && changed[0][1].ends_with("from 127.0.0.1"), "{changed:?}");
    assert_eq!(changed[0][3], id);
    assert!(find("webhook.created")[4].contains("request_url : https://hooks.example.com/a"));
    assert!(find("webhook.secret_rotated")[4].starts_with("secret : since "));
    find("webhook.secret_shown");
    assert!(find("user.created")[1].starts_with(EMAIL));
    for kept_out in [secret.as_str(), "hidden-value\"", "first-hidden-value", "second-hidden-value", PASSWORD, &app.key]
    {
        assert!(!page.contains(kept_out), "{kept_out}");
    }
}

#[test]
fn every_kind_of_change_is_there() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let receiver = crate::receiver::Receiver::start();
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    app.publish("contact.created", "1");
    let log = app.wait_for_logs("status=success", 1).remove(0)["id"].as_str().unwrap().to_owned();
    app.post(&format!("/logs/{log}/resend"), json!({})).expect(202);
    app.post("/bulk-resends", json!({"filter": {"status": "failed"}, "dry_run": false})).expect(202);
    app.post("/event-types", json!({"name": "deal.won", "label": "Won", "category": "Deal", "description": ""}))
        .expect(201);
    app.patch("/event-types/deal.won", json!({"label": "Deal won"})).expect(200);
    app.delete("/event-types/deal.won");
    app.post(&format!("/webhooks/{id}/disable"), json!({})).expect(200);
    app.post(&format!("/webhooks/{id}/enable"), json!({"missed": "send"})).expect(200);
    app.delete(&format!("/webhooks/{id}")).expect(204);
    let page = admin.get("/account").expect(200).text();
    admin.post("/system/pause", &page, &[("reason", "ERP migration")]).expect(303);
    admin.post("/system/resume", &page, &[]).expect(303);
    admin.post("/integration/test-receiver/answers", &page, &[("preset", "500")]).expect(303);
    let ask = Ask::CreateAdmin { email: "b@c".into(), password: PASSWORD.into(), role: "read-only".into() };
    control::execute(app.app().service(), ask).unwrap();

    let all = admin.get("/system/audit").expect(200).text();
    let actions = actions(&all);
    for action in [
        "user.created",
        "user.signed_in",
        "api_key.created",
        "webhook.created",
        "log.resent",
        "bulk_resend.started",
        "event_type.created",
        "event_type.changed",
        "event_type.removed",
        "webhook.disabled",
        "webhook.enabled",
        "webhook.deleted",
        "sending.paused",
        "sending.resumed",
        "test_receiver.answers_changed",
    ] {
        assert!(actions.iter().any(|known| known == action), "{action}: {actions:?}");
    }
    assert!(all.contains("ERP migration") && all.contains("command line"), "reason and operator");
    let key = rows(&all).into_iter().find(|row| row[2] == "api_key.created").unwrap();
    assert!(key[4].contains("scopes : events:write,"), "{key:?}");
}

#[test]
fn what_is_configured_otherwise_than_at_the_last_start_is_there() {
    let app = TestApp::start();
    let folder = app.stop();
    let start = |days: u32| {
        TestApp::start_in(folder.clone(), |config| {
            config.retention_days = days;
            config.alarm.secret = Some(hookstead::domain::Secret::parse("a secret of sixteen").unwrap());
        })
    };
    start(30).stop();
    let app = start(30);
    let admin = Browser::signed_in(&app);
    let shown = rows(&admin.get("/system/audit?what=settings.changed").expect(200).text());
    assert_eq!(shown.len(), 1, "a start that changes nothing says nothing: {shown:?}");
    assert_eq!(shown[0][1], "configuration");
    assert!(shown[0][4].contains("retention_days : 90 → 30"), "{shown:?}");
    assert!(!shown[0][4].contains("sixteen"), "{shown:?}");
}

#[test]
fn a_network_that_has_to_wait_is_there_once() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    for _ in 0..9 {
        Browser::new(&app).sign_in("a wrong password");
    }
    let shown = rows(&admin.get("/system/audit?what=slowed").expect(200).text());
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0][1], "nobody from 127.0.0.1");
}

#[test]
fn entries_are_filtered_and_paged_and_nothing_is_shown_twice() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    for number in 0..60 {
        let label = format!("Label {number}");
        app.patch("/event-types/contact.created", json!({"label": label})).expect(200);
    }
    app.advance(Duration::from_secs(3_600));
    app.patch("/event-types/contact.created", json!({"label": "Last"})).expect(200);
    let mut address = Some("/system/audit?what=event_type.changed".to_owned());
    let mut seen = Vec::new();
    while let Some(next) = address {
        let page = admin.get(&next).expect(200).text();
        let shown = rows(&page);
        assert!(!shown.is_empty() && shown.len() <= 50);
        seen.extend(shown.into_iter().map(|row| row[4].clone()));
        address =
            between(&page, r#"rel="next" href=""#, "\"").map(|link| link.replace("&amp;", "&").replace("&#38;", "&"));
    }
    assert_eq!(seen.len(), 61);
    assert_eq!(seen[0], "label : Label 59 → Last");
    assert_eq!(seen[60], "label : Contact created → Label 0");

    let find = |query: &str| actions(&admin.get(&format!("/system/audit?{query}")).expect(200).text());
    assert_eq!(find("who=admin%40acme&what=signed_in"), ["user.signed_in"]);
    assert_eq!(find("what=contact.created&until=1999-01-01T00:00").len(), 0);
    let none = admin.get("/system/audit?who=nobody").expect(200).text();
    assert!(none.contains("No entries match.") && none.contains("Clear filters"));
    let bad = admin.get("/system/audit?since=yesterday").expect(422).text();
    assert!(bad.contains("<title>Error: Audit log") && bad.contains("Enter a date and a time"), "{bad}");
    assert_eq!(find("before=18446744073709551615&what=signed_in").len(), 1);
    assert_eq!(find("before=nonsense&what=signed_in").len(), 1);
}
