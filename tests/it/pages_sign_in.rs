//! Signing in: what is wrong is not said, guessing is slowed down and locks nobody out, sessions end.

use std::{sync::Arc, time::Duration};

use hookstead::config::Config;

use crate::{
    app::{Answer, TestApp},
    browser::{Browser, EMAIL, PASSWORD, READER, mark},
};

const MINUTE: Duration = Duration::from_secs(60);

/// This machine is a proxy that says where requests come from.
fn behind_a_proxy(config: &mut Config) {
    config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
}

/// One try from an address.
fn sign_in_from(app: &TestApp, address: &str, email: &str, password: &str) -> Answer {
    let browser = Browser::new(app);
    let page = browser.get("/sign-in").expect(200).text();
    let fields = [("email", email), ("password", password)];
    browser.post_with("/sign-in", &mark(&page), &fields, &[("x-forwarded-for", address)])
}

/// A page without what differs from one to the next.
fn same(answer: &Answer, email: &str) -> String {
    let page = answer.text();
    page.replace(&mark(&page), "mark").replace(email, "email")
}

/// Row 53 of the bad-input table; that both take one hash of a password is in `service::passwords`.
#[test]
fn nobody_learns_whether_an_email_is_known() {
    let app = TestApp::start_with(behind_a_proxy);
    Browser::signed_in(&app);
    let known = sign_in_from(&app, "203.0.113.1", EMAIL, "a wrong password").expect(422);
    let unknown = sign_in_from(&app, "203.0.113.2", "nobody@acme.example", "a wrong password").expect(422);
    assert_eq!(same(&known, EMAIL), same(&unknown, "nobody@acme.example"));
    assert!(known.text().contains("Email or password is wrong."));
}

/// Row 54.
#[test]
fn guessing_passwords_is_slowed_down_also_through_a_restart() {
    let app = TestApp::start_with(behind_a_proxy);
    Browser::signed_in(&app);
    let mine = "203.0.113.1";
    let statuses: Vec<u16> = (0..11).map(|_| sign_in_from(&app, mine, EMAIL, "a wrong password").status).collect();
    assert_eq!(statuses, [422, 422, 422, 422, 422, 429, 429, 429, 429, 429, 429]);
    let told = sign_in_from(&app, mine, EMAIL, PASSWORD).expect(429);
    assert_eq!(told.header("retry-after"), Some("60"));
    assert!(told.text().contains("Too many tries. Wait 60 seconds."));
    sign_in_from(&app, mine, "somebody@else.example", PASSWORD).expect(429);
    sign_in_from(&app, "203.0.113.2", EMAIL, PASSWORD).expect(303);

    let clock = app.clock.clone();
    let folder = app.stop();
    let app = TestApp::start_at(folder, clock, behind_a_proxy);
    sign_in_from(&app, mine, EMAIL, PASSWORD).expect(429);
    app.advance(MINUTE);
    sign_in_from(&app, mine, EMAIL, "a wrong password").expect(422);
    let told = sign_in_from(&app, mine, EMAIL, PASSWORD).expect(429);
    assert_eq!(told.header("retry-after"), Some("120"), "each further one costs more");
    app.advance(2 * MINUTE);
    sign_in_from(&app, mine, EMAIL, PASSWORD).expect(303);
    sign_in_from(&app, mine, EMAIL, "a wrong password").expect(422);
    sign_in_from(&app, mine, EMAIL, "a wrong password").expect(422);
}

#[test]
fn many_who_guess_at_one_account_do_not_lock_its_owner_out() {
    let app = TestApp::start_with(behind_a_proxy);
    Browser::signed_in(&app);
    for number in 0..20 {
        sign_in_from(&app, &format!("198.51.100.{number}"), EMAIL, "a wrong password").expect(422);
    }
    // From now on each network has one try, and those that had one wait.
    sign_in_from(&app, "198.51.100.1", EMAIL, PASSWORD).expect(429);
    sign_in_from(&app, "198.51.100.77", EMAIL, "a wrong password").expect(422);
    sign_in_from(&app, "198.51.100.77", EMAIL, "a wrong password").expect(429);
    sign_in_from(&app, "198.51.100.1", "other@acme.example", "a wrong password").expect(422);
    sign_in_from(&app, "203.0.113.9", EMAIL, PASSWORD).expect(303);
    app.advance(15 * MINUTE);
    sign_in_from(&app, "198.51.100.1", EMAIL, PASSWORD).expect(303);
}

#[test]
fn guessing_keys_is_slowed_down_through_a_restart_too() {
    let app = TestApp::start();
    let guess = |app: &TestApp| app.request("GET", "/api/v1/me", &[("authorization", "Bearer hsk_guess")], None).status;
    for _ in 0..60 {
        assert_eq!(guess(&app), 401);
    }
    assert_eq!(guess(&app), 429);
    let clock = app.clock.clone();
    let app = TestApp::start_at(app.stop(), clock, |_| {});
    assert_eq!(guess(&app), 429);
    app.get("/me").expect(200);
    app.advance(MINUTE);
    assert_eq!(guess(&app), 401);
}

