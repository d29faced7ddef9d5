//! Rows 46 and 47: name servers that fail, hang and lie, with the system's own look-up, in a network
//! namespace whose denied addresses all have somebody listening.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read, Write},
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::json;

use super::can;
use crate::app::{TestApp, wait_until};

const PUBLIC: &str = "93.184.216.34";
/// Addresses of the namespace's only interface besides 127.0.0.1 and ::1.
const OTHERS: [&str; 7] =
    [PUBLIC, "10.1.2.3", "169.254.169.254", "192.168.1.1", "100.64.0.1", "fd00::1", "64:ff9b::7f00:1"];
const INSIDE: &str = "HOOKSTEAD_TEST_NAMESPACE";

/// Whether this is the test's process inside a namespace of its own; started if not. There, names are
/// asked for at 127.0.0.1.
fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if !can(&["unshare", "mount", "ip"]) {
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let resolver = folder.path().join("resolv.conf");
    fs::write(&resolver, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n").unwrap();
    let addresses: String = OTHERS
        .iter()
        .map(|address| format!(" && ip addr add {address}/{} dev lo", if address.contains(':') { 128 } else { 32 }))
        .collect();
    let arrange = format!(
        "mount --bind {} /etc/resolv.conf && ip link set lo up{addresses} && exec \"$@\"",
        resolver.to_str().unwrap()
    );
    let mut inside = Command::new("unshare");
    inside.args(["-n", "-m", "sh", "-c", &arrange, "sh"]).arg(std::env::current_exe().unwrap());
    let output = inside.args(["--exact", test, "--nocapture"]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "the test was not found: {said}");
    false
}

/// Row 47. Whatever a name leads to, nothing denied is ever connected to.
#[test]
fn no_answer_of_a_name_server_leads_to_a_denied_address() {
    if !is_inside("faults::network::no_answer_of_a_name_server_leads_to_a_denied_address") {
        return;
    }
    const EACH: usize = 25;
    let kinds = ["good", "rebind", "mixed", "mapped", "alias", "nat64", "metadata", "private", "shared", "local6"];
    let (listener, names) = (Everywhere::listen(), NameServer::start());
    let mut folder = None;
    // Each start forgets what was looked up, so that names are asked for again.
    for start in 0..4 {
        let change = |config: &mut hookstead::config::Config| {
            config.allowed_private_targets.clear();
            config.sender.retry_schedule_s = vec![86_400];
        };
        let app = match folder.take() {
            None => TestApp::start_with(change),
            Some(folder) => TestApp::start_in(folder, change),
        };
        if start == 0 {
            for number in 0..EACH {
                for kind in kinds {
                    let url = format!("http://{kind}-{number}.test:{}/in", listener.port);
                    app.webhook_with(json!({"request_url": url, "events": ["*"]}));
                }
            }
        }
        app.publish("contact.created", "{}");
        let webhooks = kinds.len() * EACH;
        wait_until(|| attempted(&app).values().map(Vec::len).sum::<usize>() == webhooks * (start + 1))
            .unwrap_or_else(|()| panic!("all are tried: {:#?}", attempted(&app)));
        for (kind, causes) in attempted(&app) {
            let expected = match kind.as_str() {
                "good" => "success",
                // Public when first asked for, and at every other look-up.
                "rebind" if start % 2 == 0 => "success",
                _ => "blocked_address",
            };
            let newest = &causes[..EACH];
            assert!(newest.iter().all(|cause| cause == expected), "{kind}: wanted {expected}, not {newest:?}");
        }
        folder = Some(app.stop());
    }
    assert!(names.asked() >= kinds.len() * EACH * 4, "names are asked for again after each start");
    let reached = listener.reached();
    assert_eq!(reached, BTreeSet::from([PUBLIC.parse().unwrap()]), "only the public address is ever connected to");
}

/// Row 46. A name that does not exist is told apart from name servers that fail or say nothing, and
/// none of them is felt by the others.
#[test]
fn failing_and_silent_name_servers_are_told_apart_and_hold_nobody_else_up() {
    if !is_inside("faults::network::failing_and_silent_name_servers_are_told_apart_and_hold_nobody_else_up") {
        return;
    }
    let (listener, _names) = (Everywhere::listen(), NameServer::start());
    let app = TestApp::start_with(|config| config.allowed_private_targets.clear());
    for kind in ["unknown", "failing", "silent", "good"] {
        for number in 0..if kind == "silent" { 6 } else { 2 } {
            let url = format!("http://{kind}-{number}.test:{}/in", listener.port);
            app.webhook_with(json!({"request_url": url, "events": ["*"], "timeout_ms": 3000}));
        }
    }
    app.publish("contact.created", "{}");
    wait_until(|| attempted(&app).values().map(Vec::len).sum::<usize>() == 12).expect("all are tried");
    let causes = attempted(&app);
    let of = |kind: &str| BTreeSet::from_iter(causes[kind].iter().map(String::as_str));
    assert_eq!(of("good"), BTreeSet::from(["success"]));
    assert_eq!(of("unknown"), BTreeSet::from(["dns_not_found"]));
    assert_eq!(of("failing"), BTreeSet::from(["dns_failed"]));
    assert_eq!(of("silent"), BTreeSet::from(["dns_failed"]));
}

/// What came of the attempts, by the first part of the receiver's name, newest first.
fn attempted(app: &TestApp) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("/logs?limit=100{cursor}")).expect(200).json();
        for entry in page["data"].as_array().unwrap() {
            let url = entry["request_url"].as_str().unwrap();
            let kind = url.strip_prefix("http://").unwrap().split('-').next().unwrap().to_owned();
            let what = match (entry["status"].as_str(), entry["last_cause"].as_str()) {
                (Some("success"), _) => "success",
                (_, Some(cause)) => cause,
                _ => continue,
            };
            found.entry(kind).or_default().push(what.to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Listens at one port of every address there is, answers 200, and keeps which were reached.
struct Everywhere {
    port: u16,
    reached: Arc<Mutex<BTreeSet<IpAddr>>>,
}

impl Everywhere {
    fn listen() -> Everywhere {
        let listener = TcpListener::bind("[::]:0").unwrap();
        let (port, reached) = (listener.local_addr().unwrap().port(), Arc::<Mutex<BTreeSet<IpAddr>>>::default());
        // It would see a connection to any of them.
        let seen = reached.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, seen) = (stream.unwrap(), seen.clone());
                seen.lock().unwrap().insert(stream.local_addr().unwrap().ip().to_canonical());
                thread::spawn(move || {
                    let (mut buffer, mut length) = ([0; 4096], 0);
                    while !buffer[..length].windows(4).any(|end| end == b"\r\n\r\n") && length < buffer.len() {
                        match stream.read(&mut buffer[length..]) {
                            Ok(count @ 1..) => length += count,
                            _ => return,
                        }
                    }
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                });
            }
        });
        let all = Everywhere { port, reached };
        for address in OTHERS.iter().copied().chain(["127.0.0.1", "::1"]) {
            let address: IpAddr = address.parse().unwrap();
            TcpStream::connect(SocketAddr::new(address, port)).unwrap_or_else(|error| panic!("{address}: {error}"));
            wait_until(|| all.reached.lock().unwrap().contains(&address)).expect("it listens at each");
        }
        all.reached.lock().unwrap().clear();
        all
    }

    fn reached(&self) -> BTreeSet<IpAddr> {
        self.reached.lock().unwrap().clone()
    }
}

