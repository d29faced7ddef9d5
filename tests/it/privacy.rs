//! What of a payload is shown, what is kept, and deleting it for a privacy request.

use serde_json::json;

use crate::{
    app::{TestApp, wait_until},
    browser::Browser,
    process::{Caller, Process, run},
    receiver::{Receiver, Script},
};

const PAYLOAD: &str =
    r#"{ "contact": {"email":"marked@example.com", "id": 12345678901234567890}, "lines":[{"iban":"marked-iban"}] }"#;
const SHOWN: &str = r#"{ "contact": {"email":"***", "id": 12345678901234567890}, "lines":[{"iban":"***"}] }"#;

#[test]
fn masked_fields_are_sent_and_never_shown() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["*"]);
    let path = "/event-types/contact.created";
    let id = app.publish("contact.created", PAYLOAD)["id"].as_str().unwrap().to_owned();
    receiver.wait_for(1);
    let log = app.wait_for_logs("status=success", 1).remove(0)["id"].as_str().unwrap().to_owned();
    let plain = app.get(&format!("/events/{id}/payload")).expect(200).text();
    assert_eq!(plain, PAYLOAD);

    let fields = json!({"masked_fields": ["$.contact.email", "lines.iban"]});
    let info = app.patch(path, fields).expect(200).json();
    assert_eq!(info["masked_fields"], json!(["contact.email", "lines.iban"]));
    app.publish("contact.created", PAYLOAD);
    let sent = receiver.wait_for(2).pop().unwrap();
    assert!(String::from_utf8(sent.body.clone()).unwrap().contains(PAYLOAD), "receivers get every byte");
    app.wait_for_logs("status=success", 2);

    // Older events too, wherever a payload is shown.
    assert_eq!(app.get(&format!("/events/{id}/payload")).expect(200).text(), SHOWN);
    let body = app.get(&format!("/logs/{log}/payload")).expect(200).text();
    assert!(body.contains(SHOWN) && body.ends_with('}'), "{body}");
    let admin = Browser::signed_in(&app);
    let page = format!("/integration/webhook-logs/{log}");
    for path in ["", "/payload", "/json", "/command", "/command?fresh=1", "?view=raw"] {
        let text = admin.get(&format!("{page}{path}")).expect(200).text();
        assert!(!text.contains("marked"), "{path}: {text}");
        assert!(text.contains("***") || path == "/json", "{path}: {text}");
    }
    assert!(admin.get(&page).expect(200).text().contains("masked fields have *** in place of their values"));
    assert!(admin.get(&format!("{page}/command")).expect(200).text().contains("Its signature does not fit."));
    for path in [format!("/integration/events/{id}"), "/integration/webhook-logs/export.csv".into()] {
        assert!(!admin.get(&path).expect(200).text().contains("marked"), "{path}");
    }
    // Sent again, it is what it was.
    app.post(&format!("/logs/{log}/resend"), json!({})).expect(202);
    assert_eq!(receiver.wait_for(3).pop().unwrap().body.len(), sent.body.len());

    for bad in [json!(["a..b"]), json!([""]), json!("a"), json!([1])] {
        app.patch(path, json!({"masked_fields": bad})).expect(422);
    }
    app.patch(path, json!({"masked_fields": null})).expect(200);
    assert_eq!(app.get(&format!("/events/{id}/payload")).expect(200).text(), PAYLOAD);
}

#[test]
fn a_payload_is_deleted_once_it_has_arrived_everywhere() {
    let (app, good, bad) = (TestApp::start(), Receiver::start(), Receiver::start());
    let new = json!({"name": "card.charged", "label": "Card charged", "category": "Card", "description": "",
        "forget_after_success": true});
    assert_eq!(app.post("/event-types", new).expect(201).json()["forget_after_success"], true);
    app.webhook(&good, &["*"]);
    let arrived = app.publish("card.charged", PAYLOAD)["id"].as_str().unwrap().to_owned();
    let gone = |id: &str| app.get(&format!("/events/{id}/payload")).status == 404;
    wait_until(|| gone(&arrived)).expect("it has arrived");
    assert!(String::from_utf8(good.wait_for(1)[0].body.clone()).unwrap().contains(PAYLOAD));
    let kept = app.publish("contact.created", PAYLOAD)["id"].as_str().unwrap().to_owned();
    app.wait_for_logs("status=success", 2);
    assert!(!gone(&kept), "other types keep theirs");

    // One that fails somewhere keeps it until it has arrived there too.
    app.webhook(&bad, &["card.charged"]);
    bad.answer(Script::status(500).body("marked-answer"));
    let failing = app.publish("card.charged", PAYLOAD)["id"].as_str().unwrap().to_owned();
    app.wait_for_logs("status=pending&http_status=500", 1);
    app.wait_for_logs("status=success", 3);
    assert!(!gone(&failing));
    bad.answer(Script::ok());
    app.advance(std::time::Duration::from_secs(6));
    wait_until(|| gone(&failing)).expect("it has arrived there too");
    let log = app.get(&format!("/events/{failing}")).expect(200).text();
    assert!(!log.contains("marked"), "{log}");
    let entry = app.wait_for_logs("status=success&event_type=card.charged", 3).remove(0)["id"].clone();
    let entry = entry.as_str().unwrap();
    app.post(&format!("/logs/{entry}/resend"), json!({})).expect(409);
    let page = Browser::signed_in(&app).get(&format!("/integration/webhook-logs/{entry}")).expect(200).text();
    assert!(page.contains("by the setting of its event type"), "{page}");
    assert_eq!(app.app().service().verify().unwrap(), Vec::<String>::new());
}

