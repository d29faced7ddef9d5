//! What systemd hears: the test plays its socket and starts the real program as it would.

use std::{os::unix::net::UnixDatagram, process::Stdio, time::Duration};

use crate::process::{Process, command, signal};

struct Systemd(UnixDatagram);

impl Systemd {
    /// The next word, without those in between that only say that the program lives.
    fn hears(&self) -> String {
        loop {
            let word = self.next();
            if word != "WATCHDOG=1" {
                return word;
            }
        }
    }

    fn next(&self) -> String {
        let mut word = [0; 256];
        let length = self.0.recv(&mut word).expect("it says something in time");
        String::from_utf8(word[..length].to_vec()).unwrap()
    }
}

#[test]
fn systemd_hears_that_it_is_ready_lives_reloads_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let systemd = Systemd(UnixDatagram::bind(&path).unwrap());
    systemd.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut program = command(&folder.path().join("data"));
    program.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null());
    program.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let process = Process::start(program);
    assert_eq!(systemd.next(), "READY=1", "the first word");
    assert_eq!(systemd.next(), "WATCHDOG=1");
    signal(process.id(), "HUP");
    let reloading = systemd.hears();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(systemd.hears(), "READY=1");
    let (code, _) = process.terminate();
    assert_eq!((systemd.hears().as_str(), code), ("STOPPING=1", Some(0)));
}

#[test]
fn without_systemd_or_with_a_socket_that_is_gone_it_serves_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", "/nowhere/notify", "@hookstead-nobody-listens"] {
        let mut program = command(&folder.path().join("data"));
        program.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::null()).env("NOTIFY_SOCKET", name);
        assert_eq!(Process::start(program).terminate().0, Some(0), "{name:?}");
    }
}
