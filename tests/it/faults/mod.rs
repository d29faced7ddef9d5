//! The faults of a machine, injected for real into the real program: signals, full and failing and
//! vanished disks, limits, clocks. `tests/README.md` says which row of the list is where.

mod clock;
mod network;
mod process;
mod storage;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::process::{Process, command, signal};

/// Whether this machine lets us inject a fault. Where it does not, the test says so and passes,
/// except under CI, where nothing may be left out.
pub fn can(tools: &[&str]) -> bool {
    let found = |tool: &&str| {
        std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()))
    };
    let mut missing: Vec<&str> = tools.iter().copied().filter(|tool| !found(tool)).collect();
    if !rustix::process::geteuid().is_root() {
        missing.push("root");
    }
    if missing.is_empty() {
        return true;
    }
    let words = format!("NOT TESTED: this fault needs {}", missing.join(", "));
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
    eprintln!("{words}");
    false
}

/// The same program, started by another one that arranges the fault: what stands in `around` is
/// run with the program and its arguments behind it.
pub fn inside(around: &[&str], command: &Command) -> Command {
    let mut wrapped = Command::new(around[0]);
    wrapped.args(&around[1..]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped.current_dir(command.get_current_dir().expect("it is set"));
    wrapped
}

/// System calls of a running process that fail, until this is dropped.
pub struct Injected(Child);

impl Injected {
    /// `what` as strace has it, such as `fdatasync:error=EIO:when=1+`; counted for each thread.
    pub fn into(process: u32, what: &str) -> Injected {
        let call = what.split(':').next().expect("it names a call");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", &format!("trace={call}"), "-e", &format!("inject={what}"), "-o", "/dev/null"]);
        let mut strace = strace.args(["-p", &process.to_string()]).stderr(Stdio::piped()).spawn().expect("it is there");
        let mut said = String::new();
        let mut lines = BufReader::new(strace.stderr.take().expect("it was asked for"));
        lines.read_line(&mut said).expect("it speaks");
        assert!(said.contains("attached"), "{said}");
        // It says one line for each thread, and would wait for a reader.
        std::thread::spawn(move || lines.lines().for_each(drop));
        Injected(strace)
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        // At its end it lets the process go on unhurt.
        signal(self.0.id(), "TERM");
        let _ = self.0.wait();
    }
}

/// A data directory with a key in it, and the key.
pub fn data_with_key(folder: &Path) -> (std::path::PathBuf, String) {
    let data_dir = folder.join("data");
    let (code, key, complaint) = crate::process::run(&data_dir, &["apikey", "create", "crm"]);
    assert_eq!(code, Some(0), "{complaint}");
    (data_dir, key)
}

/// A server whose data lies on a disk of 8 MB, in a mount namespace of its own.
pub struct SmallDisk {
    pub disk: PathBuf,
    pub process: Process,
    /// A key for its API.
    pub key: String,
}

impl SmallDisk {
    /// Starts it below `folder`, with these variables set.
    pub fn serve(folder: &Path, variables: &[(&str, &str)]) -> SmallDisk {
        let disk = folder.join("disk");
        fs::create_dir(&disk).unwrap();
        let mut serve = command(&disk.join("data"));
        serve.current_dir(folder).args(["serve", "--listen", "127.0.0.1:0"]);
        serve.env("HOOKSTEAD_LIMITS_MIN_FREE_DISK_BYTES", "0").envs(variables.iter().copied());
        let mount = format!("mount -t tmpfs -o size=8m none {} && exec \"$@\"", disk.display());
        let mut serve = inside(&["unshare", "-m", "sh", "-c", &mount, "sh"], &serve);
        serve.stdout(Stdio::null());
        let process = Process::start(serve);
        let target = process.id().to_string();
        let mut make_key = command(&disk.join("data"));
        make_key.current_dir("/").args(["apikey", "create", "crm"]);
        let made = inside(&["nsenter", "-m", "-t", target.as_str()], &make_key).output().unwrap();
        SmallDisk { disk, process, key: String::from_utf8(made.stdout).unwrap() }
    }
}
