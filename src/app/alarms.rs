//! Sends alarms to the operator's alarm URL, and those about a webhook to that webhook's own as well,
//! on a thread of its own: a receiver that hangs holds up nothing but alarms. Those for one URL keep
//! their order; one that fails holds up no other URL. What waits is kept in memory and bounded.

use std::{
    collections::{HashSet, VecDeque},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::{
    config::Config,
    domain::{AccountId, Alarm, Outcome, Timestamp, Webhook, WebhookId},
    service::Service,
    store::Parcel,
    system::{Clock, Inbox},
};

/// Alarms that wait at most; the oldest are dropped then, because the newer ones are nearer to
/// what is true.
const MOST_WAITING: usize = 1_000;
/// How long to wait after each failed attempt; after the last one the alarm is dropped.
const RETRY_AFTER_S: [u64; 4] = [5, 30, 120, 600];
/// How long to wait for a place among the requests outside of the queue.
const PLACE_AFTER: Duration = Duration::from_secs(1);
/// Who the operator's alarm URL's connections belong to: no webhook has this id.
const ALARM_WEBHOOK: WebhookId = WebhookId(0);

/// The alarms' thread. It ends when dropped, once the request under way has ended.
pub struct Alarms {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    service: Arc<Service>,
    clock: Arc<dyn Clock>,
    /// The operator's alarm URL, if there is one.
    operator: Option<Arc<Webhook>>,
    queue: Mutex<Queue>,
    inbox: Arc<Inbox<()>>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    next_number: u64,
}

#[derive(Clone)]
struct Waiting {
    number: u64,
    name: &'static str,
    parcel: Parcel,
    due: Timestamp,
}

impl Queue {
    /// What is due first, of the alarms that have no earlier one for the same URL before them.
    fn next(&self) -> Option<Waiting> {
        let mut seen = HashSet::new();
        let heads = self.waiting.iter().filter(|waiting| seen.insert(waiting.parcel.webhook.id));
        heads.min_by_key(|waiting| waiting.due).cloned()
    }
}

impl Alarms {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(config: &Config, service: Arc<Service>, clock: Arc<dyn Clock>) -> io::Result<Alarms> {
        let operator = alarm_webhook(config, clock.now()).map(Arc::new);
        let inbox = Inbox::new(&*clock);
        let (queue, stopping) = (Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared { service, clock, operator, queue, inbox, stopping });
        let runs = shared.clone();
        let thread = std::thread::Builder::new().name("alarms".into()).spawn(move || runs.run())?;
        Ok(Alarms { shared, thread: Some(thread) })
    }

    /// Has an alarm sent to whoever wants to hear of it. Does not wait.
    pub fn raise(&self, alarm: &Alarm) {
        let own = self.shared.service.alarm_webhook_of(alarm).map(Arc::new);
        for to in self.shared.operator.clone().into_iter().chain(own) {
            self.enqueue(to, alarm);
        }
    }

    fn enqueue(&self, to: Arc<Webhook>, alarm: &Alarm) {
        let parcel = self.shared.service.alarm_parcel(to, alarm);
        let mut queue = self.shared.queue();
        let waiting = Waiting { number: queue.next_number, name: alarm.name, parcel, due: Timestamp::default() };
        queue.next_number += 1;
        queue.waiting.push_back(waiting);
        let dropped = if queue.waiting.len() > MOST_WAITING { queue.waiting.pop_front() } else { None };
        drop(queue);
        if let Some(dropped) = dropped {
            tracing::warn!(alarm = dropped.name, "too many alarms wait; the oldest was dropped");
        }
        self.shared.inbox.push(());
    }

    /// Begins nothing more.
    pub fn stop_soon(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.inbox.push(());
    }
}

impl Drop for Alarms {
    fn drop(&mut self) {
        self.stop_soon();
        if let Some(thread) = self.thread.take() {
            // A panic in it was logged when it came.
            let _ = thread.join();
        }
    }
}

/// The operator's alarm URL in the form of a webhook, so that it is sent to as any other.
fn alarm_webhook(config: &Config, now: Timestamp) -> Option<Webhook> {
    let (Some(request_url), Some(secret)) = (config.alarm.url.clone(), config.alarm.secret.clone()) else {
        return None;
    };
    Some(Webhook::new(ALARM_WEBHOOK, AccountId::default(), request_url, secret, now))
}

impl Shared {
    fn run(&self) {
        while !self.stopping.load(Ordering::Acquire) {
            let now = self.clock.now();
            let next = self.queue().next();
            match next {
                Some(next) if next.due <= now => self.send(next),
                next => drop(self.inbox.drain_or_wait(&*self.clock, next.map(|next| next.due))),
            }
        }
    }

    fn send(&self, waiting: Waiting) {
        let attempt = self.service.send_aside(waiting.parcel.clone());
        let now = self.clock.now();
        let mut queue = self.queue();
        // It may have been dropped meanwhile, to make room.
        let Some(place) = queue.waiting.iter().position(|one| one.number == waiting.number) else { return };
        let outcome = attempt.map(|attempt| attempt.outcome).filter(Outcome::counts);
        let Some(outcome) = outcome else {
            // There was no place for it, or our own stop cut it short.
            queue.waiting[place].due = now.plus(PLACE_AFTER);
            return;
        };
        if outcome.is_success() {
            queue.waiting.remove(place);
            return;
        }
        let failed = &mut queue.waiting[place];
        failed.parcel.delivery.attempts += 1;
        let made = failed.parcel.delivery.attempts as usize;
        match RETRY_AFTER_S.get(made - 1) {
            Some(wait) => failed.due = now.plus(Duration::from_secs(*wait)),
            None => {
                queue.waiting.remove(place);
                let (result, name) = (outcome.words(), waiting.name);
                tracing::warn!(alarm = name, result, "the alarm URL does not take an alarm; it was dropped");
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
