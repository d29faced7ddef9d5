//! The real program as a process of its own, to be killed, starved and looked at from outside.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use hookstead::{
    store::{KeyFile, OpenOptions, RandomBytes},
    system::{Random, SystemRandom},
};
use serde_json::Value;

/// How long the program may take until it listens.
pub const READY_WITHIN: Duration = Duration::from_secs(20);

/// A running program; killed when dropped.
pub struct Process {
    child: Child,
    /// Such as `http://127.0.0.1:41234`.
    pub base: String,
    /// From the start to the line that says where it listens.
    pub ready_after: Duration,
}

/// The program, with nothing of this machine's environment that it would read.
pub fn command(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookstead"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HOOKSTEAD_") {
            command.env_remove(name);
        }
    }
    command.current_dir(data_dir.parent().expect("a folder in a temporary folder"));
    command.env("HOOKSTEAD_DATA_DIR", data_dir).env("HOOKSTEAD_ALLOWED_PRIVATE_TARGETS", "127.0.0.0/8");
    command
}

/// What the program opens such a data directory with: its key file is beside it.
pub fn options(data_dir: &Path) -> OpenOptions {
    let random: RandomBytes = Arc::new(|out| SystemRandom.bytes(out));
    let key_file = KeyFile { path: data_dir.with_file_name("hookstead.key"), random };
    OpenOptions { key_file: Some(key_file), ..OpenOptions::default() }
}

impl Process {
    /// Starts serving on a free port, and waits until it says where.
    pub fn serve(data_dir: &Path) -> Process {
        let mut command = command(data_dir);
        command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null());
        Process::start(command)
    }

    /// Starts whatever ends in serving, and waits until it says where.
    pub fn start(command: Command) -> Process {
        Process::try_start(command).unwrap_or_else(|seen| panic!("the program does not listen; it said {seen:#?}"))
    }

    /// The same; what it said if it ended before.
    pub fn try_start(mut command: Command) -> Result<Process, Vec<String>> {
        let began = Instant::now();
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().expect("the program starts");
        // From here on it is killed and waited for, whatever happens.
        let mut process = Process { child, base: String::new(), ready_after: Duration::ZERO };
        let stderr = process.child.stderr.take().expect("it was asked for");
        let (told, listening) = mpsc::channel();
        // Reads on after the first line, so that the program never waits for a reader.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = told.send(line);
            }
        });
        let mut seen = Vec::new();
        loop {
            let left = READY_WITHIN.saturating_sub(began.elapsed());
            let line = match listening.recv_timeout(left) {
                Ok(line) => line,
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(seen),
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the program hangs; it said {seen:#?}"),
            };
            if let Some(base) = line.strip_prefix("listening on ") {
                (process.base, process.ready_after) = (base.to_owned(), began.elapsed());
                return Ok(process);
            }
            seen.push(line);
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("it is ours").code()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is ours");
    }

    /// SIGTERM; the exit code, and how long it took.
    pub fn terminate(mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        signal(self.child.id(), "TERM");
        let status = self.child.wait().expect("it is ours");
        (status.code(), began.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process of ours.
pub fn signal(id: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), id.to_string()]).status().expect("kill is there");
    assert!(sent.success(), "kill -{name} {id}");
}

/// Runs a command of the program to its end: exit code, standard output, standard error.
pub fn run(data_dir: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = command(data_dir).args(arguments).stdin(Stdio::null()).output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Calls the API of a process.
#[derive(Clone)]
pub struct Caller {
    agent: ureq::Agent,
    key: String,
}

impl Caller {
    pub fn new(key: &str) -> Caller {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
        Caller { agent: config.timeout_global(Some(Duration::from_secs(10))).build().into(), key: key.trim().into() }
    }

    /// Status and body; `None` if the process went away in between.
    pub fn post(&self, base: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let request = self.agent.post(format!("{base}/api/v1{path}"));
        let request = request.header("authorization", format!("Bearer {}", self.key));
        let mut answer = request.content_type("application/json").send(body.to_string()).ok()?;
        let text = answer.body_mut().read_to_string().ok()?;
        Some((answer.status().as_u16(), serde_json::from_str(&text).ok()?))
    }

    /// Status and body of anything below the address, with the key; `None` if nobody answers.
    pub fn get(&self, base: &str, path: &str) -> Option<(u16, String)> {
        let request = self.agent.get(format!("{base}{path}"));
        let mut answer = request.header("authorization", format!("Bearer {}", self.key)).call().ok()?;
        Some((answer.status().as_u16(), answer.body_mut().read_to_string().ok()?))
    }

    /// Whether any delivery is pending.
    pub fn pending(&self, base: &str) -> Option<bool> {
        let request = self.agent.get(format!("{base}/api/v1/logs?status=pending&limit=1"));
        let mut answer = request.header("authorization", format!("Bearer {}", self.key)).call().ok()?;
        let page: Value = serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()?;
        Some(!page["data"].as_array()?.is_empty())
    }
}
