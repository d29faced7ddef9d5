//! Every way to fail has words of its own, and says what to do.

use std::{sync::Arc, time::Duration};

use hookstead::{
    domain::{Cause, Outcome, WebhookId},
    sender::{HttpTransport, OutgoingRequest, Sent, Transport, TransportOptions},
};
use serde_json::json;

use super::{admin::Admin, logs::page_of};
use crate::{
    app::TestApp,
    certificates::{Authority, self_signed},
    receiver::{Receiver, Script},
    transport::{PlayedLookup, SilentPort, loopback_allowed},
};

/// Where sending panics, and where it is cut short by our own stop.
const PANICS: &str = "panics.example.com";
const STOPS: &str = "stops.example.com";

/// Sends over the network, but for two hosts.
struct Moody(HttpTransport);

impl Transport for Moody {
    fn send(&self, request: &OutgoingRequest) -> Sent {
        match request.url.host() {
            PANICS => panic!("played: the sender itself fails"),
            STOPS => {
                let outcome = Outcome::NoAnswer { cause: Cause::Interrupted, detail: String::new() };
                Sent { outcome, address: None, timings: None }
            }
            _ => self.0.send(request),
        }
    }

    fn forget(&self, webhook: WebhookId) {
        self.0.forget(webhook);
    }

    fn shut_down(&self) {
        self.0.shut_down();
    }
}

#[test]
fn detail_05_every_failure_has_its_own_cause_and_remedy() {
    let plain = |script: Script| {
        let receiver = Receiver::start();
        receiver.answer(script);
        receiver
    };
    let busy = "The receiver answered 503 Service Unavailable.";
    let receivers = [
        (plain(Script::hang()), "No response in 2 s", "did not answer in 2 s. Answer first, then do the work."),
        (
            plain(Script::close()),
            "Closed without a full answer",
            "closed the connection before the answer was complete",
        ),
        (plain(Script::bytes("SSH-2.0-OpenSSH_9.2\r\n")), "Not an HTTP answer", "Check the port of the Request URL."),
        (plain(Script::status(301).header("location", "https://www.example.com/")), "301", "https://www.example.com/"),
        (plain(Script::status(401)), "401", "Check the Secret and the Headers."),
        (plain(Script::status(404)), "404", "Nothing is at this path on the receiver. Check the Request URL."),
        (plain(Script::status(410)), "410 Gone · webhook disabled", "gone for good, so the webhook was disabled"),
        (plain(Script::status(413)), "413", "takes smaller bodies only"),
        (plain(Script::status(422)), "422", "The receiver answered 422"),
        (plain(Script::status(429).header("retry-after", "60")), "429", "asked for a slower pace"),
        (plain(Script::status(503)), "503", busy),
    ];
    let authority = Authority::new();
    let expired = |params: &mut rcgen::CertificateParams| params.not_after = rcgen::date_time_ymd(2021, 2, 3);
    let encrypted = [
        (self_signed("hooks.example.com"), "Certificate not trusted", "openssl s_client -connect hooks.example.com:"),
        (authority.server(&["hooks.example.com"], expired), "Certificate expired", "certificate ended on 2021-02-03."),
        (
            authority.server(&["other.example.com"], |_| {}),
            "Certificate for another name",
            "The certificate is for other.example.com, not hooks.example.com.",
        ),
    ];
    let encrypted = encrypted.map(|(server, list, remedy)| (Receiver::start_tls(server), list, remedy));
    let silent = SilentPort::new();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let mut failures: Vec<_> =
        receivers.iter().map(|(receiver, list, remedy)| (receiver.url("/in"), *list, *remedy)).collect();
    failures.push((closed, "Connection refused", "Is the receiver running?"));
    for (receiver, list, remedy) in &encrypted {
        let url = format!("https://hooks.example.com:{}/in", receiver.addr().port());
        failures.push((url, *list, *remedy));
    }
    let private = "http://[::1]:8080/in".to_owned();
    failures.push((private, "Private address refused", "Setting: allowed_private_targets."));
    let missing = "https://hooks.example.con/in".to_owned();
    failures.push((missing, "Host not found", "hooks.example.con has no address. Check the spelling"));
    failures.push((format!("http://{}/in", silent.address), "No connection in 1 s", "A firewall may be dropping"));
    failures.push((format!("https://{PANICS}/in"), "Our fault", "The sender failed (log_"));

    let transport = TransportOptions {
        // Nothing but IPv4 on this machine, which is less than the webhooks may be made for.
        connect_timeout: Duration::from_secs(1),
        ca_file_pem: Some(authority.pem()),
        ..TransportOptions::new(loopback_allowed())
    };
    let names = PlayedLookup::new(&[("hooks.example.com", &["127.0.0.1"]), (PANICS, &["127.0.0.1"])]);
    let transport = Arc::new(Moody(HttpTransport::with_lookup(transport, names).unwrap()));
    let app = TestApp::start_with_sender(transport, |config| config.allowed_private_targets.push("::1".into()));
    for (url, _, _) in &failures {
        app.webhook_with(json!({"request_url": url, "events": ["*"], "retry_schedule_s": [], "timeout_ms": 2_000}));
    }
    app.publish("contact.created", "{}");
    let mut entries = app.wait_for_logs("status=failed&limit=100", failures.len());
    // A stop in between is recorded of a test only: anything else is sent again.
    let stopped = format!("https://{STOPS}/in");
    let webhook = app.webhook_with(json!({"request_url": stopped, "events": ["ticket.updated"]}));
    app.post(&format!("/webhooks/{}/test", webhook["id"].as_str().unwrap()), json!({})).expect(200);
    entries.extend(app.wait_for_logs("cause=interrupted", 1));
    failures.push((stopped, "Interrupted", "It will be sent again and does not count as a failure."));
    assert!(failures.len() >= 18, "{}", failures.len());
    let Some(admin) = Admin::signed_in(&app) else { return };
    let mut told = Vec::new();
    for (url, list, remedy) in &failures {
        let entry = entries.iter().find(|entry| entry["request_url"] == url.as_str()).expect("it is in the log");
        admin.visit(&page_of(entry));
        let text = admin.text_of("main > .card");
        assert!(text.contains(list) && text.contains(remedy), "{url}: {text}");
        let told_of_it = text.split("Log ID").next().unwrap().to_owned();
        assert!(!told_of_it.contains("Error"), "{text}");
        // Without what is particular to one receiver.
        told.push(told_of_it.split(" The receiver's own log").next().unwrap().to_owned());
    }
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count, "two failures are told in the same words: {told:#?}");
}
