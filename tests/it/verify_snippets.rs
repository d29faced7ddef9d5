//! Every function of the *Verify signature* page, in its own language and from the very file that the
//! page shows, judges the same requests. A language that is not installed is said loudly; under CI
//! it fails, because `./test` installs them all.

use std::{fs, path::Path, process::Command};

use hookstead::domain::{Secret, sign};
use serde_json::Value;

#[path = "../../templates/verify/rust.rs"]
mod rust;

const VECTORS: &str = include_str!("../fixtures/vectors/vectors.json");
const CONTACT_CREATED: &[u8] = include_bytes!("../fixtures/payloads/product/contact.created.json");

/// A request as it reached a receiver, and whether it is genuine.
struct Case {
    name: String,
    secret: String,
    id: String,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
    now: u64,
    genuine: bool,
}

/// What makes another case of one.
type Change<'a> = &'a dyn Fn(&mut Case);

impl Case {
    fn but(&self, name: &str, change: impl FnOnce(&mut Case)) -> Case {
        let mut case = Case {
            name: name.to_owned(),
            secret: self.secret.clone(),
            id: self.id.clone(),
            timestamp: self.timestamp.clone(),
            signature: self.signature.clone(),
            body: self.body.clone(),
            now: self.now,
            genuine: false,
        };
        change(&mut case);
        case
    }

    fn signed(name: &str, secret: &str, id: &str, at: u64, body: &[u8]) -> Case {
        let signature = sign(&[&Secret::parse(secret).expect("a secret")], id, at, body);
        Case {
            name: name.to_owned(),
            secret: secret.to_owned(),
            id: id.to_owned(),
            timestamp: at.to_string(),
            signature,
            body: body.to_vec(),
            now: at,
            genuine: true,
        }
    }
}

