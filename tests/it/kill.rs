//! kill -9 of the real program under load: nothing that was acknowledged is lost, and only what was
//! on its way is sent twice. SIGTERM: nothing is lost and nothing is sent twice.

use std::{
    collections::{HashMap, HashSet},
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    app::wait_until,
    process::{Caller, Process, command, run},
    receiver::{Gate, Receiver, Script},
};

const PRODUCERS: usize = 8;
/// A result is recorded at the latest this long after the answer came: it waits 50 ms for company,
/// then for one commit. The rest is room for a machine that is busy with other things.
const RECORDED_WITHIN: Duration = Duration::from_secs(5);
/// The receiver notices a request at the latest this long after it was sent: on a busy machine its
/// bytes may lie in the system's buffer while the process that sent them is killed.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn fifty_kills_under_load_lose_nothing_and_repeat_only_what_was_on_its_way() {
    kills_under_load(50);
}

#[test]
#[ignore = "takes minutes: ./test-long"]
fn two_hundred_kills_under_load_lose_nothing_and_repeat_only_what_was_on_its_way() {
    kills_under_load(200);
}

fn kills_under_load(cycles: u64) {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let (code, key, complaint) = run(&data_dir, &["apikey", "create", "crm"]);
    assert_eq!(code, Some(0), "{complaint}");
    let caller = Caller::new(&key);
    let receivers = [Receiver::start(), Receiver::start()];

    let process = Process::serve(&data_dir);
    for receiver in &receivers {
        let webhook = json!({"request_url": receiver.url("/in"), "events": ["*"]});
        assert_eq!(caller.post(&process.base, "/webhooks", &webhook).unwrap().0, 201);
    }

    let base = Arc::new(Mutex::new(process.base.clone()));
    let acknowledged: Arc<Mutex<HashMap<String, String>>> = Arc::default();
    let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|_| {
            let (caller, base, acknowledged) = (caller.clone(), base.clone(), acknowledged.clone());
            let (stop, next) = (stop.clone(), next.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let external = format!("crm-{}", next.fetch_add(1, Ordering::Relaxed));
                    let event = json!({"type": "contact.created", "id": external, "data": {"pad": "x".repeat(200)}});
                    // The same id until it is taken, as a careful caller does.
                    while !stop.load(Ordering::Relaxed) {
                        let to = base.lock().unwrap().clone();
                        if to.is_empty() {
                            std::thread::yield_now();
                            continue;
                        }
                        match caller.post(&to, "/events", &event) {
                            Some((202, answer)) => {
                                let id = answer["id"].as_str().unwrap().to_owned();
                                acknowledged.lock().unwrap().insert(external.clone(), id);
                                break;
                            }
                            // The port of a killed process may be somebody else's a moment later.
                            Some(_) if *base.lock().unwrap() != to => {}
                            Some((status, answer)) => assert_eq!(status, 503, "{answer}"),
                            None => std::thread::yield_now(),
                        }
                    }
                }
            })
        })
        .collect();

    let mut process = Some(process);
    let (mut killed_at, mut slowest) = (Vec::new(), Duration::ZERO);
    for cycle in 0..cycles {
        // 20 to 250 ms, a different moment each time.
        std::thread::sleep(Duration::from_millis(20 + cycle * 97 % 230));
        base.lock().unwrap().clear();
        process.take().unwrap().kill();
        killed_at.push(Instant::now());
        let started = Process::serve(&data_dir);
        slowest = slowest.max(started.ready_after);
        *base.lock().unwrap() = started.base.clone();
        process = Some(started);
    }
    stop.store(true, Ordering::Relaxed);
    producers.into_iter().for_each(|producer| producer.join().unwrap());

    let process = process.unwrap();
    wait_until(|| caller.pending(&process.base) == Some(false)).expect("everything is sent in the end");
    let acknowledged = acknowledged.lock().unwrap();
    assert!(acknowledged.len() as u64 > cycles, "only {} events were taken", acknowledged.len());
    let mut repeats = 0;
    for receiver in &receivers {
        let mut arrivals: HashMap<String, Vec<Instant>> = HashMap::new();
        let mut bodies: HashMap<String, HashSet<Vec<u8>>> = HashMap::new();
        for request in receiver.requests() {
            let id = request.header("webhook-id").unwrap();
            arrivals.entry(id.clone()).or_default().push(request.at);
            bodies.entry(id).or_default().insert(request.body);
        }
        let lost: Vec<_> = acknowledged.values().filter(|id| !arrivals.contains_key(*id)).collect();
        assert!(lost.is_empty(), "{} of {} acknowledged events are lost: {lost:?}", lost.len(), acknowledged.len());
        assert!(bodies.values().all(|bodies| bodies.len() == 1), "a repeat had another body");
        for (id, times) in arrivals.iter().filter(|(_, times)| times.len() > 1) {
            repeats += times.len() - 1;
            for pair in times.windows(2) {
                let cut_off = killed_at.iter().any(|kill| {
                    let noticed_in_time = pair[0] < *kill + NOTICED_WITHIN;
                    let not_recorded_yet = kill.saturating_duration_since(pair[0]) < RECORDED_WITHIN;
                    *kill <= pair[1] && noticed_in_time && not_recorded_yet
                });
                // Seconds since the first kill, to see what happened when.
                let at = |moment: Instant| moment.saturating_duration_since(killed_at[0]).as_secs_f64();
                let kills: Vec<_> = killed_at.iter().map(|kill| at(*kill)).collect();
                let times = (at(pair[0]), at(pair[1]));
                assert!(cut_off, "{id} arrived twice, at {times:?}, without a kill in between: {kills:?}");
            }
        }
    }
    println!(
        "{cycles} kills: {} events acknowledged, 0 lost, {repeats} requests repeated, slowest start {slowest:?}",
        acknowledged.len()
    );
    assert_eq!(process.terminate().0, Some(0));
    let (code, said, complaint) = run(&data_dir, &["doctor"]);
    assert_eq!(code, Some(0), "{said}{complaint}");
}

