//! Every command of `docs/disaster-recovery.md`, in its order, on a server of its own.

use std::{
    fs,
    os::unix::fs::symlink,
    process::{Command, Stdio},
};

use crate::process::command;

/// systemd, as far as the document needs it; and what it takes for granted.
const BEFORE: &str = r#"
systemctl() {
    case "$1" in
    stop) test -z "$server" || { kill "$server"; wait "$server" || true; server=; } ;;
    start)
        hookstead serve --listen 127.0.0.1:0 >/dev/null 2>"$PLACE/said" &
        server=$!
        until grep -q listening "$PLACE/said"; do kill -0 "$server"; sleep 0.05; done ;;
    esac
}
trap 'test -z "$server" || kill "$server"' EXIT
server=
printf 'a long password\n' | hookstead admin create admin@example.com --password-stdin
systemctl start hookstead
"#;

#[test]
fn every_command_of_the_document_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let (data_dir, bin) = (folder.path().join("data"), folder.path().join("bin"));
    fs::create_dir(&bin).unwrap();
    fs::create_dir(folder.path().join("backups")).unwrap();
    symlink(env!("CARGO_BIN_EXE_hookstead"), bin.join("hookstead")).unwrap();
    let document = include_str!("../../docs/disaster-recovery.md");
    let mut script = BEFORE.to_owned();
    let mut is_code = false;
    let mut commands = 0;
    for line in document.lines().map(str::trim) {
        match line {
            "```sh" => is_code = true,
            "```" => is_code = false,
            line if is_code => {
                commands += 1;
                script += &format!("echo '$ {line}'\n{line}\n");
            }
            _ => {}
        }
    }
    assert!(commands > 12, "{commands} commands");
    let script = script
        .replace("/etc/hookstead", place)
        .replace("/var/lib/hookstead", &format!("{place}/data"))
        .replace("/mnt/backups", &format!("{place}/backups"))
        .replace("/tmp/try-hookstead", &format!("{place}/try"));
    let ours = command(&data_dir);
    let mut shell = Command::new("sh");
    for (name, value) in ours.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let shell = shell.current_dir(folder.path()).env("PATH", path).env("PLACE", place).args(["-euc", &script]);
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}\n{complaint}");
    for words in ["0 events, 0 webhooks.", "whole, and every table agrees", "What was there before is in"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
