//! A whole server in this process, on port 0, in a folder of its own, with a played clock. Its
//! methods are what users do.

use std::{
    io::Read,
    sync::Arc,
    time::{Duration, Instant},
};

use hookstead::{
    app::{App, Seams},
    config::Config,
    control::{self, Ask},
    domain::Timestamp,
    sender::Transport,
    store::Store,
    system::{Clock, PlayedClock, SystemClock},
};
use serde_json::{Value, json};

use crate::receiver::Receiver;

/// How long a test waits for what must happen. It fails then, and says what it saw.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// A running server and how to talk to it.
pub struct TestApp {
    app: Option<App>,
    /// The time it believes in.
    pub clock: Arc<PlayedClock>,
    /// Its data directory, removed at the end.
    pub folder: Arc<tempfile::TempDir>,
    /// An API key that may do everything.
    pub key: String,
    /// Where it listens.
    pub base: String,
    agent: ureq::Agent,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// The same answer, if it has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

impl TestApp {
    pub fn start() -> TestApp {
        TestApp::start_with(|_| {})
    }

    /// Starts with a configuration that differs from the tests' own.
    pub fn start_with(change: impl FnOnce(&mut Config)) -> TestApp {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        TestApp::start_in(folder, change)
    }

    /// Starts on a data directory that may have been used before.
    pub fn start_in(folder: Arc<tempfile::TempDir>, change: impl FnOnce(&mut Config)) -> TestApp {
        // The time of day, so that a verifier which reads the wall clock accepts our signatures.
        let clock = Arc::new(PlayedClock::new(SystemClock::new().now()));
        TestApp::start_at(folder, clock, change)
    }

    /// Starts on a store that a test made.
    pub fn start_on(store: Store) -> TestApp {
        let clock = Arc::new(PlayedClock::new(SystemClock::new().now()));
        let folder = Arc::new(tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path().join("data")).unwrap();
        TestApp::start_with_seams(folder, clock, |_| {}, Seams { store: Some(store), ..Seams::default() })
    }

    /// Starts with another way to send and to look names up.
    pub fn start_sending_by(transport: Arc<dyn Transport>) -> TestApp {
        TestApp::start_with_sender(transport, |_| {})
    }

    /// The same with a configuration that differs from the tests' own.
    pub fn start_with_sender(transport: Arc<dyn Transport>, change: impl FnOnce(&mut Config)) -> TestApp {
        let clock = Arc::new(PlayedClock::new(SystemClock::new().now()));
        let folder = Arc::new(tempfile::tempdir().unwrap());
        TestApp::start_with_seams(folder, clock, change, Seams { transport: Some(transport), ..Seams::default() })
    }

    /// Starts on a data directory and a clock that may have been used before.
    pub fn start_at(
        folder: Arc<tempfile::TempDir>,
        clock: Arc<PlayedClock>,
        change: impl FnOnce(&mut Config),
    ) -> TestApp {
        TestApp::start_with_seams(folder, clock, change, Seams::default())
    }

    fn start_with_seams(
        folder: Arc<tempfile::TempDir>,
        clock: Arc<PlayedClock>,
        change: impl FnOnce(&mut Config),
        seams: Seams,
    ) -> TestApp {
        let mut config = Config::defaults();
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.data_dir = folder.path().join("data");
        config.allowed_private_targets = vec!["127.0.0.0/8".into()];
        config.sender.threads = 16;
        change(&mut config);
        let app = App::start(&config, Seams { clock: Some(clock.clone()), ..seams }).unwrap();
        let base = format!("http://{}", app.address());
        let name = format!("tests-{:x}", rand_name(&base));
        let ask = Ask::CreateKey { name, scopes: vec!["all".into()], account: None };
        let key = control::execute(app.service(), ask).unwrap().remove(0);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        TestApp { app: Some(app), clock, folder, key, base, agent }
    }

    /// Stops, and gives the data directory back for another start.
    pub fn stop(mut self) -> Arc<tempfile::TempDir> {
        self.app.take().expect("it runs until it is stopped").stop();
        self.folder.clone()
    }

    pub fn app(&self) -> &App {
        self.app.as_ref().expect("it runs until it is stopped")
    }

    /// Sends any request; `path` is what follows the address.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body {
            Some(body) => self.agent.run(request.body(body).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let response = sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let (head, body) = response.into_parts();
        let headers = head.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        let headers = headers.collect();
        let mut bytes = Vec::new();
        body.into_reader().read_to_end(&mut bytes).unwrap();
        Answer { status: head.status.as_u16(), headers, body: bytes }
    }

    fn call(&self, method: &str, path: &str, body: Option<&[u8]>) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("authorization", bearer.as_str())];
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        self.request(method, &format!("/api/v1{path}"), &headers, body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body.to_string().as_bytes()))
    }

    /// Posts bytes as they are.
    pub fn post_bytes(&self, path: &str, body: &[u8]) -> Answer {
        self.call("POST", path, Some(body))
    }

    pub fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, Some(body.to_string().as_bytes()))
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None)
    }

    /// Makes a webhook to a receiver; answers the whole of it, secret included.
    pub fn webhook(&self, receiver: &Receiver, events: &[&str]) -> Value {
        self.webhook_with(json!({"request_url": receiver.url("/in"), "events": events}))
    }

    pub fn webhook_with(&self, body: Value) -> Value {
        self.post("/webhooks", body).expect(201).json()
    }

    /// Publishes an event with a payload as it is written; answers what the API says.
    pub fn publish(&self, event_type: &str, payload: &str) -> Value {
        let body = format!(r#"{{"type":"{event_type}","data":{payload}}}"#);
        self.post_bytes("/events", body.as_bytes()).expect(202).json()
    }

    /// The log entries that fit, newest first.
    pub fn logs(&self, query: &str) -> Vec<Value> {
        self.get(&format!("/logs?{query}")).expect(200).json()["data"].as_array().unwrap().clone()
    }

    /// One log entry in full.
    pub fn log(&self, id: &str) -> Value {
        self.get(&format!("/logs/{id}")).expect(200).json()
    }

    /// Waits until `count` log entries fit the query.
    #[track_caller]
    pub fn wait_for_logs(&self, query: &str, count: usize) -> Vec<Value> {
        let mut seen = Vec::new();
        wait_until(|| {
            seen = self.logs(query);
            seen.len() == count
        })
        .unwrap_or_else(|()| panic!("wanted {count} entries of {query}, saw {seen:#?}"));
        seen
    }

    /// The time it believes in.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock; whatever is due happens.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop();
        }
    }
}

/// Looks again and again, until it holds or [`PATIENCE`] is over.
pub fn wait_until(mut holds: impl FnMut() -> bool) -> Result<(), ()> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if holds() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    Err(())
}

/// A name that another start on the same data directory does not have.
fn rand_name(base: &str) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(base)
}
