//! The second factor: set up with a code, asked for at sign-in, replaced by a recovery code, removed.

use std::time::Duration;

use hookstead::{
    control::{self, Ask},
    domain::TotpSeed,
};

use crate::{
    app::TestApp,
    browser::{Browser, EMAIL, PASSWORD, between},
};

/// Sets it up as a person does; answers with what their phone has and the recovery codes.
fn enrol(app: &TestApp, browser: &Browser) -> (TotpSeed, Vec<String>) {
    let page = browser.get("/account/second-factor").expect(200).text();
    let text = between(&page, r#"name="seed" value=""#, "\"").unwrap().to_owned();
    let seed = TotpSeed::from_text(&text).unwrap();
    let code = seed.code(app.now());
    let fields = [("seed", &*text), ("code", &*code), ("current", PASSWORD)];
    let codes = browser.follow(browser.post("/account/second-factor", &page, &fields));
    let codes = between(&codes, r#"tabindex="0">"#, "</pre>").unwrap().lines().map(str::to_owned).collect();
    (seed, codes)
}

/// The first step; answers with the page of the second.
fn first_step(app: &TestApp) -> (Browser<'_>, String) {
    let browser = Browser::new(app);
    let answer = browser.sign_in(PASSWORD).expect(303);
    assert_eq!(answer.header("location"), Some("/sign-in/code?next=%2F"));
    assert_eq!(browser.cookie("hookstead_session"), None, "the password alone is not enough");
    browser.get("/integration/webhook").expect(303);
    let page = browser.get("/sign-in/code").expect(200).text();
    (browser, page)
}

#[test]
fn it_is_set_up_with_a_code_of_the_phone() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let elsewhere = Browser::new(&app);
    elsewhere.sign_in(PASSWORD).expect(303);
    let page = browser.get("/account/second-factor").expect(200).text();
    assert!(
        page.contains("otpauth://totp/Hookstead:admin%40acme.example?secret=") && page.contains("<svg width="),
        "{page}"
    );
    let text = between(&page, r#"name="seed" value=""#, "\"").unwrap().to_owned();
    let seed = TotpSeed::from_text(&text).unwrap();
    let post = |code: &str, password: &str| {
        browser.post("/account/second-factor", &page, &[("seed", &*text), ("code", code), ("current", password)])
    };
    let old = seed.code(app.now().minus(Duration::from_secs(600)));
    let wrong = post(&old, PASSWORD).expect(422).text();
    assert!(wrong.contains("This is not the code of now.") && wrong.contains(&text), "the same key stays");
    assert!(post(&seed.code(app.now()), "not my password").expect(422).text().contains("This is not your password."));
    assert!(browser.get("/account").text().contains("Set up second factor"));

    let (_, codes) = enrol(&app, &browser);
    assert_eq!(codes.len(), 10);
    assert_eq!(browser.get("/account/recovery-codes").expect(303).header("location"), Some("/account"), "shown once");
    let account = browser.get("/account").expect(200).text();
    assert!(account.contains("10 recovery codes left"), "{account}");
    elsewhere.get("/account").expect(303);
    let audit = browser.get("/system/audit").expect(200).text();
    assert!(audit.contains("user.second_factor_enrolled") && audit.contains("second_factor"), "{audit}");
    assert!(!audit.contains(&seed.text()) && !audit.contains(&codes[0]));
}

#[test]
fn signing_in_takes_password_and_code_and_a_code_works_once() {
    let app = TestApp::start();
    let (seed, codes) = enrol(&app, &Browser::signed_in(&app));
    app.advance(Duration::from_secs(60));
    let (browser, page) = first_step(&app);
    let code = seed.code(app.now());
    let wrong = browser.post("/sign-in/code", &page, &[("code", "000000x")]).expect(422).text();
    assert!(wrong.contains("The code is wrong, or was used already."), "{wrong}");
    let inside = browser.post("/sign-in/code", &page, &[("code", &code), ("next", "//evil.example")]).expect(303);
    assert_eq!(inside.header("location"), Some("/"));
    browser.get("/integration/webhook").expect(200);
    assert_eq!(browser.cookie("hookstead_half_way"), None);

    let (other, page) = first_step(&app);
    other.post("/sign-in/code", &page, &[("code", &code)]).expect(422);
    other.post("/sign-in/code", &page, &[("code", &codes[3].to_lowercase())]).expect(303);
    assert!(other.get("/account").expect(200).text().contains("9 recovery codes left"));
    let (third, page) = first_step(&app);
    third.post("/sign-in/code", &page, &[("code", &codes[3])]).expect(422);
}

#[test]
fn guessing_codes_is_slowed_down_and_the_first_step_does_not_last() {
    let app = TestApp::start();
    let (seed, _) = enrol(&app, &Browser::signed_in(&app));
    app.advance(Duration::from_secs(60));
    let (browser, page) = first_step(&app);
    for _ in 0..5 {
        browser.post("/sign-in/code", &page, &[("code", "000000")]).expect(422);
    }
    let again = browser.post("/sign-in/code", &page, &[("code", &seed.code(app.now()))]).expect(303);
    assert_eq!(again.header("location"), Some("/sign-in"), "the password is asked for again");
    let told = Browser::new(&app).sign_in(PASSWORD).expect(429);
    assert_eq!(told.header("retry-after"), Some("60"), "a right password does not buy new tries");
    app.advance(Duration::from_secs(60));
    let (browser, page) = first_step(&app);
    app.advance(Duration::from_secs(300));
    let late = browser.post("/sign-in/code", &page, &[("code", &seed.code(app.now()))]).expect(303);
    assert_eq!(late.header("location"), Some("/sign-in"));
    Browser::new(&app).get("/sign-in/code").expect(303);

    let (browser, page) = first_step(&app);
    app.advance(Duration::from_secs(1));
    let ask = Ask::ResetPassword { email: EMAIL.to_owned(), password: "a new long password".to_owned() };
    control::execute(app.app().service(), ask).unwrap();
    let old = browser.post("/sign-in/code", &page, &[("code", &seed.code(app.now()))]).expect(303);
    assert_eq!(old.header("location"), Some("/sign-in"), "the first step was made with the old password");
}

#[test]
fn it_is_removed_with_the_password_or_by_the_operator() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    enrol(&app, &browser);
    let page = browser.get("/account/second-factor").expect(200).text();
    assert!(!page.contains("otpauth"), "the seed is shown to nobody any more");
    let wrong = browser.post("/account/second-factor/remove", &page, &[("current", "not my password")]).expect(422);
    assert!(wrong.text().contains("This is not your password."));
    let gone = browser.follow(browser.post("/account/second-factor/remove", &page, &[("current", PASSWORD)]));
    assert!(gone.contains("Second factor removed."));
    Browser::new(&app).sign_in(PASSWORD).expect(303);

    app.advance(Duration::from_secs(60));
    enrol(&app, &browser);
    first_step(&app);
    let ask = Ask::ResetSecondFactor { email: EMAIL.to_owned() };
    let told = control::execute(app.app().service(), ask).unwrap();
    assert_eq!(told, ["admin@acme.example signs in with the password alone."]);
    browser.get("/account").expect(303);
    let inside = Browser::new(&app).sign_in(PASSWORD).expect(303);
    assert_eq!(inside.header("location"), Some("/"));
}
