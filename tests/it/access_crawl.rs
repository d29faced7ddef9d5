//! Every answer carries the security headers, and no page gives away what is secret.

use std::collections::{BTreeSet, VecDeque};

use hookstead::domain::{Actor, AuditFilter, TotpSeed};

use crate::{
    app::{Answer, TestApp},
    browser::{Browser, PASSWORD, between},
    console::World,
};

#[track_caller]
fn has_security_headers(answer: &Answer, what: &str) {
    for (name, starts) in [
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("request-id", "req_"),
    ] {
        assert!(answer.header(name).is_some_and(|value| value.starts_with(starts)), "{what}: {name}: {answer:?}");
    }
    let kept = answer.header("cache-control").unwrap_or_default();
    assert!(kept == "no-store" || what.contains("/assets/"), "{what}: {kept}");
    assert_eq!(answer.header("server"), None, "{what}");
}

/// Where a page leads to on this server.
fn links(page: &str) -> Vec<String> {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let links = links.map(|link| link.replace("&amp;", "&").replace("&#38;", "&"));
    links.filter(|link| link.starts_with('/')).map(|link| link.split('#').next().unwrap().to_owned()).collect()
}

/// The kind of page: the same form of address without what differs between things.
fn kind(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let part = |part: &str| match part.len() >= 20 && part.contains('_') {
        true => part.split('_').next().unwrap().to_owned(),
        false => part.to_owned(),
    };
    let names: BTreeSet<_> = query.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
    format!("{}?{names:?}", path.split('/').map(part).collect::<Vec<_>>().join("/"))
}

#[test]
fn no_page_gives_a_secret_away_and_each_answer_has_its_headers() {
    let world = World::of("plain");
    let app = &world.app;
    let admin = Browser::signed_in(app);
    let reader = Browser::read_only(app);
    let seed = enrol(app, &reader);
    let mut secrets = vec![
        ("an API key", app.key.clone()),
        ("a session", admin.cookie("hookstead_session").unwrap()),
        ("another session", reader.cookie("hookstead_session").unwrap()),
        ("a password", PASSWORD.to_owned()),
        ("a hash of a password", "$argon2".to_owned()),
        ("a seed", seed.text()),
        ("a hidden header", ">hidden<".to_owned()),
    ];
    let webhooks = app.get("/webhooks").expect(200).json();
    for webhook in webhooks["data"].as_array().unwrap() {
        let secret = app.get(&format!("/webhooks/{}/secret", webhook["id"].as_str().unwrap())).expect(200).json();
        secrets.push(("a signing secret", secret["secret"].as_str().unwrap().to_owned()));
    }
    let changes = || {
        let service = app.app().service();
        service.audit_log(&Actor::operator(), &AuditFilter::default(), None, 1).unwrap().entries[0].0
    };
    let pages = world.pages();
    let before = changes();
    for (browser, least) in [(&admin, 120), (&reader, 60)] {
        let mut waiting: VecDeque<String> = pages.iter().map(|(_, path)| path.clone()).collect();
        waiting.push_front("/".to_owned());
        let mut known: BTreeSet<String> = BTreeSet::new();
        let mut seen = 0;
        while let Some(path) = waiting.pop_front() {
            if !known.insert(kind(&path)) {
                continue;
            }
            let answer = browser.get(&path);
            seen += 1;
            has_security_headers(&answer, &path);
            assert!(answer.status < 500, "{path}: {}", answer.status);
            let text = answer.text();
            for (what, secret) in &secrets {
                assert!(!text.contains(secret.as_str()), "{path} shows {what}");
            }
            waiting.extend(answer.header("location").filter(|to| to.starts_with('/')).map(str::to_owned));
            if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
                waiting.extend(links(&text));
            }
        }
        assert!(seen >= least, "only {seen} pages");
    }
    assert_eq!(changes(), before, "looking changed something");
}

#[test]
fn answers_that_are_no_page_have_the_headers_too() {
    let app = TestApp::start();
    Browser::signed_in(&app);
    let key = format!("Bearer {}", app.key);
    let json = [("authorization", &*key), ("content-type", "application/json")];
    let big = vec![b' '; 2 << 20];
    for (method, path, headers, body, status) in [
        ("GET", "/healthz", &[][..], None, 200),
        ("GET", "/readyz", &[], None, 200),
        ("GET", "/metrics", &[], None, 200),
        ("GET", "/api/v1/openapi.json", &[], None, 200),
        ("GET", "/api/v1/me", &json, None, 200),
        ("GET", "/api/v1/me", &[], None, 401),
        ("GET", "/api/v1/nothing", &json, None, 404),
        ("GET", "/api/v2", &[], None, 404),
        ("PUT", "/api/v1/me", &json, Some(&b"{}"[..]), 405),
        ("POST", "/api/v1/events", &json, Some(b"{"), 400),
        ("POST", "/api/v1/events", &json, Some(b"[]"), 422),
        ("POST", "/api/v1/events", &json, Some(&big), 413),
        ("POST", "/api/v1/events", &[("authorization", &*key)], Some(b"{}"), 415),
        ("GET", "/nothing", &[], None, 404),
        ("GET", "/assets/nothing.css", &[], None, 404),
        ("GET", "/sign-in", &[], None, 200),
        ("PUT", "/sign-in", &[], None, 405),
        ("POST", "/sign-in", &[("content-type", "application/json")], Some(b"{}"), 415),
        ("GET", "/system", &[], None, 303),
        ("GET", "/in/nobody", &[], None, 404),
    ] {
        let answer = app.request(method, path, headers, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        has_security_headers(&answer, path);
    }
}

fn enrol(app: &TestApp, browser: &Browser) -> TotpSeed {
    let page = browser.get("/account/second-factor").expect(200).text();
    let text = between(&page, r#"name="seed" value=""#, "\"").unwrap().to_owned();
    let seed = TotpSeed::from_text(&text).unwrap();
    let code = seed.code(app.now());
    let fields = [("seed", &*text), ("code", &*code), ("current", PASSWORD)];
    browser.post("/account/second-factor", &page, &fields).expect(303);
    browser.get("/account/recovery-codes").expect(200);
    seed
}