#[test]
fn a_stop_with_requests_under_way_loses_nothing_and_repeats_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let key = run(&data_dir, &["apikey", "create", "crm"]).1;
    let caller = Caller::new(&key);
    let receiver = Receiver::start();
    let gate = Gate::new();
    receiver.answer(Script::ok().after(&gate));
    let mut serve = command(&data_dir);
    // Receivers that have not answered yet get half of the threads at the most.
    serve.args(["serve", "--listen", "127.0.0.1:0"]).env("HOOKSTEAD_SENDER_THREADS", "128").stdout(Stdio::null());
    let process = Process::start(serve);
    // Twenty-five, because a receiver that has not answered yet is trusted with a few requests only.
    for _ in 0..25 {
        let webhook = json!({"request_url": receiver.url("/in"), "events": ["*"]});
        assert_eq!(caller.post(&process.base, "/webhooks", &webhook).unwrap().0, 201);
    }
    for number in 0..2 {
        let event = json!({"type": "contact.created", "data": number});
        assert_eq!(caller.post(&process.base, "/events", &event).unwrap().0, 202);
    }
    assert_eq!(receiver.wait_for(50).len(), 50, "all are under way");
    let base = process.base.clone();
    let opener = std::thread::spawn(move || {
        // The receiver answers once the door is closed.
        wait_until(|| std::net::TcpStream::connect(base.strip_prefix("http://").unwrap()).is_err()).unwrap();
        gate.open();
    });
    let (code, took) = process.terminate();
    opener.join().unwrap();
    assert_eq!(code, Some(0));
    // It waits for the receiver, and no longer than it may.
    assert!(took < Duration::from_secs(8), "it took {took:?}");

    receiver.answer(Script::ok());
    let process = Process::serve(&data_dir);
    wait_until(|| caller.pending(&process.base) == Some(false)).expect("everything is sent in the end");
    let requests = receiver.requests();
    let ids: HashSet<_> = requests.iter().map(|request| request.header("webhook-log-id").unwrap()).collect();
    assert_eq!((requests.len(), ids.len()), (50, 50), "each arrived once");
}

#[test]
fn a_second_server_on_the_same_data_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let process = Process::serve(&data_dir);
    let (code, _, complaint) = run(&data_dir, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1));
    assert!(complaint.contains("another hookstead is running"), "{complaint}");
    // The command for a running server goes by its control socket.
    let (code, key, complaint) = run(&data_dir, &["apikey", "create", "crm"]);
    assert_eq!((code, key.starts_with("hsk_")), (Some(0), true), "{complaint}");
    assert_eq!(Caller::new(&key).pending(&process.base), Some(false));
}
