//! Webhooks that trust an authority of their own and show a certificate.

use rcgen::date_time_ymd;
use serde_json::{Value, json};

use crate::{app::TestApp, browser::Browser, certificates::Authority, receiver::Receiver};

fn test(app: &TestApp, id: &str) -> Value {
    app.post(&format!("/webhooks/{id}/test"), json!({})).expect(200).json()
}

fn faults(problem: &Value) -> Vec<(&str, &str)> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors
        .map(|error| {
            (error["pointer"].as_str().unwrap(), error["detail"].as_str().or(error["message"].as_str()).unwrap())
        })
        .collect()
}

#[test]
fn a_receiver_that_demands_a_certificate_gets_it_and_one_of_a_private_authority_is_trusted() {
    let (receivers, callers) = (Authority::new(), Authority::new());
    let receiver = Receiver::start_tls(receivers.server_for(&["127.0.0.1"], &callers));
    let app = TestApp::start();
    let webhook = app.webhook(&receiver, &["*"]);
    let id = webhook["id"].as_str().unwrap();
    let path = format!("/webhooks/{id}");
    assert_eq!(test(&app, id)["attempt"]["outcome"]["cause"], "tls_untrusted");

    let ca = String::from_utf8(receivers.pem()).unwrap();
    let changed = app.patch(&path, json!({"tls_ca": ca})).expect(200).json();
    assert_eq!(changed["tls_ca"], ca);
    let told = test(&app, id);
    assert_eq!(
        (&told["success"], &told["attempt"]["outcome"]["cause"]),
        (&json!(false), &json!("tls_failed")),
        "{told}"
    );

    let (certificate, key) = callers.client(|_| {});
    let pair = json!({"tls_client_certificate": certificate, "tls_client_key": key});
    let changed = app.patch(&path, pair).expect(200).json();
    assert_eq!(changed["tls_client_certificate"], certificate);
    assert_eq!(changed["tls_client_certificate_ends_at"], "2999-01-01T00:00:00.000Z");
    let told = test(&app, id);
    assert_eq!(told["success"], true, "{told}");
    app.publish("contact.created", "{}");
    receiver.wait_for(2);

    // The key is nowhere to be seen, and a change of something else leaves it.
    let secret_part = key.lines().nth(1).unwrap();
    assert!(!app.get(&path).expect(200).text().contains(secret_part));
    let admin = Browser::signed_in(&app);
    for page in ["", "/settings", "/edit", "/export", "/verify"] {
        let text = admin.get(&format!("/integration/webhook/{id}{page}")).expect(200).text();
        assert!(!text.contains(secret_part), "{page}");
    }
    app.patch(&path, json!({"description": "with a certificate"})).expect(200);
    assert_eq!(test(&app, id)["success"], true);

    // One that the receiver does not know is refused by it; none at all is too.
    let (stranger, stranger_key) = Authority::new().client(|_| {});
    app.patch(&path, json!({"tls_client_certificate": stranger, "tls_client_key": stranger_key})).expect(200);
    assert_eq!(test(&app, id)["attempt"]["outcome"]["cause"], "tls_failed");
    let changed = app.patch(&path, json!({"tls_client_certificate": null})).expect(200).json();
    assert_eq!((&changed["tls_client_certificate"], &changed["tls_ca"]), (&Value::Null, &json!(ca)));
    assert_eq!(test(&app, id)["success"], false);

    // Another webhook is not any more trusting for it.
    let other = app.webhook(&receiver, &["*"]);
    assert_eq!(test(&app, other["id"].as_str().unwrap())["attempt"]["outcome"]["cause"], "tls_untrusted");
}

