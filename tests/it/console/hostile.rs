//! Text that wants to be more than text, in every field that a page shows.

use serde_json::{Value, json};

use super::{admin::Admin, world::World};
use crate::browser::{EMAIL, PASSWORD};

/// Breaks out of a title, a text, an attribute, a script, a template.
const OUT: &str = r#""'></title></textarea></script><img src=//evil.example onerror=alert(1)>{{7}}"#;
/// Breaks out of a table, turns text around, opens a comment.
const AROUND: &str = "</bdi></td></table><svg/onload=alert(2)>\u{202E}txt.exe<!-- ${7*7} <?x";
/// Runs where it is followed, or is an attribute.
const FOLLOWED: &str = "javascript:alert(3)//' onfocus=alert(4) autofocus x=` style=color:red";

/// Names of elements and of their attributes, in order.
const STRUCTURE: &str = "return [...document.querySelectorAll('*')].map((one) =>
    [one.localName, ...[...one.attributes].map((attribute) => attribute.name)].join(' ')).join('\\n')";

#[test]
fn detail_15_nothing_hostile_runs_or_changes_a_page() {
    let structures = |text: &str| -> Option<Vec<(&'static str, Value)>> {
        let world = World::of(text);
        let admin = Admin::signed_in(&world.app)?;
        let mut found = Vec::new();
        let structure = || {
            admin.until("the page's script to run", || admin.count("html.scripted") == 1);
            admin.script(STRUCTURE)
        };
        for (name, path) in world.pages() {
            admin.visit(&path);
            found.push((name, structure()));
        }
        for (name, walk) in world.behind_forms() {
            walk(&admin);
            found.push((name, structure()));
        }
        admin.saw_nothing_odd();
        let policies =
            "return fetch('/integration/webhook').then((page) => page.headers.get('content-security-policy'))";
        let policy = admin.script(policies);
        let policy = policy.as_str().expect("there is one");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        Some(found)
    };
    let Some(harmless) = structures("plain words of the same kind") else { return };
    for text in [OUT, AROUND, FOLLOWED] {
        let hostile = structures(text).expect("the browser started before");
        for ((name, plain), (_, found)) in harmless.iter().zip(&hostile) {
            let lines = |value: &Value| value.as_str().unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
            let (plain, found) = (lines(plain), lines(found));
            let same = plain.iter().zip(&found).take_while(|(one, other)| one == other).count();
            assert!(plain == found, "{name} with {text}: {:?} became {:?}", plain.get(same), found.get(same));
        }
    }
}

#[test]
fn after_signing_in_one_is_never_led_away() {
    let world = World::of("plain");
    let Some(first) = Admin::signed_in(&world.app) else { return };
    drop(first);
    for next in ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"] {
        let Some(admin) = Admin::new(&world.app) else { return };
        let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        admin.visit(&format!("/sign-in?next={query}"));
        admin.fill("Email", EMAIL);
        admin.fill("Password", PASSWORD);
        admin.go("Sign in");
        assert_eq!(admin.script("return location.origin"), json!(world.app.base), "{next}");
    }
}