/// Row 55.
#[test]
fn a_password_is_taken_exactly_as_it_was_typed() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let form = admin.get("/system/users/new").expect(200).text();
    let add = |email: &str, password: &str| {
        let fields = [("email", email), ("password", password), ("role", "read-only")];
        admin.post_with("/system/users/new", &mark(&admin.get("/system/users/new").text()), &fields, &[]).status
    };
    let longest = "é".repeat(128);
    for (number, password) in [
        "  spaces at both ends  ",
        "caf\u{e9} au lait bien chaud",
        "\u{1F980}\u{1F980}\u{1F980}\u{1F980}\u{1F980}\u{1F980}\u{1F980}\u{1F980}\u{1F980}\u{1F980}\u{1F980}\u{1F980}",
        "nul\0in the middle",
        &longest,
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("user{number}@acme.example");
        assert_eq!(add(&email, password), 303, "{password:?}");
        let browser = Browser::new(&app);
        browser.sign_in_as(&email, password).expect(303);
    }
    // The same letters in another form of Unicode are another password.
    Browser::new(&app).sign_in_as("user1@acme.example", "cafe\u{301} au lait bien chaud").expect(422);
    for (password, status) in
        [("", 422), ("1", 422), ("elevenchars", 422), (&*"x".repeat(129), 422), (&*"x".repeat(1_000), 422)]
    {
        assert_eq!(add("x@acme.example", password), status, "{}", password.len());
    }
    let million = "x".repeat(1_000_000);
    assert_eq!(admin.post("/system/users/new", &form, &[("password", &million)]).status, 413);
    assert_eq!(Browser::new(&app).sign_in_as(EMAIL, &"x".repeat(100_000)).status, 422);
}

/// Row 63.
#[test]
fn a_cookie_that_is_no_session_opens_nothing() {
    let app = TestApp::start();
    let admin = Browser::signed_in(&app);
    let good = admin.cookie("hookstead_session").unwrap();
    let page = admin.get("/system/pause").expect(200).text();
    let tampered = format!("{}A", &good[..good.len() - 1]);
    let long = "a".repeat(8_000);
    for cookie in ["", "x", &tampered, &good.to_uppercase(), &long, "../../etc/passwd", "%00"] {
        let stranger = Browser::new(&app);
        stranger.set_cookie("hookstead_session", cookie);
        let asked = stranger.get("/system/users").expect(303);
        assert_eq!(asked.header("location"), Some("/sign-in?next=%2Fsystem%2Fusers"), "{cookie:?}");
        stranger.post("/system/pause", &page, &[("reason", "mine")]).expect(303);
    }
    assert!(app.app().service().pause().is_none());
}

#[test]
fn a_session_ends_unused_and_ends_anyway() {
    let app = TestApp::start_with(|config| {
        config.web.session_days = 3;
        config.web.session_idle_hours = 24;
    });
    let hour = 60 * MINUTE;
    let used = Browser::signed_in(&app);
    let unused = Browser::new(&app);
    unused.sign_in(PASSWORD).expect(303);
    for _ in 0..5 {
        app.advance(13 * hour);
        used.get("/integration/webhook").expect(200);
        // What is written later is written after the note of that use.
        app.publish("contact.created", "1");
    }
    unused.get("/integration/webhook").expect(303);
    app.advance(8 * hour);
    used.get("/integration/webhook").expect(303);
}

#[test]
fn who_does_not_stay_signed_in_is_out_the_next_day() {
    let app = TestApp::start();
    Browser::signed_in(&app);
    let browser = Browser::new(&app);
    let page = browser.get("/sign-in").expect(200).text();
    let inside = browser.post("/sign-in", &page, &[("email", EMAIL), ("password", PASSWORD)]).expect(303);
    let cookie = inside.headers.iter().find(|(_, line)| line.starts_with("hookstead_session")).unwrap();
    assert!(!cookie.1.contains("Max-Age"), "it goes with the browser: {}", cookie.1);
    app.advance(Duration::from_secs(24 * 3_600));
    browser.get("/integration/webhook").expect(303);
}

/// Rows 64 and 65.
#[test]
fn signing_in_again_replaces_the_session_of_that_browser() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let old = browser.cookie("hookstead_session").unwrap();
    let page = browser.get("/account").expect(200).text();
    // The form of a stranger, sent along with the session's cookie.
    let stranger = Browser::new(&app);
    let form = stranger.get("/sign-in").expect(200).text();
    stranger.set_cookie("hookstead_session", &old);
    stranger.post("/sign-in", &form, &[("email", EMAIL), ("password", PASSWORD)]).expect(303);
    assert_ne!(stranger.cookie("hookstead_session").unwrap(), old);
    browser.get("/account").expect(303);
    browser.post("/sign-out", &page, &[]).expect(303);
    stranger.get("/account").expect(200);
}

#[test]
fn with_https_the_cookies_belong_to_this_host_alone() {
    let app = TestApp::start_with(|config| config.public_url = Some("https://hooks.acme.test".parse().unwrap()));
    let browser = Browser::signed_in(&app);
    assert!(browser.cookie("__Host-hookstead_session").is_some());
    let page = browser.get("/account").expect(200);
    assert_eq!(page.header("strict-transport-security"), Some("max-age=31536000"));
    let below = TestApp::start_with(|config| config.public_url = Some("https://acme.test/hooks".parse().unwrap()));
    let browser = Browser::signed_in(&below);
    assert!(browser.cookie("hookstead_session").is_some());
    // The name without the prefix is not looked at where the prefix is due.
    let stranger = Browser::new(&app);
    stranger.set_cookie("hookstead_session", "x");
    stranger.get("/account").expect(303);
}

#[test]
fn a_key_in_the_clear_is_found_neither_in_the_file_nor_a_password() {
    let app = TestApp::start();
    Browser::signed_in(&app);
    Browser::read_only(&app);
    let (key, folder) = (app.key.clone(), Arc::clone(&app.folder));
    app.stop();
    let file = std::fs::read(folder.path().join("data").join(hookstead::store::DATA_FILE)).unwrap();
    let holds = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(READER), "this is the right file");
    assert!(!holds(&key) && !holds(PASSWORD));
}
