//! The form of a webhook: what it asks about, and what two people do to each other.

use std::{io, net::IpAddr, sync::Arc};

use hookstead::{
    domain::{AddressRule, PrivateTarget},
    sender::{HttpTransport, Lookup, TransportOptions},
};
use serde_json::json;

use crate::{
    app::TestApp,
    browser::{Browser, between},
    receiver::{Receiver, Script},
};

const NEW: &str = "/integration/webhook/new";

/// Knows one name.
struct Names;

impl Lookup for Names {
    fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        match host {
            "hooks.example.com" => Ok(vec!["93.184.216.34".parse().unwrap()]),
            "busy.example.com" => Err(io::ErrorKind::TimedOut.into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn app_with_names() -> TestApp {
    let rule = AddressRule::with_exceptions(vec![PrivateTarget::parse("127.0.0.0/8").unwrap()]);
    let transport = HttpTransport::with_lookup(TransportOptions::new(rule), Arc::new(Names)).unwrap();
    TestApp::start_sending_by(Arc::new(transport))
}

#[test]
fn what_is_seldom_meant_is_asked_about_once() {
    let app = app_with_names();
    let browser = Browser::signed_in(&app);
    let form = browser.get(NEW).expect(200).text();
    assert!(form.contains("Have your receiving endpoint URL ready. No endpoint yet?"));
    let post = |more: &[(&str, &str)]| {
        let mut fields = vec![("choice", "every"), ("description", "ERP sync")];
        fields.extend(more);
        browser.post(NEW, &browser.get(NEW).text(), &fields)
    };

    let asked = post(&[("request_url", "hooks.example.com/x"), ("do", "save")]).expect(422).text();
    assert!(asked.contains("Did you mean https://hooks.example.com/x?") && asked.contains(">Use it</button>"));
    let used = post(&[("request_url", "hooks.example.com/x"), ("do", "use_https")]).expect(200).text();
    assert!(used.contains("value=\"https://hooks.example.com/x\""));
    post(&[("request_url", "https://hooks.example.com/x"), ("do", "save")]).expect(303);

    let same = [("request_url", "https://hooks.example.com/x")];
    let asked = post(&[same[0], ("do", "save")]).expect(422).text();
    assert!(asked.contains("Another webhook already uses this Request URL (“ERP sync”)."), "{asked}");
    assert!(asked.contains("value=\"save_same_url\">Save anyway</button>"));
    post(&[same[0], ("do", "save_same_url")]).expect(303);

    let unknown = [("request_url", "https://hooks.example.con/x")];
    let asked = post(&[unknown[0], ("do", "save")]).expect(422).text();
    assert!(asked.contains("hooks.example.con was not found. Check the spelling."), "{asked}");
    assert!(asked.contains("value=\"save_unknown_host\">Save anyway</button>"));
    // One more question does not take the answer to this one back.
    let spaces = [unknown[0], ("secret", " a secret with spaces "), ("do", "save_unknown_host")];
    let asked = post(&spaces).expect(422).text();
    assert!(asked.contains("The Secret begins or ends with a space."), "{asked}");
    assert!(asked.contains(">Remove the spaces</button>") && asked.contains(">Keep them</button>"));
    assert!(asked.contains("<input type=\"hidden\" name=\"allow_unknown_host\" value=\"yes\">"));
    let kept = [unknown[0], spaces[1], ("allow_unknown_host", "yes"), ("do", "keep_spaces")];
    let page = browser.follow(post(&kept));
    assert!(page.contains("value=\" a secret with spaces \""), "{page}");

    // A look-up that failed says nothing about the name.
    post(&[("request_url", "https://busy.example.com/x"), ("do", "save")]).expect(303);
    let public = [("request_url", "http://hooks.example.com/x"), ("do", "save")];
    let asked = post(&public).expect(422).text();
    assert!(asked.contains("Use https, or tick “Send unencrypted anyway”."));
    post(&[public[0], ("allow_http", "yes"), public[1]]).expect(303);
    assert_eq!(app.get("/webhooks").json()["data"].as_array().unwrap().len(), 5);
}

#[test]
fn all_events_are_ticked_and_unticked_without_a_script() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let form = browser.get(NEW).expect(200).text();
    assert!(form.contains("0 of 7 selected"));
    let fields = [("event", "ticket.created"), ("header_name_0", "X-Env")];
    let all = [fields[0], fields[1], ("do", "select_all")];
    let all = browser.post(NEW, &form, &all).expect(200).text();
    assert!(all.contains("7 of 7 selected") && all.contains("value=\"X-Env\""));
    // Each by its name: a later one is not among them.
    assert!(!all.contains("data-all checked") && all.contains("data-all data-some"));
    let none = browser.post(NEW, &all, &[("category", "Ticket"), ("do", "clear_events")]).expect(200).text();
    assert!(none.contains("0 of 7 selected") && !none.contains("data-some"));
    let some = browser.post(NEW, &form, &[fields[0], ("do", "add_header")]).expect(200).text();
    assert_eq!(some.matches("data-all data-some").count(), 1);
}

#[test]
fn two_who_edit_at_once_see_both_versions() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    receiver.answer(Script::status(500));
    let browser = Browser::signed_in(&app);
    let webhook = app.webhook_with(json!({"request_url": receiver.url("/in"), "events": ["*"]}));
    let id = webhook["id"].as_str().unwrap();
    let page = format!("/integration/webhook/{id}");
    app.publish("contact.created", "{}");
    app.wait_for_logs("status=pending", 1);
    let form = browser.get(&format!("{page}/edit")).expect(200).text();
    assert!(form.contains("1 delivery is waiting for the old URL."));
    let version = between(&form, r#"name="version" value=""#, "\"").unwrap().to_owned();
    app.patch(&format!("/webhooks/{id}"), json!({"description": "Theirs <b>", "events": ["ticket.*"]})).expect(200);

    let url = receiver.url("/in");
    let mine = |version: &str| {
        let fields = [
            ("request_url", url.as_str()),
            ("description", "Mine"),
            ("category", "Ticket"),
            ("event", "ticket.created"),
            ("version", version),
            ("do", "save"),
        ];
        browser.post(&format!("{page}/edit"), &form, &fields)
    };
    let asked = mine(&version).expect(409).text();
    for words in [
        " changed this webhook at ",
        " while you were editing.",
        "Their version is on the right.",
        "<bdi>Mine</bdi>",
        "<bdi>Theirs &#60;b&#62;</bdi>",
        ">Save mine</button>",
        ">Discard mine</a>",
    ] {
        assert!(asked.contains(words), "{words}: {asked}");
    }
    assert!(asked.contains("tests-"), "the key that changed it is named");
    assert!(!asked.contains("<th scope=\"row\">Events</th>"), "a whole category is the same as its pattern");
    let present = between(&asked, r#"name="version" value=""#, "\"").unwrap();
    assert!(browser.follow(mine(present)).contains("Mine"));
}