#[test]
fn what_is_no_certificate_or_no_key_is_refused_and_says_which() {
    let app = TestApp::start();
    let authority = Authority::new();
    let (certificate, key) = authority.client(|_| {});
    let (_, other_key) = authority.client(|_| {});
    let broken = certificate.replace('M', "?");
    for (members, pointer, words) in [
        (json!({"tls_ca": "no PEM"}), "/tls_ca", "The CA holds no certificate."),
        (json!({"tls_ca": broken}), "/tls_ca", "The CA is not PEM."),
        (json!({"tls_client_certificate": certificate}), "/tls_client_key", "needs its private key"),
        (json!({"tls_client_key": key}), "/tls_client_certificate", "needs its client certificate"),
        (
            json!({"tls_client_certificate": key, "tls_client_key": key}),
            "/tls_client_certificate",
            "holds no certificate",
        ),
        (
            json!({"tls_client_certificate": certificate, "tls_client_key": "secret-that-is-no-key"}),
            "/tls_client_key",
            "no private key in PEM",
        ),
        (
            json!({"tls_client_certificate": certificate, "tls_client_key": other_key}),
            "/tls_client_key",
            "does not belong",
        ),
        (json!({"tls_ca": "x".repeat(40_000)}), "/tls_ca", "The limit is 32,768."),
    ] {
        let mut input = json!({"request_url": "https://hooks.example.com/", "events": ["*"]});
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = app.post("/webhooks", input).expect(422);
        let problem = answer.json();
        let found = faults(&problem);
        assert!(found.len() == 1 && found[0].0 == pointer && found[0].1.contains(words), "{members}: {problem}");
        assert!(!answer.text().contains("secret-that-is-no-key"), "{}", answer.text());
    }
}

#[test]
fn the_form_takes_certificates_keeps_the_key_and_warns_of_an_end() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    let admin = Browser::signed_in(&app);
    let id = app.webhook(&receiver, &["*"])["id"].as_str().unwrap().to_owned();
    let address = format!("/integration/webhook/{id}/edit");
    let form = admin.get(&address).expect(200).text();
    let version = crate::browser::between(&form, r#"name="version" value=""#, "\"").unwrap().to_owned();
    let authority = Authority::new();
    let (certificate, key) = authority.client(|params| params.not_after = date_time_ymd(2024, 5, 6));
    // As a browser sends what was pasted.
    let (sent_certificate, sent_key) = (certificate.replace('\n', "\r\n"), key.replace('\n', "\r\n"));
    let url = receiver.url("/in");
    let mut fields = vec![
        ("request_url", url.as_str()),
        ("choice", "every"),
        ("allow_http", "yes"),
        ("version", &version),
        ("do", "save"),
        ("hub_signature_header", "webhook-signature"),
        ("tls_client_certificate", &sent_certificate),
    ];
    let refused = admin.post(&address, &form, &fields).expect(422).text();
    assert!(refused.contains("“webhook-signature” is set by the sender"), "{refused}");
    fields[5].1 = "X-Hub-Signature-256";
    let refused = admin.post(&address, &form, &fields).expect(422).text();
    assert!(refused.contains("A client certificate needs its private key. Enter it too."), "{refused}");
    assert!(refused.contains("<details class=\"more\" open>"), "what is wrong can be seen: {refused}");
    fields.push(("tls_client_key", &sent_key));
    admin.post(&address, &form, &fields).expect(303);

    let known = app.get(&format!("/webhooks/{id}")).expect(200).json();
    assert_eq!(
        (&known["tls_client_certificate"], &known["hub_signature_header"]),
        (&json!(certificate), &json!("X-Hub-Signature-256"))
    );
    assert_eq!(known["tls_client_certificate_ends_at"], "2024-05-06T00:00:00.000Z");
    let settings = admin.get(&format!("/integration/webhook/{id}/settings")).expect(200).text();
    assert!(settings.contains("Client certificate ended on") && settings.contains("Enter a new one."), "{settings}");
    assert!(settings.contains("X-Hub-Signature-256: sha256=…"), "{settings}");

    // Saved again without the key, it stays; without the certificate, both go.
    let form = admin.get(&address).expect(200).text();
    let version = crate::browser::between(&form, r#"name="version" value=""#, "\"").unwrap().to_owned();
    fields.pop();
    fields[3].1 = &version;
    admin.post(&address, &form, &fields).expect(303);
    let known = app.get(&format!("/webhooks/{id}")).expect(200).json();
    assert_eq!(known["tls_client_certificate"], certificate);
    let version = (version.parse::<u64>().unwrap() + 1).to_string();
    fields.pop();
    fields[3].1 = &version;
    admin.post(&address, &form, &fields).expect(303);
    let known = app.get(&format!("/webhooks/{id}")).expect(200).json();
    assert_eq!(known["tls_client_certificate"], Value::Null);
    app.patch(&format!("/webhooks/{id}"), json!({"tls_client_certificate": certificate})).expect(422);
}
