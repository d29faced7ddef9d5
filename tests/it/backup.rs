//! Backup and restore by the real program: under load, on full disks, and killed half-way.

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hookstead::{domain::EventId, store::Store};
use serde_json::json;

use crate::{
    app::wait_until,
    faults::{can, data_with_key, inside},
    process::{Caller, Process, command, options, run},
    receiver::Receiver,
};

fn backup(data_dir: &Path, file: &Path) -> (Option<i32>, String, String) {
    run(data_dir, &["backup", file.to_str().unwrap()])
}

fn restore(data_dir: &Path, file: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut words = vec!["restore", file.to_str().unwrap()];
    words.extend(more);
    run(data_dir, &words)
}

/// Makes the folder of another data directory, with a copy of the key file.
fn with_key_file_of(data_dir: &Path, other: &Path) {
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::copy(data_dir.with_file_name("hookstead.key"), other.with_file_name("hookstead.key")).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Puts events of two kilobytes into a server.
fn fill(caller: &Caller, process: &Process, events: usize) {
    let event = json!({"type": "contact.created", "data": {"pad": "x".repeat(2_000)}});
    for _ in 0..events.div_ceil(500) {
        let batch = json!({ "events": vec![event.clone(); 500.min(events)] });
        assert_eq!(caller.post(&process.base, "/events/batch", &batch).unwrap().0, 202);
    }
}

fn events_in(data_dir: &Path) -> u64 {
    let store = Store::open(data_dir, options(data_dir)).unwrap();
    let (events, disagreements) = (store.event_count().unwrap(), store.verify().unwrap());
    store.stop();
    assert_eq!(disagreements, Vec::<String>::new());
    events
}

/// Row 28, twenty times.
#[test]
fn backups_under_load_hold_everything_that_was_acknowledged_before_they_began() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let (caller, receiver) = (Caller::new(&key), Receiver::start());
    let process = Process::serve(&data_dir);
    let webhook = json!({"request_url": receiver.url("/in"), "events": ["*"]});
    assert_eq!(caller.post(&process.base, "/webhooks", &webhook).unwrap().0, 201);
    let acknowledged: Mutex<Vec<EventId>> = Mutex::default();
    let (stop, next) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let data = json!({"n": number, "pad": "x".repeat(number as usize % 3_000)});
                    let event = json!({"type": "contact.created", "id": format!("crm-{number}"), "data": data});
                    let (status, answer) = caller.post(&process.base, "/events", &event).unwrap();
                    assert_eq!(status, 202, "{answer}");
                    acknowledged.lock().unwrap().push(answer["id"].as_str().unwrap().parse().unwrap());
                }
            });
        }
        let twenty = || {
            for round in 0..20 {
                let so_far = acknowledged.lock().unwrap().len();
                wait_until(|| acknowledged.lock().unwrap().len() > so_far + 10).unwrap();
                let before = acknowledged.lock().unwrap().clone();
                let file = folder.path().join(format!("{round}.backup"));
                let (code, said, complaint) = backup(&data_dir, &file);
                assert_eq!(code, Some(0), "{complaint}");
                let other = folder.path().join(format!("restored-{round}"));
                let (code, told, complaint) = restore(&other, &file, &[]);
                assert_eq!(code, Some(0), "{told}{complaint}");
                let store = Store::open(&other, options(&other)).unwrap();
                let lost = before.iter().filter(|id| store.event(**id).unwrap().is_none()).count();
                assert_eq!(lost, 0, "of {}", before.len());
                let events = hookstead::domain::with_thousands(store.event_count().unwrap());
                assert!(said.contains(&format!(": {events} events")), "{events}: {said}");
                assert!(told.contains(&format!("{events} events, 1 webhooks.")), "{events}: {told}");
                store.stop();
                let (code, said, complaint) = run(&other, &["doctor"]);
                assert_eq!(code, Some(0), "{said}{complaint}");
                fs::remove_dir_all(other).unwrap();
            }
        };
        // The producers end also where it fails.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(twenty));
        stop.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    println!("20 backups, {} events", acknowledged.lock().unwrap().len());
    assert_eq!(process.terminate().0, Some(0));
}

