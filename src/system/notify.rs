//! Tells systemd how far we are (`Type=notify`): one datagram each, to the socket that it names in
//! `NOTIFY_SOCKET`. Without that variable nobody is told anything.

use std::{env, io, os::unix::net::UnixDatagram, time::Duration};

use rustix::process::getpid;

/// Where to tell it, and how often systemd wants to hear that we live.
#[derive(Debug)]
pub struct Notify {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// As the environment says. What stands there and cannot be used is logged and passed over:
    /// the server itself needs none of it.
    pub fn from_environment() -> Notify {
        let socket = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()).and_then(|name| {
            let connected = connect(name.as_encoded_bytes());
            connected.inspect_err(|error| tracing::warn!(%error, "NOTIFY_SOCKET cannot be used")).ok()
        });
        let watchdog = watchdog(env::var("WATCHDOG_USEC").ok(), env::var("WATCHDOG_PID").ok());
        Notify { watchdog: watchdog.filter(|_| socket.is_some()), socket }
    }

    /// Events are taken and sent from now on.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The configuration is being read again; [`ready`](Self::ready) says when that is done.
    pub fn reloading(&self) {
        // systemd compares the time with its own, so that a late word is not taken for a new one.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// The stop has begun.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// We live.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// How often to say so: twice as often as systemd asks for, so that one late word is no end.
    pub fn alive_every(&self) -> Option<Duration> {
        self.watchdog.map(|limit| limit / 2)
    }

    fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(state.as_bytes()) {
            tracing::warn!(state, %error, "systemd could not be told");
        }
    }
}

/// A name that begins with `@` is in the abstract namespace of Linux.
fn connect(name: &[u8]) -> io::Result<UnixDatagram> {
    use std::os::{linux::net::SocketAddrExt, unix::ffi::OsStrExt, unix::net::SocketAddr};
    let socket = UnixDatagram::unbound()?;
    // A system that takes nothing in must not hold the server up.
    socket.set_write_timeout(Some(Duration::from_secs(1)))?;
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    socket.connect_addr(&address)?;
    Ok(socket)
}

fn watchdog(limit: Option<String>, of: Option<String>) -> Option<Duration> {
    // Meant for another process, such as a shell that started us.
    if of.is_some_and(|of| of != getpid().as_raw_nonzero().to_string()) {
        return None;
    }
    let microseconds: u64 = limit?.parse().ok().filter(|limit| *limit > 0)?;
    Some(Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watchdog_is_heeded_if_it_is_ours() {
        let ours = || Some(std::process::id().to_string());
        let cases = [
            (Some("30000000".to_owned()), ours(), Some(30)),
            (Some("30000000".to_owned()), None, Some(30)),
            (Some("30000000".to_owned()), Some("1".to_owned()), None),
            (Some("0".to_owned()), None, None),
            (Some("soon".to_owned()), None, None),
            (None, ours(), None),
        ];
        for (limit, of, seconds) in cases {
            assert_eq!(watchdog(limit.clone(), of.clone()), seconds.map(Duration::from_secs), "{limit:?} {of:?}");
        }
    }
}