#[test]
fn the_payloads_of_an_account_are_deleted_and_those_of_others_stay() {
    let (app, receiver, hanging) = (TestApp::start(), Receiver::start(), Receiver::start());
    for account in ["acme", "other"] {
        app.webhook_with(json!({"request_url": receiver.url("/in"), "events": ["*"], "account": account}));
    }
    let publish = |account: &str, kind: &str| {
        let body = format!(r#"{{"type":"{kind}","account":"{account}","data":{PAYLOAD}}}"#);
        app.post_bytes("/events", body.as_bytes()).expect(202).json()["id"].as_str().unwrap().to_owned()
    };
    receiver.answer(Script::ok().body("marked-answer"));
    // So many of somebody else's that they are walked past in several steps.
    let event = json!({"type": "contact.created", "account": "third", "data": {}});
    for _ in 0..5 {
        let answer = app.post("/events/batch", json!({"events": vec![event.clone(); 1_000]}));
        assert!(answer.status < 300, "{}", answer.text());
    }
    let mine: Vec<String> = (0..150).map(|_| publish("acme", "contact.created")).collect();
    let others = publish("other", "contact.created");
    app.wait_for_logs("status=success&account=other", 1);
    wait_until(|| app.logs("status=pending").is_empty()).unwrap();
    app.webhook_with(json!({"request_url": hanging.url("/in"), "events": ["ticket.created"], "account": "acme"}));
    hanging.answer(Script::hang());
    let waiting = publish("acme", "ticket.created");
    hanging.wait_for(1);

    let cleared = app.delete("/accounts/acme/payloads").expect(200).json();
    assert_eq!(cleared, json!({"deleted": 150, "pending": 1, "complete": true}));
    let status = |id: &str| app.get(&format!("/events/{id}/payload")).status;
    assert!(mine.iter().all(|id| status(id) == 404));
    assert_eq!((status(&others), status(&waiting)), (200, 200));
    let log = app.wait_for_logs("status=success&account=acme&event_type=contact.created&limit=50", 50).remove(0);
    assert!(!app.log(log["id"].as_str().unwrap()).to_string().contains("marked"));
    assert_eq!(app.delete("/accounts/acme/payloads").expect(200).json()["deleted"], 0);
    app.delete("/accounts/a%20b/payloads").expect(404);

    // The page does the same, and asks first.
    let admin = Browser::signed_in(&app);
    let address = "/system/delete-payloads";
    let form = admin.get(address).expect(200).text();
    let refused = admin.post(address, &form, &[("account", "other")]).expect(422).text();
    assert!(refused.contains("Tick that they cannot be brought back."), "{refused}");
    assert_eq!(status(&others), 200);
    let done = admin.post(address, &form, &[("account", "other"), ("confirm", "yes")]).expect(200).text();
    assert!(done.contains("Deleted 1 payload."), "{done}");
    assert_eq!(status(&others), 404);
    assert_eq!(app.app().service().verify().unwrap(), Vec::<String>::new());
}

#[test]
fn a_command_deletes_them_on_a_running_server_and_on_a_stopped_one() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let key = run(&data_dir, &["apikey", "create", "crm"]).1;
    let caller = Caller::new(&key);
    let process = Process::serve(&data_dir);
    let publish = || {
        let event = json!({"type": "contact.created", "data": {"name": "Ann"}});
        caller.post(&process.base, "/events", &event).unwrap().1["id"].as_str().unwrap().to_owned()
    };
    let ids = [publish(), publish()];
    let (code, _, complaint) = run(&data_dir, &["payloads", "delete", "default"]);
    assert_eq!(code, Some(2), "it wants --yes: {complaint}");
    let (code, said, complaint) = run(&data_dir, &["payloads", "delete", "default", "--yes"]);
    assert_eq!((code, said.as_str()), (Some(0), "Deleted the payloads of 2 events of default.\n"), "{complaint}");
    for id in ids {
        assert_eq!(caller.get(&process.base, &format!("/api/v1/events/{id}/payload")).unwrap().0, 404);
    }
    process.terminate();
    let (code, said, _) = run(&data_dir, &["payloads", "delete", "default", "--yes"]);
    assert_eq!((code, said.as_str()), (Some(0), "Deleted the payloads of 0 events of default.\n"));
    assert_eq!(run(&data_dir, &["payloads", "delete", "a b", "--yes"]).0, Some(1));
}

#[test]
fn an_admin_sets_what_is_masked_and_forgotten_of_a_type() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let address = "/integration/event-types/ticket.created/privacy";
    let form = admin.get(address).expect(200).text();
    let refused = admin.post(address, &form, &[("masked_fields", "customer.email\r\na..b")]).expect(422).text();
    assert!(refused.contains("“a..b”: Write a field as keys") && refused.contains("customer.email"), "{refused}");
    let typed = [("masked_fields", "customer.email\r\n\r\n lines.*.iban "), ("forget_after_success", "yes")];
    let page = admin.follow(admin.post(address, &form, &typed));
    assert!(page.contains("Masked: customer.email, lines.*.iban. Payloads are deleted once"), "{page}");
    let info = app.get("/event-types/ticket.created").expect(200).json();
    assert_eq!(info["masked_fields"], json!(["customer.email", "lines.*.iban"]));
    assert_eq!(info["forget_after_success"], true);
    assert!(admin.get(address).expect(200).text().contains("value=\"yes\" checked"));
}
