//! The log of the program: what stands in it, what never does, and that a request is found again by the
//! id that its answer had.

use std::{
    fs,
    future::pending,
    io,
    sync::{Arc, Mutex},
};

use actix_web::{
    App,
    http::header,
    middleware::from_fn,
    test::{TestRequest, call_service, init_service, read_body_json},
    web::Data,
};
use hookstead::{
    config::Config,
    system::{Meters, SystemRandom},
    web::{WebState, frame, problem::Reply, routing::path},
};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    app::{TestApp, wait_until},
    process::{Caller, Process, command, run},
    receiver::{Receiver, Script},
};

/// Bytes that several threads write.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Written;

    fn make_writer(&'a self) -> Written {
        self.clone()
    }
}

impl Written {
    fn lines(&self) -> Vec<Value> {
        lines(&String::from_utf8(self.0.lock().unwrap().clone()).unwrap())
    }
}

/// Each line is a JSON object, whatever it is about.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

async fn panics_at_once() -> Reply {
    panic!("at once")
}

async fn panics_later() -> Reply {
    tokio::time::timeout(std::time::Duration::from_millis(1), pending::<()>()).await.expect("it never comes");
    unreachable!()
}

/// Row 8 of the faults. The handlers that panic are the test's own; the frame around them is the product's.
#[test]
fn a_panic_in_a_handler_is_one_500_and_a_line_with_its_request_id() {
    let app = TestApp::start();
    let service = app.app().service().clone();
    let log = Written::default();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(log.clone()).finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    actix_web::rt::System::new().block_on(async {
        let random = Arc::new(SystemRandom);
        let state = WebState::new(service, random, Config::defaults(), Arc::new(Meters::default()), Vec::new, || {
            unreachable!("nobody asks for the machine")
        });
        let server = App::new()
            .app_data(Data::new(state))
            .service(path("/at-once").get(panics_at_once))
            .service(path("/later").get(panics_later))
            .service(path("/healthz").get(hookstead::web::health::healthz))
            .wrap(from_fn(frame::frame));
        let server = init_service(server).await;
        for name in ["/at-once", "/later"] {
            // A test beside this one may have met a line of the log first, just as nobody listened yet.
            tracing_core::callsite::rebuild_interest_cache();
            let answer = call_service(&server, TestRequest::get().uri(name).to_request()).await;
            assert_eq!(answer.status(), 500, "{name}");
            let id = answer.headers().get("request-id").unwrap().to_str().unwrap().to_owned();
            assert_eq!(answer.headers().get(header::CONTENT_TYPE).unwrap(), "application/problem+json");
            let problem: Value = read_body_json(answer).await;
            assert_eq!((&problem["code"], &problem["request_id"]), (&json!("internal"), &json!(id)));
            let of_it = log
                .lines()
                .into_iter()
                .find(|line| line["message"] == "a handler panicked" && line["span"]["request_id"] == id);
            assert!(of_it.is_some(), "no line with {id} in {:#?}", log.lines());
            let next = call_service(&server, TestRequest::get().uri("/healthz").to_request()).await;
            assert_eq!(next.status(), 200, "the next request works");
        }
    });
}

/// What must never stand in a log, whatever happens.
const SECRETS: [&str; 5] = ["correct horse battery", "whsec_", "hsk_", "hidden-value", "payload-of-a-customer"];

#[test]
fn every_line_is_json_a_request_is_found_by_its_id_and_no_secret_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let (_, key, _) = run(&data, &["apikey", "create", "tests"]);
    let mut program = command(&data);
    program.args(["serve", "--listen", "127.0.0.1:0"]).env("HOOKSTEAD_LOG_LEVEL", "debug");
    program.env("HOOKSTEAD_ADMIN_EMAIL", "admin@example.com").env("HOOKSTEAD_ADMIN_PASSWORD", "correct horse battery");
    program.stdout(fs::File::create(&log).unwrap());
    let process = Process::start(program);
    let (caller, receiver) = (Caller::new(&key), Receiver::start());
    receiver.answer(Script::status(422).body("payload-of-a-customer"));
    let webhook = json!({
        "request_url": receiver.url("/in?token=hidden-value"), "events": ["*"],
        "headers": [{"name": "Authorization", "value": "hidden-value", "hidden": true}],
    });
    let (status, webhook) = caller.post(&process.base, "/webhooks", &webhook).unwrap();
    assert_eq!(status, 201, "{webhook}");
    let event = json!({"type": "contact.created", "data": "payload-of-a-customer"});
    caller.post(&process.base, "/events", &event).unwrap();
    let (status, refused) = caller.post(&process.base, "/events", &json!({"type": "payload-of-a-customer"})).unwrap();
    assert_eq!(status, 422);
    Caller::new("hsk_wrong").get(&process.base, "/api/v1/me?key=hsk_in_the_query").unwrap();
    receiver.wait_for(1);
    let text = || fs::read_to_string(&log).unwrap();
    wait_until(|| text().contains("\"attempt\"")).unwrap_or_else(|()| panic!("{}", text()));
    assert_eq!(process.terminate().0, Some(0));
    let found = lines(&text());
    // The one that was refused, by the id in its answer.
    let of_it: Vec<_> = found.iter().filter(|line| line["span"]["request_id"] == refused["request_id"]).collect();
    assert!(of_it.iter().any(|line| line["message"] == "answered" && line["status"] == 422), "{of_it:#?}");
    assert!(of_it.iter().all(|line| line["path"] == "/api/v1/events"), "{of_it:#?}");
    // The attempt, by the ids that the pages show.
    let attempt = found.iter().find(|line| line["message"] == "attempt").unwrap();
    assert_eq!((&attempt["webhook_id"], &attempt["result"]), (&webhook["id"], &json!("422")), "{attempt}");
    assert!(attempt["log_id"].as_str().unwrap().starts_with("log_"), "{attempt}");
    for secret in SECRETS {
        assert!(!text().contains(secret), "{secret:?} is in\n{}", text());
    }
}
