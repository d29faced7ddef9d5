//! The server under test: the same program as a process of its own, on a data directory of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::http::{EventRequest, call};

/// How long a server may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(600);
/// How often it is asked whether it is ready.
const LOOK: Duration = Duration::from_millis(1);
/// How our variables in the environment begin.
const VARIABLE_PREFIX: &str = "HOOKSTEAD_";
/// Where events are published.
pub(super) const EVENTS: &str = "/api/v1/events";

/// The folder that everything is in, and the server that runs: what must be gone when the bench ends,
/// however it ends.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// A fresh folder, with its links resolved.
    pub(super) folder: PathBuf,
    program: PathBuf,
    config: Option<PathBuf>,
    running: Arc<Mutex<Option<Child>>>,
}

impl Place {
    /// Makes a fresh folder inside `dir`.
    pub(super) fn make(dir: &Path, config: Option<PathBuf>) -> Result<Place, String> {
        let program = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
        let folder = dir.join(format!("hookstead-bench-{}", std::process::id()));
        let about = |error| format!("{}: {error}", folder.display());
        fs::create_dir(&folder).map_err(about)?;
        let folder = folder.canonicalize().map_err(about)?;
        Ok(Place { folder, program, config, running: Arc::default() })
    }

    /// Ends the server, if one runs, and removes the folder. As long as what is given is held, no other
    /// server can be started.
    pub(super) fn clear(&self) -> impl Sized {
        let mut running = self.running();
        end(&mut running);
        let _ = fs::remove_dir_all(&self.folder);
        running
    }

    fn running(&self) -> MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program, with nothing of this machine's environment that it would read, and with what the
    /// bench needs in place of what a configuration file says.
    fn command(&self, data_dir: &Path) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(VARIABLE_PREFIX)) {
            command.env_remove(name);
        }
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.env("HOOKSTEAD_DATA_DIR", data_dir).env("HOOKSTEAD_LISTEN", "127.0.0.1:0");
        command.env("HOOKSTEAD_ALLOWED_PRIVATE_TARGETS", "127.0.0.0/8");
        // What is measured speaks plain HTTP, whatever the configuration says.
        command.env("HOOKSTEAD_TLS_CERTIFICATE_FILE", "").env("HOOKSTEAD_TLS_KEY_FILE", "");
        command.env("HOOKSTEAD_SENDER_REQUIRE_HTTPS", "false").env("HOOKSTEAD_SENDER_PROXY", "");
        // Else one would be made beside the configuration file, where the real one belongs.
        command.env("HOOKSTEAD_SECRET_KEY_FILE", self.folder.join("bench.key"));
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        command
    }
}

fn end(running: &mut Option<Child>) {
    if let Some(mut child) = running.take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A running server; killed and its data removed when dropped.
#[derive(Debug)]
pub(super) struct Server {
    place: Place,
    data_dir: PathBuf,
    pub(super) address: SocketAddr,
    pub(super) process: u32,
    pub(super) key: String,
    /// When it was started last.
    pub(super) started: Instant,
    /// From its start to the first 200 of `/readyz`.
    pub(super) ready_after: Duration,
}

impl Server {
    /// Starts on an empty data directory.
    pub(super) fn start(place: &Place) -> Result<Server, String> {
        let data_dir = place.folder.join("data");
        let made = place.command(&data_dir).args(["apikey", "create", "bench"]).output();
        let made = made.map_err(|error| format!("{}: {error}", place.program.display()))?;
        if !made.status.success() {
            return Err(format!("no API key was made: {}", String::from_utf8_lossy(&made.stderr).trim()));
        }
        let key = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let (started, ready_after) = (Instant::now(), Duration::ZERO);
        let mut server = Server { place: place.clone(), data_dir, address, process: 0, key, started, ready_after };
        server.serve()?;
        Ok(server)
    }

    /// Kills it, which leaves it no time for anything, and starts it again on the same data.
    pub(super) fn kill_and_restart(&mut self) -> Result<(), String> {
        end(&mut self.place.running());
        self.serve()
    }

    fn serve(&mut self) -> Result<(), String> {
        let mut command = self.place.command(&self.data_dir);
        command.arg("serve").stdout(Stdio::null()).stderr(Stdio::piped());
        // Held while it is started, so that whoever clears up sees it or comes before it.
        let mut running = self.place.running();
        self.started = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", self.place.program.display()))?;
        self.process = child.id();
        let stderr = child.stderr.take().expect("it was asked for");
        *running = Some(child);
        drop(running);
        let (told, lines) = mpsc::channel();
        // Reads on after the line that is waited for, so that the server never waits for a reader.
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = told.send(line);
            }
        });
        let mut said = Vec::new();
        self.address = loop {
            let Ok(line) = lines.recv_timeout(READY_WITHIN) else {
                return Err(format!("the server does not listen; it said: {}", said.join("; ")));
            };
            match line.strip_prefix("listening on http://").and_then(|address| address.parse().ok()) {
                Some(address) => break address,
                None => said.push(line),
            }
        };
        while !call(self.address, "GET", "/readyz", "", "").is_ok_and(|(status, _)| status == 200) {
            if self.started.elapsed() > READY_WITHIN {
                return Err("the server does not become ready".into());
            }
            thread::sleep(LOOK);
        }
        self.ready_after = self.started.elapsed();
        Ok(())
    }

    /// Makes a webhook.
    pub(super) fn webhook(&self, members: &serde_json::Value) -> Result<(), String> {
        self.ask("POST", "/api/v1/webhooks", &members.to_string(), 201).map(drop)
    }

    /// Number of pending deliveries, by the server's own count.
    pub(super) fn pending(&self) -> Result<u64, String> {
        let stats = self.ask("GET", "/api/v1/stats", "", 200)?;
        let stats: serde_json::Value = serde_json::from_str(&stats).map_err(|error| error.to_string())?;
        stats["queue_depth"].as_u64().ok_or_else(|| "/api/v1/stats has no queue_depth".into())
    }

    /// The request that publishes an event for `account`.
    pub(super) fn event(&self, account: &str) -> EventRequest {
        EventRequest::new(EVENTS, &self.key, account)
    }

    /// Asks the API; anything but the expected status is an error that shows the answer.
    pub(super) fn ask(&self, method: &str, path: &str, body: &str, expected: u16) -> Result<String, String> {
        match call(self.address, method, path, &self.key, body)? {
            (status, answer) if status == expected => Ok(answer),
            (status, answer) => Err(format!("{method} {path} was answered {status}: {answer}")),
        }
    }

    /// Bytes that the data directory takes on disk.
    pub(super) fn disk_bytes(&self) -> u64 {
        use std::os::unix::fs::MetadataExt;
        let files = fs::read_dir(&self.data_dir).into_iter().flatten().flatten();
        files.filter_map(|file| Some(file.metadata().ok()?.blocks() * 512)).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.place.running());
        let _ = fs::remove_dir_all(&self.data_dir);
    }
}
