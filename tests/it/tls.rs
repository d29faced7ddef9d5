//! TLS of our own: the real program with certificates made here, asked by a client that checks them.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hookstead::system::{Clock, SystemClock};
use rcgen::date_time_ymd;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::json;

use crate::{
    app::wait_until,
    certificates::Authority,
    process::{Process, command, run, signal},
};

/// A folder with a certificate for `hooks.test`, its key, and a configuration that names them.
struct Place {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap(), authority: Authority::new() };
        place.write(&place.authority.pem_pair(&["hooks.test"], |_| {}));
        let config = "tls_certificate_file = 'cert.pem'\ntls_key_file = 'key.pem'\n";
        fs::write(place.path("hookstead.toml"), config).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn write(&self, (certificate, key): &(String, String)) {
        fs::write(self.path("cert.pem"), certificate).unwrap();
        fs::write(self.path("key.pem"), key).unwrap();
        fs::set_permissions(self.path("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn serve(&self) -> Process {
        let mut command = command(&self.data());
        command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(File::create(self.path("log")).unwrap());
        Process::start(command)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    fn logged(&self, words: &str) {
        wait_until(|| self.log().contains(words)).unwrap_or_else(|()| panic!("no {words:?} in {}", self.log()));
    }

    fn client(&self, process: &Process) -> Client {
        Client::connect(process, &self.authority).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A connection that checks the certificate.
struct Client(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Client {
    fn connect(process: &Process, authority: &Authority) -> std::io::Result<Client> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&authority.pem()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("hooks.test").unwrap();
        let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(process.base.trim_start_matches("https://"))?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        Ok(Client(BufReader::new(StreamOwned::new(tls, socket))))
    }

    /// Head and body of an answer, on the connection that stays.
    fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> (String, String) {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: hooks.test\r\ncontent-length: {length}\r\n{headers}\r\n");
        self.0.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.0.read_line(&mut head).unwrap() > 0, "closed after {head:?}");
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    fn get(&mut self, path: &str) -> (String, String) {
        self.ask("GET", path, "", "")
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.get_ref().conn.peer_certificates().unwrap()[0].clone().into_owned()
    }
}

#[test]
fn pages_and_api_are_served_over_tls_and_cookies_go_over_it_only() {
    let place = Place::new();
    let process = place.serve();
    assert!(process.base.starts_with("https://127.0.0.1:"), "{}", process.base);
    let mut client = place.client(&process);
    let (head, _) = client.get("/sign-in");
    assert!(head.contains("set-cookie: __Host-hookstead_form=") && head.contains("; Secure"), "{head}");
    assert!(head.contains("strict-transport-security: max-age=31536000"), "{head}");
    // The same connection, with a key and a webhook to the built-in receiver, which is this server.
    let (_, key, _) = run(&place.data(), &["apikey", "create", "tests"]);
    let key = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", key.trim());
    let name = hookstead::domain::receiver_name(&instance(&place.data()));
    let url = format!("{}/in/{name}", process.base);
    let webhook = json!({"request_url": url, "events": ["*"]}).to_string();
    let (head, body) = client.ask("POST", "/api/v1/webhooks", &key, &webhook);
    assert!(head.starts_with("HTTP/1.1 201 "), "{head}{body}");
    let event = r#"{"type":"contact.created","data":{"a":1}}"#;
    let (head, body) = client.ask("POST", "/api/v1/events", &key, event);
    assert!(head.starts_with("HTTP/1.1 202 "), "{head}{body}");
    let mut logs = String::new();
    wait_until(|| {
        logs = client.ask("GET", "/api/v1/logs", &key, "").1;
        logs.contains(r#""status":"success""#)
    })
    .unwrap_or_else(|()| panic!("{logs}"));
    // The command asks by the address, which the certificate does not name.
    let address = process.base.trim_start_matches("https://").to_owned();
    assert_eq!(run(&place.data(), &["healthcheck", &format!("https://{address}/readyz")]).0, Some(0));
    let (code, _, stderr) = run(&place.data(), &["healthcheck", &format!("http://{address}/readyz")]);
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(process.terminate().0, Some(0));
}

/// The random text that the receiver's name is made of.
fn instance(data: &Path) -> String {
    let marker = fs::read_to_string(data.join(hookstead::store::MARKER_FILE)).unwrap();
    marker.lines().next().unwrap().trim().to_owned()
}

/// Row 84 of the bad-input table, and the reload of certificates.
#[test]
fn a_new_certificate_is_taken_over_and_a_broken_one_is_not() {
    let place = Place::new();
    let process = place.serve();
    let mut open = place.client(&process);
    let first = open.certificate();

    place.write(&place.authority.pem_pair(&["hooks.test"], |_| {}));
    signal(process.id(), "HUP");
    place.logged("the configuration was read again");
    let second = place.client(&process).certificate();
    assert_ne!(first, second, "new connections have the new one");
    assert!(open.get("/healthz").0.starts_with("HTTP/1.1 200 "), "the one that was open stays");

    fs::write(place.path("cert.pem"), "nonsense").unwrap();
    signal(process.id(), "HUP");
    place.logged("tls_certificate_file");
    assert!(place.log().contains("holds no certificate (PEM)"), "{}", place.log());
    assert_eq!(place.client(&process).certificate(), second, "the one before it stays");

    place.write(&place.authority.pem_pair(&["hooks.test"], |_| {}));
    fs::write(place.path("hookstead.toml"), "retention_days = 0\n").unwrap();
    signal(process.id(), "HUP");
    place.logged("hookstead.toml:1: retention_days is 0; allowed");
    assert_eq!(place.client(&process).certificate(), second, "a broken configuration changes nothing");

    let config =
        "tls_certificate_file = 'cert.pem'\ntls_key_file = 'key.pem'\nretention_days = 30\nlog.level = 'debug'\n";
    fs::write(place.path("hookstead.toml"), config).unwrap();
    signal(process.id(), "HUP");
    place.logged("restart to use them");
    assert!(place.log().contains(r#""keys":"retention_days""#), "{}", place.log());
    assert_ne!(place.client(&process).certificate(), second);
    open.get("/healthz");
    place.logged(r#""path":"/healthz""#);
    assert_eq!(process.terminate().0, Some(0));
}

/// Row 80 of the bad-input table.
#[test]
fn what_is_wrong_with_the_files_is_said_with_the_name_of_the_file() {
    let place = Place::new();
    let (certificate, key) = place.authority.pem_pair(&["hooks.test"], |_| {});
    let (other, _) = place.authority.pem_pair(&["hooks.test"], |_| {});
    let (expired, expired_key) =
        place.authority.pem_pair(&["hooks.test"], |params| params.not_after = date_time_ymd(2021, 1, 1));
    let (future, future_key) =
        place.authority.pem_pair(&["hooks.test"], |params| params.not_before = date_time_ymd(2900, 1, 1));
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n\
               -----END RSA PRIVATE KEY-----\n";
    for (certificate, key, file, why) in [
        (&*certificate, "", "key.pem", "holds no private key (PEM)"),
        (&*certificate, encrypted, "key.pem", "is encrypted; decrypt it with: openssl pkey"),
        (&*certificate, old, "key.pem", "is encrypted"),
        (&*other, &*key, "key.pem", "is not the key of"),
        ("", &*key, "cert.pem", "holds no certificate (PEM)"),
        (&*expired, &*expired_key, "cert.pem", "ended on 2021-01-01"),
        (&*future, &*future_key, "cert.pem", "begins on 2900-01-01"),
    ] {
        place.write(&(certificate.to_owned(), key.to_owned()));
        for command in [&["check-config"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let (code, stdout, stderr) = run(&place.data(), command);
            let path = place.path(file).display().to_string();
            assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
            let line = if file == "cert.pem" { "1: tls_certificate_file" } else { "2: tls_key_file" };
            assert!(stderr.starts_with(&format!("hookstead.toml:{line} {path} {why}")), "{stderr}");
        }
        assert!(!place.data().exists(), "nothing was made");
    }
    fs::remove_file(place.path("key.pem")).unwrap();
    let (code, _, stderr) = run(&place.data(), &["check-config"]);
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("hookstead.toml:2: tls_key_file is the text \"key.pem\": No such file"), "{stderr}");
    fs::write(place.path("hookstead.toml"), "tls_certificate_file = 'cert.pem'\n").unwrap();
    let (_, _, stderr) = run(&place.data(), &["check-config"]);
    assert!(stderr.contains("tls_certificate_file is set and tls_key_file is not"), "{stderr}");
}

#[test]
fn a_key_for_everybody_and_an_end_that_is_near_are_warned_about() {
    let place = Place::new();
    let day = SystemClock::new().now().plus(Duration::from_secs(2 * 86_400)).to_string();
    let part = |range: std::ops::Range<usize>| day[range].parse::<u16>().unwrap();
    let soon = date_time_ymd(part(0..4).into(), part(5..7) as u8, part(8..10) as u8);
    place.write(&place.authority.pem_pair(&["hooks.test"], |params| params.not_after = soon));
    fs::set_permissions(place.path("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let (code, _, stderr) = run(&place.data(), &["check-config"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("every user of this machine can read the key of the certificate"), "{stderr}");
    assert!(stderr.contains("the certificate ends in"), "{stderr}");
}

/// Row 47: what is no handshake is no request either, and silence is cut.
#[test]
fn plain_http_and_silence_on_the_tls_port_are_closed() {
    let place = Place::new();
    let process = place.serve();
    let address = process.base.trim_start_matches("https://");
    for bytes in [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], b""] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // Closed or reset: either way it ends, and nothing of ours is said in plain text.
        let ended = stream.read_to_end(&mut answer);
        assert!(!matches!(&ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "{ended:?}");
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP/"), "{answer:?}");
    }
    assert!(place.client(&process).get("/healthz").0.starts_with("HTTP/1.1 200 "));
}
