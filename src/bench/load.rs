//! The load generator: tasks on one thread, so that it takes as little as it can of the processor that
//! the server needs too.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    clock::Stopwatch,
    http::{EventRequest, Messages},
    latency::Latency,
};

/// How long no answer may come before the load is given up.
pub(super) const NO_ANSWER: Duration = Duration::from_secs(60);

/// An event that was accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) number: u64,
    /// Which of the requests it was made with.
    pub(super) request: usize,
    /// When it was posted; if that was planned, when it should have been.
    pub(super) due_us: u64,
}

/// What a load came to.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) accepted: Vec<Sent>,
    /// Events that were answered with something else than success.
    pub(super) refused: u64,
    pub(super) began_us: u64,
    pub(super) ended_us: u64,
    /// From POST to answer.
    pub(super) answered: Latency,
}

impl Load {
    /// Accepted events per second.
    pub(super) fn accepted_per_s(&self) -> f64 {
        super::per_second(self.accepted.len(), self.ended_us - self.began_us)
    }
}

/// Where events go, and what all loads share.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    pub(super) stopwatch: Stopwatch,
    /// Every event of a run has a number of its own.
    pub(super) numbers: Arc<AtomicU64>,
}

impl Generator {
    /// Posts on every connection as soon as the event before it is answered.
    pub(super) fn closed(
        &self,
        address: SocketAddr,
        request: &EventRequest,
        connections: usize,
        duration: Duration,
    ) -> Result<Load, String> {
        super::started(async {
            let mut streams = Vec::new();
            for _ in 0..connections {
                streams.push(connect(address).await?);
            }
            let began_us = self.stopwatch.now_us();
            let until_us = began_us + duration.as_micros() as u64;
            let callers: Vec<_> = streams
                .into_iter()
                .map(|stream| tokio::spawn(self.clone().call(stream, request.clone(), until_us)))
                .collect();
            let mut load = Load { began_us, ..Load::default() };
            let mut times_us = Vec::new();
            for caller in callers {
                let ended = tokio::time::timeout(duration + NO_ANSWER, caller).await;
                let ended = ended.map_err(|_| unanswered(&load.accepted, began_us))?;
                let (accepted, times, refused) = ended.map_err(io::Error::other)??;
                load.accepted.extend(accepted);
                times_us.extend(times);
                load.refused += refused;
            }
            load.ended_us = self.stopwatch.now_us();
            load.answered = Latency::of(times_us);
            Ok(load)
        })
        .map_err(|error| format!("the load generator: {error}"))
    }

    async fn call(
        self,
        mut stream: TcpStream,
        mut request: EventRequest,
        until_us: u64,
    ) -> io::Result<(Vec<Sent>, Vec<u64>, u64)> {
        let (mut accepted, mut times_us, mut refused) = (Vec::new(), Vec::new(), 0);
        let mut messages = Messages::default();
        let mut due_us = self.stopwatch.now_us();
        while due_us < until_us {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            stream.write_all(request.numbered(number)).await?;
            let answer = messages.next(&mut stream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let answered_us = self.stopwatch.now_us();
            match answer.status() {
                200..300 => accepted.push(Sent { number, request: 0, due_us }),
                _ => refused += 1,
            }
            times_us.push(answered_us - due_us);
            due_us = answered_us;
        }
        Ok((accepted, times_us, refused))
    }
}

fn unanswered(accepted: &[Sent], began_us: u64) -> io::Error {
    let latest = accepted.iter().map(|sent| sent.due_us - began_us).max().unwrap_or(0);
    let told = format!("an event was not answered; the last one that was had been posted after {} ms", latest / 1_000);
    io::Error::new(io::ErrorKind::TimedOut, told)
}

/// A connection that sends at once what is written.
pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
