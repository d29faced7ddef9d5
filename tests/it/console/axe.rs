//! What axe-core, which knows the rules for screen readers and contrast, finds on the pages. `./test`
//! fetches it; it is no part of the program and not in the repository.

use std::path::Path;

use serde_json::Value;

use super::{admin::Admin, world::World};
use crate::app::TestApp;

/// Its text, where `./test` puts it.
fn axe_core() -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe-core.min.js");
    let text = std::fs::read_to_string(&path);
    if text.is_err() {
        let words = format!("NOT TESTED: there is no {}; ./test fetches it", path.display());
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
        eprintln!("{words}");
    }
    text.ok()
}

/// What it finds on the present page.
fn findings(admin: &Admin, axe: &str) -> Vec<String> {
    let run = "const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
        return axe.run(document, {runOnly: tags, resultTypes: ['violations']}).then((found) => found.violations
            .flatMap((rule) => rule.nodes.map((node) =>
                `${rule.impact} ${rule.id}: ${node.target.join(' ')} ${node.html.slice(0, 160)} ${node.any
                    .map((check) => check.message).join('; ').slice(0, 200)}`)))";
    admin
        .script_with(&format!("if (!window.axe) {{ {axe} }} {run}"), Vec::new())
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| line.as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn axe_core_finds_nothing_serious_on_any_page_in_either_theme() {
    let Some(axe) = axe_core() else { return };
    let fresh = TestApp::start();
    let Some(stranger) = Admin::new(&fresh) else { return };
    let token = fresh.app().service().setup_token().expect("there is no admin yet").to_owned();
    let world = World::of("مزامنة ERP & تذاكر");
    let admin = Admin::signed_in(&world.app).expect("the browser started before");
    stranger.visit("/sign-in");
    stranger.script("document.querySelector('label').remove(); document.querySelector('h1').style.color = '#eee'");
    let known = findings(&stranger, &axe);
    assert!(known.iter().any(|line| line.contains("critical label")), "it finds what is wrong: {known:#?}");
    let mut all = Vec::new();
    for theme in ["light", "dark"] {
        let mut look = |admin: &Admin, name: &str| {
            all.extend(findings(admin, &axe).into_iter().map(|line| format!("{theme} {name}: {line}")));
        };
        for admin in [&stranger, &admin] {
            admin.prefers_dark(theme == "dark");
        }
        for path in [&format!("/setup?token={token}"), "/setup?token=wrong", "/sign-in"] {
            stranger.visit(path);
            look(&stranger, path);
        }
        for (name, path) in world.pages() {
            admin.visit(&path);
            // What is folded is looked at as well.
            admin.script("for (const one of document.querySelectorAll('main details')) one.open = true");
            look(&admin, name);
        }
        for (name, walk) in world.behind_forms() {
            if theme == "light" || name != "api-key-created" {
                walk(&admin);
                look(&admin, name);
            }
        }
    }
    for line in &all {
        eprintln!("{line}");
    }
    all.retain(|line| line.contains(": serious ") || line.contains(": critical "));
    assert!(all.is_empty(), "{} findings: {all:#?}", all.len());
}

#[test]
fn detail_20_every_table_has_a_caption_and_every_field_a_label() {
    let world = World::of("plain");
    let Some(admin) = Admin::signed_in(&world.app) else { return };
    let nameless = "const faults = [];
        for (const table of document.querySelectorAll('table')) {
            if (!table.caption || !table.caption.textContent.trim()) faults.push('a table without a caption');
            for (const head of table.querySelectorAll('th')) if (!head.scope) faults.push('no scope: ' + head.outerHTML);
        }
        for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
            if (!field.labels.length && !field.getAttribute('aria-label')) faults.push('no label: ' + field.outerHTML);
        for (const one of document.querySelectorAll('button, a, summary'))
            if (!one.textContent.trim() && !one.getAttribute('aria-label') && !one.ariaHidden)
                faults.push('no words: ' + one.outerHTML);
        if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
        for (const row of document.querySelectorAll('td[data-label=\"Log ID\"]'))
            if (!row.querySelector('a.id')) faults.push('the Log ID is no link');
        return faults";
    for (name, path) in world.pages() {
        admin.visit(&path);
        assert_eq!(admin.script(nameless), Value::from(Vec::<Value>::new()), "{name}");
    }
}
