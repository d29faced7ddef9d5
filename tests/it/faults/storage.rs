//! Rows 13, 15 to 17 and 21 to 25: what disks do, to the real program.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::symlink,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Injected, SmallDisk, can, data_with_key, inside};
use crate::{
    app::wait_until,
    browser::mark,
    process::{Caller, Process, command, run},
    receiver::Receiver,
};

fn event(id: &str) -> Value {
    json!({"type": "contact.created", "id": id, "data": "x".repeat(2_000)})
}

fn webhook(caller: &Caller, process: &Process, receiver: &Receiver) {
    let webhook = json!({"request_url": receiver.url("/in"), "events": ["*"]});
    assert_eq!(caller.post(&process.base, "/webhooks", &webhook).unwrap().0, 201);
}

fn is_ready(caller: &Caller, process: &Process) -> bool {
    caller.get(&process.base, "/readyz").is_some_and(|(status, _)| status == 200)
}

/// Rows 15, 16 and 17.
#[test]
fn a_failing_system_call_of_the_disk_is_never_answered_with_yes_and_heals_by_itself() {
    if !can(&["strace"]) {
        return;
    }
    for what in [
        "fdatasync:error=EIO:when=1+",
        "fdatasync:error=EIO:when=1",
        "pwrite64:error=ENOSPC:when=1",
        "pwrite64:error=EIO:when=1+",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, key) = data_with_key(folder.path());
        let (caller, receiver) = (Caller::new(&key), Receiver::start());
        let process = Process::serve(&data_dir);
        webhook(&caller, &process, &receiver);
        let mut ids = vec![caller.post(&process.base, "/events", &event("before")).unwrap().1["id"].clone()];
        receiver.wait_for(1);
        wait_until(|| caller.pending(&process.base) == Some(false)).unwrap();

        let injected = Injected::into(process.id(), what);
        let (status, answer) = caller.post(&process.base, "/events", &event("during")).unwrap();
        assert_eq!((status, &answer["code"]), (503, &json!("cannot_write")), "{what}: {answer}");
        if what.ends_with('+') {
            for _ in 0..3 {
                assert_eq!(caller.post(&process.base, "/events", &event("during")).unwrap().0, 503, "{what}");
            }
            assert!(!is_ready(&caller, &process), "{what}");
            let (status, shown) = caller.get(&process.base, "/api/v1/logs").unwrap();
            assert_eq!(status, 200, "{what}: the log is readable: {shown}");
        }
        drop(injected);
        wait_until(|| is_ready(&caller, &process)).unwrap_or_else(|()| panic!("{what}: it does not heal"));
        let (status, answer) = caller.post(&process.base, "/events", &event("during")).unwrap();
        assert_eq!(status, 202, "{what}");
        ids.push(answer["id"].clone());
        let (_, again) = caller.post(&process.base, "/events", &event("during")).unwrap();
        assert_eq!((&again["id"], &again["duplicate"]), (&answer["id"], &json!(true)), "{what}");
        process.kill();

        let process = Process::serve(&data_dir);
        wait_until(|| caller.pending(&process.base) == Some(false)).unwrap();
        let arrived: Vec<String> = receiver.requests().iter().map(|one| one.header("webhook-id").unwrap()).collect();
        assert!(ids.iter().all(|id| arrived.contains(&id.as_str().unwrap().to_owned())), "{what}: {ids:?} {arrived:?}");
        assert!(arrived.iter().all(|id| ids.contains(&json!(id))), "{what}: one event each");
        assert_eq!(process.terminate().0, Some(0));
        let (code, said, complaint) = run(&data_dir, &["doctor"]);
        assert_eq!(code, Some(0), "{what}: {said}{complaint}");
    }
}