#[test]
fn a_backup_is_written_where_the_caller_stands_and_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let here = |file: &str| {
        let mut command = command(&data_dir);
        let output = command.current_dir(&elsewhere).args(["backup", file]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(here("stopped.backup"), (Some(0), String::new()));
    let process = Process::serve(&data_dir);
    fill(&Caller::new(&key), &process, 10);
    assert_eq!(here("running.backup"), (Some(0), String::new()));
    assert_eq!(names(&elsewhere), ["running.backup", "stopped.backup"]);
    for name in names(&elsewhere) {
        assert_eq!(fs::metadata(elsewhere.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let (code, complaint) = here("running.backup");
    assert!(code == Some(1) && complaint.contains("is there already"), "{complaint}");
    let (code, complaint) = here("none/running.backup");
    assert!(code == Some(1) && complaint.contains("No such file"), "{complaint}");

    let (code, _, complaint) = restore(&data_dir, &elsewhere.join("running.backup"), &["--replace"]);
    assert!(code == Some(1) && complaint.contains("another hookstead is running"), "{complaint}");
    let nothing = folder.path().join("nothing");
    let (code, _, complaint) = backup(&nothing, &elsewhere.join("nothing.backup"));
    assert!(code == Some(1) && complaint.contains("there is no data yet"), "{complaint}");
    assert!(!nothing.exists() && names(&elsewhere).len() == 2);
}

#[test]
fn what_was_pending_is_pending_again_and_waits_for_a_resume_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let (caller, receiver) = (Caller::new(&key), Receiver::start());
    receiver.answer(crate::receiver::Script::status(500));
    let process = Process::serve(&data_dir);
    let webhook =
        json!({"request_url": receiver.url("/in"), "events": ["*"], "retry_schedule_s": [1, 1, 1, 1, 1, 1, 1, 1, 1]});
    assert_eq!(caller.post(&process.base, "/webhooks", &webhook).unwrap().0, 201);
    fill(&caller, &process, 3);
    let file = folder.path().join("a.backup");
    assert_eq!(backup(&data_dir, &file).0, Some(0));
    assert_eq!(process.terminate().0, Some(0));
    let paused = folder.path().join("paused").join("data");
    with_key_file_of(&data_dir, &paused);
    let (code, told, complaint) = restore(&paused, &file, &["--pause-sending"]);
    assert_eq!(code, Some(0), "{complaint}");
    assert!(told.contains("3 deliveries are pending again. Sending is paused"), "{told}");
    let asked = receiver.requests().len();
    receiver.answer(crate::receiver::Script::ok());
    let process = Process::serve(&paused);
    let (_, stats) = caller.get(&process.base, "/api/v1/stats").unwrap();
    assert!(stats.contains("\"sending_paused_since\":\"2"), "{stats}");
    assert_eq!(caller.pending(&process.base), Some(true));
    assert_eq!(receiver.requests().len(), asked);
    process.kill();

    let goes_on = folder.path().join("goes-on").join("data");
    with_key_file_of(&data_dir, &goes_on);
    let (code, told, complaint) = restore(&goes_on, &file, &[]);
    assert_eq!(code, Some(0), "{complaint}");
    assert!(told.contains("3 deliveries are pending again: they are sent when the server starts."), "{told}");
    let process = Process::serve(&goes_on);
    wait_until(|| caller.pending(&process.base) == Some(false)).expect("all of it is sent");
}

/// A command that is killed while it works, `after` its start; whether it was still at it.
fn killed_after(mut child: Child, after: Duration) -> bool {
    let began = Instant::now();
    while began.elapsed() < after {
        thread::sleep(Duration::from_millis(1));
    }
    let at_work = child.try_wait().unwrap().is_none();
    let _ = child.kill();
    child.wait().unwrap();
    at_work
}

#[test]
fn a_backup_command_that_is_killed_leaves_no_backup_and_a_server_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let caller = Caller::new(&key);
    let process = Process::serve(&data_dir);
    fill(&caller, &process, 4_000);
    let began = Instant::now();
    assert_eq!(backup(&data_dir, &folder.path().join("whole.backup")).0, Some(0));
    let takes = began.elapsed();
    let mut at_work = 0;
    for round in 0..20 {
        let file = folder.path().join(format!("{round}.backup"));
        let mut command = command(&data_dir);
        let child = command.arg("backup").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        at_work += usize::from(killed_after(child, takes * round / 20));
        if file.exists() {
            let other = folder.path().join(format!("restored-{round}"));
            assert_eq!(restore(&other, &file, &[]).0, Some(0), "one that is there is whole");
        }
        // The server may need a moment to notice that nobody waits for it.
        wait_until(|| backup(&data_dir, &folder.path().join(format!("after-{round}.backup"))).0 == Some(0)).unwrap();
    }
    println!("{at_work} of 20 were killed at work; one takes {takes:?}");
    assert!(at_work > 2, "{at_work}");
    fill(&caller, &process, 1);
    assert_eq!(process.terminate().0, Some(0));
}

/// The backup goes into a pipe that nobody reads on, so it is under way for as long as the test likes.
#[test]
fn a_backup_under_way_holds_nobody_up_and_leaves_nothing_when_the_server_is_killed() {
    if !can(&["mkfifo"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let caller = Caller::new(&key);
    let process = Process::serve(&data_dir);
    fill(&caller, &process, 500);
    let (file, unfinished) = (folder.path().join("a.backup"), folder.path().join("a.backup.unfinished"));
    assert!(Command::new("mkfifo").arg(&unfinished).status().unwrap().success());
    let mut asks = command(&data_dir);
    let child = asks.arg("backup").arg(&file).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = fs::File::open(&unfinished).unwrap();
    pipe.read_exact(&mut [0; 100]).unwrap();

    fill(&caller, &process, 500);
    assert_eq!(caller.get(&process.base, "/readyz").unwrap().0, 200);
    assert_eq!(run(&data_dir, &["apikey", "list"]).0, Some(0), "other commands go on");
    let (code, _, complaint) = backup(&data_dir, &folder.path().join("b.backup"));
    assert!(code == Some(1) && complaint.contains("A backup is being made already"), "{complaint}");

    process.kill();
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("the running server does not answer"), "{complaint}");
    assert!(!file.exists() && !unfinished.exists(), "{:?}", names(folder.path()));
    assert_eq!(events_in(&data_dir), 1_000);
}

/// A backup alone tells nobody a secret, and is of no use to whoever lost the key.
#[test]
fn secrets_stay_sealed_in_a_backup_and_come_back_only_with_the_key_file() {
    const SECRET: &str = "marked-secret-of-a-webhook";
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let (caller, process) = (Caller::new(&key), Process::serve(&data_dir));
    let headers = json!([{"name": "X-Token", "value": "marked-hidden-value", "hidden": true}]);
    let webhook = json!({"request_url": "https://hooks.example.com/in", "events": ["*"], "headers": headers,
        "secret": SECRET, "enabled": false});
    let (status, webhook) = caller.post(&process.base, "/webhooks", &webhook).unwrap();
    assert_eq!(status, 201, "{webhook}");
    fill(&caller, &process, 1);
    let file = folder.path().join("a.backup");
    assert_eq!(backup(&data_dir, &file).0, Some(0));
    assert_eq!(process.terminate().0, Some(0));
    let key_file = folder.path().join("hookstead.key");
    let key_line = fs::read_to_string(&key_file).unwrap().lines().last().unwrap().to_owned();
    let bytes = fs::read(&file).unwrap();
    let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has("contact.created"), "what is no secret can be read");
    assert!(!has(SECRET) && !has("marked-hidden-value") && !has(&key_line));

    // Another machine, without the key file: refused before anything is there.
    let machine = folder.path().join("machine");
    fs::create_dir(&machine).unwrap();
    let (other, its_key) = (machine.join("data"), machine.join("hookstead.key"));
    let refused = || {
        let (code, said, complaint) = restore(&other, &file, &[]);
        assert_eq!((code, said.as_str(), names(&other)), (Some(1), "", Vec::new()), "{complaint}");
        complaint
    };
    let complaint = refused();
    let words = format!("the key file {} is not there. Put it back from where you keep a copy", its_key.display());
    assert!(complaint.contains("its secrets are sealed with key") && complaint.contains(&words), "{complaint}");
    assert!(complaint.contains("HOOKSTEAD_SECRET_KEY_FILE") && complaint.contains("Nothing was changed"));
    assert_eq!(names(&machine), ["data"], "no key is made that opens nothing");
    // With the key file of another server.
    let stranger = folder.path().join("stranger");
    fs::create_dir(&stranger).unwrap();
    data_with_key(&stranger);
    fs::copy(stranger.join("hookstead.key"), &its_key).unwrap();
    let complaint = refused();
    assert!(complaint.contains("and not that one. Put the key file that belongs to this data"), "{complaint}");
    // And with its own.
    fs::copy(&key_file, &its_key).unwrap();
    let (code, _, complaint) = restore(&other, &file, &[]);
    assert_eq!(code, Some(0), "{complaint}");
    let process = Process::serve(&other);
    let secret = format!("/api/v1/webhooks/{}/secret", webhook["id"].as_str().unwrap());
    let (status, answer) = caller.get(&process.base, &secret).unwrap();
    assert!(status == 200 && answer.contains(SECRET), "{status} {answer}");
    assert_eq!(process.terminate().0, Some(0));
}

/// Killed at twenty moments: what a server finds is the old data or the restored, whole.
#[test]
fn a_restore_that_is_killed_ends_in_the_old_data_or_in_the_new() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let process = Process::serve(&data_dir);
    fill(&Caller::new(&key), &process, 3_000);
    assert_eq!(process.terminate().0, Some(0));
    let file = folder.path().join("a.backup");
    assert_eq!(backup(&data_dir, &file).0, Some(0));
    let began = Instant::now();
    let (code, _, complaint) = restore(&folder.path().join("other"), &file, &[]);
    assert_eq!(code, Some(0), "{complaint}");
    let takes = began.elapsed();
    let (mut old, mut new) = (0, 0);
    for round in 0..20 {
        let target = folder.path().join(format!("target-{round}")).join("data");
        with_key_file_of(&data_dir, &target);
        let small = Store::open(&target, options(&target)).unwrap();
        small.stop();
        let mut command = command(&target);
        command.arg("restore").arg(&file).arg("--replace").stdout(Stdio::null()).stderr(Stdio::null());
        killed_after(command.spawn().unwrap(), takes * (round + 1) / 18);
        match events_in(&target) {
            0 => old += 1,
            3_000 => new += 1,
            other => panic!("{other} events"),
        }
        // And what a kill has left is no obstacle.
        if round % 5 == 0 {
            let (code, _, complaint) = restore(&target, &file, &["--replace"]);
            assert_eq!((code, events_in(&target)), (Some(0), 3_000), "{complaint}");
        }
    }
    println!("{old} ended in the old data, {new} in the new; one takes {takes:?}");
    assert!(old > 3, "{old}");
}

/// As root restores it and another user serves it.
#[test]
fn what_root_restores_belongs_to_the_owner_of_the_directory() {
    use std::os::unix::fs::{MetadataExt, chown};
    if !can(&[]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, _) = data_with_key(folder.path());
    let file = folder.path().join("a.backup");
    assert_eq!(backup(&data_dir, &file).0, Some(0));
    chown(&data_dir, Some(10_001), Some(10_002)).unwrap();
    assert_eq!(restore(&data_dir, &file, &["--replace"]).0, Some(0));
    let owner = |path: &Path| fs::metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
    assert_eq!(owner(&data_dir.join("hookstead.redb")), (10_001, 10_002));
    let aside = names(&data_dir).into_iter().find(|name| name.starts_with("before-restore-")).unwrap();
    assert_eq!(owner(&data_dir.join(aside)), (10_001, 10_002));
}

#[test]
fn a_full_disk_leaves_nothing_of_a_backup_or_of_a_restore() {
    if !can(&["unshare", "mount", "strace"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let process = Process::serve(&data_dir);
    fill(&Caller::new(&key), &process, 2_000);
    let file = folder.path().join("a.backup");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let (shown, file_shown) = (disk.to_str().unwrap(), file.to_str().unwrap());
    let on_small_disk = |command: &Command, size: &str| {
        let script = format!("mount -t tmpfs -o size={size} none {shown} && \"$@\"; echo $?; ls -A {shown}");
        let output = inside(&["unshare", "-m", "sh", "-c", &script, "sh"], command).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let mut to_disk = command(&data_dir);
    to_disk.args(["backup", &format!("{shown}/a.backup")]);
    let fails = |when: &str| {
        let (said, complaint) = on_small_disk(&to_disk, "1m");
        assert!(complaint.contains("No space left") || complaint.contains("storage space"), "{when}: {complaint}");
        assert_eq!(said, "1\n", "{when}: it fails and nothing is left behind");
    };
    fails("by a server");
    assert_eq!(backup(&data_dir, &file).0, Some(0), "the server goes on");
    assert_eq!(process.terminate().0, Some(0));
    fails("alone");

    let mut from_disk = command(&disk);
    from_disk.args(["restore", file_shown, "--data-dir", shown]);
    let (said, complaint) = on_small_disk(&from_disk, "1m");
    assert!(complaint.contains("bytes more and has"), "{complaint}");
    assert_eq!(said, "1\n", "it fails and nothing is left behind");
    // One that is full all of a sudden.
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=pwrite64:error=ENOSPC:when=60+"];
    let (said, complaint) = on_small_disk(&inside(&strace, &from_disk), "100m");
    assert!(complaint.contains("cannot be written") && complaint.contains("Nothing was changed"), "{complaint}");
    assert_eq!(said, "1\n", "it fails and nothing is left behind");
}
