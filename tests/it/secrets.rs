//! Secrets at rest, and that none gets out: at the most talkative level of the log, through every
//! page and answer that nobody asked for them, and by every command.

use std::{
    cell::RefCell,
    fs::{self, File},
    path::Path,
    process::Stdio,
};

use serde_json::{Value, json};

use crate::{
    app::wait_until,
    browser::{between, mark},
    certificates::Authority,
    process::{Caller, Process, command, run},
    receiver::{Receiver, Script},
};

const EMAIL: &str = "admin@acme.example";
const PASSWORD: &str = "marked-password-of-the-admin";
const WRONG_PASSWORD: &str = "marked-password-that-is-wrong";
const SECRET: &str = "marked-secret-of-the-webhook";
const NEXT_SECRET: &str = "marked-secret-after-rotation";
const BAD_SECRET: &str = "whsec_marked-secret-that-is-no-base64";
const HIDDEN: &str = "marked-value-that-is-hidden";
const ALARM: &str = "marked-secret-of-the-alarms";
const PAYLOAD: &str = "marked-payload-of-a-person";

/// The program as an operator who forgot nothing runs it, its log in a file.
fn talkative(data_dir: &Path, log: &File) -> std::process::Command {
    let mut serve = command(data_dir);
    serve.env("HOOKSTEAD_LOG_LEVEL", "trace").env("HOOKSTEAD_LOG_FORMAT", "json");
    serve.env("HOOKSTEAD_ADMIN_EMAIL", EMAIL).env("HOOKSTEAD_ADMIN_PASSWORD", PASSWORD);
    serve.env("HOOKSTEAD_ALARM_URL", "http://127.0.0.1:9/alarm").env("HOOKSTEAD_ALARM_SECRET", ALARM);
    serve.args(["serve", "--listen", "127.0.0.1:0"]).stdout(log.try_clone().unwrap());
    serve
}

/// A signed-in admin.
struct Visitor {
    agent: ureq::Agent,
    base: String,
    cookies: RefCell<Vec<String>>,
}

impl Visitor {
    fn new(base: &str) -> Visitor {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
        Visitor { agent: config.build().into(), base: base.to_owned(), cookies: RefCell::default() }
    }

    /// Status and text.
    fn get(&self, path: &str) -> (u16, String) {
        let request = self.agent.get(format!("{}{path}", self.base)).header("cookie", self.cookies.borrow().join("; "));
        self.take(request.call())
    }

    /// Sends the form of a page.
    fn post(&self, path: &str, page: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("form", &mark(page)).extend_pairs(fields);
        let request =
            self.agent.post(format!("{}{path}", self.base)).header("cookie", self.cookies.borrow().join("; "));
        let request = request.header("origin", "null").content_type("application/x-www-form-urlencoded");
        self.take(request.send(form.finish()))
    }

    fn take(&self, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, String) {
        let mut answer = answer.unwrap();
        for line in answer.headers().get_all("set-cookie") {
            let pair = line.to_str().unwrap().split(';').next().unwrap().to_owned();
            let name = pair.split('=').next().unwrap().to_owned() + "=";
            self.cookies.borrow_mut().retain(|known| !known.starts_with(&name));
            self.cookies.borrow_mut().push(pair);
        }
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }
}

/// Every link to a page of ours.
fn links(page: &str) -> Vec<String> {
    let hrefs = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    hrefs.filter(|href| href.starts_with('/')).map(|href| href.replace("&amp;", "&")).collect()
}

/// Whatever can be reached by links, up to some hundreds of pages.
fn crawl(visitor: &Visitor) -> Vec<(String, String)> {
    let mut waiting: Vec<String> = vec!["/".into(), "/system/settings/configuration".into()];
    let mut seen = Vec::<(String, String)>::new();
    while let Some(path) = waiting.pop() {
        let path = path.split('#').next().unwrap().to_owned();
        let download = ["/assets/", "/api/", "/payload", "/body"].iter().any(|part| path.contains(part));
        if download || seen.len() > 300 || seen.iter().any(|(known, _)| *known == path) {
            continue;
        }
        let (status, text) = visitor.get(&path);
        assert!(status < 500, "{path}: {status}");
        waiting.extend(links(&text));
        seen.push((path, text));
    }
    seen
}

