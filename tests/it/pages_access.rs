//! Getting in and staying out: the first admin, sign-in, forms that are not ours.

use hookstead::domain::Actor;

use crate::{
    app::TestApp,
    browser::{Browser, EMAIL, PASSWORD, mark},
};

#[test]
fn the_first_admin_is_made_by_the_link_of_the_log_and_only_once() {
    let app = TestApp::start();
    let browser = Browser::new(&app);
    let token = app.app().service().setup_token().unwrap().to_owned();
    let wrong = browser.get("/setup?token=wrong").expect(404).text();
    assert!(wrong.contains("This setup link is not valid."), "{wrong}");
    let link = format!("/setup?token={token}");
    let page = browser.get(&link).expect(200).text();

    let short = browser.post("/setup", &page, &[("token", &token), ("email", "x"), ("password", "short")]).expect(422);
    let short = short.text();
    for words in ["<title>Error: ", "Enter an email address", "at least 12 characters", r#"value="x""#] {
        assert!(short.contains(words), "{words}");
    }
    let fields = [("token", token.as_str()), ("email", EMAIL), ("password", PASSWORD)];
    let signing_in = browser.follow(browser.post("/setup", &page, &fields));
    assert!(signing_in.contains("Admin created."));

    assert_eq!(browser.get(&link).expect(404).text(), wrong.replace("wrong", &token), "a stranger cannot tell why");
    browser.post("/setup", &page, &fields).expect(404);
}

#[test]
fn a_wrong_password_stays_outside_and_a_right_one_gets_a_new_session() {
    let app = TestApp::start();
    Browser::signed_in(&app);
    let browser = Browser::new(&app);
    browser.set_cookie("hookstead_session", "chosen-by-somebody-else");

    let asked = browser.get("/integration/webhook-logs?status=failed").expect(303);
    let address = asked.header("location").unwrap().to_owned();
    assert_eq!(address, "/sign-in?next=%2Fintegration%2Fwebhook%2Dlogs%3Fstatus%3Dfailed");
    let page = browser.get(&address).expect(200).text();
    let next = [("email", EMAIL), ("password", "wrong password"), ("next", "/integration/webhook-logs?status=failed")];
    let refused = browser.post("/sign-in", &page, &next).expect(422).text();
    assert!(refused.contains("Email or password is wrong.") && refused.contains(EMAIL));
    assert!(!refused.contains("wrong password"), "a password is not sent back");

    let next = [("email", EMAIL), ("password", PASSWORD), next[2]];
    let inside = browser.post("/sign-in", &page, &next).expect(303);
    assert_eq!(inside.header("location"), Some("/integration/webhook-logs?status=failed"));
    assert_ne!(browser.cookie("hookstead_session").unwrap(), "chosen-by-somebody-else");
    let cookie = inside.headers.iter().find(|(_, line)| line.starts_with("hookstead_session")).unwrap();
    assert!(cookie.1.contains("HttpOnly") && cookie.1.contains("SameSite=Lax"), "{}", cookie.1);

    let page = browser.get("/integration/webhook").expect(200);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let csp = page.header("content-security-policy").unwrap();
    assert!(csp.starts_with("default-src 'none'") && !csp.contains("unsafe"), "{csp}");
    let old = browser.cookie("hookstead_session").unwrap();
    let goodbye = browser.follow(browser.post("/sign-out", &page.text(), &[]));
    assert!(goodbye.contains("You are signed out."));
    browser.set_cookie("hookstead_session", &old);
    browser.get("/integration/webhook").expect(303);
}

#[test]
fn only_forms_of_ours_change_anything() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let page = browser.get("/developers/api-keys/new").expect(200).text();
    let mine = mark(&page);
    let fields = [("name", "crm <b>production</b>"), ("scope", "events:write"), ("expires", "0")];
    let post =
        |mark: &str, headers: &[(&str, &str)]| browser.post_with("/developers/api-keys/new", mark, &fields, headers);

    let expired = post("old", &[]).expect(403).text();
    assert!(expired.contains("This form had expired. Check it and submit again."));
    assert!(expired.contains("crm &#60;b&#62;production&#60;/b&#62;"), "what was typed is kept");
    post(&mine, &[("sec-fetch-site", "cross-site")]).expect(403);
    post(&mine, &[("origin", "https://evil.example")]).expect(403);
    post(&mine, &[("content-type", "application/json")]).expect(415);
    browser.get("/sign-out").expect(405);
    let other = Browser::new(&app);
    other.sign_in(PASSWORD).expect(303);
    other.post_with("/developers/api-keys/new", &mine, &fields, &[]).expect(403);
    assert_eq!(app.app().service().keys(&Actor::operator()).unwrap().len(), 1, "only the tests' own key is there");

    let first = post(&mine, &[]).expect(303).header("location").unwrap().to_owned();
    let second = post(&mine, &[("sec-fetch-site", "same-origin")]).expect(303);
    assert_eq!(second.header("location"), Some(first.as_str()), "a double click makes one key");
    let shown = browser.get(&first).expect(200).text();
    assert!(shown.contains("It will not be shown again.") && shown.contains("hsk_") && shown.contains("curl -i"));
    browser.get(&first).expect(303);
}

#[test]
fn what_is_not_there_says_so_as_a_page() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    for (path, status, words) in [
        ("/nope", 404, "There is no page at this address."),
        ("/integration/webhook/log_00000000000000000000000001", 404, "There is no such webhook."),
        ("/integration/webhook-logs/log_01KE6RAA2V3W4X5Y6Z7A8B9C9K", 404, "It may be older than"),
        ("/integration/webhook-logs?status=lost", 400, "This filter was not understood."),
        ("/integration/webhook-logs?limit=1000000", 422, "Use a whole number from 1 to 100."),
    ] {
        let answer = browser.get(path).expect(status);
        assert!(answer.text().contains(words), "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
    }
}
