//! A server where everything has happened: webhooks that work, fail, wait and are off, entries of
//! every status, types and keys of the user's own, and one text in every field that takes one.

use std::time::Duration;

use hookstead::{
    control::{self, Ask},
    domain::Actor,
};
use serde_json::{Value, json};

use super::{admin::Admin, logs::page_of, webhooks::page_of_webhook};
use crate::{
    app::{TestApp, wait_until},
    receiver::{Receiver, Script},
};

/// What an admin does to get to a page.
pub type Way<'a> = Box<dyn Fn(&Admin) + 'a>;

/// What has happened, and where it is.
pub struct World {
    pub app: TestApp,
    text: String,
    good: Value,
    bad: Value,
    off: Value,
    success: Value,
    failed: Value,
    pending: Value,
    test: Value,
    key: String,
    _receivers: [Receiver; 2],
}

impl World {
    /// A world whose fields say this.
    pub fn of(text: &str) -> World {
        let (works, fails) = (Receiver::start(), Receiver::start());
        let hostile =
            |script: Script| script.header("X-Said", text.as_bytes()).header("content-type", "text/html").body(text);
        works.answer(hostile(Script::status(200)));
        fails.answer(hostile(Script::status(422)));
        let app = TestApp::start();
        let path: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let long = format!("/crm/v1/tenants/0123456789abcdef0123456789abcdef/hooks/{path}?{path}={path}&token=abc");
        app.post("/event-types", json!({"name": "deal.won", "label": text, "category": text, "description": text}))
            .expect(201);
        // Names of headers are ASCII, values may be anything that is one line.
        let headers = json!([
            {"name": "X-'`|~!#$%&^", "value": "one"}, {"name": "X-Note", "value": visible(text)},
            {"name": "X-Api-Key", "value": "hidden", "hidden": true},
        ]);
        let webhook = |url: String, more: Value| {
            let mut body = json!({"request_url": url, "events": ["*"], "description": text, "headers": headers});
            for (name, value) in more.as_object().unwrap() {
                body[name] = value.clone();
            }
            app.webhook_with(body)
        };
        let good = webhook(works.url(&long), json!({"events": ["contact.*", "deal.won"]}));
        let bad = webhook(fails.url(&long), json!({"retry_schedule_s": [5, 600], "events": ["ticket.created"]}));
        let off = webhook(works.url("/off"), json!({"enabled": false, "events": ["ticket.*", "contact.created"]}));
        let waits = webhook(fails.url("/waits"), json!({"events": ["message.received"]}));

        // Ids have no characters without a shape.
        let shaped = text.replace('\u{202E}', "");
        let publish = |event: &str, id: &str| {
            // The keys keep their order whatever the text is.
            let data = json!({format!("a {text}"): text, "list": [text, 1, true, null], "name": {"first": text}});
            let body = json!({"type": event, "data": data, "id": format!("{id} {shaped}"), "ordering_key": shaped});
            app.post("/events", body).expect(202);
        };
        publish("contact.created", "a");
        publish("deal.won", "b");
        publish("ticket.created", "c");
        publish("message.received", "d");
        let ended = || {
            app.advance(Duration::from_secs(60));
            app.logs("status=failed").len() == 1 && app.logs("status=success").len() == 2
        };
        wait_until(ended).expect("everything has happened");
        let test = app.post(&format!("/webhooks/{}/test", bad["id"].as_str().unwrap()), json!({})).expect(200).json();
        let first = |query: &str| app.logs(query).remove(0);
        let success = first("status=success&event_type=contact.created");
        let failed = first("status=failed&event_type=ticket.created");
        let pending = first(&format!("status=pending&webhook_id={}", waits["id"].as_str().unwrap()));
        let test = first(&format!("event_type=webhook.test&status={}", test["status"].as_str().unwrap_or("failed")));
        let ask = Ask::CreateKey { name: text.to_owned(), scopes: vec!["all".into()], account: None };
        control::execute(app.app().service(), ask).unwrap();
        let keys = app.app().service().keys(&Actor::operator()).unwrap();
        let key = keys.iter().find(|one| one.key.name == text).expect("it was made").key.id.to_string();
        let _receivers = [works, fails];
        World { app, text: text.to_owned(), good, bad, off, success, failed, pending, test, key, _receivers }
    }

