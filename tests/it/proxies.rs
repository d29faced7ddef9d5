//! nginx and Caddy in front of the real program, with the very blocks of `docs/reverse-proxy.md`: only
//! ports, certificates and folders are others. The caller is curl, from addresses of its own.

use std::{
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use crate::{
    app::wait_until,
    browser::{between, mark},
    process::{self, Process},
    tools,
};

const EMAIL: &str = "admin@acme.example";
const PASSWORD: &str = "correct horse battery";
/// Where the blocks say that Hookstead is.
const UPSTREAM: &str = "127.0.0.1:8080";

/// Which program stands in front.
#[derive(Clone, Copy)]
enum Kind {
    Nginx,
    Caddy,
}

/// A proxy with a server behind it, and somebody who calls.
struct World {
    folder: tempfile::TempDir,
    server: Process,
    proxy: Child,
    /// The name and port of the proxy, such as `hooks.example.com:40001`.
    authority: String,
    port: u16,
    /// The path below which the pages are; empty at the root.
    path: &'static str,
    key: String,
}

impl Drop for World {
    fn drop(&mut self) {
        // nginx ends its workers only if it is asked to.
        process::signal(self.proxy.id(), "TERM");
        let _ = self.proxy.wait();
    }
}

impl World {
    fn start(kind: Kind, place: &'static str) -> Option<World> {
        let program = match kind {
            Kind::Nginx => "nginx",
            Kind::Caddy => "caddy",
        };
        if !tools::are_there(&["curl"]) {
            return None;
        }
        let executable = tools::installed(program)?;
        let (name, path) = match place {
            "root" => ("hooks.example.com", ""),
            _ => ("crm.example.com", "/hooks"),
        };
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let authority = format!("{name}:{port}");

        let data = folder.path().join("data");
        let mut command = process::command(&data);
        command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null());
        command.env("HOOKSTEAD_PUBLIC_URL", format!("https://{authority}{path}"));
        command.env("HOOKSTEAD_TRUSTED_PROXIES", "127.0.0.1");
        let server = Process::start(command);
        let (_, key, _) = process::run(&data, &["apikey", "create", "crm", "--scopes", "all"]);
        make_admin(&data);

        let key_pair = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key_pair).unwrap();
        fs::write(folder.path().join("certificate.pem"), certificate.pem()).unwrap();
        fs::write(folder.path().join("key.pem"), key_pair.serialize_pem()).unwrap();

        let block = documented(program, place).replace(UPSTREAM, server.base.trim_start_matches("http://"));
        let proxy = match kind {
            Kind::Nginx => nginx(&executable, folder.path(), &block, port),
            Kind::Caddy => caddy(&executable, folder.path(), &block, name, port),
        };
        let mut world = World { folder, server, proxy, authority, port, path, key: key.trim().to_owned() };
        let listens = wait_until(|| TcpStream::connect(("127.0.0.1", port)).is_ok() || world.has_ended());
        assert!(listens.is_ok() && !world.has_ended(), "{program}: {}", world.complaints());
        Some(world)
    }

    fn has_ended(&mut self) -> bool {
        self.proxy.try_wait().unwrap().is_some()
    }

    fn complaints(&self) -> String {
        fs::read_to_string(self.folder.path().join("proxy.log")).unwrap_or_default()
    }

    /// What people type.
    fn base(&self) -> String {
        format!("https://{}{}", self.authority, self.path)
    }

    /// Calls from an address of this machine; what is answered, head and body.
    fn call(&self, from: &str, url: &str, arguments: &[&str]) -> Answer {
        let certificate = self.folder.path().join("certificate.pem");
        let jar = self.folder.path().join("cookies");
        let (name, _) = self.authority.split_once(':').unwrap();
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--include", "--http1.1", "--max-time", "20", "--noproxy", "*"]);
        curl.args(["--header", "Expect:", "--interface", from]);
        curl.args(["--resolve", &format!("{name}:{}:127.0.0.1", self.port)]);
        curl.arg("--cacert").arg(certificate).arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar);
        let output = curl.args(arguments).arg(url).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "curl {url}: {errors}\n{}", self.complaints());
        Answer::read(&String::from_utf8_lossy(&output.stdout))
    }

    fn page(&self, path: &str) -> Answer {
        self.call("127.0.0.1", &format!("{}{path}", self.base()), &[])
    }

    /// Calls the API; the body is in a file, because it may be large.
    fn api(&self, path: &str, body: Option<&str>) -> Answer {
        let file = self.folder.path().join("body");
        let mut arguments = vec!["--header".to_owned(), format!("Authorization: Bearer {}", self.key)];
        if let Some(body) = body {
            fs::write(&file, body).unwrap();
            arguments.extend(["--header".to_owned(), "Content-Type: application/json".to_owned()]);
            arguments.extend(["--data-binary".to_owned(), format!("@{}", file.display())]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.call("127.0.0.1", &format!("{}/api/v1{path}", self.base()), &arguments)
    }

    /// Fills in the sign-in page; `origin` is the site the form is on.
    fn sign_in(&self, origin: &str) -> Answer {
        let page = self.page("/sign-in");
        assert_eq!(page.status, 200, "{}", page.body);
        let action = between(&page.body, "action=\"", "\"").unwrap().to_owned();
        let form = format!("form={}", mark(&page.body));
        let url = format!("https://{}{action}", self.authority);
        let fields = ["email", EMAIL, "password", PASSWORD];
        let mut arguments = vec!["--header".to_owned(), format!("Origin: {origin}")];
        arguments.extend(["--data-urlencode".to_owned(), form]);
        for pair in fields.chunks(2) {
            arguments.extend(["--data-urlencode".to_owned(), format!("{}={}", pair[0], pair[1])]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.call("127.0.0.1", &url, &arguments)
    }
}

/// An answer as curl shows it.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn read(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn make_admin(data: &Path) {
    let mut command = process::command(data);
    command.args(["admin", "create", EMAIL, "--password-stdin"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// The block of the document that is marked so.
fn documented(program: &str, place: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reverse-proxy.md");
    let document = fs::read_to_string(path).unwrap();
    let after = format!("<!-- tested: {program} {place} -->\n```");
    let block = between(&document, &after, "\n```").unwrap_or_else(|| panic!("no block {after}"));
    // The first line names the language.
    block.split_once('\n').unwrap().1.to_owned()
}

fn nginx(executable: &Path, folder: &Path, block: &str, port: u16) -> Child {
    let mut lines = Vec::new();
    for line in block.lines() {
        let named = |directive: &str| line.trim_start().starts_with(&format!("{directive} "));
        lines.push(match () {
            () if named("listen") => format!("    listen 127.0.0.1:{port} ssl;"),
            () if named("ssl_certificate") => format!("    ssl_certificate {}/certificate.pem;", folder.display()),
            () if named("ssl_certificate_key") => format!("    ssl_certificate_key {}/key.pem;", folder.display()),
            () => line.to_owned(),
        });
    }
    let own: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", folder.display()))
        .collect();
    let everything = format!(
        "daemon off;\nworker_processes 1;\npid {0}/nginx.pid;\nerror_log {0}/proxy.log;\nevents {{}}\n\
         http {{\naccess_log off;\n{own}{1}\n}}\n",
        folder.display(),
        lines.join("\n"),
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, everything).unwrap();
    let mut command = Command::new(executable);
    command.arg("-c").arg(file).arg("-p").arg(folder).arg("-e").arg(folder.join("proxy.log"));
    if rustix::process::geteuid().is_root() {
        // Its workers could not read the folder as anybody else.
        command.args(["-g", "user root;"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn caddy(executable: &Path, folder: &Path, block: &str, name: &str, port: u16) -> Child {
    let certificate = format!("tls {0}/certificate.pem {0}/key.pem", folder.display());
    let block = block.replacen(
        &format!("{name} {{"),
        &format!("https://{name}:{port} {{\n\tbind 127.0.0.1\n\t{certificate}"),
        1,
    );
    let options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n";
    let file = folder.join("Caddyfile");
    fs::write(&file, format!("{options}{block}\n")).unwrap();
    let log = fs::File::create(folder.join("proxy.log")).unwrap();
    let mut command = Command::new(executable);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder).env("HOME", folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// What holds with each of them at the root of a name of its own.
fn at_the_root(kind: Kind) {
    let Some(world) = World::start(kind, "root") else { return };

    // An event comes in, over TLS; the answer is Hookstead's own.
    let accepted = world.api("/events", Some(r#"{"type":"contact.created","id":"crm-1","data":{"n":1}}"#));
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    assert!(accepted.header("location").unwrap().starts_with("/api/v1/events/evt_"));
    assert!(accepted.header("request-id").unwrap().starts_with("req_"));

    // Larger than nginx would take by itself, and then larger than the block allows.
    let event = format!(r#"{{"type":"contact.created","data":"{}"}}"#, "x".repeat(500_000));
    let batch = |count: usize| format!(r#"{{"events":[{}]}}"#, vec![event.as_str(); count].join(","));
    assert_eq!(world.api("/events/batch", Some(&batch(9))).status, 202);
    assert_eq!(world.api("/events/batch", Some(&batch(15))).status, 413);

    // The address of the caller counts, and not what the caller says.
    let wrong = |from: &str, forged: &str| {
        let url = format!("{}/api/v1/me", world.base());
        let forged = format!("X-Forwarded-For: {forged}");
        world.call(from, &url, &["--header", "Authorization: Bearer hsk_wrong", "--header", &forged]).status
    };
    for number in 0..60 {
        assert_eq!(wrong("127.0.0.2", &format!("203.0.113.{number}")), 401, "try {number}");
    }
    assert_eq!(wrong("127.0.0.2", "203.0.113.99"), 429);
    assert_eq!(wrong("127.0.0.3", "127.0.0.2"), 401, "another caller");

    // Somebody signs in: from our form only, and with cookies that travel over TLS only.
    let stranger = world.sign_in("https://elsewhere.example");
    assert_eq!(stranger.status, 403, "{}", stranger.body);
    let signed_in = world.sign_in(&format!("https://{}", world.authority));
    assert_eq!(signed_in.status, 303, "{}", signed_in.body);
    let cookies: Vec<&str> =
        signed_in.head.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie: ")).collect();
    assert!(!cookies.is_empty());
    for cookie in cookies {
        assert!(cookie.contains("__Host-") && cookie.contains("; Secure") && cookie.contains("HttpOnly"), "{cookie}");
    }

    // Live pages: what is asked for again and again is neither kept nor changed on the way.
    let list = world.page("/integration/webhook-logs?refresh=10");
    assert_eq!(list.status, 200, "{}", list.body);
    assert_eq!(list.header("cache-control"), Some("no-store"));
    assert!(list.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert_eq!(list.header("content-encoding"), None);
    let table = world.page("/integration/webhook-logs/export.csv");
    assert_eq!(table.status, 200, "{}", table.body);
    assert!(table.body.contains("Log ID"), "{}", table.body);
}

/// What holds with each of them below a path.
fn below_a_path(kind: Kind) {
    let Some(world) = World::start(kind, "path") else { return };
    assert!(!world.server.base.is_empty());

    let shortened = world.call("127.0.0.1", &format!("https://{}/hooks", world.authority), &[]);
    assert!([301, 302, 308].contains(&shortened.status), "{}", shortened.head);
    assert!(shortened.header("location").unwrap().ends_with("/hooks/"), "{}", shortened.head);

    let accepted = world.api("/events", Some(r#"{"type":"contact.created","data":1}"#));
    let location = accepted.header("location").unwrap();
    assert!(location.starts_with("/hooks/api/v1/events/evt_"), "{location}");
    world.api("/events", Some(r#"{"type":"contact.created","data":2}"#));
    let page = world.api("/events?limit=1", None);
    assert!(page.header("link").unwrap().starts_with("</hooks/api/v1/events?limit=1&cursor="), "{}", page.head);
    assert_eq!(world.api("/openapi.json", None).json()["servers"][0]["url"], "/hooks");

    // Not signed in, every page leads to the sign-in page, which leads to where one wanted to go.
    let away = world.page("/integration/webhook");
    assert_eq!(away.header("location"), Some("/hooks/sign-in?next=%2Fintegration%2Fwebhook"), "{}", away.head);
    let signed_in = world.sign_in(&format!("https://{}", world.authority));
    assert_eq!(signed_in.header("location"), Some("/hooks/"), "{}", signed_in.head);

    // Every address on every page that can be reached is below the path, and is there.
    let (mut to_see, mut seen) = (vec!["/hooks/integration/webhook".to_owned()], Vec::<String>::new());
    while let Some(path) = to_see.pop() {
        let plain = path.split(['?', '#']).next().unwrap().to_owned();
        if seen.contains(&plain) || plain.ends_with("/sign-out") {
            continue;
        }
        seen.push(plain);
        let page = world.call("127.0.0.1", &format!("https://{}{}", world.authority, path.replace("&amp;", "&")), &[]);
        assert!([200, 303].contains(&page.status), "{path}: {} {}", page.status, page.body);
        if !page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            continue;
        }
        for attribute in ["href", "src", "action", "formaction", "data-rows", "data-progress", "data-watch"] {
            for rest in page.body.split(&format!(" {attribute}=\"/")).skip(1) {
                let address = format!("/{}", rest.split('"').next().unwrap());
                assert!(address.starts_with("/hooks/"), "{attribute} {address} on {path}");
                if matches!(attribute, "href" | "src") {
                    to_see.push(address);
                }
            }
        }
    }
    for expected in ["/hooks/system", "/hooks/developers/api", "/hooks/integration/webhook/new"] {
        assert!(seen.iter().any(|path| path == expected), "{expected} is not among {seen:?}");
    }
    assert!(seen.iter().any(|path| path.starts_with("/hooks/assets/style.")), "{seen:?}");
}

#[test]
fn nginx_at_the_root() {
    at_the_root(Kind::Nginx);
}

#[test]
fn caddy_at_the_root() {
    at_the_root(Kind::Caddy);
}

#[test]
fn nginx_below_a_path() {
    below_a_path(Kind::Nginx);
}

#[test]
fn caddy_below_a_path() {
    below_a_path(Kind::Caddy);
}