/// A name server at 127.0.0.1 whose answers are decided by the first part of a name.
struct NameServer {
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    fn start() -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        thread::spawn(move || {
            let mut turns: BTreeMap<String, usize> = BTreeMap::new();
            let mut query = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut query).unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                if let Some(answer) = answer(&query[..length], &mut turns) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        NameServer { asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The answer to a query (RFC 1035, section 4); none if the server says nothing.
fn answer(query: &[u8], turns: &mut BTreeMap<String, usize>) -> Option<Vec<u8>> {
    let first = String::from_utf8_lossy(&query[13..13 + query[12] as usize]).into_owned();
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let wants_v6 = query[end - 3] == 28;
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let (code, addresses) = match first.split('-').next().unwrap() {
        "silent" => return None,
        "unknown" => (3, vec![]),
        "failing" => (2, vec![]),
        "rebind" => {
            // Asked for both kinds of address, one look-up each.
            let turn = turns.entry(first.clone()).or_default();
            *turn += usize::from(!wants_v6);
            (0, vec![ip(if *turn % 2 == 1 { PUBLIC } else { "127.0.0.1" })])
        }
        "mixed" => (0, vec![ip(PUBLIC), ip("10.1.2.3")]),
        "mapped" => (0, vec![ip("::ffff:127.0.0.1")]),
        "alias" => (0, vec![ip("127.0.0.1")]),
        "nat64" => (0, vec![ip("64:ff9b::7f00:1")]),
        "metadata" => (0, vec![ip("169.254.169.254")]),
        "private" => (0, vec![ip("192.168.1.1")]),
        "shared" => (0, vec![ip("100.64.0.1")]),
        "local6" => (0, vec![IpAddr::V6(Ipv6Addr::LOCALHOST), ip("fd00::1")]),
        _ => (0, vec![ip(PUBLIC)]),
    };
    let addresses: Vec<IpAddr> = addresses.into_iter().filter(|address| address.is_ipv6() == wants_v6).collect();
    let is_alias = first.starts_with("alias");
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, addresses.len() as u8 + u8::from(is_alias), 0, 0, 0, 0]);
    answer.extend(&query[12..end]);
    let mut name = vec![0xC0, 12];
    if is_alias {
        // CNAME to localhost, without time to live.
        let target = b"\x09localhost\x00";
        answer.extend([0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 0, 0, target.len() as u8]);
        name = vec![0xC0, answer.len() as u8];
        answer.extend(target);
    }
    for address in addresses {
        answer.extend(&name);
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        answer.extend([0, if wants_v6 { 28 } else { 1 }, 0, 1, 0, 0, 0, 0, 0, bytes.len() as u8]);
        answer.extend(bytes);
    }
    Some(answer)
}