    /// Somebody whose email says the text, added when they are first asked for: there is an admin by then.
    fn user(&self) -> String {
        // Emails have no spaces and no characters without a shape.
        let visible = self.text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && *c != '\u{202E}');
        // Whatever the text is, they are behind the admin in lists.
        let email = format!("z{}@acme.example", visible.take(60).collect::<String>()).to_lowercase();
        let service = self.app.app().service();
        if service.user_named(&email).is_err() {
            let ask = Ask::CreateAdmin { email: email.clone(), password: "p".repeat(12), role: "read-only".into() };
            control::execute(service, ask).unwrap();
        }
        service.user_named(&email).unwrap().to_string()
    }

    /// Every page that a GET shows to an admin, by a name.
    pub fn pages(&self) -> Vec<(&'static str, String)> {
        let (good, bad, off) = (page_of_webhook(&self.good), page_of_webhook(&self.bad), page_of_webhook(&self.off));
        let text: String = url::form_urlencoded::byte_serialize(self.text.as_bytes()).collect();
        vec![
            ("webhooks", "/integration/webhook".into()),
            ("webhooks-search", format!("/integration/webhook?q={text}")),
            ("webhooks-no-match", format!("/integration/webhook?q=nothing+{text}")),
            ("webhook-new", "/integration/webhook/new".into()),
            ("webhook", good.clone()),
            ("webhook-failing", bad.clone()),
            ("webhook-off", off.clone()),
            ("webhook-edit", format!("{good}/edit")),
            ("webhook-settings", format!("{good}/settings")),
            ("webhook-verify", format!("{good}/verify")),
            ("webhook-verify-language", format!("{good}/verify?language=ruby")),
            ("webhook-test", format!("{good}/test")),
            ("webhook-rotate", format!("{good}/rotate")),
            ("webhook-enable", format!("{off}/enable")),
            ("webhook-delete", format!("{bad}/delete")),
            ("logs", "/integration/webhook-logs".into()),
            ("logs-filtered", "/integration/webhook-logs?status=failed".into()),
            ("logs-search", format!("/integration/webhook-logs?q={text}")),
            ("logs-no-match", "/integration/webhook-logs?status=success&http_status=5xx".into()),
            ("logs-not-understood", format!("/integration/webhook-logs?status={text}")),
            ("log-success", page_of(&self.success)),
            ("log-raw", format!("{}?view=raw", page_of(&self.success))),
            ("log-failed", page_of(&self.failed)),
            ("log-pending", page_of(&self.pending)),
            ("log-test", page_of(&self.test)),
            ("log-resend", format!("{}/resend", page_of(&self.success))),
            ("log-command", format!("{}/command", page_of(&self.success))),
            ("log-delete-payload", format!("{}/delete-payload", page_of(&self.success))),
            ("event", format!("/integration/events/{}", self.success["event_id"].as_str().unwrap())),
            ("bulk-resend-plan", format!("/integration/bulk-resends/new?status=failed&q={text}")),
            ("bulk-resend-nothing", "/integration/bulk-resends/new?q=nothing".into()),
            ("test-receiver", "/integration/test-receiver".into()),
            ("event-types", "/integration/event-types".into()),
            ("event-type-privacy", "/integration/event-types/deal.won/privacy".into()),
            ("delete-payloads", "/system/delete-payloads".into()),
            ("api-keys", "/developers/api-keys".into()),
            ("api-key-new", "/developers/api-keys/new".into()),
            ("api-key-revoke", format!("/developers/api-keys/{}/revoke", self.key)),
            ("api-reference", "/developers/api".into()),
            ("system", "/system".into()),
            ("pause", "/system/pause".into()),
            ("settings", "/system/settings".into()),
            ("configuration", "/system/settings/configuration".into()),
            ("users", "/system/users".into()),
            ("user-new", "/system/users/new".into()),
            ("user", format!("/system/users/{}", self.user())),
            ("user-delete", format!("/system/users/{}/delete", self.user())),
            ("audit", "/system/audit".into()),
            ("audit-filtered", format!("/system/audit?what={text}")),
            ("audit-no-match", "/system/audit?who=nobody".into()),
            ("audit-not-understood", format!("/system/audit?since={text}")),
            ("account", "/account".into()),
            ("account-password", "/account/password".into()),
            ("account-second-factor", "/account/second-factor".into()),
            ("not-found", format!("/nothing/{text}")),
        ]
    }

    /// Every page that only a form leads to: the way there, by a name.
    pub fn behind_forms(&self) -> Vec<(&'static str, Way<'_>)> {
        let good = page_of_webhook(&self.good);
        let (first, second, third, fourth) = (good.clone(), good.clone(), good.clone(), good.clone());
        let text = &self.text;
        let fill_with_text = move |admin: &Admin, css: &str| {
            let fill = "for (const field of document.querySelectorAll(arguments[0])) field.value = arguments[1]";
            admin.script_with(fill, vec![css.into(), text.clone().into()]);
        };
        vec![
            (
                "webhook-with-faults",
                Box::new(move |admin: &Admin| {
                    admin.visit("/integration/webhook/new");
                    fill_with_text(admin, "form input:is([type=text], [type=password])");
                    admin.go("Create Webhook");
                    admin.sees("There is a problem");
                }),
            ),
            (
                "webhook-tested",
                Box::new(move |admin: &Admin| {
                    admin.visit(&first);
                    admin.go("Send test event");
                    admin.sees("Test event:");
                }),
            ),
            (
                "webhook-secret",
                Box::new(move |admin: &Admin| {
                    admin.visit(&format!("{second}/settings"));
                    admin.go("Show secret");
                    admin.sees("In use since");
                }),
            ),
            (
                "api-key-created",
                Box::new(|admin: &Admin| {
                    admin.visit("/developers/api-keys/new");
                    let fill = "document.querySelector('#name').value = arguments[0]";
                    admin.script_with(fill, vec![format!("{} 2", self.text).into()]);
                    admin.go("Create API key");
                    admin.sees("It will not be shown again.");
                }),
            ),
            (
                "webhook-test-with-fault",
                Box::new(move |admin: &Admin| {
                    admin.visit(&format!("{third}/test"));
                    fill_with_text(admin, "#body");
                    admin.go("Send test event");
                    admin.sees("There is a problem");
                }),
            ),
            (
                "webhook-verify-refused",
                Box::new(move |admin: &Admin| {
                    admin.visit(&format!("{fourth}/verify"));
                    fill_with_text(admin, "#headers, #body");
                    admin.go("Check the request");
                    admin.sees("A receiver refuses the request.");
                }),
            ),
            (
                "logs-resend-selected",
                Box::new(|admin: &Admin| {
                    admin.visit("/integration/webhook-logs?status=success");
                    admin.click("tbody input[name=id]");
                    admin.go("Resend selected");
                    admin.sees("the receiver may see it twice");
                }),
            ),
            (
                "bulk-resend",
                Box::new(|admin: &Admin| {
                    admin.visit("/integration/bulk-resends/new?status=success&event_type=deal.won");
                    admin.go("Resend 1 entry");
                    admin.until("the end of the bulk resend", || {
                        self.app.advance(Duration::from_millis(100));
                        admin.text().contains("Finished: ")
                    });
                }),
            ),
            (
                "test-receiver-received",
                Box::new(move |admin: &Admin| {
                    admin.visit("/integration/test-receiver");
                    let send = "const url = document.querySelector('main .copy input').value;
                        return fetch(url + '?' + encodeURIComponent(arguments[0]), {method: 'POST', body: arguments[0],
                            headers: {'webhook-id': 'x', 'X-Note': encodeURIComponent(arguments[0])}})
                            .then((answer) => answer.status)";
                    assert_eq!(admin.script_with(send, vec![self.text.clone().into()]), 200);
                    admin.visit("/integration/test-receiver");
                    admin.sees("POST");
                    admin.press("Answer in your own way");
                    admin.click("details.received > summary");
                }),
            ),
            (
                "paused",
                Box::new(move |admin: &Admin| {
                    admin.visit("/system");
                    if admin.count("form[action='/system/resume']") > 0 {
                        admin.go("Resume");
                    }
                    admin.visit("/system/pause");
                    fill_with_text(admin, "#reason");
                    admin.go("Pause all sending");
                    admin.sees("Sending is paused");
                }),
            ),
        ]
    }
}

/// Text as the value of a header, which has no characters without a shape.
fn visible(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}