/// Row 13, on a disk of 8 MB that later has 64.
#[test]
fn a_full_disk_refuses_events_shows_everything_and_takes_them_again_once_there_is_room() {
    if !can(&["unshare", "nsenter", "mount"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let SmallDisk { disk, process, key } = SmallDisk::serve(folder.path(), &[]);
    let (shown, target) = (disk.to_str().unwrap(), process.id().to_string());
    let enter = ["nsenter", "-m", "-t", target.as_str()];
    let (caller, receiver) = (Caller::new(&key), Receiver::start());
    webhook(&caller, &process, &receiver);

    let mut taken = Vec::new();
    let refused = loop {
        let number = taken.len();
        let event = json!({"type": "contact.created", "id": format!("crm-{number}"), "data": "x".repeat(50_000)});
        let (status, answer) = caller.post(&process.base, "/events", &event).unwrap();
        if status != 202 {
            break (status, answer);
        }
        taken.push(answer["id"].as_str().unwrap().to_owned());
        assert!(number < 1_000, "8 MB are never full");
    };
    assert_eq!((refused.0, &refused.1["code"]), (503, &json!("cannot_write")), "{}", refused.1);
    wait_until(|| !is_ready(&caller, &process)).expect("readiness says so");
    assert_eq!(caller.get(&process.base, "/sign-in").unwrap().0, 200);
    assert_eq!(caller.get(&process.base, "/api/v1/logs").unwrap().0, 200);

    let remount = Command::new(enter[0]).args(&enter[1..]).args(["mount", "-o", "remount,size=64m", shown]).status();
    assert!(remount.unwrap().success());
    wait_until(|| is_ready(&caller, &process)).expect("it goes on without a hand");
    let (status, answer) = caller.post(&process.base, "/events", &event("after")).unwrap();
    assert_eq!(status, 202, "{answer}");
    taken.push(answer["id"].as_str().unwrap().to_owned());
    wait_until(|| caller.pending(&process.base) == Some(false)).expect("all of it is sent");
    let arrived: Vec<String> = receiver.requests().iter().map(|one| one.header("webhook-id").unwrap()).collect();
    let lost: Vec<_> = taken.iter().filter(|id| !arrived.contains(id)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// Row 21, for what stands where the data file should be.
#[test]
fn what_is_no_data_file_is_refused_with_its_path() {
    type Make = fn(&std::path::Path) -> io::Result<()>;
    let makes: [(&str, Make); 7] = [
        ("nothing in it", |path| fs::write(path, "")),
        ("one byte", |path| fs::write(path, "x")),
        ("text", |path| fs::write(path, "hello\n".repeat(10_000))),
        ("zeros", |path| fs::write(path, vec![0; 1 << 20])),
        ("a directory", |path| fs::create_dir(path)),
        ("a pipe", |path| {
            let made = Command::new("mkfifo").arg(path).status()?;
            if made.success() { Ok(()) } else { Err(io::Error::other("no pipe")) }
        }),
        ("a loop", |path| symlink(path, path)),
    ];
    for (what, make) in makes {
        for known in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let data_dir = folder.path().join("data");
            if known {
                data_with_key(folder.path());
                fs::remove_file(data_dir.join("hookstead.redb")).unwrap();
            } else {
                fs::create_dir(&data_dir).unwrap();
            }
            make(&data_dir.join("hookstead.redb")).unwrap();
            let before = fs::read_dir(&data_dir).unwrap().count();
            let (code, said, complaint) = run(&data_dir, &["serve", "--listen", "127.0.0.1:0"]);
            assert_eq!(code, Some(1), "{what}: {said}{complaint}");
            assert!(complaint.contains(data_dir.to_str().unwrap()), "{what}: {complaint}");
            assert!(!complaint.contains("panicked") && !complaint.contains("listening"), "{what}: {complaint}");
            assert_eq!(fs::read_dir(&data_dir).unwrap().count(), before, "{what}: nothing is left behind");
        }
    }
}

/// Row 22. A user who may not write is in `command_line`; here nobody may.
#[test]
fn a_read_only_data_directory_is_refused_with_its_path() {
    if !can(&["unshare", "mount"]) {
        return;
    }
    for known in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        if known {
            data_with_key(folder.path());
        } else {
            fs::create_dir(&data_dir).unwrap();
        }
        let shown = data_dir.to_str().unwrap();
        let before = fs::read_dir(&data_dir).unwrap().count();
        let mount = format!("mount --bind {shown} {shown} && mount -o remount,bind,ro {shown} && exec \"$@\"");
        let mut serve = command(&data_dir);
        serve.args(["serve", "--listen", "127.0.0.1:0"]);
        let ended = inside(&["unshare", "-m", "sh", "-c", &mount, "sh"], &serve).output().unwrap();
        let complaint = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{complaint}");
        assert!(complaint.contains(shown) && complaint.contains("Read-only"), "{complaint}");
        assert_eq!(fs::read_dir(&data_dir).unwrap().count(), before, "nothing is left behind");
    }
}

/// Row 23. What is taken after the file has gone is lost with the process, and the next start does
/// not pass over it in silence.
#[test]
fn a_data_file_that_was_removed_while_in_use_is_noticed_and_missed_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let caller = Caller::new(&key);
    let process = Process::serve(&data_dir);
    let (place, elsewhere) = (data_dir.join("hookstead.redb"), data_dir.join("elsewhere"));
    fs::rename(&place, &elsewhere).unwrap();
    wait_until(|| !is_ready(&caller, &process)).expect("readiness says so");
    let (status, answer) = caller.post(&process.base, "/events", &event("after")).unwrap();
    assert_eq!((status, &answer["code"]), (503, &json!("cannot_write")));
    fs::rename(&elsewhere, &place).unwrap();
    wait_until(|| is_ready(&caller, &process)).expect("the same file is in its place again");
    assert_eq!(caller.post(&process.base, "/events", &event("after")).unwrap().0, 202);

    fs::remove_file(&place).unwrap();
    wait_until(|| !is_ready(&caller, &process)).expect("readiness says so");
    process.kill();
    let (code, _, complaint) = run(&data_dir, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1), "{complaint}");
    assert!(complaint.contains("the data file is gone"), "{complaint}");
}