fn cases() -> Vec<Case> {
    let vectors: Value = serde_json::from_str(VECTORS).expect("the fixture is JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let mut cases: Vec<Case> = Vec::new();
    for vector in vectors["sign"].as_array().expect("a list") {
        cases.push(Case {
            name: format!("published vector {}", vector["id"]),
            secret: text(&vector["secret"]),
            id: text(&vector["id"]),
            timestamp: vector["timestamp"].to_string(),
            signature: text(&vector["signature"]),
            body: text(&vector["body"]).into_bytes(),
            now: vector["timestamp"].as_u64().expect("seconds"),
            genuine: true,
        });
    }
    let first = cases[0].but("", |_| {});
    for vector in vectors["verify"].as_array().expect("a list") {
        let header = match (vector["header"].as_str(), vector["header_template"].as_str()) {
            (Some(header), _) => header.to_owned(),
            (_, Some(template)) => template.replace("<valid>", &first.signature),
            _ => continue,
        };
        let genuine = vector["valid"] == Value::Bool(true);
        cases.push(first.but(vector["case"].as_str().expect("a name"), |case| {
            (case.signature, case.genuine) = (header, genuine);
        }));
    }
    let (typed, unpadded) = ("my typed secret é", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAQ");
    let all_bytes: Vec<u8> = (0..=255).collect();
    cases.push(Case::signed("a typed secret", typed, "evt_1", 1_767_605_400, CONTACT_CREATED));
    cases.push(Case::signed("base64 without padding", unpadded, "evt_1", 1_767_605_400, b"{}"));
    cases.push(Case::signed("base64 with padding", &format!("{unpadded}=="), "evt_1", 1_767_605_400, b"{}"));
    cases.push(Case::signed("every byte", typed, "evt_1", 1_767_605_400, &all_bytes));
    cases.push(Case::signed("an empty body", typed, "evt_1", 1_767_605_400, b""));
    cases.push(Case::signed("a line break at the end", typed, "evt_1", 1_767_605_400, b"{}\n"));
    let changes: [(&str, Change<'_>); 17] = [
        ("five minutes old", &|case| (case.now, case.genuine) = (case.now + 300, true)),
        ("five minutes ahead", &|case| (case.now, case.genuine) = (case.now - 300, true)),
        ("too old", &|case| case.now += 301),
        ("too new", &|case| case.now -= 301),
        ("another body", &|case| case.body[5] ^= 1),
        ("a line break added", &|case| case.body.push(b'\n')),
        ("another secret", &|case| case.secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".into()),
        ("the secret as plain text", &|case| case.secret = case.secret.replace("whsec_", "")),
        ("another id", &|case| case.id.push('x')),
        ("no id", &|case| case.id.clear()),
        ("no timestamp", &|case| case.timestamp.clear()),
        ("a timestamp that is a word", &|case| case.timestamp = "hello".into()),
        ("a timestamp with a sign", &|case| case.timestamp.insert(0, '+')),
        ("another timestamp in time", &|case| case.timestamp = (case.now + 1).to_string()),
        ("no signature", &|case| case.signature.clear()),
        ("half a signature", &|case| case.signature.truncate(8)),
        ("another version", &|case| case.signature = case.signature.replace("v1,", "v2,")),
    ];
    cases.extend(changes.into_iter().map(|(name, change)| first.but(name, change)));
    cases
}

/// Lays the cases out as files, one folder each, and gives the folder around them.
fn laid_out(cases: &[Case]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, case) in cases.iter().enumerate() {
        let own = folder.path().join(number.to_string());
        fs::create_dir(&own).unwrap();
        for (name, bytes) in [
            ("secret", case.secret.as_bytes()),
            ("webhook-id", case.id.as_bytes()),
            ("webhook-timestamp", case.timestamp.as_bytes()),
            ("webhook-signature", case.signature.as_bytes()),
            ("body", &case.body),
            ("now", case.now.to_string().as_bytes()),
        ] {
            fs::write(own.join(name), bytes).unwrap();
        }
    }
    folder
}

fn is_there(tools: &[&str]) -> bool {
    let runs = |tool: &&str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
    };
    let missing: Vec<_> = tools.iter().filter(|tool| !runs(tool)).collect();
    if missing.is_empty() {
        return true;
    }
    let words = format!("NOT TESTED: this function needs {missing:?}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
    eprintln!("{words}");
    false
}

/// What the page shows, and what runs it over the cases.
fn parts(file: &str) -> (String, String) {
    let root = env!("CARGO_MANIFEST_DIR");
    let read = |path: String| fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    (read(format!("{root}/templates/verify/{file}")), read(format!("{root}/tests/fixtures/verify/{file}")))
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).expect("yes and no")
}

/// Runs `command` over the cases; `build` makes what it needs in a folder that it gets.
#[track_caller]
fn judge(build: impl FnOnce(&Path) -> Command) {
    let cases = cases();
    let (work, folder) = (tempfile::tempdir().unwrap(), laid_out(&cases));
    let mut command = build(work.path());
    let said = run(command.arg(folder.path()).arg(cases.len().to_string()));
    let said: Vec<_> = said.lines().collect();
    assert_eq!(said.len(), cases.len(), "{said:?}");
    let wrong: Vec<_> = cases.iter().zip(said).filter(|(case, said)| (*said == "yes") != case.genuine).collect();
    let wrong: Vec<_> = wrong.into_iter().map(|(case, said)| format!("{}: {said}", case.name)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A language whose file can be followed by more of itself.
#[track_caller]
fn judge_script(tools: &[&str], file: &str) {
    if is_there(tools) {
        judge(|work| {
            let (snippet, driver) = parts(file);
            let script = work.join(file);
            fs::write(&script, snippet + &driver).unwrap();
            let mut command = Command::new(tools[0]);
            command.arg(script);
            command
        });
    }
}

#[test]
fn node() {
    judge_script(&["node"], "node.js");
}

#[test]
fn python() {
    judge_script(&["python3"], "python.py");
}

#[test]
fn php() {
    judge_script(&["php"], "php.php");
}

#[test]
fn ruby() {
    judge_script(&["ruby"], "ruby.rb");
}

#[test]
fn bash() {
    judge_script(&["bash", "openssl", "base64", "od"], "bash.sh");
}

#[test]
fn go() {
    if is_there(&["go"]) {
        judge(|work| {
            let (snippet, driver) = parts("go.go");
            fs::create_dir_all(work.join("src/webhooks")).unwrap();
            fs::write(work.join("src/webhooks/webhooks.go"), snippet).unwrap();
            fs::create_dir_all(work.join("src/driver")).unwrap();
            fs::write(work.join("src/driver/main.go"), driver).unwrap();
            let mut build = Command::new("go");
            build.args(["build", "-o"]).arg(work.join("driver")).arg("driver");
            build.env("GO111MODULE", "off").env("GOPATH", work).env("GOCACHE", work.join("cache"));
            run(build.env("GOFLAGS", "").env("CGO_ENABLED", "0").current_dir(work));
            Command::new(work.join("driver"))
        });
    }
}

#[test]
fn java() {
    if is_there(&["javac", "java"]) {
        judge(|work| {
            let (snippet, driver) = parts("java.java");
            fs::write(work.join("WebhookSignature.java"), snippet).unwrap();
            fs::write(work.join("Driver.java"), driver).unwrap();
            let files = ["WebhookSignature.java", "Driver.java"];
            run(Command::new("javac").args(["-encoding", "UTF-8", "-d", "."]).args(files).current_dir(work));
            let mut command = Command::new("java");
            command.args(["-XX:+UseSerialGC", "-cp"]).arg(work).arg("Driver");
            command
        });
    }
}

#[test]
fn csharp() {
    if is_there(&["mcs", "mono"]) {
        judge(|work| {
            let (snippet, driver) = parts("csharp.cs");
            fs::write(work.join("Signature.cs"), snippet).unwrap();
            fs::write(work.join("Driver.cs"), driver).unwrap();
            run(Command::new("mcs").args(["-out:driver.exe", "Signature.cs", "Driver.cs"]).current_dir(work));
            let mut command = Command::new("mono");
            command.arg(work.join("driver.exe"));
            command
        });
    }
}

#[test]
fn rust() {
    for case in cases() {
        let genuine =
            rust::verify_webhook(&case.secret, &case.id, &case.timestamp, &case.signature, &case.body, case.now);
        assert_eq!(genuine, case.genuine, "{}", case.name);
    }
}
