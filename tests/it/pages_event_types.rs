//! The catalogue as an admin uses it.

use crate::{
    app::TestApp,
    browser::{Browser, between},
    receiver::Receiver,
};

const PAGE: &str = "/integration/event-types";

#[test]
fn a_type_of_ones_own_is_added_selected_retired_and_offered_again() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let admin = Browser::signed_in(&app);
    let form = admin.get(&format!("{PAGE}/new")).expect(200).text();
    let typed = [("name", "Invoice"), ("label", ""), ("category", "Billing"), ("example", "{a}"), ("schema", "[]")];
    let refused = admin.post(&format!("{PAGE}/new"), &form, &typed).expect(422).text();
    for words in
        ["<title>Error: Add event type", "An event type is 2 to 4 words", "This is not JSON", "is a JSON object"]
    {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    assert!(refused.contains(r#"value="Billing""#) && refused.contains("{a}"), "what was typed is kept: {refused}");

    let typed = [
        ("name", "invoice.paid"),
        ("label", "Invoice paid"),
        ("category", "Billing"),
        ("description", "Triggered when an invoice is paid."),
        ("example", r#"{"invoice":{"total":1299.90}}"#),
        ("schema", r#"{"type":"object"}"#),
    ];
    let added = admin.post(&format!("{PAGE}/new"), &form, &typed);
    let page = admin.follow(added);
    assert!(page.contains("Event type added.") && page.contains("8 types in 4 categories"), "{page}");
    let of_it = between(&page, r#"id="invoice.paid""#, "</section>").unwrap();
    assert!(of_it.contains("1299.90") && of_it.contains("invoice.total"), "{of_it}");
    let schema = admin.get(&format!("{PAGE}/invoice.paid/schema")).expect(200);
    assert_eq!(schema.text(), r#"{"type":"object"}"#);
    assert!(schema.header("content-disposition").unwrap().contains("invoice.paid.schema.json"));
    admin.get(&format!("{PAGE}/contact.created/schema")).expect(404);
    let again = admin.get(&format!("{PAGE}/new")).text();
    admin.post(&format!("{PAGE}/new"), &again, &typed).expect(409);

    app.webhook(&receiver, &["invoice.paid"]);
    let page = admin.get(PAGE).text();
    let of_it = between(&page, r#"id="invoice.paid""#, "</section>").unwrap();
    assert!(of_it.contains("1 webhook") && of_it.contains("/test?type=invoice.paid"), "{of_it}");
    let confirm = admin.get(&format!("{PAGE}/invoice.paid/remove")).expect(200).text();
    assert!(confirm.contains("1 webhook listens"), "{confirm}");
    let removed = admin.post(&format!("{PAGE}/invoice.paid/remove"), &confirm, &[]);
    let page = admin.follow(removed);
    assert!(page.contains("Event type retired.") && page.contains("not offered any more"), "{page}");
    app.publish("invoice.paid", "1");
    receiver.wait_for(1);
    let offered = admin.post(&format!("{PAGE}/invoice.paid/offer"), &page, &[]);
    let page = admin.follow(offered);
    assert!(page.contains("Event type offered again.") && !page.contains("not offered any more"), "{page}");
}

#[test]
fn a_built_in_type_is_only_retired_and_an_unused_one_of_ones_own_is_deleted() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let confirm = admin.get(&format!("{PAGE}/ticket.updated/remove")).expect(200).text();
    assert!(confirm.contains("no webhook listens"), "{confirm}");
    let removed = admin.post(&format!("{PAGE}/ticket.updated/remove"), &confirm, &[]);
    assert!(admin.follow(removed).contains("Event type retired."));
    let form = admin.get(&format!("{PAGE}/new")).text();
    let typed = [("name", "a.b"), ("label", "<i>A</i>"), ("category", "C")];
    let added = admin.post(&format!("{PAGE}/new"), &form, &typed);
    let page = admin.follow(added);
    assert!(page.contains("&#60;i&#62;A") && page.contains("No example is known."), "{page}");
    let confirm = admin.get(&format!("{PAGE}/a.b/remove")).text();
    let removed = admin.post(&format!("{PAGE}/a.b/remove"), &confirm, &[]);
    let page = admin.follow(removed);
    assert!(page.contains("Event type deleted.") && !page.contains(r#"id="a.b""#), "{page}");
    admin.get(&format!("{PAGE}/a.b/remove")).expect(404);
}

#[test]
fn the_catalogue_is_searched_by_any_of_its_words() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let page = admin.get(&format!("{PAGE}?q=TICKET")).expect(200).text();
    assert!(page.contains(r#"id="ticket.created""#) && !page.contains(r#"id="contact.created""#), "{page}");
    let page = admin.get(&format!("{PAGE}?q=%3Cb%3Enothing")).expect(200).text();
    assert!(page.contains("No event type matches") && page.contains("&#60;b&#62;nothing"), "{page}");
    assert!(page.contains("Clear search"));
}

#[test]
fn each_type_says_who_listens_how_often_it_comes_and_when_it_came_last() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let admin = Browser::signed_in(&app);
    let webhook = app.webhook(&receiver, &["contact.*"]);
    let id = webhook["id"].as_str().unwrap();
    for _ in 0..3 {
        app.publish("contact.created", "{}");
    }
    app.publish("ticket.updated", "{}");
    app.post(&format!("/webhooks/{id}/test"), serde_json::json!({"type": "contact.updated"})).expect(200);
    let of = |page: &str, name: &str| between(page, &format!("id=\"{name}\""), "</section>").unwrap().to_owned();
    let page = admin.get(PAGE).expect(200).text();
    let created = of(&page, "contact.created");
    assert!(created.contains("1 webhook listens · 3 in 24 h") && created.contains("Last seen <time"), "{created}");
    assert!(created.contains(&format!("/integration/webhook/{id}/test?type=contact.created")), "{created}");
    assert!(created.contains("Send this as a test to ▾"), "{created}");
    // Nobody listens, and it is seen all the same; a test is no event of the CRM.
    assert!(of(&page, "ticket.updated").contains("no webhook listens · 1 in 24 h"), "{page}");
    let tested = of(&page, "contact.updated");
    assert!(tested.contains("1 webhook listens · 0 in 24 h") && tested.contains("Not seen yet."), "{tested}");

    app.advance(std::time::Duration::from_secs(25 * 3_600));
    let page = admin.get(PAGE).expect(200).text();
    let created = of(&page, "contact.created");
    assert!(created.contains(" · 0 in 24 h") && created.contains("(1 d 1 h ago)"), "{created}");
}
