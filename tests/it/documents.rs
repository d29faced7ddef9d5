//! Every command in the documents is run as it stands, against a real server. A block that cannot be run
//! says why, in a comment before it: `<!-- not run: needs Docker -->`.
//!
//! The `sh` blocks of a document are one session of bash that ends at the first command that fails. Other
//! programs get an API key in `WEBHOOKS_KEY`. Addresses stand for those of the test: `127.0.0.1:8080`
//! for the server, `https://hooks.example.com/` for a receiver that answers 200.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    process::{self, Process},
    receiver::Receiver,
    tools,
};

/// Languages whose blocks are programs, and what runs a file of them.
const PROGRAMS: [(&str, &str, &[&str]); 4] = [
    ("python", "example.py", &["python3"]),
    ("js", "example.mjs", &["node"]),
    ("go", "example.go", &["go", "run"]),
    ("php", "example.php", &["php"]),
];
/// Languages that are read, not run. Configuration is checked by `check-config`.
const TEXTS: [&str; 8] = ["json", "text", "toml", "nginx", "caddyfile", "yaml", "ini", "dockerfile"];
/// Run by `docs_disaster_recovery`, which plays systemd and puts other paths in place of those of a server.
const RUN_ELSEWHERE: &str = "disaster-recovery.md";
/// Longest time for one document, in seconds.
const PATIENCE_S: &str = "120";

/// A block of a document.
struct Block {
    language: String,
    line: usize,
    text: String,
    not_run: bool,
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    all.push(root.join("README.md"));
    all.sort();
    all
}

fn blocks(path: &Path) -> Vec<Block> {
    let (mut blocks, mut open, mut before) = (Vec::new(), None::<Block>, String::new());
    for (number, line) in fs::read_to_string(path).unwrap().lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                let reason = before.strip_prefix("<!-- not run: ").and_then(|rest| rest.strip_suffix(" -->"));
                let not_run = reason.is_some_and(|reason| !reason.is_empty());
                let (language, text) = (language.to_owned(), String::new());
                open = Some(Block { language, line: number + 1, text, not_run });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
        if !line.trim().is_empty() {
            before = line.trim().to_owned();
        }
    }
    assert!(open.is_none(), "{} ends inside a block", path.display());
    blocks
}

/// A server, a receiver, and a folder in which the commands of a document are run.
struct Desk {
    folder: tempfile::TempDir,
    server: Process,
    receiver: Receiver,
    key: String,
}

impl Desk {
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let server = Process::serve(&data);
        let (_, key, _) = process::run(&data, &["apikey", "create", "documents", "--scopes", "all"]);
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hookstead"), programs.join("hookstead")).unwrap();
        // The program is built already.
        let cargo = "#!/bin/sh\n[ \"$*\" = \"${*#*-- }\" ] && exit 64\nwhile [ \"$1\" != -- ]; do shift; done\nshift\n\
                     exec hookstead \"$@\"\n";
        fs::write(programs.join("cargo"), cargo).unwrap();
        fs::set_permissions(programs.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        Desk { folder, server, receiver: Receiver::start(), key: key.trim().to_owned() }
    }

    /// The text with the addresses of this test.
    fn addressed(&self, text: &str) -> String {
        let server = self.server.base.trim_start_matches("http://");
        text.replace("127.0.0.1:8080", server).replace("https://hooks.example.com/", &self.receiver.url("/"))
    }

