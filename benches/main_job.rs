//! How fast the main job is on this machine: `cargo bench --bench main_job`.
//!
//! The real program on a temporary folder, a receiver, and callers on 64 connections that post
//! events of 1 KiB, all on this machine; and in the same run the same callers against a server of
//! the same library that only reads the JSON and answers. The ratio tells more than the numbers,
//! because everything shares the same cores.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, web};

const CONNECTIONS: usize = 64;
const MEASURED: Duration = Duration::from_secs(8);
const PAYLOAD_BYTES: usize = 1_024;

fn main() {
    // `cargo test` runs benches too, to see that they build.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let binary = env!("CARGO_BIN_EXE_hookstead");
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("binary                      {:>10} bytes", std::fs::metadata(binary).expect("it is built").len());

    let bare = bare_server();
    let baseline = load(bare, "none", &Arrivals::default());
    println!("parse and answer only       {}", baseline.line());

    let data_dir = folder.path().join("data");
    let command = |arguments: &[&str]| {
        let mut command = Command::new(binary);
        command.args(arguments).env("HOOKSTEAD_DATA_DIR", &data_dir);
        command.env("HOOKSTEAD_ALLOWED_PRIVATE_TARGETS", "127.0.0.0/8").current_dir(folder.path());
        command
    };
    let key = command(&["apikey", "create", "bench"]).output().expect("a key").stdout;
    let key = String::from_utf8(key).expect("text").trim().to_owned();
    let began = Instant::now();
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut child = serve.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("asked for")).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned));
    let address: SocketAddr = address.expect("it listens").parse().expect("an address");
    let (status, _) = call(address, "GET", "/healthz", &key, b"");
    println!("start to first answer       {:>10.1} ms (status {status})", began.elapsed().as_secs_f64() * 1e3);
    thread::sleep(Duration::from_secs(1));
    println!("resident when idle          {:>10.1} MiB", resident_mib(child.id()));

    let unmatched = load(address, &key, &Arrivals::default());
    println!("durable, no webhook         {}", unmatched.line());

    let arrivals = Arrivals::default();
    let receiver = receiver(arrivals.clone());
    let webhook = format!(r#"{{"request_url":"http://{receiver}/in","events":["*"],"max_in_flight":64}}"#);
    assert_eq!(call(address, "POST", "/api/v1/webhooks", &key, webhook.as_bytes()).0, 201);
    let matched = load(address, &key, &arrivals);
    println!("durable, one webhook        {}", matched.line());
    let deadline = Instant::now() + Duration::from_secs(120);
    while arrivals.count() < matched.accepted && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(20));
    }
    let (rate, p50, p99) = arrivals.summary();
    println!("arrived at the receiver     {rate:>10.0} /s   p50 {p50:>8.1} ms   p99 {p99:>8.1} ms  (under full load)");
    println!("arrived of accepted         {:>10} of {}", arrivals.count(), matched.accepted);
    let steady = steady(address, &key, &arrivals, 200);
    println!("POST to arrival at 200/s    p50 {:.1} ms   p99 {:.1} ms", steady.0, steady.1);
    println!("resident after it           {:>10.1} MiB", resident_mib(child.id()));
    println!(
        "ratio to parse and answer   {:>10.2} without a webhook, {:.2} with one",
        unmatched.rate() / baseline.rate(),
        matched.rate() / baseline.rate()
    );
    child.kill().expect("it runs");
    child.wait().expect("it is ours");
}

/// What a load came to.
struct Load {
    accepted: u64,
    took: Duration,
    latencies_us: Vec<u32>,
}

impl Load {
    fn rate(&self) -> f64 {
        self.accepted as f64 / self.took.as_secs_f64()
    }

    fn line(&self) -> String {
        let at = |percent: usize| f64::from(self.latencies_us[(self.latencies_us.len() - 1) * percent / 100]) / 1e3;
        format!("{:>10.0} /s   p50 {:>8.1} ms   p99 {:>8.1} ms", self.rate(), at(50), at(99))
    }
}

/// When each event was posted and when it arrived, by the number in its payload.
#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<Times>>);

