//! Rows 2, 3, 5, 6, 9 and 12: killed, stopped, paused and starved.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::chown,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use super::{can, data_with_key, inside};
use crate::{
    app::wait_until,
    process::{Caller, Process, command, signal},
    receiver::{Gate, Receiver, Script},
};

/// How often each event arrived.
fn arrivals(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut arrivals = BTreeMap::new();
    for request in receiver.requests() {
        *arrivals.entry(request.header("webhook-id").unwrap()).or_default() += 1;
    }
    arrivals
}

fn webhook(caller: &Caller, process: &Process, receiver: &Receiver, max_in_flight: u16) {
    let webhook = json!({"request_url": receiver.url("/in"), "events": ["*"], "max_in_flight": max_in_flight, "timeout_ms": 15000});
    assert_eq!(caller.post(&process.base, "/webhooks", &webhook).unwrap().0, 201);
}

fn publish(caller: &Caller, process: &Process, number: u64) -> String {
    let event = json!({"type": "contact.created", "id": format!("crm-{number}"), "data": number});
    let (status, answer) = caller.post(&process.base, "/events", &event).unwrap();
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

fn all_sent(caller: &Caller, process: &Process) {
    wait_until(|| caller.pending(&process.base) == Some(false)).expect("everything is sent in the end");
}

/// Row 2. The receivers hold 16 requests, none is answered, and the process is killed.
fn kills_while_receivers_hold(cycles: u64) {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let (caller, receiver) = (Caller::new(&key), Receiver::start());
    let mut process = Process::serve(&data_dir);
    // Four, because a receiver that has not answered yet is trusted with a few requests only.
    (0..4).for_each(|_| webhook(&caller, &process, &receiver, 4));
    let mut acknowledged = BTreeSet::new();
    for cycle in 0..cycles {
        let (before, gate) = (receiver.requests().len(), Gate::new());
        receiver.answer(Script::ok().after(&gate));
        for number in 0..4 {
            acknowledged.insert(publish(&caller, &process, cycle * 4 + number));
        }
        receiver.wait_for(before + 16);
        process.kill();
        gate.open();
        receiver.answer(Script::ok());
        process = Process::serve(&data_dir);
        all_sent(&caller, &process);
    }
    let arrivals = arrivals(&receiver);
    assert_eq!(arrivals.keys().cloned().collect::<BTreeSet<_>>(), acknowledged, "nothing is lost");
    // Each of the four webhooks twice.
    assert!(arrivals.values().all(|times| *times == 8), "what was under way came twice, nothing else: {arrivals:?}");
}

#[test]
fn a_kill_while_receivers_hold_sixteen_requests_repeats_those_and_loses_none() {
    kills_while_receivers_hold(3);
}

#[test]
#[ignore = "takes minutes: ./test-long"]
fn fifty_kills_while_receivers_hold_sixteen_requests_repeat_those_and_lose_none() {
    kills_while_receivers_hold(50);
}

/// Row 3. A result waits up to 50 ms for company; killed right after the answer, it is not recorded.
#[test]
fn a_kill_between_the_answer_and_its_record_repeats_the_request_at_most_once() {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let (caller, receiver) = (Caller::new(&key), Receiver::start());
    let mut process = Process::serve(&data_dir);
    webhook(&caller, &process, &receiver, 1);
    let mut ids = Vec::new();
    for number in 0..10 {
        let (before, gate) = (receiver.requests().len(), Gate::new());
        receiver.answer(Script::ok().after(&gate));
        ids.push(publish(&caller, &process, number));
        receiver.wait_for(before + 1);
        receiver.answer(Script::ok());
        gate.open();
        process.kill();
        process = Process::serve(&data_dir);
        all_sent(&caller, &process);
    }
    let arrivals = arrivals(&receiver);
    assert_eq!(arrivals.len(), ids.len(), "no second fan-out");
    assert!(arrivals.values().all(|times| (1..=2).contains(times)), "{arrivals:?}");
    assert!(arrivals.values().any(|times| *times == 2), "no kill came before its record: {arrivals:?}");
}

/// Row 5. With a receiver that never answers, so that an orderly stop would wait.
#[test]
fn a_second_signal_ends_it_at_once_and_nothing_is_lost() {
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM"), ("TERM", "INT")] {
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, key) = data_with_key(folder.path());
        let (caller, receiver, gate) = (Caller::new(&key), Receiver::start(), Gate::new());
        receiver.answer(Script::ok().after(&gate));
        let process = Process::serve(&data_dir);
        webhook(&caller, &process, &receiver, 4);
        let id = publish(&caller, &process, 1);
        receiver.wait_for(1);
        signal(process.id(), first);
        let base = process.base.strip_prefix("http://").unwrap().to_owned();
        wait_until(|| std::net::TcpStream::connect(&base).is_err()).expect("the door is closed first");
        let began = Instant::now();
        signal(process.id(), second);
        assert_eq!(process.wait(), Some(1), "{first}, {second}");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        gate.open();
        receiver.answer(Script::ok());
        let process = Process::serve(&data_dir);
        all_sent(&caller, &process);
        assert!(arrivals(&receiver).contains_key(&id));
    }
}

