//! Forms: setting up, signing in, adding a webhook.

use super::admin::Admin;
use crate::app::TestApp;

#[test]
fn detail_09_a_form_with_faults_keeps_every_typed_value_and_leads_to_the_field() {
    let app = TestApp::start();
    let Some(admin) = Admin::signed_in(&app) else { return };
    admin.visit("/integration/webhook/new");
    admin.fill("Request URL", "hooks.example.com/x");
    admin.fill("Description", "ERP sync");
    admin.fill("Secret", "a secret of more than 16 characters");
    admin.tick("All Ticket events");
    for number in 0..4 {
        if admin.count(&format!("#header_name_{number}")) == 0 {
            admin.press("Add another header");
        }
        admin.click(&format!("#header_name_{number}"));
        admin.keys(&format!("X-Header-{number}"));
        admin.click(&format!("#header_value_{number}"));
        admin.keys(&format!("value {number}"));
    }
    admin.go("Create Webhook");

    admin.sees("There is a problem");
    assert_eq!(admin.title(), "Error: Add webhook · hookstead");
    assert_eq!(admin.script("return document.activeElement.className"), "errors", "the summary has the focus");
    let values = admin.script(
        "return [...document.querySelectorAll('input:not([type=hidden]):not([type=checkbox]):not([type=radio])')]
            .map((field) => field.value).filter((value) => value)",
    );
    let kept = [
        "hooks.example.com/x",
        "ERP sync",
        "a secret of more than 16 characters",
        "X-Header-0",
        "value 0",
        "X-Header-1",
        "value 1",
        "X-Header-2",
        "value 2",
        "X-Header-3",
        "value 3",
    ];
    assert_eq!(values, serde_json::json!(kept));
    let ticked = "return [...document.querySelectorAll('input:checked')].map((box) => box.value).join()";
    assert_eq!(admin.script(ticked), "selected,Ticket,ticket.created,ticket.updated,yes");

    admin.click(".errors a");
    assert_eq!(admin.script("return document.activeElement.id"), "request_url", "its link leads to the field");
    let described = admin.script(
        "const field = document.getElementById('request_url');
        return field.getAttribute('aria-invalid') + ' ' + field.getAttribute('aria-describedby').split(' ')
            .map((id) => document.getElementById(id).innerText).join(' ')",
    );
    let words = described.as_str().unwrap();
    assert!(words.starts_with("true") && words.contains("Did you mean https://hooks.example.com/x?"), "{words}");
}
