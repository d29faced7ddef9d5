//! Events at set times, whatever became of the ones before: the load of callers that do not wait for
//! each other.

use std::{
    io,
    net::SocketAddr,
    sync::{atomic::Ordering, mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

use super::{
    clock::Stopwatch,
    http::{EventRequest, Messages},
    latency::Latency,
    load::{Generator, Load, NO_ANSWER, Sent, connect},
};

/// How much longer it may take if that time has passed in one go.
const LATE_ANSWER: Duration = Duration::from_secs(5);
/// Between the start of a load and its first planned event.
const LEAD: Duration = Duration::from_millis(20);
/// Fewest and most connections.
const CONNECTIONS: std::ops::RangeInclusive<usize> = 8..=64;
/// Events per second for each connection in between, so that none stands idle for long.
const PER_CONNECTION: usize = 5;

/// Events to publish at set times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    /// Counted from the first.
    pub(super) after_us: u64,
    /// Which of the requests.
    pub(super) request: usize,
}

/// A steady stream of events that takes turns among `requests`.
pub(super) fn steady(per_second: u64, duration: Duration, requests: std::ops::Range<usize>) -> Vec<Planned> {
    let count = (duration.as_micros() as u64 * per_second / 1_000_000).max(1);
    let request = |index: u64| requests.start + index as usize % requests.len();
    (0..count).map(|index| Planned { after_us: index * 1_000_000 / per_second, request: request(index) }).collect()
}

impl Generator {
    /// Posts each event at its time, whatever became of the one before it; each takes a connection on
    /// which nothing waits for an answer. If all are busy it goes later, and that counts as its delay.
    pub(super) fn open(
        &self,
        address: SocketAddr,
        requests: &[EventRequest],
        plan: &[Planned],
    ) -> Result<Load, String> {
        let lasts_us = plan.last().map_or(0, |planned| planned.after_us).max(1);
        let per_second = super::per_second(plan.len(), lasts_us) as usize;
        let connections = (per_second / PER_CONNECTION).clamp(*CONNECTIONS.start(), *CONNECTIONS.end());
        super::started(async {
            let (idle, free) = mpsc::channel();
            let (told, mut answers) = unbounded_channel();
            let mut writers = Vec::new();
            for connection in 0..connections {
                let (read, write) = connect(address).await?.into_split();
                writers.push(write);
                tokio::spawn(listen(read, connection, self.stopwatch, told.clone()));
                let _ = idle.send(connection);
            }
            let began_us = self.stopwatch.now_us() + LEAD.as_micros() as u64;
            let first = self.numbers.fetch_add(plan.len() as u64, Ordering::Relaxed);
            let (sent, mut on_connection) = (mpsc::channel(), vec![None; connections]);
            let failed = told.clone();
            let pacer = Pacer { stopwatch: self.stopwatch, writers, free, sent: sent.0, requests: requests.to_vec() };
            let (steps, number_of) = (plan.to_vec(), sent.1);
            let pacer = thread::spawn(move || {
                if let Err(error) = pacer.run(&steps, began_us, first) {
                    let _ = failed.send(Err(error));
                }
            });

            let mut load = Load { began_us, ..Load::default() };
            let mut times_us = Vec::with_capacity(plan.len());
            for _ in plan {
                let answer = match tokio::time::timeout(NO_ANSWER, answers.recv()).await {
                    Ok(answer) => answer,
                    // The whole machine may have stood still; then the answer comes right after.
                    Err(_) => {
                        let late = tokio::time::timeout(LATE_ANSWER, answers.recv()).await;
                        late.map_err(|_| unanswered(times_us.len(), plan.len()))?
                    }
                };
                let answer = answer.ok_or(io::ErrorKind::UnexpectedEof)??;
                // The pacer tells before it writes, so what was answered has been told.
                while let Ok((connection, sent)) = number_of.try_recv() {
                    on_connection[connection] = Some(sent);
                }
                let sent: Sent = on_connection[answer.connection].take().ok_or(io::ErrorKind::InvalidData)?;
                times_us.push(answer.at_us.saturating_sub(sent.due_us));
                match answer.status {
                    200..300 => load.accepted.push(sent),
                    _ => load.refused += 1,
                }
                load.ended_us = answer.at_us;
                let _ = idle.send(answer.connection);
            }
            drop(idle);
            pacer.join().map_err(|_| io::Error::other("the pacer panicked"))?;
            load.answered = Latency::of(times_us);
            Ok(load)
        })
        .map_err(|error| format!("the load generator: {error}"))
    }
}

fn unanswered(answered: usize, planned: usize) -> io::Error {
    let told = format!("{answered} of {planned} events were answered, and then none for {} s", NO_ANSWER.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, told)
}

/// Writes at the planned times, on a thread that sleeps in between: the runtime's timer knows only
/// whole milliseconds.
struct Pacer {
    stopwatch: Stopwatch,
    writers: Vec<OwnedWriteHalf>,
    free: mpsc::Receiver<usize>,
    sent: mpsc::Sender<(usize, Sent)>,
    requests: Vec<EventRequest>,
}

impl Pacer {
    fn run(mut self, plan: &[Planned], began_us: u64, first: u64) -> io::Result<()> {
        for (number, planned) in (first..).zip(plan) {
            // Only the load as a whole being given up ends this before its time.
            let Ok(connection) = self.free.recv() else { return Ok(()) };
            let due_us = began_us + planned.after_us;
            thread::sleep(self.stopwatch.at(due_us).saturating_duration_since(Instant::now()));
            let _ = self.sent.send((connection, Sent { number, request: planned.request, due_us }));
            let bytes = self.requests[planned.request].numbered(number);
            // Nothing else is under way on this connection, so there is room for all of it.
            if self.writers[connection].try_write(bytes)? < bytes.len() {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        // The connections are closed only when everything is answered.
        while self.free.recv().is_ok() {}
        Ok(())
    }
}

struct Answer {
    connection: usize,
    status: u16,
    at_us: u64,
}

/// Tells of every answer on a connection, and why there are no more.
async fn listen(
    mut stream: OwnedReadHalf,
    connection: usize,
    stopwatch: Stopwatch,
    told: UnboundedSender<io::Result<Answer>>,
) {
    let mut messages = Messages::default();
    loop {
        let answer = match messages.next(&mut stream).await {
            Ok(Some(message)) => Ok(Answer { connection, status: message.status(), at_us: stopwatch.now_us() }),
            Ok(None) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => Err(error),
        };
        let last = answer.is_err();
        if told.send(answer).is_err() || last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_takes_turns() {
        let plan = steady(4, Duration::from_secs(1), 2..4);
        let told: Vec<_> = plan.iter().map(|planned| (planned.after_us, planned.request)).collect();
        assert_eq!(told, [(0, 2), (250_000, 3), (500_000, 2), (750_000, 3)]);
    }
}
