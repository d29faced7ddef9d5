//! A receiver. How it answers stands in the path that it is asked at: `/fast/7` at once, `/late/7` after
//! two seconds, `/hang/7` after fifteen; 7 is the webhook. It notes when events arrived at the fast
//! ones; the others are there to be in the way.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use super::{
    clock::Stopwatch,
    http::{Messages, number_in},
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const LATE: Duration = Duration::from_secs(2);
const HANG: Duration = Duration::from_secs(15);
/// After this long without an arrival, what is missing counts as lost.
const QUIET: Duration = Duration::from_secs(30);
/// How long repeats are waited for after everything arrived.
const LINGER: Duration = Duration::from_millis(100);
/// How often it is looked whether everything arrived.
const LOOK: Duration = Duration::from_millis(10);

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Fast,
    Late,
    Hang,
}

impl Manner {
    /// The path of a webhook that answers in this manner.
    pub(super) fn path(self, webhook: usize) -> String {
        let word = match self {
            Manner::Fast => "fast",
            Manner::Late => "late",
            Manner::Hang => "hang",
        };
        format!("/{word}/{webhook}")
    }

    fn read(path: &[u8]) -> Option<(Manner, u32)> {
        let manner = match path.get(..6)? {
            b"/fast/" => Manner::Fast,
            b"/late/" => Manner::Late,
            b"/hang/" => Manner::Hang,
            _ => return None,
        };
        Some((manner, std::str::from_utf8(&path[6..]).ok()?.parse().ok()?))
    }
}

/// An event that was read in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrival {
    pub(super) number: u64,
    pub(super) webhook: u32,
    pub(super) at_us: u64,
}

/// A receiver on a thread of its own, until it is dropped.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Listens on a free port.
    pub(super) fn start(stopwatch: Stopwatch) -> Result<Receiver, String> {
        let listen = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener, super::runtime()?))
        };
        let (address, listener, runtime) =
            listen().map_err(|error: std::io::Error| format!("the receiver: {error}"))?;
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel();
        let seen = arrivals.clone();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener that does not block");
                tokio::spawn(async move {
                    loop {
                        // An error here is one of the connection, which is gone then.
                        if let Ok((stream, _)) = listener.accept().await {
                            tokio::spawn(answer(stream, seen.clone(), stopwatch));
                        }
                    }
                });
                // What was spawned ends with the runtime.
                let _ = stopped.await;
            });
        });
        Ok(Receiver { address, arrivals, stop: Some(stop), thread: Some(thread) })
    }

    /// Waits until `expected` arrivals are there, or for half a minute nothing has come; takes them.
    pub(super) fn take(&self, expected: usize) -> Vec<Arrival> {
        let (mut seen, mut since) = (0, Instant::now());
        while seen < expected && since.elapsed() < QUIET {
            thread::sleep(LOOK);
            let now = self.arrivals().len();
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
        thread::sleep(LINGER);
        std::mem::take(&mut *self.arrivals())
    }

    fn arrivals(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn answer(mut stream: TcpStream, arrivals: Arc<Mutex<Vec<Arrival>>>, stopwatch: Stopwatch) {
    let _ = stream.set_nodelay(true);
    let mut messages = Messages::default();
    // Whoever closes or breaks off, or sends what is not ours, gets no answer and needs none.
    while let Ok(Some(message)) = messages.next(&mut stream).await {
        let at_us = stopwatch.now_us();
        let Some((manner, webhook)) = Manner::read(message.path()) else { return };
        let Some(number) = number_in(message.body) else { return };
        match manner {
            Manner::Fast => {}
            Manner::Late => tokio::time::sleep(LATE).await,
            Manner::Hang => tokio::time::sleep(HANG).await,
        }
        if manner == Manner::Fast {
            let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            arrivals.push(Arrival { number, webhook, at_us });
        }
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_how_to_answer_and_for_whom() {
        for manner in [Manner::Fast, Manner::Late, Manner::Hang] {
            assert_eq!(Manner::read(manner.path(17).as_bytes()), Some((manner, 17)));
        }
        assert_eq!(Manner::read(b"/fast/x"), None);
        assert_eq!(Manner::read(b"/"), None);
    }
}
