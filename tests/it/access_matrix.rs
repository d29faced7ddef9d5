//! Who may do what: every route of the server against everybody who may come. The routes are the
//! server's own list, so a new one fails here until somebody says whom it is for.

use std::collections::BTreeSet;

use hookstead::{
    control::{self, Ask},
    domain::{Actor, AuditFilter},
    web::{api_paths, machine_paths, pages::page_paths},
};
use serde_json::json;

use crate::{
    app::{Answer, TestApp},
    browser::{Browser, PASSWORD, mark},
    receiver::Receiver,
};

/// Whom a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Whoever comes.
    Everybody,
    /// Keys that may read; another account's key does not see the thing.
    Read,
    /// Keys that may write; another account's key does not see the thing.
    Write,
    /// Keys that may read, each its own account's things.
    ReadOwn,
    /// Keys that may write, each its own account's things.
    WriteOwn,
    /// Keys that may write and see every account.
    WriteAll,
    /// Everybody who signed in.
    Look,
    /// Admins.
    Admin,
}

/// Every route below `/api/v1`, with a body that is right.
const API: [(&str, &str, For, &str); 32] = [
    ("GET", "/events", For::ReadOwn, ""),
    ("POST", "/events", For::WriteOwn, r#"{"type":"contact.created","data":1}"#),
    ("POST", "/events/batch", For::WriteOwn, r#"{"events":[{"type":"contact.created","data":1}]}"#),
    ("GET", "/events/{id}", For::Read, ""),
    ("GET", "/events/{id}/payload", For::Read, ""),
    ("GET", "/event-types", For::ReadOwn, ""),
    ("POST", "/event-types", For::WriteAll, r#"{"name":"NAME.new","label":"L","category":"C","description":"D"}"#),
    ("GET", "/event-types/{name}", For::ReadOwn, ""),
    ("PATCH", "/event-types/{name}", For::WriteAll, r#"{"label":"Other"}"#),
    ("DELETE", "/event-types/{name}", For::WriteAll, ""),
    ("GET", "/webhooks", For::ReadOwn, ""),
    ("POST", "/webhooks", For::WriteOwn, r#"{"request_url":"https://hooks.example.com/","events":["*"]}"#),
    ("GET", "/webhooks/{id}", For::Read, ""),
    ("PATCH", "/webhooks/{id}", For::Write, r#"{"description":"other"}"#),
    ("DELETE", "/webhooks/{id}", For::Write, ""),
    ("POST", "/webhooks/{id}/enable", For::Write, r#"{"missed":"send"}"#),
    ("POST", "/webhooks/{id}/disable", For::Write, "{}"),
    ("POST", "/webhooks/{id}/test", For::Write, "{}"),
    ("POST", "/webhooks/{id}/rotate-secret", For::Write, "{}"),
    ("GET", "/webhooks/{id}/secret", For::Write, ""),
    ("GET", "/webhooks/{id}/stats", For::Read, ""),
    ("GET", "/logs", For::ReadOwn, ""),
    ("GET", "/logs/{id}", For::Read, ""),
    ("GET", "/logs/{id}/payload", For::Read, ""),
    ("POST", "/logs/{id}/resend", For::Write, "{}"),
    ("POST", "/bulk-resends", For::WriteOwn, r#"{"filter":{},"dry_run":true}"#),
    ("GET", "/bulk-resends/{id}", For::Read, ""),
    ("DELETE", "/bulk-resends/{id}", For::Write, ""),
    ("DELETE", "/accounts/{account}/payloads", For::WriteAll, ""),
    ("GET", "/me", For::ReadOwn, ""),
    ("GET", "/stats", For::ReadOwn, ""),
    ("GET", "/openapi.json", For::Everybody, ""),
];

/// Method, path, whom it is for, and the fields of its form.
type Page = (&'static str, &'static str, For, &'static [(&'static str, &'static str)]);

/// Every route of the pages and of machines that look after this one, with the fields of a form.
const PAGES: [Page; 102] = [
    ("GET", "/healthz", For::Everybody, &[]),
    ("GET", "/readyz", For::Everybody, &[]),
    ("GET", "/metrics", For::Everybody, &[]),
    ("GET", "/", For::Everybody, &[]),
    ("GET", "/assets/{file}", For::Everybody, &[]),
    ("GET", "/setup", For::Everybody, &[]),
    ("POST", "/setup", For::Everybody, &[]),
    ("GET", "/sign-in", For::Everybody, &[]),
    ("POST", "/sign-in", For::Everybody, &[]),
    ("GET", "/sign-in/code", For::Everybody, &[]),
    ("POST", "/sign-in/code", For::Everybody, &[]),
    ("POST", "/sign-out", For::Look, &[]),
    ("GET", "/integration/webhook", For::Look, &[]),
    ("GET", "/integration/webhook/new", For::Admin, &[]),
    ("POST", "/integration/webhook/new", For::Admin, &[]),
    ("GET", "/integration/webhook/{id}", For::Look, &[]),
    ("GET", "/integration/webhook/{id}/edit", For::Admin, &[]),
    ("POST", "/integration/webhook/{id}/edit", For::Admin, &[]),
    ("GET", "/integration/webhook/{id}/test", For::Admin, &[]),
    ("POST", "/integration/webhook/{id}/test", For::Admin, &[]),
    ("GET", "/integration/webhook/{id}/verify", For::Look, &[]),
    ("POST", "/integration/webhook/{id}/verify", For::Look, &[]),
    ("GET", "/integration/webhook/{id}/settings", For::Look, &[]),
    ("GET", "/integration/webhook/{id}/export", For::Look, &[]),
    ("POST", "/integration/webhook/{id}/try-now", For::Admin, &[]),
    ("POST", "/integration/webhook/{id}/disable", For::Admin, &[]),
    ("GET", "/integration/webhook/{id}/enable", For::Admin, &[]),
    ("POST", "/integration/webhook/{id}/enable", For::Admin, &[]),
    ("GET", "/integration/webhook/{id}/rotate", For::Admin, &[]),
    ("POST", "/integration/webhook/{id}/rotate", For::Admin, &[]),
    ("POST", "/integration/webhook/{id}/end-old-secrets", For::Admin, &[]),
    ("POST", "/integration/webhook/{id}/secret", For::Admin, &[]),
    ("GET", "/integration/webhook/{id}/delete", For::Admin, &[]),
    ("POST", "/integration/webhook/{id}/delete", For::Admin, &[]),
    ("GET", "/integration/webhook-logs", For::Look, &[]),
    ("GET", "/integration/webhook-logs/rows", For::Look, &[]),
    ("GET", "/integration/webhook-logs/export.csv", For::Look, &[]),
    ("POST", "/integration/webhook-logs/resend-selected", For::Admin, &[]),
    ("GET", "/integration/bulk-resends/new", For::Admin, &[]),
    ("POST", "/integration/bulk-resends/new", For::Admin, &[]),
    ("GET", "/integration/bulk-resends/{id}", For::Look, &[]),
    ("POST", "/integration/bulk-resends/{id}/cancel", For::Admin, &[]),
    ("GET", "/integration/webhook-logs/{id}", For::Look, &[]),
    ("GET", "/integration/webhook-logs/{id}/command", For::Admin, &[]),
    ("GET", "/integration/webhook-logs/{id}/json", For::Look, &[]),
    ("GET", "/integration/webhook-logs/{id}/delete-payload", For::Admin, &[]),
    ("POST", "/integration/webhook-logs/{id}/delete-payload", For::Admin, &[]),
    ("GET", "/integration/events/{id}", For::Look, &[]),
    ("GET", "/integration/webhook-logs/{id}/payload", For::Look, &[]),
    ("GET", "/integration/webhook-logs/{id}/resend", For::Admin, &[]),
    ("POST", "/integration/webhook-logs/{id}/resend", For::Admin, &[]),
    ("GET", "/integration/event-types", For::Look, &[]),
    ("GET", "/integration/event-types/new", For::Admin, &[]),
    ("POST", "/integration/event-types/new", For::Admin, &[]),
    ("GET", "/integration/event-types/{name}/remove", For::Admin, &[]),
    ("POST", "/integration/event-types/{name}/remove", For::Admin, &[]),
    ("POST", "/integration/event-types/{name}/offer", For::Admin, &[]),
    ("GET", "/integration/event-types/{name}/schema", For::Look, &[]),
    ("GET", "/integration/test-receiver", For::Look, &[]),
    ("POST", "/integration/test-receiver/answers", For::Admin, &[("preset", "200")]),
    ("POST", "/integration/test-receiver/check", For::Admin, &[("signed_by", "nobody")]),
    ("POST", "/integration/test-receiver/clear", For::Admin, &[]),
    ("GET", "/integration/test-receiver/{number}/body", For::Look, &[]),
    ("GET", "/developers/api-keys", For::Admin, &[]),
    ("GET", "/developers/api-keys/new", For::Admin, &[]),
    ("POST", "/developers/api-keys/new", For::Admin, &[]),
    ("GET", "/developers/api-keys/{id}/created", For::Admin, &[]),
    ("GET", "/developers/api-keys/{id}/revoke", For::Admin, &[]),
    ("POST", "/developers/api-keys/{id}/revoke", For::Admin, &[]),
    ("GET", "/developers/api", For::Look, &[]),
    ("GET", "/system", For::Look, &[]),
    ("GET", "/system/pause", For::Admin, &[]),
    ("POST", "/system/pause", For::Admin, &[("reason", "matrix")]),
    ("POST", "/system/resume", For::Admin, &[]),
    ("GET", "/integration/event-types/{name}/privacy", For::Admin, &[]),
    ("POST", "/integration/event-types/{name}/privacy", For::Admin, &[]),
    ("GET", "/system/delete-payloads", For::Admin, &[]),
    ("POST", "/system/delete-payloads", For::Admin, &[]),
    ("GET", "/system/settings", For::Look, &[]),
    ("POST", "/system/settings", For::Look, &[("zone", "UTC"), ("theme", "system")]),
    ("GET", "/system/settings/configuration", For::Admin, &[]),
    ("GET", "/system/users", For::Admin, &[]),
    ("GET", "/system/users/new", For::Admin, &[]),
    ("POST", "/system/users/new", For::Admin, &[]),
    ("GET", "/system/users/{id}", For::Admin, &[]),
    ("POST", "/system/users/{id}/role", For::Admin, &[("role", "admin")]),
    ("POST", "/system/users/{id}/password", For::Admin, &[("password", "a long new password")]),
    ("POST", "/system/users/{id}/sign-out", For::Admin, &[]),
    ("POST", "/system/users/{id}/sessions/{session}/end", For::Admin, &[]),
    ("POST", "/system/users/{id}/reset-second-factor", For::Admin, &[]),
    ("GET", "/system/users/{id}/delete", For::Admin, &[]),
    ("POST", "/system/users/{id}/delete", For::Admin, &[]),
    ("GET", "/system/audit", For::Admin, &[]),
    ("GET", "/account", For::Look, &[]),
    ("GET", "/account/password", For::Look, &[]),
    ("POST", "/account/password", For::Look, &[]),
    ("POST", "/account/sign-out-elsewhere", For::Look, &[]),
    ("POST", "/account/sessions/{session}/end", For::Look, &[]),
    ("GET", "/account/second-factor", For::Look, &[]),
    ("POST", "/account/second-factor", For::Look, &[]),
    ("POST", "/account/second-factor/remove", For::Look, &[]),
    ("GET", "/account/recovery-codes", For::Look, &[]),
];

/// How a request was answered, as far as it is about who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Got {
    /// It came through; what became of it is not asked here.
    Through,
    /// Sign in first.
    SignIn,
    /// No good key.
    NoKey,
    /// A key that may not do this.
    NoScope,
    /// A key of another account.
    OtherAccount,
    /// A person who may not do this.
    ReadOnly,
    /// Not there, for this one.
    Hidden,
}

fn got(answer: &Answer) -> Got {
    match answer.status {
        303 if answer.header("location").is_some_and(|to| to.starts_with("/sign-in?") || to == "/sign-in") => {
            Got::SignIn
        }
        401 => Got::NoKey,
        403 if answer.text().contains("You can look but not change. Ask an admin.") => Got::ReadOnly,
        403 if answer.text().contains("missing_scope") => Got::NoScope,
        403 if answer.text().contains("wrong_account") => Got::OtherAccount,
        404 => Got::Hidden,
        500.. => panic!("{}: {}", answer.status, answer.text()),
        _ => Got::Through,
    }
}

/// Who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    ReadKey,
    OtherAccount,
    ReadOnly,
    WriteKey,
    Admin,
}

const EVERYBODY: [Who; 6] = [Who::Nobody, Who::ReadKey, Who::OtherAccount, Who::ReadOnly, Who::WriteKey, Who::Admin];

fn due_from_api(who: Who, route: For) -> Got {
    match (who, route) {
        (_, For::Everybody) => Got::Through,
        (Who::Nobody | Who::ReadOnly | Who::Admin, _) => Got::NoKey,
        (Who::WriteKey, _) => Got::Through,
        (Who::ReadKey, For::Read | For::ReadOwn) => Got::Through,
        (Who::ReadKey, _) => Got::NoScope,
        (Who::OtherAccount, For::Read | For::Write) => Got::Hidden,
        (Who::OtherAccount, For::WriteAll) => Got::OtherAccount,
        (Who::OtherAccount, _) => Got::Through,
    }
}

fn due_from_page(who: Who, route: For) -> Got {
    match (who, route) {
        (_, For::Everybody) => Got::Through,
        (Who::Nobody | Who::ReadKey | Who::OtherAccount | Who::WriteKey, _) => Got::SignIn,
        (Who::ReadOnly, For::Admin) => Got::ReadOnly,
        _ => Got::Through,
    }
}

/// Things for one request each: whoever may change them leaves nothing for the next one.
#[derive(Default)]
struct Things {
    webhook: String,
    event: String,
    log: String,
    bulk: String,
    name: String,
}

struct Matrix {
    app: TestApp,
    receiver: Receiver,
    keys: [String; 2],
    made: std::cell::Cell<u32>,
}

impl Matrix {
    fn start() -> Matrix {
        let app = TestApp::start();
        let key = |name: &str, scopes: &[&str], account: Option<&str>| {
            let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            let ask = Ask::CreateKey { name: name.into(), scopes, account: account.map(str::to_owned) };
            control::execute(app.app().service(), ask).unwrap().remove(0)
        };
        let keys =
            [key("read", &["events:read", "logs:read", "webhooks:read"], None), key("other", &["all"], Some("other"))];
        Matrix { app, receiver: Receiver::start(), keys, made: std::cell::Cell::new(0) }
    }

    fn number(&self) -> u32 {
        self.made.set(self.made.get() + 1);
        self.made.get()
    }

    fn things(&self, path: &str) -> Things {
        if !path.contains('{') || path.starts_with("/system/users") || path.starts_with("/developers") {
            return Things::default();
        }
        let name = format!("matrix.n{}", self.number());
        let text = |value: &serde_json::Value| value["id"].as_str().unwrap().to_owned();
        let kind = json!({"name": name, "label": "L", "category": "C", "description": "D", "schema": {}});
        self.app.post("/event-types", kind).expect(201);
        // It is off, so that what is published waits and can be looked at as it is; only a request that
        // was sent can be copied.
        let is_sent = path.contains("/command");
        let url = self.receiver.url("/in");
        let webhook = self.app.webhook_with(json!({"request_url": url, "events": [name], "enabled": is_sent}));
        let event = text(&self.app.publish(&name, "1"));
        let log = text(&self.app.logs(&format!("event_id={event}"))[0]);
        if is_sent {
            self.app.wait_for_logs(&format!("event_id={event}&status=success"), 1);
        }
        let mut bulk = String::new();
        if path.contains("bulk-resends/{id}") {
            let job = json!({"filter": {"event_type": name}, "dry_run": false});
            bulk = text(&self.app.post("/bulk-resends", job).expect(202).json());
        }
        Things { webhook: text(&webhook), event, log, bulk, name }
    }

    /// Ends what goes on by itself: so many bulk resends may run, and no more.
    fn tidy(&self, things: &Things) {
        if !things.bulk.is_empty() {
            self.app.delete(&format!("/bulk-resends/{}", things.bulk));
        }
    }

    fn bearer(&self, who: Who) -> Option<String> {
        let key = match who {
            Who::ReadKey => &self.keys[0],
            Who::OtherAccount => &self.keys[1],
            Who::WriteKey => &self.app.key,
            _ => return None,
        };
        Some(format!("Bearer {key}"))
    }

    /// The number of the newest entry of the audit log.
    fn changes(&self) -> u64 {
        let service = self.app.app().service();
        let page = service.audit_log(&Actor::operator(), &AuditFilter::default(), None, 1).unwrap();
        page.entries[0].0
    }
}

/// What a path asks for, from the things there are.
fn filled(path: &str, things: &Things) -> String {
    let id = match path {
        path if path.contains("webhook-logs/{id}") || path.contains("/logs/{id}") => &things.log,
        path if path.contains("events/{id}") => &things.event,
        path if path.contains("bulk-resends/{id}") => &things.bulk,
        _ => &things.webhook,
    };
    path.replace("{id}", id).replace("{account}", "default").replace("{name}", &things.name)
}

fn routes(paths: Vec<hookstead::web::routing::Path>) -> BTreeSet<(String, String)> {
    let routes = paths.iter().flat_map(|path| {
        let (path, methods) = path.parts();
        methods.iter().map(move |method| (method.to_string(), path.to_owned()))
    });
    routes.collect()
}

#[test]
fn every_route_says_whom_it_is_for() {
    let said = API.iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(said.collect::<BTreeSet<_>>(), routes(api_paths()), "the API");
    let said = PAGES.iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned()));
    let mut there = routes(page_paths());
    there.extend(routes(machine_paths()));
    assert_eq!(said.collect::<BTreeSet<_>>(), there, "the pages");
}

#[test]
fn the_api_lets_in_whom_it_should_and_nobody_else() {
    let matrix = Matrix::start();
    let admin = Browser::signed_in(&matrix.app);
    let reader = Browser::read_only(&matrix.app);
    for (method, path, route, body) in API {
        for who in EVERYBODY {
            // Bad keys are counted by the minute.
            matrix.app.advance(std::time::Duration::from_secs(2));
            let things = matrix.things(path);
            let cookie = match who {
                Who::Admin => admin.cookie("hookstead_session"),
                Who::ReadOnly => reader.cookie("hookstead_session"),
                _ => None,
            };
            let cookie = cookie.map(|cookie| format!("hookstead_session={cookie}"));
            let bearer = matrix.bearer(who);
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(bearer.iter().map(|bearer| ("authorization", bearer.as_str())));
            headers.extend(cookie.iter().map(|cookie| ("cookie", cookie.as_str())));
            let body = body.replace("NAME", &format!("matrix{}", matrix.number()));
            let before = matrix.changes();
            let path = format!("/api/v1{}", filled(path, &things));
            let answer = matrix.app.request(method, &path, &headers, (!body.is_empty()).then_some(body.as_bytes()));
            let due = due_from_api(who, route);
            assert_eq!(got(&answer), due, "{who:?}: {method} {path}: {} {}", answer.status, answer.text());
            if due != Got::Through {
                assert_eq!(matrix.changes(), before, "{who:?}: {method} {path} changed something");
            } else if path.ends_with("openapi.json") || !body.is_empty() || method == "GET" {
                // A webhook that is off gets nothing again, which is no matter of who asks.
                let fits = answer.status < 400 || answer.status == 409;
                assert!(fits, "{who:?}: {method} {path}: {} {}", answer.status, answer.text());
            }
            matrix.tidy(&things);
        }
    }
}

#[test]
fn the_pages_let_in_whom_they_should_and_nobody_else() {
    let matrix = Matrix::start();
    let app = &matrix.app;
    let admin = Browser::signed_in(app);
    let reader = Browser::read_only(app);
    let asset = {
        let page = admin.get("/account").text();
        page.split("/assets/").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    // A user, a key and a request of the test receiver for the pages that are about one.
    let receiver = app.app().service().test_receiver().unwrap().local.to_string();
    let receiver = receiver.strip_prefix(&app.base).unwrap().to_owned();
    let received = || {
        app.request("POST", &receiver, &[], Some(b"{}"));
        let page = admin.get("/integration/test-receiver").text();
        let number = page.split("/integration/test-receiver/").find_map(|rest| rest.split_once("/body"));
        number.expect("it is listed").0.to_owned()
    };
    for (method, path, route, fields) in PAGES {
        let is_about_oneself = path.starts_with("/account") || path == "/sign-out";
        for who in EVERYBODY {
            let things = matrix.things(path);
            let about = match path {
                path if path.starts_with("/system/users/{id}") => {
                    let email = format!("user{}@acme.example", matrix.number());
                    let ask =
                        Ask::CreateAdmin { email: email.clone(), password: PASSWORD.into(), role: "read-only".into() };
                    control::execute(app.app().service(), ask).unwrap();
                    if path.contains("{session}") {
                        Browser::new(app).sign_in_as(&email, PASSWORD).expect(303);
                    }
                    Some(app.app().service().user_named(&email).unwrap().to_string())
                }
                path if path.starts_with("/developers/api-keys/{id}") => {
                    let name = format!("key {}", matrix.number());
                    let ask = Ask::CreateKey { name: name.clone(), scopes: vec!["all".into()], account: None };
                    control::execute(app.app().service(), ask).unwrap();
                    let keys = app.app().service().keys(&Actor::operator()).unwrap();
                    Some(keys.iter().find(|view| view.key.name == name).unwrap().key.id.to_string())
                }
                _ => None,
            };
            let own;
            let signed_in = match who {
                Who::Admin | Who::ReadOnly if is_about_oneself => {
                    // It may end the session or change the password: somebody of their own each time.
                    let role = if who == Who::Admin { "admin" } else { "read-only" };
                    let email = format!("own{}@acme.example", matrix.number());
                    let ask =
                        Ask::CreateAdmin { email: email.clone(), password: PASSWORD.into(), role: role.to_owned() };
                    control::execute(app.app().service(), ask).unwrap();
                    own = Browser::new(app);
                    own.sign_in_as(&email, PASSWORD).expect(303);
                    let second = Browser::new(app);
                    second.sign_in_as(&email, PASSWORD).expect(303);
                    Some(&own)
                }
                Who::Admin => Some(&admin),
                Who::ReadOnly => Some(&reader),
                _ => None,
            };
            let path = match &about {
                Some(id) => path.replace("{id}", id),
                None => path.to_owned(),
            };
            let path = filled(&path, &things).replace("{file}", &asset);
            let path = if path.contains("{number}") { path.replace("{number}", &received()) } else { path };
            let path = match path.split_once("/sessions/{session}") {
                None => path,
                Some((page, _)) => {
                    let page = if page == "/account" { signed_in.unwrap_or(&admin) } else { &admin }.get(page).text();
                    let session = page.split("/sessions/").nth(1).and_then(|rest| rest.split('/').next());
                    path.replace("{session}", session.unwrap_or("0000000000000000"))
                }
            };
            let stranger = Browser::new(app);
            let browser = signed_in.unwrap_or(&stranger);
            let bearer = matrix.bearer(who);
            let mut headers = vec![("origin", "null"), ("content-type", "application/x-www-form-urlencoded")];
            headers.extend(bearer.iter().map(|bearer| ("authorization", bearer.as_str())));
            let form = match signed_in {
                Some(_) => mark(&browser.get("/account").expect(200).text()),
                None => mark(&browser.get("/sign-in").expect(200).text()),
            };
            let before = matrix.changes();
            let answer = match method {
                "GET" => browser.get_with(&path, &headers),
                _ => browser.post_with(&path, &form, fields, &headers),
            };
            let mut due = due_from_page(who, route);
            // These are there for everybody, and then not: there is an admin, and no first step was made.
            if path == "/setup" {
                due = Got::Hidden;
            }
            // The form of somebody who is signed in is not a stranger's.
            if path == "/sign-in/code" && (method == "GET" || signed_in.is_none()) {
                due = Got::SignIn;
            }
            // Whoever signs out has to sign in.
            if path == "/sign-out" && due == Got::Through {
                due = Got::SignIn;
            }
            assert_eq!(got(&answer), due, "{who:?}: {method} {path}: {} {}", answer.status, answer.text());
            if due == Got::ReadOnly || (due == Got::SignIn && path != "/sign-out") {
                assert_eq!(matrix.changes(), before, "{who:?}: {method} {path} changed something");
            }
            matrix.tidy(&things);
        }
    }
}