#[track_caller]
fn holds_none(what: &str, text: &str, marks: &[&str]) {
    for mark in marks {
        assert!(
            !text.contains(mark),
            "{what} holds {mark}: {}",
            text.lines().find(|line| line.contains(mark)).unwrap()
        );
    }
}

#[test]
fn no_secret_gets_into_log_page_error_or_command_unless_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let log = File::create(folder.path().join("log")).unwrap();
    let process = Process::start(talkative(&data_dir, &log));
    let key = run(&data_dir, &["apikey", "create", "crm"]).1.trim().to_owned();
    let (caller, receiver) = (Caller::new(&key), Receiver::start());
    let base = process.base.clone();

    // Everything that takes a secret, and what refuses one.
    let (certificate, client_key) = Authority::new().client(|_| {});
    let key_part = client_key.lines().nth(1).unwrap();
    let input = json!({
        "request_url": receiver.url("/in"), "events": ["*"], "secret": SECRET,
        "headers": [{"name": "X-Key", "value": HIDDEN, "hidden": true}],
        "tls_client_certificate": certificate, "tls_client_key": client_key,
    });
    let created = caller.post(&base, "/webhooks", &input).unwrap().1;
    assert_eq!(created["secret"], SECRET, "it is shown once, to whoever made it");
    let id = created["id"].as_str().unwrap();
    let mut refused = Vec::new();
    for bad in [
        json!({"request_url": receiver.url("/in"), "events": ["*"], "secret": BAD_SECRET}),
        json!({"request_url": receiver.url("/in"), "events": ["*"], "secret": [SECRET]}),
        json!({"request_url": receiver.url("/in"), "events": ["*"], "secrets": SECRET}),
        json!({"request_url": receiver.url("/in"), "events": ["*"], "tls_client_key": client_key}),
        json!({"request_url": SECRET, "events": ["*"], "secret": SECRET}),
        json!({"request_url": receiver.url("/in"), "events": ["*"], "headers": [{"name": "Host", "value": HIDDEN}]}),
        json!({"request_url": receiver.url("/in"), "events": ["*"], "headers": [{"name": "X", "value": format!("{HIDDEN}\n")}]}),
    ] {
        let (status, answer) = caller.post(&base, "/webhooks", &bad).unwrap();
        assert_eq!(status, 422, "{answer}");
        refused.push(answer);
    }
    let (status, _) =
        caller.post(&base, &format!("/webhooks/{id}/rotate-secret"), &json!({"secret": NEXT_SECRET})).unwrap();
    assert_eq!(status, 200);

    // Deliveries of every kind, and a test.
    receiver.answer_next([
        Script::status(500).body(PAYLOAD),
        Script::status(302).header("location", PAYLOAD),
        Script::ok(),
    ]);
    for _ in 0..3 {
        let event = json!({"type": "contact.created", "data": {"name": PAYLOAD}});
        assert_eq!(caller.post(&base, "/events", &event).unwrap().0, 202);
    }
    assert!(caller.post(&base, "/events", &json!({"type": "contact created", "data": PAYLOAD})).unwrap().0 >= 400);
    caller.post(&base, &format!("/webhooks/{id}/test"), &json!({}));
    receiver.wait_for(4);
    wait_until(|| caller.get(&base, "/api/v1/logs?status=success").unwrap().1.contains("\"id\"")).unwrap();

    // The pages.
    let visitor = Visitor::new(&base);
    let page = visitor.get("/sign-in").1;
    let sign_in = |password| visitor.post("/sign-in", &page, &[("email", EMAIL), ("password", password)]);
    assert_ne!(sign_in(WRONG_PASSWORD).0, 303);
    let page = visitor.get("/sign-in").1;
    assert_eq!(visitor.post("/sign-in", &page, &[("email", EMAIL), ("password", PASSWORD)]).0, 303);
    let cookies = visitor.cookies.borrow().clone();
    let session = cookies
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(_, value)| value)
        .filter(|value| value.len() >= 32);
    let session: Vec<&str> = session.collect();
    assert!(!session.is_empty(), "{cookies:?}");
    let edit = visitor.get(&format!("/integration/webhook/{id}/edit")).1;
    let fields = [("request_url", SECRET), ("header_name", "Host"), ("header_value", HIDDEN), ("header_hidden", "1")];
    let refused_form = visitor.post(&format!("/integration/webhook/{id}/edit"), &edit, &fields);
    assert_ne!(refused_form.0, 500);
    let shown = visitor.post(&format!("/integration/webhook/{id}/secret"), &edit, &[]).1;
    assert!(between(&shown, NEXT_SECRET, "<").is_some(), "whoever asks sees it");

    let keys = fs::read_to_string(folder.path().join("hookstead.key")).unwrap();
    let sealing = keys.lines().find(|line| !line.starts_with('#')).unwrap().to_owned();
    let mut marks =
        vec![PASSWORD, WRONG_PASSWORD, SECRET, NEXT_SECRET, BAD_SECRET, HIDDEN, ALARM, &key, &sealing, key_part];
    marks.extend(session);
    let pages = crawl(&visitor);
    assert!(pages.len() > 25, "only {} pages", pages.len());
    for (path, text) in &pages {
        holds_none(path, text, &marks);
    }
    holds_none("a refusal", &Value::from(refused).to_string(), &[BAD_SECRET, NEXT_SECRET, HIDDEN, ALARM, &key]);
    for path in
        ["/api/v1/webhooks", &format!("/api/v1/webhooks/{id}"), "/api/v1/logs", "/api/v1/openapi.json", "/metrics"]
    {
        holds_none(path, &caller.get(&base, path).unwrap().1, &marks);
    }
    holds_none("the export", &visitor.get(&format!("/integration/webhook/{id}/export")).1, &marks);

    // The commands, while it runs and after.
    let environment = [("HOOKSTEAD_ALARM_URL", "http://127.0.0.1:9/"), ("HOOKSTEAD_ALARM_SECRET", ALARM)];
    let admin = [("HOOKSTEAD_ADMIN_EMAIL", EMAIL), ("HOOKSTEAD_ADMIN_PASSWORD", PASSWORD)];
    let say = |arguments: &[&str]| {
        let mut asked = command(&data_dir);
        let output = asked.args(arguments).envs(environment).envs(admin).stdin(Stdio::null()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8(text).unwrap()
    };
    let commands: [&[&str]; 5] =
        [&["check-config"], &["doctor"], &["secrets", "list"], &["secrets", "rotate-key"], &["apikey", "list"]];
    for arguments in commands {
        let said = say(arguments);
        assert!(said.len() > 10, "{arguments:?}: {said}");
        holds_none(&arguments.join(" "), &said, &marks);
    }
    process.terminate();
    for arguments in commands {
        holds_none(&arguments.join(" "), &say(arguments), &marks);
    }

    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.lines().count() > 2, "it says something: {log}");
    marks.push(PAYLOAD);
    holds_none("the log", &log, &marks);
    // Nor is any in the data folder, where no plain secret ever was.
    for entry in fs::read_dir(&data_dir).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = fs::read(&path) else { continue };
        for mark in marks.iter().filter(|mark| **mark != PAYLOAD) {
            let found = bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
            assert!(!found, "{} holds {mark}", path.display());
        }
    }
}

