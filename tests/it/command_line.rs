//! What scripts see of the program: exit codes, and what goes to which output.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Output, Stdio},
};

/// The program in a folder of its own, without what the environment of the tests may hold.
fn hookstead(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookstead"));
    command.args(arguments.split_whitespace()).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

fn ended(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
    (status.code().expect("it ends by itself"), text(stdout), text(stderr))
}

/// Row 85 of the bad-input table.
#[test]
fn exit_codes_tell_done_from_wrong_use() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("--help", 0),
        ("--version", 0),
        ("version --json", 0),
        ("check-config", 0),
        ("--unknown", 2),
        ("unknown", 2),
        ("check-config --config none.toml", 2),
        ("serve --listen 0.0.0.0:8080", 2),
        ("serve --config none.toml", 2),
        ("healthcheck ftp://127.0.0.1", 2),
        ("healthcheck http://127.0.0.1:1/readyz", 1),
    ];
    for (arguments, code) in cases {
        let (found, stdout, stderr) = ended(hookstead(folder.path(), arguments));
        assert_eq!(found, code, "{arguments}: {stderr}");
        assert_eq!((stdout.is_empty(), stderr.is_empty()), (code != 0, code == 0), "{arguments}: {stdout}{stderr}");
        assert!(!stderr.contains("panicked"), "{arguments}: {stderr}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn check_config_says_everything_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hookstead.toml"), "retention_days = 0\n[sender]\ntimeout_sec = 15\n").unwrap();
    let mut command = hookstead(folder.path(), "check-config");
    command.env("HOOKSTEAD_LISTN", "127.0.0.1:80");
    let (code, stdout, stderr) = ended(command);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert_eq!(
        stderr,
        "hookstead.toml:1: retention_days is 0; allowed: a whole number from 1 to 3650\n\
         hookstead.toml:3: unknown key sender.timeout_sec; did you mean timeout_ms in section [sender]?\n\
         HOOKSTEAD_LISTN: unknown variable; did you mean HOOKSTEAD_LISTEN?\n"
    );
}

#[test]
fn check_config_shows_where_a_value_came_from() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hookstead.toml"), "[web]\nworkers = 4\n").unwrap();
    let (code, stdout, _) = ended(hookstead(folder.path(), "check-config"));
    let line = stdout.lines().find(|line| line.starts_with("web.workers ")).expect("every key has its line");
    assert_eq!(
        (code, line.split_whitespace().collect::<Vec<_>>().join(" ").as_str()),
        (0, "web.workers = 4 # hookstead.toml:2")
    );
}

/// Row 25 of the faults, for the commands that answer on standard output.
#[test]
fn an_answer_that_nobody_takes_is_a_failure_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in ["--help", "version", "check-config", "openapi", "man", "completions bash"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = hookstead(folder.path(), arguments);
        command.stdout(writer);
        let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]), "{arguments}");

        let mut command = hookstead(folder.path(), arguments);
        command.stdout(File::options().write(true).open("/dev/full").unwrap());
        let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}");
        assert!(complaint.contains("standard output cannot be written: No space left"), "{arguments}: {complaint}");
    }
}
