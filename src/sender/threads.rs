//! What the engine's thread and the sending threads do.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    engine::{Engine, Input, Job, Turn},
    pool::{Pool, PoolJob, Work},
    reader::Question,
    runner::{Mail, Shared, Standing},
};
use crate::system::Inbox;

/// The longest between two turns, so that [`super::Sender::last_turn_at`] tells a thread that has
/// nothing to do from one that is stuck.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The engine's thread.
pub(super) struct Turning {
    pub(super) shared: Arc<Shared>,
    pub(super) pool: Arc<Pool<Job>>,
    pub(super) questions: Arc<Inbox<Question>>,
    /// Requests in flight at once.
    pub(super) most: usize,
}

impl Turning {
    /// Turns until the end.
    pub(super) fn run(&self, mut engine: Engine) {
        let mut stopping = false;
        let mut wake_at = None;
        loop {
            let clock = &*self.shared.clock;
            let heartbeat = clock.now().plus(HEARTBEAT);
            let mail = self.shared.mail.drain_or_wait(clock, Some(wake_at.unwrap_or(heartbeat).min(heartbeat)));
            let mut inputs = Vec::with_capacity(mail.len());
            let mut left_out = false;
            for letter in mail {
                match letter {
                    // Once is enough: the pages are read after this turn.
                    Mail::Input(Input::NoticesLeftOut) if std::mem::replace(&mut left_out, true) => {}
                    Mail::Input(input) => inputs.push(input),
                    Mail::Stop => stopping = true,
                    Mail::End => return,
                }
            }
            let now = clock.now();
            let ended = inputs.iter().filter(|input| matches!(input, Input::Finished(_))).count();
            if ended > 0 {
                self.shared.meter.lock().add(ended as u64, now);
            }
            let turn = engine.turn(inputs, now, if stopping { 0 } else { self.most });
            wake_at = turn.wake_at;
            self.act(turn);
            self.shared.last_turn_at.store(now.as_millis(), Ordering::Relaxed);
            *self.shared.standing.lock() = Standing { in_flight: engine.in_flight(), stopping };
            self.shared.turned.notify_all();
        }
    }

    fn act(&self, turn: Turn) {
        if !turn.record.is_empty() {
            self.shared.deliveries.record(turn.record);
        }
        let settings = turn.settings.into_iter().map(Question::Settings);
        let pages = turn.read.into_iter().map(Question::Page);
        self.questions.extend(settings.chain(pages));
        let not_taken = self.pool.submit(turn.send);
        self.shared.mail.extend(not_taken.into_iter().map(|job| Mail::Input(Input::Interrupted(job))));
    }
}

impl PoolJob for Job {
    fn takes_time(&self) -> bool {
        self.takes_time
    }
}

/// What a sending thread does.
pub(super) struct Sending(pub(super) Arc<Shared>);

impl Work<Job> for Sending {
    fn work(&self, job: Job) {
        let input = match self.0.deliveries.parcel(job.due.delivery, job.due.at) {
            // Switched off a moment ago; the engine puts the row back and is about to hear of it.
            Ok(Some(parcel)) if !parcel.webhook.is_on() => Input::Interrupted(job),
            Ok(Some(parcel)) => self.0.finish(job, parcel),
            Ok(None) => Input::Stale(job),
            Err(problem) => {
                tracing::error!(log_id = %job.due.delivery, problem = problem.detail, "A delivery cannot be read.");
                Input::Unreadable(job)
            }
        };
        self.0.mail.push(Mail::Input(input));
    }

    /// Nothing was sent: a panic of the transport itself is an outcome.
    fn panicked(&self, job: Job) {
        tracing::error!(log_id = %job.due.delivery, "A panic while a delivery was read.");
        self.0.mail.push(Mail::Input(Input::Unreadable(job)));
    }
}
