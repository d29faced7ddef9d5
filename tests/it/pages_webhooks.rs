//! An admin sets webhooks up and reads their log, without a script.

use crate::{
    app::{TestApp, wait_until},
    browser::{Browser, between, tags},
    receiver::Receiver,
};

/// Makes a webhook by the form and gives back its page.
fn add(browser: &Browser, url: &str, more: &[(&str, &str)]) -> (String, String) {
    let form = browser.get("/integration/webhook/new").expect(200).text();
    let mut fields = vec![("request_url", url), ("choice", "every"), ("do", "save")];
    fields.extend(more);
    let made = browser.post("/integration/webhook/new", &form, &fields).expect(303);
    let address = made.header("location").unwrap().split('?').next().unwrap().to_owned();
    (address, browser.follow(made))
}

#[test]
fn a_webhook_is_added_tested_and_receives() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    assert!(browser.get("/integration/webhook").text().contains("No webhooks yet."));

    let form = browser.get("/integration/webhook/new").expect(200).text();
    let url = receiver.url("/crm");
    let fields = [
        ("request_url", url.as_str()),
        ("choice", "selected"),
        ("category", "Contact"),
        ("header_name_0", "X-Api-Key"),
        ("header_value_0", "hidden-value"),
        ("header_hide_0", "yes"),
        ("send_test", "yes"),
        ("do", "save"),
    ];
    let made = browser.post("/integration/webhook/new", &form, &fields).expect(303);
    let again = browser.post("/integration/webhook/new", &form, &fields).expect(303);
    assert_eq!(again.header("location"), made.header("location"), "a double click makes one webhook");
    let page = browser.follow(made);
    for words in ["Webhook created.", "whsec_", "200 OK in", "<code>X-Api-Key</code> (hidden)", "every contact event"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("hidden-value"));

    app.publish("contact.created", r#"{"n":1152921506151679042}"#);
    let id = app.wait_for_logs("status=success&event_type=contact.created", 1)[0]["id"].as_str().unwrap().to_owned();
    let list = browser.get("/integration/webhook-logs").expect(200).text();
    let heads = ["Log ID", "Event", "Timestamp (UTC)", "Status", "Webhook", "Payload"];
    let shown: Vec<_> = list.split("<th scope=\"col\">").skip(1).filter_map(|head| head.split('<').next()).collect();
    assert_eq!(shown, heads);
    let detail = browser.get(&format!("/integration/webhook-logs/{id}")).expect(200).text();
    assert!(detail.contains("1152921506151679042") && detail.contains("200 OK") && !detail.contains("hidden-value"));
    let file = browser.get(&format!("/integration/webhook-logs/{id}/payload")).expect(200);
    assert_eq!(file.header("content-disposition"), Some(format!("attachment; filename=\"{id}.json\"").as_str()));
    assert_eq!(file.body, receiver.requests().last().unwrap().body, "the file is what was sent");

    let asked = browser.get(&format!("/integration/webhook-logs/{id}/resend")).expect(200).text();
    assert!(asked.contains("This was delivered already; the receiver may see it twice."));
    let sent = browser.post(&format!("/integration/webhook-logs/{id}/resend"), &asked, &[]);
    assert!(browser.follow(sent).contains("Sending again now."));
    wait_until(|| app.log(&id)["attempts"].as_array().unwrap().len() == 2).unwrap();
}

