//! `[[webhook]]`, `[[event_type]]` and `[[api_key]]`, and what can be wrong with them.

use super::*;
use crate::domain::Scope;

/// What is wrong with that file, beside which there are the files `secret` and `key`.
fn wrong(config: &str) -> Vec<String> {
    let place = Place::with(config).file("secret", "hunter2-hunter2-hunter2").file("key", "hsk_short");
    let place = place.file("nothing", "");
    place.problems().into_iter().map(|line| line.replace("hookstead.toml:", "")).collect()
}

const WEBHOOK: &str = "[[webhook]]\nname = 'erp'\nrequest_url = 'https://erp.example.com/in'\nevents = ['*']\n";

#[test]
fn what_is_right_is_read_with_its_place() {
    let text = format!("retention_days = 30\n{WEBHOOK}secret_file = 'secret'\nenabled = false\ntimeout_ms = 2000\n");
    let keys =
        format!("[[api_key]]\nname = 'crm'\nkey_sha256 = '{}'\nscopes = ['all']\naccount = 'acme'\n", "0a".repeat(32));
    let place = Place::with(text + &keys).file("secret", "hunter2-hunter2-hunter2\n");
    let declared = place.config().declared;
    let webhook = &declared.webhooks[0];
    assert_eq!((webhook.name.as_str(), webhook.place.as_str()), ("erp", "hookstead.toml:2"));
    assert_eq!(webhook.secret.as_ref().unwrap().as_str(), "hunter2-hunter2-hunter2");
    assert_eq!((webhook.enabled, webhook.timeout_ms, webhook.ordered), (false, Some(2_000), false));
    let key = &declared.api_keys[0];
    assert_eq!((key.hash, key.scopes.as_slice()), ([0x0a; 32], &Scope::ALL[..]));
    assert_eq!((key.account.as_ref().unwrap().as_str(), key.last_four.as_str()), ("acme", ""));
    assert!(!format!("{declared:?}").contains("hunter2"), "{declared:?}");
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_what_is_allowed() {
    let with = |line: &str| format!("{WEBHOOK}{line}\n");
    for (config, begins) in [
        ("[[webhook]]\nname = 'erp'\nevents = ['*']", "1: [[webhook]] has no request_url; allowed: a URL such as"),
        (&with("nmae = 1"), "5: [[webhook]] has an unknown key nmae; did you mean name?"),
        (&with("colour = 1"), "5: [[webhook]] has an unknown key colour; allowed: name, request_url, "),
        (&with("timeout_ms = 5"), "5: [[webhook]] timeout_ms is 5; allowed: a whole number from 1000 to 60000"),
        (&with("retry_schedule_s = [0]"), "5: [[webhook]] retry_schedule_s is a list with 0; allowed: a list of 0 to"),
        (&with("secret = 'hunter2-hunter2-hunter2'"), "5: [[webhook]] has an unknown key secret; did you mean"),
        (&with("secret_file = 'none'"), "5: [[webhook]] secret_file is the text \"none\": No such file"),
        (&with("secret_file = 'nothing'"), "5: [[webhook]] secret_file is the text \"nothing\": Use at least 16"),
        (&with("headers = { Host = 'x' }"), "5: [[webhook]] headers: "),
        (&with("headers = 'x'"), "5: [[webhook]] headers is the text \"x\"; allowed: a table such as"),
        (&with("secret_headers = { X = 'none' }"), "5: [[webhook]] secret_headers is a table: "),
        (
            "[[webhook]]\nname = 'ERP'\nrequest_url = 'x'\nevents = []",
            "2: [[webhook]] name is the text \"ERP\"; allowed: 1 to 64",
        ),
        (&format!("{WEBHOOK}{WEBHOOK}"), "5: [[webhook]] erp is there twice; allowed: each name once"),
        (&WEBHOOK.replace("https://erp.example.com", "http://10.0.0.5"), "1: webhook.request_url: "),
        (
            &format!("sender.require_https = true\n{}", WEBHOOK.replace("https", "http")),
            "2: webhook.request_url: sender.require_https",
        ),
        ("webhook = 1", "1: webhook is a list; allowed: lines [[webhook]], each with its keys below"),
        ("[webhook]\nname = 'erp'", "1: webhook is a list; allowed: lines [[webhook]]"),
        ("webhook = [1]", "1: webhook is a list; allowed: lines [[webhook]]"),
        ("[[webhok]]\nname = 'erp'", "1: unknown"),
        (
            "[[event_type]]\nname = 'webhook.x'\nlabel = 'a'\ncategory = 'b'",
            "2: [[event_type]] name is the text \"webhook.x\": Names",
        ),
        (
            "[[event_type]]\nname = 'a.b'\nlabel = ''\ncategory = 'b'",
            "3: [[event_type]] label is the text \"\"; allowed: one line",
        ),
        (
            "[[event_type]]\nname = 'a.b'\nlabel = 'a'\ncategory = 'b'\nexample = '{'",
            "5: [[event_type]] example is the text \"{\": EOF",
        ),
        (
            "[[api_key]]\nname = 'crm'\nscopes = ['all']",
            "1: [[api_key]] needs key_file or key_sha256; allowed: one of the two",
        ),
        (
            "[[api_key]]\nname = 'crm'\nscopes = []\nkey_sha256 = 'x'",
            "3: [[api_key]] scopes is a list of 0; allowed: a list with",
        ),
        (
            "[[api_key]]\nname = 'crm'\nscopes = ['event']\nkey_file = 'key'",
            "3: [[api_key]] scopes is a list of 1: there is no such",
        ),
        (
            "[[api_key]]\nname = 'crm'\nscopes = ['all']\nkey_file = 'key'",
            "4: [[api_key]] key_file is the text \"key\": a key is hsk_",
        ),
    ] {
        let lines = wrong(config);
        assert!(lines.iter().any(|line| line.starts_with(begins)), "{config}\nwanted {begins}\nfound {lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("hunter2") || line.contains("hsk_short")), "{lines:#?}");
    }
}