#[test]
fn the_key_is_rotated_on_a_running_server_and_on_a_stopped_one_and_everything_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let key = run(&data_dir, &["apikey", "create", "crm"]).1;
    let (caller, receiver) = (Caller::new(&key), Receiver::start());
    let process = Process::serve(&data_dir);
    let input = json!({"request_url": receiver.url("/in"), "events": ["*"], "secret": SECRET});
    let id = caller.post(&process.base, "/webhooks", &input).unwrap().1["id"].as_str().unwrap().to_owned();
    let secret_path = format!("/api/v1/webhooks/{id}/secret");
    let list = || run(&data_dir, &["secrets", "list"]).1;
    let before = list();
    // The webhook, its version, and an entry of the audit log for the key and for the webhook.
    assert!(before.contains(": 4 records, and every new one"), "{before}");

    let (code, said, complaint) = run(&data_dir, &["secrets", "rotate-key"]);
    assert_eq!(code, Some(0), "{complaint}");
    assert!(said.contains("5 records are sealed with it now"), "{said}");
    let after = list();
    assert_eq!(after.lines().count(), 2, "{after}");
    assert!(after.lines().nth(1).unwrap().ends_with(": 0 records"), "{after}");
    assert!(caller.get(&process.base, &secret_path).unwrap().1.contains(SECRET));
    process.kill();

    let (code, _, complaint) = run(&data_dir, &["secrets", "rotate-key"]);
    assert_eq!(code, Some(0), "{complaint}");
    let (code, said, complaint) = run(&data_dir, &["doctor"]);
    assert_eq!(code, Some(0), "{complaint}");
    assert!(said.contains("the keys of its secrets") && said.contains(": 7 records, and every new one"), "{said}");
    let process = Process::serve(&data_dir);
    assert!(caller.get(&process.base, &secret_path).unwrap().1.contains(SECRET));
    let event = json!({"type": "contact.created", "data": {}});
    assert_eq!(caller.post(&process.base, "/events", &event).unwrap().0, 202);
    receiver.wait_for(1);
    process.terminate();

    // The key file gone, nothing starts and nothing is made in its place.
    let path = folder.path().join("hookstead.key");
    let away = folder.path().join("away.key");
    fs::rename(&path, &away).unwrap();
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["doctor"], &["apikey", "list"]] {
        let (code, said, complaint) = run(&data_dir, arguments);
        assert_eq!((code, said.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(complaint.contains(path.to_str().unwrap()) && complaint.contains("Put it back"), "{complaint}");
        assert!(!path.exists(), "{arguments:?}");
    }
    // Named elsewhere, it does.
    let mut list = command(&data_dir);
    let listed = list.args(["secrets", "list"]).env("HOOKSTEAD_SECRET_KEY_FILE", &away).output().unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap().lines().count(), 3);
}

#[test]
fn the_key_file_lies_beside_the_configuration_or_beside_the_data_and_never_unnoticed_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc");
    fs::create_dir(&etc).unwrap();
    let data_dir = folder.path().join("data");
    fs::write(etc.join("hooks.toml"), "").unwrap();
    let config = etc.join("hooks.toml");
    let (code, _, complaint) = run(&data_dir, &["apikey", "create", "a", "--config", config.to_str().unwrap()]);
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    assert!(etc.join("hookstead.key").exists() && !folder.path().join("hookstead.key").exists());

    let inside = data_dir.join("hookstead.key");
    let mut check = command(&data_dir);
    let checked = check.arg("check-config").env("HOOKSTEAD_SECRET_KEY_FILE", &inside).output().unwrap();
    let (said, complaint) = (String::from_utf8(checked.stdout).unwrap(), String::from_utf8(checked.stderr).unwrap());
    assert!(said.contains(&format!("secret_key_file = {:?}", inside.to_str().unwrap())), "{said}");
    assert!(
        complaint.contains("is inside data_dir: whoever gets a copy of that folder gets every secret"),
        "{complaint}"
    );
}