#[test]
fn a_form_with_faults_keeps_everything_that_was_typed() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let form = browser.get("/integration/webhook/new").expect(200).text();
    let fields = [
        ("request_url", "hooks.example.com/\"><i>x"),
        ("description", "<script>alert(1)</script>"),
        ("secret", "too short"),
        ("choice", "selected"),
        ("header_name_0", "X Api"),
        ("header_value_0", "one"),
        ("header_name_1", "X-Env"),
        ("header_value_1", "prod"),
        ("do", "save"),
    ];
    let page = browser.post("/integration/webhook/new", &form, &fields).expect(422).text();
    for words in [
        "<title>Error: Add webhook",
        "There is a problem",
        r##"<a href="#request_url">"##,
        r##"<a href="#header_name_0">“X Api” is not a header name."##,
        "Select at least one event.",
        r#"value="too short""#,
        r#"value="prod""#,
        "hooks.example.com/&#34;&#62;&#60;i&#62;x",
        "&#60;script&#62;alert(1)&#60;/script&#62;",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let more = browser.post("/integration/webhook/new", &page, &[("header_name_0", "A"), ("do", "add_header")]);
    let more = more.expect(200).text();
    assert!(more.contains(r#"name="header_name_1""#) && !more.contains("There is a problem"));
    let secret = browser.post("/integration/webhook/new", &page, &[("do", "generate")]).expect(200).text();
    assert!(secret.contains(r#"value="whsec_"#));
}

#[test]
fn an_edit_keeps_hidden_values_and_notices_another() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let hidden = [("header_name_0", "X-Api-Key"), ("header_value_0", "hidden-value"), ("header_hide_0", "yes")];
    let (address, _) = add(&browser, &receiver.url("/in"), &hidden);
    let edit = format!("{address}/edit");
    let form = browser.get(&edit).expect(200).text();
    assert!(!form.contains("hidden-value"));
    let version = between(&form, r#"name="version" value=""#, "\"").unwrap().to_owned();
    let url = receiver.url("/new");
    let save = |version: &str| {
        let fields = [
            ("request_url", url.as_str()),
            ("choice", "every"),
            ("header_name_0", "X-Api-Key"),
            ("header_value_0", ""),
            ("header_hide_0", "yes"),
            ("header_kept_0", "X-Api-Key"),
            ("version", version),
            ("do", "save"),
        ];
        browser.post(&edit, &form, &fields)
    };
    assert!(browser.follow(save(&version)).contains("Changes saved."));
    app.publish("ticket.created", "{}");
    app.wait_for_logs("status=success", 1);
    let last = receiver.requests().pop().unwrap();
    assert_eq!(last.path, "/new");
    assert!(
        last.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case(b"x-api-key") && value == b"hidden-value")
    );

    let late = save(&version).expect(409).text();
    assert!(late.contains("while you were editing"), "{late}");
    let present = between(&late, r#"name="version" value=""#, "\"").unwrap();
    save(present).expect(303);
}

#[test]
fn a_webhook_is_switched_off_and_on_rotated_and_deleted() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let (address, page) = add(&browser, &receiver.url("/in"), &[("description", "ERP sync")]);

    let off = browser.follow(browser.post(&format!("{address}/disable"), &page, &[]));
    assert!(off.contains("Disabled. Events from now on are kept but not sent."));
    app.publish("ticket.created", "{}");
    let entry = app.wait_for_logs("status=pending", 1).remove(0);
    let log = browser.get(&format!("/integration/webhook-logs/{}", entry["id"].as_str().unwrap())).text();
    assert!(log.contains("Waiting: webhook disabled"));
    let asked = browser.get(&format!("{address}/enable")).expect(200).text();
    assert!(asked.contains("1 event happened while this was off"), "{asked}");
    let on = browser.follow(browser.post(&format!("{address}/enable"), &asked, &[("missed", "send")]));
    assert!(on.contains("The missed events are being sent, oldest first."));
    app.wait_for_logs("status=success", 1);

    let form = browser.get(&format!("{address}/rotate")).expect(200).text();
    let rotated = browser.follow(browser.post(&format!("{address}/rotate"), &form, &[("overlap_hours", "24")]));
    assert!(rotated.contains("Two secrets are in use until") && rotated.contains("whsec_"));
    let secret = browser.post(&format!("{address}/secret"), &rotated, &[]).expect(200).text();
    assert!(secret.contains("whsec_"));

    let form = browser.get(&format!("{address}/delete")).expect(200).text();
    assert!(form.contains("ERP sync") && form.contains("Delete webhook"));
    let list = browser.follow(browser.post(&format!("{address}/delete"), &form, &[]));
    assert!(list.contains("Webhook deleted.") && list.contains("No webhooks yet."));
    browser.get(&address).expect(404);
    browser.post(&format!("{address}/edit"), &form, &[("do", "save")]).expect(404);
}

#[test]
fn hostile_text_changes_no_page() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let mut structures = Vec::new();
    for text in ["plain", "<script>alert(1)</script>", "\"' onmouseover=x {{ 7*7 }} {% if %}", "a\u{202E}b &amp; ü"] {
        let (address, _) = add(&browser, &receiver.url("/in"), &[("description", text), ("allow_same_url", "yes")]);
        let payload = serde_json::json!({ text: text }).to_string();
        app.publish("contact.created", &payload);
        let entry = app.wait_for_logs(&format!("status=success&webhook_id={}", &address[21..]), 1).remove(0);
        // Among its own webhook's entries it has no neighbours.
        let log = format!("/integration/webhook-logs/{}?webhook_id={}", entry["id"].as_str().unwrap(), &address[21..]);
        let paths = ["/integration/webhook".to_owned(), address.clone(), format!("{address}/edit"), log.clone()];
        let pages = paths.iter().map(|path| browser.get(path).expect(200).text());
        let raw = browser.get(&format!("{log}&view=raw")).expect(200).text();
        structures.push(pages.chain([raw]).map(|page| tags(&page)).collect::<Vec<_>>());
        let page = browser.get(&format!("{address}/delete")).text();
        browser.post(&format!("{address}/delete"), &page, &[]).expect(303);
    }
    for (text, structure) in structures.iter().enumerate().skip(1) {
        for (page, tags) in structure.iter().enumerate() {
            assert_eq!(tags, &structures[0][page], "text {text}, page {page}");
        }
    }
}
