//! The commands that have no server of their own: sending an event, listening, signing, verifying,
//! completions and manual. Each as somebody types it.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::{
    app::{TestApp, wait_until},
    process::{Process, command, run},
    receiver::Receiver,
};

const SECRET: &str = "whsec_ZXhhbXBsZS1zZWNyZXQtZm9yLXRlc3Rz";

/// Runs a command with `input` on its standard input.
fn fed(folder: &Path, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = command(&folder.join("data"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn an_event_is_sent_from_a_file_and_arrives() {
    let (app, receiver) = (TestApp::start(), Receiver::start());
    app.webhook(&receiver, &["contact.created"]);
    let folder = tempfile::tempdir().unwrap();
    let (key, payload) = (folder.path().join("key.txt"), folder.path().join("contact.json"));
    fs::write(&key, format!("{}\n", app.key)).unwrap();
    fs::write(&payload, r#"{ "n": 1152921506151679042 }"#).unwrap();
    let send = |arguments: &[&str], input: &str| {
        let all = [&["send", "--key-file", key.to_str().unwrap(), "--url", &app.base], arguments].concat();
        fed(folder.path(), &all, input)
    };
    let payload = payload.to_str().unwrap();
    let (code, stdout, stderr) = send(&[payload, "--type", "contact.created", "--id", "crm-1"], "");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains(r#""id":"evt_"#), "{stdout}");
    let arrived = receiver.wait_for(1);
    let body = String::from_utf8_lossy(&arrived[0].body);
    assert!(body.ends_with(r#""data":{ "n": 1152921506151679042 }}"#), "{body}");
    // Sent again under the same id it is not taken twice.
    assert_eq!(send(&[payload, "--type", "contact.created", "--id", "crm-1"], "").0, Some(0));
    assert_eq!(app.get("/events").json()["data"].as_array().unwrap().len(), 1);
    // The whole event, on standard input.
    assert_eq!(send(&["-"], r#"{"type":"contact.created","data":2}"#).0, Some(0));
    receiver.wait_for(2);

    let (code, stdout, stderr) = send(&["-"], r#"{"type":"contact created","data":2}"#);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert!(stderr.contains(" answered 422: "), "{stderr}");
    let (code, _, stderr) = send(&["none.json"], "");
    assert_eq!((code, stderr.as_str()), (Some(1), "none.json: No such file or directory (os error 2)\n"));
    let (code, _, stderr) = send(&["--type", "a.b"], "{");
    assert!(code == Some(1) && stderr.starts_with("the payload is not JSON: "), "{stderr}");
    fs::write(&key, "hsk_wrong").unwrap();
    let (code, _, stderr) = send(&["-"], "{}");
    assert!(code == Some(1) && stderr.contains(" answered 401: ") && !stderr.contains("hsk_wrong"), "{stderr}");
}

#[test]
fn what_is_signed_is_verified_and_what_was_changed_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("secret"), format!("{SECRET}\n")).unwrap();
    fs::write(path("body"), "{\"a\":1}\r\n").unwrap();
    let (secret, body, headers) = (path("secret"), path("body"), path("headers"));
    let run = |arguments: &[&str]| run(&folder.path().join("data"), arguments);
    let (code, signed, stderr) = run(&["sign", "--secret-file", &secret, "--id", "evt_1", &body]);
    assert_eq!(code, Some(0), "{stderr}");
    fs::write(&headers, &signed).unwrap();
    let right = (Some(0), "The signature is right.\n".to_owned(), String::new());
    assert_eq!(run(&["verify", "--secret-file", &secret, "--headers", &headers, &body]), right);
    // Known answers, by the Secret as an argument and the body on standard input.
    let (_, known, _) =
        fed(folder.path(), &["sign", "--secret", SECRET, "--id", "evt_1", "--timestamp", "1767605400"], "{}");
    let signature = known.lines().last().unwrap().trim_start_matches("webhook-signature: ").to_owned();
    let theirs = standardwebhooks::Webhook::new(SECRET).unwrap().sign("evt_1", 1_767_605_400, b"{}").unwrap();
    assert_eq!(signature, theirs);
    let kept = ["verify", "--secret", SECRET, "--id", "evt_1", "--timestamp", "1767605400", "--signature", &signature];
    let (code, _, stderr) = fed(folder.path(), &kept, "{}");
    assert!(code == Some(1) && stderr.starts_with("The timestamp is "), "{stderr}");
    assert_eq!(fed(folder.path(), &[&kept[..], &["--ignore-time"]].concat(), "{}"), right);

    fs::write(&body, "{\"a\":1}\n").unwrap();
    let (code, stdout, stderr) = run(&["verify", "--secret-file", &secret, "--headers", &headers, &body]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("The signature does not fit."), "{stderr}");
    let (code, _, stderr) = run(&["sign", "--secret", "short", "--id", "evt_1", &body]);
    assert!(code == Some(1) && stderr.starts_with("Use at least 16 characters"), "{stderr}");
    assert!(!stderr.contains("short\""), "{stderr}");
}

#[test]
fn a_receiver_at_the_terminal_shows_what_arrives_and_answers_as_told() {
    let app = TestApp::start();
    let folder = tempfile::tempdir().unwrap();
    let mut listen = command(&folder.path().join("data"));
    let arguments = "listen --on 127.0.0.1:0 --answer 503 --answer-body later --count 1 --secret";
    listen.args(arguments.split_whitespace()).arg(SECRET);
    let log = folder.path().join("heard");
    listen.stdout(fs::File::create(&log).unwrap());
    let process = Process::start(listen);
    let url = format!("{}/in", process.base);
    app.webhook_with(serde_json::json!({"request_url": url, "events": ["*"], "secret": SECRET}));
    let id = app.publish("contact.created", r#"{"a":1}"#)["id"].as_str().unwrap().to_owned();
    assert_eq!(process.wait(), Some(0), "it ends after one");
    let heard = fs::read_to_string(&log).unwrap();
    assert!(heard.lines().next().unwrap().ends_with("✓ signature right"), "{heard}");
    assert!(heard.contains(&format!("  webhook-id: {id}\n")) && heard.contains(r#""data":{"a":1}}"#), "{heard}");
    let mut entry = serde_json::Value::Null;
    wait_until(|| {
        entry = app.logs("").remove(0);
        entry["last_http_status"] == 503
    })
    .unwrap_or_else(|()| panic!("{entry}"));
}

#[test]
fn a_port_that_is_taken_and_a_reader_that_goes_away_end_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = run(&folder.path().join("data"), &["listen", "--on", &address]);
    assert!(code == Some(1) && stderr.starts_with(&format!("cannot listen on {address}: ")), "{stderr}");

    let (reader, writer) = std::io::pipe().unwrap();
    let mut listen = command(&folder.path().join("data"));
    listen.args(["listen", "--on", "127.0.0.1:0"]).stdout(writer);
    let process = Process::start(listen);
    drop(reader);
    let mut stream = std::net::TcpStream::connect(process.base.trim_start_matches("http://")).unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(process.wait(), Some(1));
}

#[test]
fn completions_and_manual_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (_, help, _) = run(&data, &["--help"]);
    let commands: Vec<&str> = help
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .lines()
        .map_while(|line| line.strip_prefix("  ").map(|line| line.split_whitespace().next().unwrap_or_default()))
        .filter(|name| !name.is_empty())
        .collect();
    assert!(commands.contains(&"serve") && commands.contains(&"verify"), "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = run(&data, &["completions", shell]);
        assert_eq!(code, Some(0));
        assert!(commands.iter().all(|name| script.contains(name)), "{shell}");
    }
    let (_, script, _) = run(&data, &["completions", "bash"]);
    fs::write(folder.path().join("script"), &script).unwrap();
    let checked = Command::new("bash").arg("-n").arg(folder.path().join("script")).status().unwrap();
    assert!(checked.success(), "bash can read it");
    let (code, page, _) = run(&data, &["man"]);
    assert!(code == Some(0) && page.contains(".TH hookstead 1"), "{page}");
    for name in commands.iter().filter(|name| **name != "help") {
        let (code, page, stderr) = run(&data, &["man", name]);
        assert_eq!(code, Some(0), "{name}: {stderr}");
        assert!(page.contains(&format!(".TH hookstead-{name} 1")) && page.contains("Example:"), "{name}: {page}");
    }
    let (code, _, stderr) = run(&data, &["man", "sreve"]);
    assert!(code == Some(2) && stderr.contains("there is no command"), "{stderr}");
}