/// Row 6. Answers come while the process stands still, also for longer than a request may take. They
/// lie there afterwards, and count.
fn paused(pause: Duration, timeout_ms: u64) {
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let (caller, receiver, gate) = (Caller::new(&key), Receiver::start(), Gate::new());
    receiver.answer(Script::ok().after(&gate));
    let process = Process::serve(&data_dir);
    let webhook =
        json!({"request_url": receiver.url("/in"), "events": ["*"], "max_in_flight": 4, "timeout_ms": timeout_ms});
    assert_eq!(caller.post(&process.base, "/webhooks", &webhook).unwrap().0, 201);
    let ids: BTreeSet<String> = (0..20).map(|number| publish(&caller, &process, number)).collect();
    assert_eq!(receiver.wait_for(4).len(), 4);
    signal(process.id(), "STOP");
    gate.open();
    receiver.answer(Script::ok());
    std::thread::sleep(pause);
    signal(process.id(), "CONT");
    all_sent(&caller, &process);
    let arrivals = arrivals(&receiver);
    assert_eq!(arrivals.keys().cloned().collect::<BTreeSet<_>>(), ids);
    assert!(arrivals.values().all(|times| *times == 1), "{arrivals:?}");
    assert_eq!(process.terminate().0, Some(0));
}

#[test]
fn a_process_that_stood_still_hears_the_answers_that_came_meanwhile() {
    paused(Duration::from_secs(2), 15_000);
}

#[test]
fn a_process_that_stood_still_for_longer_than_its_requests_may_take_hears_them_too() {
    paused(Duration::from_secs(2), 1_000);
}

#[test]
#[ignore = "takes minutes: ./test-long"]
fn a_process_that_stood_still_for_a_minute_repeats_nothing() {
    paused(Duration::from_secs(60), 15_000);
}

