//! How a receiver verifies requests: the functions that are shown, and the check of a request that
//! was refused.

use std::time::Duration;

use crate::{
    app::TestApp,
    browser::{Browser, between},
    receiver::{Received, Receiver},
};

const LIST: &str = "/integration/webhook";

fn pasted(sent: &Received) -> String {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    names.map(|name| format!("{name}: {}\r\n", sent.header(name).unwrap())).concat()
}

#[test]
fn each_language_is_a_link_and_shows_the_whole_file() {
    let app = TestApp::start();
    let browser = Browser::signed_in(&app);
    let id = app.webhook(&Receiver::start(), &["*"])["id"].as_str().unwrap().to_owned();
    let page = format!("{LIST}/{id}/verify");
    let languages = [
        ("node", "Node", "node.js"),
        ("python", "Python", "python.py"),
        ("php", "PHP", "php.php"),
        ("ruby", "Ruby", "ruby.rb"),
        ("go", "Go", "go.go"),
        ("java", "Java", "java.java"),
        ("csharp", "C#", "csharp.cs"),
        ("rust", "Rust", "rust.rs"),
        ("bash", "bash", "bash.sh"),
    ];
    let first = browser.get(&page).expect(200).text();
    for (code, name, file) in languages {
        assert!(
            first.contains(&format!("verify?language={code}#function\"")) && first.contains(&format!(">{name}</a>"))
        );
        let shown = browser.get(&format!("{page}?language={code}")).expect(200).text();
        let text = between(&shown, "<code>", "</code></pre>").map(|_| {
            let (_, rest) = shown.split_once("id=\"function-text\"").unwrap();
            between(rest, "<code>", "</code>").unwrap().to_owned()
        });
        let text = text.expect("a function").replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<");
        let text = text.replace("&#62;", ">").replace("&#38;", "&");
        let path = format!("{}/templates/verify/{file}", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(text, std::fs::read_to_string(path).unwrap().trim_end(), "{name}");
    }
}

#[test]
fn a_refused_request_is_explained() {
    let app = TestApp::start();
    let receiver = Receiver::start();
    let browser = Browser::signed_in(&app);
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    let page = format!("{LIST}/{id}/verify");
    app.publish("contact.created", r#"{"name":"<b>","list":[1,2]}"#);
    let sent = receiver.wait_for(1).remove(0);
    let body = String::from_utf8(sent.body.clone()).unwrap();
    let headers = pasted(&sent);
    let form = browser.get(&page).expect(200).text();
    let check = |headers: &str, body: &str| {
        browser.post(&page, &form, &[("headers", headers), ("body", body)]).expect(200).text()
    };

    let right = check(&headers, &body);
    for words in ["A receiver with this Secret accepts the request.", "The signature is right."] {
        assert!(right.contains(words), "{words}: {right}");
    }
    assert!(right.contains("&#60;b&#62;") && right.contains(sent.header("webhook-signature").unwrap().trim()));
    for (headers, body, words) in [
        (headers.clone(), format!("{body}\r\n"), "The body has a final newline that was not signed."),
        (headers.clone(), body.replace("[1,2]", "[1, 2]"), "The body is the same JSON, but not the same bytes."),
        (
            headers.clone(),
            body.replace("[1,2]", "[1,3]"),
            "The body differs from the one that was sent, from character",
        ),
        (headers.replace("webhook-id", "x-id"), body.clone(), "The header webhook-id is missing."),
        (headers.replace("v1,", "v2,"), body.clone(), "no value that begins with v1,."),
        (
            headers.replace("webhook-id: evt", "webhook-id: msg"),
            body.clone(),
            "another Secret or another body was signed",
        ),
    ] {
        let answer = check(&headers, &body);
        assert!(answer.contains(words) && answer.contains("A receiver refuses the request."), "{words}: {answer}");
    }

    app.advance(Duration::from_secs(7 * 60));
    let old = check(&headers, &body);
    assert!(old.contains("The timestamp is 7 min") && old.contains("The signature is right."), "{old}");

    let rotate = browser.get(&format!("{LIST}/{id}/rotate")).expect(200).text();
    let rotated = browser.post(&format!("{LIST}/{id}/rotate"), &rotate, &[("overlap_hours", "24")]);
    let rotated = browser.follow(rotated);
    assert!(rotated.contains("Verify each request with it") && rotated.contains("function verifyWebhook"));
    let older = check(&headers, &body);
    assert!(older.contains("Signed with the old secret (still valid until "), "{older}");
}
