//! Event types, webhooks and API keys that the configuration file sets up: at the start, again, changed
//! and taken out; and that nobody changes them elsewhere.

use std::{fs, path::Path, sync::Arc};

use hookstead::config::{Config, Flags};
use serde_json::{Value, json};

use crate::{
    app::{TestApp, wait_until},
    browser::Browser,
    data_file,
    process::{Process, command, run, signal},
    receiver::Receiver,
};

const KEY: &str = "hsk_0123456789abcdefghijklmnopqrstuv";
const OTHER_KEY: &str = "hsk_vutsrqponmlkjihgfedcba9876543210";
const SECRET: &str = "whsec_ZXhhbXBsZS1zZWNyZXQtZm9yLXRlc3Rz";
const OTHER_SECRET: &str = "whsec_YW5vdGhlci1zZWNyZXQtZm9yLXRoZS10ZXN0";

/// A folder with a configuration and the files that it names.
struct Place(Arc<tempfile::TempDir>);

impl Place {
    fn new() -> Place {
        let place = Place(Arc::new(tempfile::tempdir().unwrap()));
        place.write("secret", SECRET);
        place.write("key", KEY);
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), format!("{text}\n")).unwrap();
    }

    /// The whole set-up, sending to that receiver.
    fn declare(&self, receiver: &Receiver) {
        let url = receiver.url("/in");
        self.write(
            "hookstead.toml",
            &format!(
                "allowed_private_targets = ['127.0.0.0/8']\n\
                 [[event_type]]\nname = 'invoice.paid'\nlabel = 'Invoice paid'\ncategory = 'Invoice'\n\
                 [[webhook]]\nname = 'erp'\nrequest_url = '{url}'\nevents = ['invoice.paid']\nsecret_file = 'secret'\n\
                 description = 'ERP'\n\
                 [[api_key]]\nname = 'crm'\nkey_file = 'key'\nscopes = ['events:write']\n"
            ),
        );
    }

    /// Starts a server on what is in the folder now.
    fn start(&self) -> TestApp {
        let flags = Flags { config: Some("hookstead.toml".into()), ..Flags::default() };
        let declared = Config::load(&flags, [], self.0.path()).unwrap_or_else(|wrong| panic!("{wrong}")).declared;
        TestApp::start_in(self.0.clone(), |config| config.declared = declared)
    }
}