    fn run(&self, arguments: &[&str], file: &str, text: &str) -> Result<String, String> {
        let path = self.folder.path().join(file);
        fs::write(&path, self.addressed(text)).unwrap();
        let mut command = Command::new("timeout");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HOOKSTEAD_")
                || name.to_string_lossy().to_lowercase().ends_with("_proxy")
            {
                command.env_remove(name);
            }
        }
        let search = std::env::var("PATH").unwrap_or_default();
        command.arg("--kill-after=5").arg(PATIENCE_S).args(arguments).arg(&path).current_dir(self.folder.path());
        command.env("PATH", format!("{}/bin:{search}", self.folder.path().display()));
        command.env("WEBHOOKS_KEY", &self.key).env("HOOKSTEAD_DATA_DIR", self.folder.path().join("data"));
        command.env("HOOKSTEAD_LISTEN", self.server.base.trim_start_matches("http://"));
        command.env("GOCACHE", self.folder.path().join("go")).env("GO111MODULE", "off").env("GOFLAGS", "");
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(said) } else { Err(format!("{said}\n{errors}")) }
    }
}

#[test]
fn every_command_in_the_documents_can_be_run() {
    if !tools::are_there(&["bash", "curl", "jq", "timeout"]) {
        return;
    }
    for document in documents().iter().filter(|document| !document.ends_with(RUN_ELSEWHERE)) {
        let mut session = String::from("set -euo pipefail\n");
        let mut commands = 0;
        for block in blocks(document).iter().filter(|block| block.language == "sh" && !block.not_run) {
            session.push_str(&format!("echo \"--- line {}\"\n{}", block.line, block.text));
            commands += 1;
        }
        if commands > 0 {
            let ended = Desk::new().run(&["bash"], "session.sh", &session);
            assert!(ended.is_ok(), "{}: {}", document.display(), ended.unwrap_err());
        }
    }
}

#[test]
fn a_command_that_fails_is_noticed_wherever_it_stands() {
    if !tools::are_there(&["bash", "curl", "jq", "timeout"]) {
        return;
    }
    let desk = Desk::new();
    for wrong in
        ["false\ntrue", "hookstead no-such-command | cat", "echo '{}' | jq --exit-status .x | cat", "X=$(false)"]
    {
        let session = format!("set -euo pipefail\n{wrong}\n");
        assert!(desk.run(&["bash"], "session.sh", &session).is_err(), "{wrong}");
    }
    assert!(desk.run(&["bash"], "session.sh", "set -euo pipefail\nhookstead healthcheck\n").is_ok());
    let all: Vec<Block> = documents().iter().flat_map(|document| blocks(document)).collect();
    let run = all.iter().filter(|block| block.language == "sh" && !block.not_run).count();
    assert!(run >= 15, "{run} blocks are run, of {}", all.len());
}

#[test]
fn every_program_in_the_documents_publishes_an_event() {
    let mut desk = None;
    for document in documents() {
        for block in blocks(&document).iter().filter(|block| !block.not_run) {
            let Some((_, file, run)) = PROGRAMS.iter().find(|(language, ..)| *language == block.language) else {
                let known = block.language == "sh" || TEXTS.contains(&block.language.as_str());
                assert!(known, "{}:{}: what is {:?}?", document.display(), block.line, block.language);
                continue;
            };
            if !tools::are_there(&run[..1]) {
                continue;
            }
            let ended = desk.get_or_insert_with(Desk::new).run(run, file, &block.text);
            let said = ended.unwrap_or_else(|error| panic!("{}:{}: {error}", document.display(), block.line));
            assert!(said.contains("evt_"), "{}:{}: it printed {said:?}", document.display(), block.line);
        }
    }
}

#[test]
fn every_setting_in_the_documents_is_one() {
    for document in documents() {
        for block in blocks(&document).iter().filter(|block| block.language == "toml" && !block.not_run) {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("hookstead.toml");
            fs::write(&file, &block.text).unwrap();
            let data = folder.path().join("data");
            let (code, _, errors) = process::run(&data, &["check-config", "--config", file.to_str().unwrap()]);
            assert_eq!(code, Some(0), "{}:{}: {errors}", document.display(), block.line);
        }
    }
}

#[test]
fn a_link_in_the_documents_leads_to_a_file() {
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !link.contains("://") {
                assert!(document.with_file_name(file).exists(), "{}: {link}", document.display());
            }
        }
    }
}