#[derive(Default)]
struct Times {
    posted: HashMap<u64, Instant>,
    latencies: Vec<Duration>,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Arrivals {
    fn posted(&self, number: u64) {
        self.0.lock().unwrap().posted.insert(number, Instant::now());
    }

    fn arrived(&self, number: u64) {
        let mut times = self.0.lock().unwrap();
        let now = Instant::now();
        if let Some(posted) = times.posted.remove(&number) {
            times.latencies.push(now - posted);
        }
        times.first.get_or_insert(now);
        times.last = Some(now);
    }

    fn count(&self) -> u64 {
        self.0.lock().unwrap().latencies.len() as u64
    }

    /// Arrivals per second, and median and 99th percentile from POST to arrival in milliseconds.
    fn summary(&self) -> (f64, f64, f64) {
        let mut times = self.0.lock().unwrap();
        times.latencies.sort();
        let (first, last) = (times.first.expect("something arrived"), times.last.expect("something arrived"));
        let at = |percent: usize| times.latencies[(times.latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        (times.latencies.len() as f64 / (last - first).as_secs_f64(), at(50), at(99))
    }
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

fn event(number: u64) -> Vec<u8> {
    let pad = "x".repeat(PAYLOAD_BYTES - 40);
    format!(r#"{{"type":"contact.created","data":{{"number":{number},"pad":"{pad}"}}}}"#).into_bytes()
}

/// Posts as fast as it is answered, on every connection.
fn load(address: SocketAddr, key: &str, arrivals: &Arrivals) -> Load {
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let callers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (key, stop, arrivals) = (key.to_owned(), stop.clone(), arrivals.clone());
            thread::spawn(move || {
                let mut stream = Connection::open(address);
                let mut latencies = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                    let body = event(number);
                    arrivals.posted(number);
                    let began = Instant::now();
                    let (status, answer) = stream.call("POST", "/api/v1/events", &key, &body);
                    assert_eq!(status, 202, "{answer}");
                    latencies.push(began.elapsed().as_micros() as u32);
                }
                latencies
            })
        })
        .collect();
    thread::sleep(MEASURED);
    stop.store(true, Ordering::Relaxed);
    let mut latencies_us: Vec<u32> = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
    let took = began.elapsed();
    latencies_us.sort_unstable();
    Load { accepted: latencies_us.len() as u64, took, latencies_us }
}

/// Posts at a steady rate on one connection; median and 99th percentile from POST to arrival.
fn steady(address: SocketAddr, key: &str, arrivals: &Arrivals, rate: u32) -> (f64, f64) {
    arrivals.0.lock().unwrap().latencies.clear();
    let mut stream = Connection::open(address);
    let began = Instant::now();
    for index in 0..rate * 5 {
        let due = began + Duration::from_secs(1) * index / rate;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        arrivals.posted(number);
        assert_eq!(stream.call("POST", "/api/v1/events", key, &event(number)).0, 202);
    }
    while arrivals.count() < u64::from(rate) * 5 {
        thread::sleep(Duration::from_millis(5));
    }
    let (_, p50, p99) = arrivals.summary();
    (p50, p99)
}

/// One kept-alive connection.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).expect("a setting");
        Connection(BufReader::new(stream))
    }

    fn call(&mut self, method: &str, path: &str, key: &str, body: &[u8]) -> (u16, String) {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.0.get_mut().write_all(&request).expect("it reads");
        let (head, body) = read_message(&mut self.0).expect("it answers");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

fn call(address: SocketAddr, method: &str, path: &str, key: &str, body: &[u8]) -> (u16, String) {
    Connection::open(address).call(method, path, key, body)
}

/// Head and body of one message with a `content-length`.
fn read_message(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let begin = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = head[begin..].trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A receiver that notes when each event arrived, and answers at once.
fn receiver(arrivals: Arrivals) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let arrivals = arrivals.clone();
            thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                let mut reader = BufReader::new(stream);
                while let Some((_, body)) = read_message(&mut reader) {
                    let text = String::from_utf8_lossy(&body);
                    let number = text.split(r#""number":"#).nth(1).and_then(|rest| rest.split(',').next());
                    arrivals.arrived(number.and_then(|number| number.parse().ok()).expect("a number of ours"));
                    if reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// A server of the same library, with as many threads, that reads the JSON and answers.
fn bare_server() -> SocketAddr {
    #[derive(serde::Deserialize)]
    struct Event<'a> {
        #[serde(rename = "type")]
        _event_type: &'a str,
        #[serde(borrow, rename = "data")]
        _data: &'a serde_json::value::RawValue,
    }
    let (told, address) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(|| {
                let answer = |body: web::Bytes| async move {
                    match serde_json::from_slice::<Event>(&body) {
                        Ok(_) => HttpResponse::Accepted().content_type("application/json").body("{}"),
                        Err(_) => HttpResponse::BadRequest().finish(),
                    }
                };
                App::new().route("/api/v1/events", web::post().to(answer))
            });
            let server = server.workers(2).disable_signals().bind("127.0.0.1:0").expect("a port");
            told.send(server.addrs()[0]).expect("main waits");
            server.run().await.expect("it serves");
        });
    });
    address.recv().expect("it is told")
}

fn resident_mib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}
