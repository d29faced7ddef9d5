//! Everything without a mouse.

use std::time::Duration;

use fantoccini::key::Key;

use super::admin::Admin;
use crate::{
    app::{TestApp, wait_until},
    browser::{Browser, EMAIL, PASSWORD},
    receiver::{Receiver, Script},
};

#[test]
fn detail_20_from_sign_in_to_resend_by_keyboard_alone() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    receiver.answer(Script::status(500));
    Browser::signed_in(&app);
    let Some(admin) = Admin::new(&app) else { return };
    let (enter, space) = (char::from(Key::Enter).to_string(), " ");

    admin.visit("/integration/webhook");
    admin.tab_to("Email");
    admin.keys(EMAIL);
    admin.tab_to("Password");
    admin.keys(PASSWORD);
    admin.leads_away("Enter", || admin.keys(&enter));
    admin.sees("No webhooks yet.");

    admin.tab_to("Skip to content");
    admin.keys(&enter);
    assert_eq!(admin.script("return document.activeElement.id"), "content");
    admin.tab_to("+ Add");
    admin.leads_away("+ Add", || admin.keys(&enter));
    admin.tab_to("Request URL");
    admin.keys(&receiver.url("/in"));
    admin.tab_to("All Ticket events, also ones added later");
    admin.keys(space);
    admin.tab_to("Delivery options");
    admin.keys(space);
    admin.tab_to("Retry schedule (optional)");
    admin.keys("none");
    admin.tab_to("Send a test event after creating");
    admin.keys(space);
    // Enter in a field saves, as the button would.
    admin.tab_to("Create Webhook");
    admin.leads_away("Create Webhook", || admin.keys(&enter));
    admin.sees("Webhook created.");

    app.publish("ticket.created", "{}");
    let id =
        app.wait_for_logs("status=failed&event_type=ticket.created", 1).remove(0)["id"].as_str().unwrap().to_owned();
    admin.tab_to("Webhook Logs");
    admin.leads_away("Webhook Logs", || admin.keys(&enter));
    admin.sees(&id);
    admin.tab_to(&id);
    admin.leads_away("the Log ID", || admin.keys(&enter));
    admin.sees("Attempts (1)");
    receiver.answer(Script::ok());
    admin.tab_to("Resend");
    admin.leads_away("Resend", || admin.keys(&enter));
    admin.sees("Sending again now.");
    let arrived = || {
        app.advance(Duration::from_secs(60));
        app.logs("status=success&event_type=ticket.created").len() == 1
    };
    wait_until(arrived).expect("it arrives");
}
