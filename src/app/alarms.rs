//! Sends alarms to the alarm URL, one after the other, on a thread of its own: a receiver that
//! hangs holds up nothing but the alarms behind. What waits is kept in memory and bounded.

use std::{
    collections::VecDeque,
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
    domain::{
        AccountId, Alarm, CustomHeaders, OtherSignatures, Selection, SigningSecret, Timestamp, TlsOptions, Webhook,
        WebhookId,
    },
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
/// Who the alarm URL's connections belong to: no webhook has this id.
const ALARM_WEBHOOK: WebhookId = WebhookId(0);

/// The alarms' thread. It ends when dropped, once the request under way has ended.
pub struct Alarms {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    service: Arc<Service>,
    clock: Arc<dyn Clock>,
    to: Arc<Webhook>,
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

impl Alarms {
    /// Starts the thread, if an alarm URL is configured.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(config: &Config, service: Arc<Service>, clock: Arc<dyn Clock>) -> io::Result<Option<Alarms>> {
        let Some(to) = alarm_webhook(config, clock.now()) else { return Ok(None) };
        let inbox = Inbox::new(&*clock);
        let (queue, stopping) = (Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared { service, clock, to: Arc::new(to), queue, inbox, stopping });
        let runs = shared.clone();
        let thread = std::thread::Builder::new().name("alarms".into()).spawn(move || runs.run())?;
        Ok(Some(Alarms { shared, thread: Some(thread) }))
    }

    /// Has an alarm sent. Does not wait.
    pub fn raise(&self, alarm: &Alarm) {
        let parcel = self.shared.service.alarm_parcel(self.shared.to.clone(), alarm);
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

/// The alarm URL in the form of a webhook, so that it is sent to as any other.
fn alarm_webhook(config: &Config, now: Timestamp) -> Option<Webhook> {
    let (Some(request_url), Some(secret)) = (config.alarm.url.clone(), config.alarm.secret.clone()) else {
        return None;
    };
    Some(Webhook {
        id: ALARM_WEBHOOK,
        account: AccountId::default(),
        request_url,
        description: String::new(),
        selection: Selection::every(),
        headers: CustomHeaders::default(),
        secrets: vec![SigningSecret { secret, since: now, until: None }],
        disabled: None,
        timeout_ms: None,
        max_in_flight: None,
        rate_per_second: None,
        ordered: false,
        retry_schedule: None,
        created_at: now,
        created_by: String::new(),
        updated_by: String::new(),
        updated_at: now,
        version: 0,
        deleted_at: None,
        other_signatures: OtherSignatures::default(),
        tls: TlsOptions::default(),
    })
}

impl Shared {
    fn run(&self) {
        while !self.stopping.load(Ordering::Acquire) {
            let now = self.clock.now();
            let first = self.queue().waiting.front().cloned();
            match first {
                Some(first) if first.due <= now => self.send(first),
                first => drop(self.inbox.drain_or_wait(&*self.clock, first.map(|first| first.due))),
            }
        }
    }

    fn send(&self, waiting: Waiting) {
        let attempt = self.service.send_aside(waiting.parcel.clone());
        let now = self.clock.now();
        let mut queue = self.queue();
        // It may have been dropped meanwhile, to make room.
        let Some(first) = queue.waiting.front_mut().filter(|first| first.number == waiting.number) else { return };
        let Some(attempt) = attempt else {
            first.due = now.plus(PLACE_AFTER);
            return;
        };
        if !attempt.outcome.counts() {
            // Our own stop cut it short.
            first.due = now.plus(PLACE_AFTER);
            return;
        }
        if attempt.outcome.is_success() {
            queue.waiting.pop_front();
            return;
        }
        first.parcel.delivery.attempts += 1;
        let made = first.parcel.delivery.attempts as usize;
        let (result, name) = (attempt.outcome.words(), waiting.name);
        match RETRY_AFTER_S.get(made - 1) {
            Some(wait) => first.due = now.plus(Duration::from_secs(*wait)),
            None => {
                queue.waiting.pop_front();
                tracing::warn!(alarm = name, result, "the alarm URL does not take an alarm; it was dropped");
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
