//! Chromium and the program that drives it, one of each for a test. Everything that blocks has a
//! bound, and both are gone when this is dropped, whatever became of the test.

use std::{
    cell::RefCell,
    future::Future,
    io::{BufRead, BufReader},
    panic::Location,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, error::CmdError, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// How long one command may take on a busy machine; a page is loaded within one.
const COMMAND: Duration = Duration::from_secs(120);
/// How long the end may take before it is brought about.
const END: Duration = Duration::from_secs(10);

/// Nothing outside this machine is asked for anything; whoever tries is seen in [`Seen::requests`].
const FLAGS: [&str; 14] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--lang=en",
    // As on a phone, where they take no room.
    "--hide-scrollbars",
    "--window-size=1280,900",
    // It ends when the pipe to the driver ends, even if that was killed.
    "--remote-debugging-pipe",
];

/// A running browser.
pub struct Driver {
    client: Option<Client>,
    runtime: Runtime,
    seen: RefCell<Seen>,
    process: Process,
    _folder: tempfile::TempDir,
}

/// What a browser did and said so far.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Every address that a page asked for, with what for (`Document`, `Stylesheet`, `Script`, …).
    pub requests: Vec<(String, String)>,
    /// What was answered with an error although a page needed it: not the pages themselves.
    pub failed: Vec<String>,
    /// Warnings and errors of the console, reports of the content security policy among them.
    pub complaints: Vec<String>,
    /// Dialogs that a script opened.
    pub dialogs: Vec<String>,
}

impl Driver {
    /// Starts both; why not if that is impossible here.
    pub fn start() -> Result<Driver, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut process = Process::start(folder.path())?;
        let port = process.port()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let wanted = json!({
            "unhandledPromptBehavior": "ignore",
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {
                "args": FLAGS,
                "perfLoggingPrefs": {"enableNetwork": true, "enablePage": true},
            },
        });
        let client = runtime.block_on(async {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(wanted.as_object().expect("it is one").clone());
            let address = format!("http://127.0.0.1:{port}");
            tokio::time::timeout(COMMAND, builder.connect(&address)).await
        });
        let client = client.map_err(|_| "Chromium does not start".to_owned())?;
        let client = Some(client.map_err(|error| format!("Chromium does not start: {error}"))?);
        Ok(Driver { client, runtime, seen: RefCell::default(), process, _folder: folder })
    }

    /// The client, for commands to be given to [`Driver::run`].
    pub fn client(&self) -> &Client {
        self.client.as_ref().expect("it is there until the end")
    }

    /// Carries a command out.
    #[track_caller]
    pub fn run<T>(&self, command: impl Future<Output = Result<T, CmdError>>) -> Result<T, CmdError> {
        let here = Location::caller();
        // The timer needs the runtime, so it is made inside.
        let done = self.runtime.block_on(async { tokio::time::timeout(COMMAND, command).await });
        done.unwrap_or_else(|_| panic!("the browser hangs, asked from {here}"))
    }

    /// A command of the DevTools protocol.
    #[track_caller]
    pub fn devtools(&self, name: &str, parameters: Value) -> Value {
        let body = json!({"cmd": name, "params": parameters});
        let command = Extra { path: "goog/cdp/execute", body };
        self.run(self.client().issue_cmd(command)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// What it did and said so far.
    pub fn seen(&self) -> Seen {
        let mut seen = self.seen.borrow_mut();
        for line in self.log("browser") {
            let (source, text) = (line["source"].as_str().unwrap_or(""), line["message"].as_str().unwrap_or(""));
            // A page that is answered with 404 or 422 is in order; other answers are looked at below.
            if source == "network" && text.contains("the server responded with a status of") {
                continue;
            }
            if matches!(line["level"].as_str(), Some("SEVERE" | "WARNING")) {
                seen.complaints.push(format!("{source}: {text}"));
            }
        }
        for line in self.log("performance") {
            let message: Value = serde_json::from_str(line["message"].as_str().unwrap_or("")).unwrap_or_default();
            let (method, event) = (message["message"]["method"].as_str(), &message["message"]["params"]);
            let kind = event["type"].as_str().unwrap_or("Other").to_owned();
            let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
            match method {
                Some("Network.requestWillBeSent") => seen.requests.push((text(&event["request"]["url"]), kind)),
                Some("Network.responseReceived") if kind != "Document" => {
                    let status = event["response"]["status"].as_u64().unwrap_or(0);
                    if status >= 400 {
                        seen.failed.push(format!("{status} {kind} {}", event["response"]["url"]));
                    }
                }
                Some("Page.javascriptDialogOpening") => seen.dialogs.push(text(&event["message"])),
                _ => {}
            }
        }
        seen.clone()
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        let command = Extra { path: "se/log", body: json!({"type": kind}) };
        let lines = self.run(self.client().issue_cmd(command)).unwrap_or_else(|error| panic!("log {kind}: {error}"));
        lines.as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let end = async { tokio::time::timeout(END, client.close()).await };
            let _ = self.runtime.block_on(end);
        }
        self.process.end();
    }
}

/// The driver's process; it does not outlive the thread that started it.
struct Process(Child);

impl Process {
    fn start(folder: &std::path::Path) -> Result<Process, String> {
        // With this in front it is killed together with us, if we are.
        let tied = ["--pdeathsig", "KILL", "chromedriver"];
        let start = |mut command: Command| {
            // What Chromium leaves in the folder for temporary files goes with the test.
            command.arg("--port=0").env("TMPDIR", folder);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
        };
        let mut wrapped = Command::new("setpriv");
        wrapped.args(tied);
        let started = start(wrapped).or_else(|_| start(Command::new("chromedriver")));
        started.map(Process).map_err(|error| format!("chromedriver does not start: {error}"))
    }

    /// Waits until it says where it listens.
    fn port(&mut self) -> Result<u16, String> {
        let lines = BufReader::new(self.0.stdout.take().expect("it was asked for")).lines();
        let (told, port) = mpsc::channel();
        // Reads on afterwards, so that it never waits for a reader.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some((_, number)) = line.split_once("started successfully on port ") {
                    let _ = told.send(number.trim_end_matches('.').parse::<u16>());
                }
            }
        });
        match port.recv_timeout(COMMAND) {
            Ok(Ok(port)) => Ok(port),
            _ => Err("chromedriver does not say where it listens (Debian: apt-get install chromium-driver)".into()),
        }
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A command that WebDriver itself does not have.
#[derive(Debug)]
struct Extra {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extra {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (ureq::http::Method, Option<String>) {
        (ureq::http::Method::POST, Some(self.body.to_string()))
    }
}