/// Row 9. More is pending than the process may have memory for.
#[test]
#[ignore = "takes minutes: ./test-long"]
fn two_gigabytes_pending_need_no_memory() {
    if !can(&["prlimit"]) {
        return;
    }
    const EVENTS: u64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let (caller, receiver, gate) = (Caller::new(&key), Receiver::start(), Gate::new());
    receiver.answer(Script::ok().after(&gate));
    let mut serve = command(&data_dir);
    serve.args(["serve", "--listen", "127.0.0.1:0"]).env("HOOKSTEAD_SENDER_THREADS", "8");
    let mut serve = inside(&["prlimit", "--data=400000000"], &serve);
    serve.stdout(Stdio::null());
    let process = Process::start(serve);
    webhook(&caller, &process, &receiver, 4);
    let pad = "x".repeat(20_000);
    std::thread::scope(|scope| {
        for part in 0..16 {
            let (caller, base, pad) = (&caller, &process.base, &pad);
            scope.spawn(move || {
                for number in 0..EVENTS / 16 {
                    let event = json!({"type": "contact.created", "id": format!("{part}-{number}"), "data": pad});
                    assert_eq!(caller.post(base, "/events", &event).unwrap().0, 202);
                }
            });
        }
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    println!("{EVENTS} events of 20 KB pending: {resident}");
    let kilobytes: u64 = resident.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kilobytes < 250_000, "{resident}");
    gate.open();
    process.kill();
    let process = Process::serve(&data_dir);
    assert_eq!(caller.pending(&process.base), Some(true));
}

/// Row 12. A user who may have few threads: fewer than the start needs, and just enough.
#[test]
fn where_the_system_gives_no_threads_it_does_not_start_and_says_so_or_it_works() {
    if !can(&["prlimit", "setpriv"]) {
        return;
    }
    let (mut refused, mut worked) = (0, 0);
    for most in [1, 3, 5, 7, 8, 9, 10, 11, 12, 16, 40] {
        match serve_with_threads(most) {
            true => worked += 1,
            false => refused += 1,
        }
    }
    assert!(refused > 0 && worked > 0, "{refused} refused, {worked} worked");
}

/// Whether it serves; it fails if it neither does nor ends.
fn serve_with_threads(most: u32) -> bool {
    // A user for each, whom nobody else is.
    let user = 54_300 + most;
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let (caller, receiver) = (Caller::new(&key), Receiver::start());
    let process = Process::serve(&data_dir);
    webhook(&caller, &process, &receiver, 4);
    process.kill();
    let files = fs::read_dir(&data_dir).unwrap().map(|entry| entry.unwrap().path());
    let own = [folder.path().to_owned(), folder.path().join("hookstead.key"), data_dir.clone()];
    for path in own.into_iter().chain(files) {
        chown(path, Some(user), Some(user)).unwrap();
    }
    // A copy, because the user may not be able to enter the folder of this build.
    let program = folder.path().join("hookstead");
    fs::copy(env!("CARGO_BIN_EXE_hookstead"), &program).unwrap();
    let (user, limit) = (user.to_string(), format!("--nproc={most}"));
    let mut serve = Command::new("setpriv");
    serve.args(["--reuid", &user, "--regid", &user, "--clear-groups", "prlimit", &limit]).arg(&program);
    serve.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(folder.path());
    serve.env("HOOKSTEAD_DATA_DIR", &data_dir).env("HOOKSTEAD_ALLOWED_PRIVATE_TARGETS", "127.0.0.0/8");
    serve.env("HOOKSTEAD_SENDER_THREADS", "4").stdout(Stdio::null());
    let process = match Process::try_start(serve) {
        Ok(process) => process,
        Err(said) => {
            let last = said.last().expect("it says why");
            assert!(last.contains("Resource temporarily unavailable") || last.contains("threads"), "{most}: {said:#?}");
            return false;
        }
    };
    // What it takes without a thread to spare is there for a start that has them.
    let mut taken = BTreeSet::new();
    for number in 0..20 {
        let event = json!({"type": "contact.created", "id": format!("crm-{number}"), "data": number});
        match caller.post(&process.base, "/events", &event) {
            Some((202, answer)) => drop(taken.insert(answer["id"].as_str().unwrap().to_owned())),
            Some((status, answer)) => panic!("{most} threads: {status} {answer}"),
            None => {}
        }
    }
    process.kill();
    let process = Process::serve(&data_dir);
    all_sent(&caller, &process);
    println!("{most} threads: {} of 20 taken", taken.len());
    let arrived: BTreeSet<String> = arrivals(&receiver).into_keys().collect();
    assert!(taken.is_subset(&arrived), "{most} threads: {taken:?} {arrived:?}");
    true
}

/// Row 57. Idle connections take every file descriptor there is.
#[test]
fn without_file_descriptors_it_waits_quietly_and_loses_nothing() {
    if !can(&["prlimit"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data_dir, key) = data_with_key(folder.path());
    let (caller, receiver) = (Caller::new(&key), Receiver::start());
    let mut serve = command(&data_dir);
    serve.args(["serve", "--listen", "127.0.0.1:0"]).env("HOOKSTEAD_SENDER_RETRY_SCHEDULE_S", vec!["1"; 30].join(","));
    let mut serve = inside(&["prlimit", "--nofile=64:64"], &serve);
    serve.stdout(Stdio::null());
    let process = Process::start(serve);
    webhook(&caller, &process, &receiver, 4);
    // Its connection stays open, so that it is served while nobody else is.
    let mut ids = vec![publish(&caller, &process, 0)];
    receiver.wait_for(1);
    receiver.answer(Script::ok().then_close());
    let address = process.base.strip_prefix("http://").unwrap().to_owned();
    let idle: Vec<_> = (0..150).map(|_| std::net::TcpStream::connect(&address).unwrap()).collect();
    let open = || fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count();
    wait_until(|| open() >= 62).expect("they take all that there are");
    ids.extend((1..5).map(|number| publish(&caller, &process, number)));

    let spent = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
        let fields: Vec<u64> =
            stat[stat.rfind(')').unwrap() + 2..].split(' ').filter_map(|field| field.parse().ok()).collect();
        // User and system time in hundredths of a second: fields 14 and 15, the third one is a letter.
        Duration::from_millis((fields[10] + fields[11]) * 10)
    };
    let (began, before) = (Instant::now(), spent());
    wait_until(|| began.elapsed() > Duration::from_secs(2)).unwrap();
    let busy = spent() - before;
    assert!(busy < began.elapsed() / 4, "it is busy for {busy:?} of {:?}", began.elapsed());

    drop(idle);
    wait_until(|| Caller::new(&key).get(&process.base, "/healthz").is_some()).expect("it serves again");
    all_sent(&caller, &process);
    let arrived = arrivals(&receiver);
    assert!(ids.iter().all(|id| arrived.contains_key(id)), "nothing is lost: {ids:?} {arrived:?}");
}
