//! Forms that no page of ours sends, and a browser that is led astray.

use serde_json::json;

use crate::{
    app::TestApp,
    browser::{Browser, EMAIL, PASSWORD, mark},
};

const NEW_KEY: &str = "/developers/api-keys/new";

/// Row 57 of the bad-input table; every page is looked at by `access_crawl`.
#[test]
fn looking_at_the_address_of_a_button_presses_nothing() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    for button in ["/sign-out", "/system/resume", "/integration/test-receiver/clear", "/account/sign-out-elsewhere"] {
        let told = admin.get(button).expect(405);
        assert_eq!(told.header("allow"), Some("POST"), "{button}");
    }
    admin.get("/account").expect(200);
}

/// Row 58.
#[test]
fn a_form_with_other_fields_than_ours_is_read_by_one_rule() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let page = admin.get(NEW_KEY).expect(200).text();
    let post = |fields: &[(&str, &str)]| admin.post(NEW_KEY, &page, fields);
    let missing = post(&[]).expect(422).text();
    assert!(missing.contains("Give the key a name") && missing.contains("Select at least one scope."));
    post(&[("name[]", "crm"), ("scope[]", "events:write")]).expect(422);
    post(&[("name", "crm"), ("scope", "everything")]).expect(422);
    // Of a field that is there twice the last one counts; what is not known is not looked at.
    let fields =
        [("name", "first"), ("name", "last"), ("scope", "events:read"), ("scope", "events:write"), ("role", "admin")];
    let made = admin.follow(post(&fields));
    assert!(made.contains("Copy the key <bdi>last</bdi> now."), "{made}");
    for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain"] {
        let form = mark(&page);
        admin.post_with(NEW_KEY, &form, &[("name", "other")], &[("content-type", kind)]).expect(415);
    }
}

/// Row 59.
#[test]
fn a_form_that_is_too_large_or_broken_is_refused_and_changes_nothing() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let session = format!("hookstead_session={}", admin.cookie("hookstead_session").unwrap());
    let page = admin.get("/system/pause").expect(200).text();
    let form = mark(&page);
    let headers = [("cookie", &*session), ("content-type", "application/x-www-form-urlencoded"), ("origin", "null")];
    let post = |body: &[u8]| app.request("POST", "/system/pause", &headers, Some(body)).status;
    let fields = format!("form={form}&reason=mine");
    assert_eq!(post(format!("{fields}&x={}", "y".repeat(10 << 20)).as_bytes()), 413);
    assert_eq!(post(format!("{fields}{}", "&x=1".repeat(10_000)).as_bytes()), 400);
    for broken in ["%", "%4", "%zz", "%FF"] {
        assert_eq!(post(format!("{fields}{broken}").as_bytes()), 400, "{broken}");
    }
    assert_eq!(post(&[fields.as_bytes(), b"\xFF"].concat()), 400);
    assert!(app.app().service().pause().is_none());
    assert_eq!(post(fields.as_bytes()), 303);
}

/// Row 66.
#[test]
fn what_another_tab_deleted_is_said_to_be_gone() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let webhook = app.webhook_with(json!({"request_url": "https://hooks.example.com/", "events": ["*"]}));
    let path = format!("/integration/webhook/{}", webhook["id"].as_str().unwrap());
    let edit = admin.get(&format!("{path}/edit")).expect(200).text();
    let delete = admin.get(&format!("{path}/delete")).expect(200).text();
    admin.post(&format!("{path}/delete"), &delete, &[]).expect(303);
    let fields = [("request_url", "https://hooks.example.com/other"), ("choice", "every"), ("do", "save")];
    let gone = admin.post(&format!("{path}/edit"), &edit, &fields).expect(404).text();
    assert!(gone.contains("There is no such webhook."), "{gone}");
    admin.post(&format!("{path}/delete"), &delete, &[]).expect(404);
    let user = admin.get("/system/users/new").expect(200).text();
    admin.post("/system/users/usr_00000000000000000000000001/delete", &user, &[]).expect(404);
}

/// Row 68.
#[test]
fn a_foreign_host_gets_no_foot_into_a_page() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    app.publish("contact.created", "1");
    for path in ["/integration/webhook", "/integration/webhook-logs", "/developers/api", "/integration/test-receiver"] {
        let page = admin.get_with(path, &[("host", "evil.example"), ("x-forwarded-host", "evil.example")]).text();
        assert!(!page.contains("evil.example"), "{path}");
    }
    let asked = Browser::new(&app).get_with("/system/users", &[("host", "evil.example")]).expect(303);
    assert_eq!(asked.header("location"), Some("/sign-in?next=%2Fsystem%2Fusers"));
    // Not even by the form that signs in: where to go afterwards is a path.
    let stranger = Browser::new(&app);
    let form = mark(&stranger.get("/sign-in").text());
    let fields = [("email", EMAIL), ("password", PASSWORD), ("next", "https://evil.example/")];
    let inside = stranger.post_with("/sign-in", &form, &fields, &[("host", "evil.example")]).expect(303);
    assert_eq!(inside.header("location"), Some("/"));
}