fn publish_with(app: &TestApp, key: &str) -> u16 {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    app.request("POST", "/api/v1/events", &headers, Some(br#"{"type":"invoice.paid","data":1}"#)).status
}

fn only_webhook(app: &TestApp) -> Value {
    let list = app.get("/webhooks").expect(200).json()["data"].clone();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    list[0].clone()
}

#[test]
fn what_is_declared_works_and_a_second_start_changes_nothing() {
    let (place, receiver) = (Place::new(), Receiver::start());
    place.declare(&receiver);
    let app = place.start();
    assert_eq!(publish_with(&app, KEY), 202);
    let arrived = &receiver.wait_for(1)[0];
    let header = |name: &str| arrived.header(name).unwrap();
    let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
    let signed = verifier.sign(&header("webhook-id"), header("webhook-timestamp").parse().unwrap(), &arrived.body);
    assert_eq!(signed.unwrap(), header("webhook-signature"));
    let first = only_webhook(&app);
    assert_eq!(first["set_by_configuration"], "hookstead.toml:6", "{first}");
    assert_eq!((&first["created_by"], &first["description"]), (&json!("configuration:erp"), &json!("ERP")));
    let versions = |app: &TestApp| app.get(&format!("/webhooks/{}", first["id"].as_str().unwrap())).expect(200);
    let etag = versions(&app).header("etag").unwrap().to_owned();

    app.stop();
    let app = place.start();
    assert_eq!(versions(&app).header("etag"), Some(&*etag), "nothing was written");
    assert_eq!(only_webhook(&app)["id"], first["id"]);
    assert_eq!(publish_with(&app, KEY), 202);
    receiver.wait_for(2);
}

#[test]
fn nobody_else_changes_it_and_everybody_is_told_where_it_is_changed() {
    let (place, receiver) = (Place::new(), Receiver::start());
    place.declare(&receiver);
    let app = place.start();
    let id = only_webhook(&app)["id"].as_str().unwrap().to_owned();
    let refused = [
        ("PATCH", format!("/webhooks/{id}"), Some(json!({"description": "mine"}))),
        ("DELETE", format!("/webhooks/{id}"), None),
        ("POST", format!("/webhooks/{id}/disable"), Some(json!({}))),
        ("POST", format!("/webhooks/{id}/rotate-secret"), Some(json!({}))),
        ("PATCH", "/event-types/invoice.paid".to_owned(), Some(json!({"label": "mine"}))),
        ("DELETE", "/event-types/invoice.paid".to_owned(), None),
    ];
    for (method, path, body) in refused {
        let answer = match (method, body) {
            ("PATCH", Some(body)) => app.patch(&path, body),
            ("POST", Some(body)) => app.post(&path, body),
            _ => app.delete(&path),
        };
        let problem = answer.expect(409).json();
        assert_eq!(problem["code"], "set_by_configuration", "{method} {path}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("is set by the configuration (hookstead.toml:"), "{detail}");
    }
    app.post(&format!("/webhooks/{id}/test"), json!({})).expect(200);

    let browser = Browser::signed_in(&app);
    let page = browser.get(&format!("/integration/webhook/{id}")).expect(200).text();
    assert!(page.contains("Set by configuration: <code>hookstead.toml:6</code>"), "{page}");
    for gone in [">Edit<", ">Delete<", ">Disable<"] {
        assert!(!page.contains(gone), "{gone} in {page}");
    }
    assert!(!browser.get("/integration/webhook").expect(200).text().contains(">Edit<"));
    let keys = browser.get("/developers/api-keys").expect(200).text();
    assert!(keys.contains("Set by configuration: hookstead.toml:12"), "{keys}");
    let types = browser.get("/integration/event-types").expect(200).text();
    assert!(types.contains("Set by configuration: hookstead.toml:2"), "{types}");
    let delete = format!("/integration/webhook/{id}/delete");
    let page = browser.get(&delete).expect(200).text();
    let answer = browser.post(&delete, &page, &[]).expect(409).text();
    assert!(answer.contains("is set by the configuration (hookstead.toml:6)"), "{answer}");
    assert_eq!(only_webhook(&app)["enabled"], true);
}

#[test]
fn what_changed_is_changed_and_what_was_taken_out_lets_go() {
    let (place, receiver) = (Place::new(), Receiver::start());
    place.declare(&receiver);
    let app = place.start();
    let id = only_webhook(&app)["id"].clone();
    assert_eq!(publish_with(&app, KEY), 202);
    receiver.wait_for(1);
    app.stop();

    // Another receiver, another Secret, another key.
    let other = Receiver::start();
    place.declare(&other);
    place.write("secret", OTHER_SECRET);
    place.write("key", OTHER_KEY);
    let app = place.start();
    assert_eq!((publish_with(&app, KEY), publish_with(&app, OTHER_KEY)), (401, 202));
    let signature = other.wait_for(1)[0].header("webhook-signature").unwrap();
    assert_eq!(signature.split(' ').count(), 2, "the Secret before it signs along: {signature}");
    assert_eq!(only_webhook(&app)["id"], id);
    app.stop();

    // The same key with another scope is never refused in between, and works on.
    let file = place.0.path().join("hookstead.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("['events:write']", "['events:write', 'logs:read']")).unwrap();
    let app = place.start();
    assert_eq!(publish_with(&app, OTHER_KEY), 202);
    other.wait_for(2);
    app.stop();

    fs::write(&file, "").unwrap();
    let app = place.start();
    assert_eq!(publish_with(&app, OTHER_KEY), 401, "the key is revoked");
    let webhook = only_webhook(&app);
    assert_eq!((&webhook["enabled"], &webhook["set_by_configuration"]), (&json!(false), &Value::Null));
    assert_eq!(app.get("/event-types/invoice.paid").expect(200).json()["retired"], true, "it is in the log");
    // It belongs to people now, also after the next start.
    let path = format!("/webhooks/{}", id.as_str().unwrap());
    app.patch(&path, json!({"description": "ours", "enabled": true})).expect(200);
    app.stop();
    let app = place.start();
    let webhook = only_webhook(&app);
    assert_eq!((&webhook["enabled"], &webhook["description"]), (&json!(true), &json!("ours")));
    app.stop();

    // Everything of that stands in the audit log, under the name that it has in the file.
    let data = place.0.path().join("data");
    for (actor, action, times) in [
        ("configuration:erp", "webhook.created", 1),
        ("configuration:erp", "webhook.changed", 1),
        ("configuration:erp", "webhook.secret_rotated", 1),
        ("configuration:erp", "webhook.disabled", 1),
        ("configuration:crm", "api_key.created", 1),
        ("configuration:crm", "api_key.changed", 2),
        ("configuration:crm", "api_key.revoked", 1),
        ("configuration:invoice.paid", "event_type.created", 1),
        ("configuration:invoice.paid", "event_type.removed", 1),
    ] {
        assert_eq!(audited(&data, actor, action), times, "{actor} {action}");
    }

    // Back in the file, it is the same webhook again.
    place.declare(&receiver);
    let app = place.start();
    let webhook = only_webhook(&app);
    assert_eq!((&webhook["id"], &webhook["description"]), (&id, &json!("ERP")));
    assert_eq!(publish_with(&app, OTHER_KEY), 202);
    receiver.wait_for(2);
}

#[test]
fn the_bench_does_not_send_to_webhooks_of_a_configuration() {
    let (place, receiver) = (Place::new(), Receiver::start());
    place.declare(&receiver);
    let bench = ["bench", "--quick", "--only", "ingest", "--config", "hookstead.toml"];
    let (code, stdout, stderr) = run(&place.0.path().join("data"), &bench);
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.starts_with("hookstead.toml:6: the webhooks of this file would get the events"), "{stderr}");
    assert_eq!(receiver.connections(), 0);
}

/// The real program: a start that cannot set everything up says what and where, SIGHUP sets up what is new.
#[test]
fn a_start_that_cannot_set_it_up_says_where_and_a_reload_sets_up_what_is_new() {
    let (place, receiver) = (Place::new(), Receiver::start());
    let data = place.0.path().join("data");
    let webhook = format!("[[webhook]]\nname = 'erp'\nrequest_url = '{}'\n", receiver.url("/in"));
    place.write("hookstead.toml", &format!("{webhook}events = ['invoice.padi']"));
    assert_eq!(run(&data, &["check-config"]).0, Some(0), "what the store knows is not asked");
    let (code, _, stderr) = run(&data, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("hookstead.toml:1: [[webhook]] erp: ") && stderr.contains("invoice.padi"), "{stderr}");

    place.write("hookstead.toml", "");
    let log = place.0.path().join("log");
    let mut program = command(&data);
    program.args(["serve", "--listen", "127.0.0.1:0"]).stdout(fs::File::create(&log).unwrap());
    let process = Process::start(program);
    place.declare(&receiver);
    signal(process.id(), "HUP");
    logged(&log, "the configuration was read again");
    let caller = crate::process::Caller::new(KEY);
    let answer = caller.post(&process.base, "/events", &json!({"type": "invoice.paid", "data": 1}));
    assert_eq!(answer.unwrap().0, 202);
    receiver.wait_for(1);
    place.write("hookstead.toml", &format!("{webhook}events = ['invoice.padi']"));
    signal(process.id(), "HUP");
    logged(&log, "not all of the configuration can be used");
    // What could not be brought up to date is not up for grabs meanwhile.
    let caller = crate::process::Caller::new(&run(&data, &["apikey", "create", "tests"]).1);
    let list: Value = serde_json::from_str(&caller.get(&process.base, "/api/v1/webhooks").unwrap().1).unwrap();
    let disable = format!("/webhooks/{}/disable", list["data"][0]["id"].as_str().unwrap());
    assert_eq!(caller.post(&process.base, &disable, &json!({})).unwrap().0, 409);
    assert_eq!(process.terminate().0, Some(0));
    let text = fs::read_to_string(&log).unwrap();
    assert!(!text.contains(SECRET) && !text.contains(KEY), "{text}");
}

/// How often that stands in the audit log of a stopped server.
fn audited(data: &Path, actor: &str, action: &str) -> usize {
    data_file::audit_log(data).iter().filter(|entry| entry.actor == actor && entry.action == action).count()
}

fn logged(log: &Path, words: &str) {
    let text = || fs::read_to_string(log).unwrap();
    wait_until(|| text().contains(words)).unwrap_or_else(|()| panic!("no {words:?} in {}", text()));
}