/// Row 24. Each sync takes half a second; a hundred callers share a few of them.
#[test]
fn on_a_slow_disk_a_hundred_callers_share_a_few_syncs() {
    if !can(&["strace"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let caller = Caller::new(&key);
    let process = Process::serve(&data_dir);
    let injected = Injected::into(process.id(), "fdatasync:delay_enter=500000");
    let began = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..100 {
            let (caller, base) = (&caller, &process.base);
            scope.spawn(move || {
                assert_eq!(caller.post(base, "/events", &event(&format!("crm-{number}"))).unwrap().0, 202);
            });
        }
    });
    let took = began.elapsed();
    drop(injected);
    println!("100 callers on a disk that syncs in 500 ms: {took:?}");
    // One by one it would be 100 s.
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// Row 25, for the server: its log goes nowhere.
#[test]
fn a_log_that_cannot_be_written_costs_the_log_and_nothing_else() {
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    let gone = || {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    for (what, output) in [("full", full()), ("gone", gone())] {
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, key) = data_with_key(folder.path());
        let (caller, receiver) = (Caller::new(&key), Receiver::start());
        let mut serve = command(&data_dir);
        serve.args(["serve", "--listen", "127.0.0.1:0"]).env("HOOKSTEAD_LOG_LEVEL", "debug").stdout(output);
        let process = Process::start(serve);
        webhook(&caller, &process, &receiver);
        assert_eq!(caller.post(&process.base, "/events", &event("one")).unwrap().0, 202, "{what}");
        receiver.wait_for(1);
        assert_eq!(process.terminate().0, Some(0), "{what}");
    }
}

/// Detail 25 of the console: what an error page shows leads to its line in the log.
#[test]
fn the_code_of_an_error_page_is_found_in_the_servers_log() {
    if !can(&["strace"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, _) = data_with_key(folder.path());
    let mut create = command(&data_dir);
    create.args(["admin", "create", "admin@acme.example", "--password-stdin"]).stdin(Stdio::piped());
    let mut create = create.stdout(Stdio::null()).spawn().unwrap();
    create.stdin.take().unwrap().write_all(b"correct horse battery").unwrap();
    assert!(create.wait().unwrap().success());
    let log = folder.path().join("log");
    let mut serve = command(&data_dir);
    serve.args(["serve", "--listen", "127.0.0.1:0"]).stdout(std::fs::File::create(&log).unwrap());
    let process = Process::start(serve);

    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let address = format!("{}/sign-in", process.base);
    let mut shown = agent.get(&address).call().unwrap();
    let cookie = shown.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mark = mark(&shown.body_mut().read_to_string().unwrap());
    let _injected = Injected::into(process.id(), "fdatasync:error=EIO:when=1+");
    let form = [("form", mark.as_str()), ("email", "admin@acme.example"), ("password", "correct horse battery")];
    let mut failed = agent.post(&address).header("cookie", cookie).send_form(form).unwrap();
    assert_eq!(failed.status(), 503);
    let id = failed.headers()["request-id"].to_str().unwrap().to_owned();
    let page = failed.body_mut().read_to_string().unwrap();
    assert!(id.starts_with("req_") && page.contains(&id), "{id}: {page}");
    wait_until(|| {
        let lines = std::fs::read_to_string(&log).unwrap();
        lines.lines().any(|line| line.contains(&id) && line.contains("/sign-in") && line.contains("503"))
    })
    .unwrap_or_else(|()| panic!("{id} is not in {}", std::fs::read_to_string(&log).unwrap()));
}
