//! Looks after webhooks that fail, after the lag and after the disk, and says what it sees: in the
//! log, and at the alarm URL. Pings go out on threads of their own, few at a time, so that a
//! receiver that hangs holds up nobody.

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{alarms::Alarms, complain, free_bytes};
use crate::{
    config::Config,
    domain::{Alarm, LastAttempt, SystemWatch, Timestamp, WebhookId},
    service::Service,
    system::{Clock, Inbox},
};

/// How often it looks around. Ten thousand webhooks take a few milliseconds.
const EVERY: Duration = Duration::from_secs(5);
/// How often the heads of all queues are read, for the lag.
const LAG_EVERY: Duration = Duration::from_secs(15);
/// Pings at once. Together with one alarm they leave some of the sender's places for requests
/// outside of the queue to people who test a webhook.
const PINGS_AT_ONCE: usize = 4;
/// Pings that wait for one of those; further ones are found again by the next look.
const PINGS_WAITING: usize = 64;

/// The threads of the healing. They end when dropped, once requests under way have ended.
pub struct Healing {
    alarms: Arc<Option<Alarms>>,
    inbox: Arc<Inbox<Pinged>>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// A ping has ended; without a result, nothing could be asked.
type Pinged = (WebhookId, Option<LastAttempt>);

impl Healing {
    /// Starts them.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(config: &Config, service: Arc<Service>, clock: Arc<dyn Clock>) -> io::Result<Healing> {
        let alarms = Arc::new(Alarms::start(config, service.clone(), clock.clone())?);
        let inbox = Inbox::new(&*clock);
        let stopping = Arc::new(AtomicBool::new(false));
        let (ask, asked) = sync_channel(PINGS_WAITING);
        let mut healing = Healing { alarms: alarms.clone(), inbox, stopping, threads: Vec::new() };
        if service.settings().healing.probe {
            let asked = Arc::new(Mutex::new(asked));
            for _ in 0..PINGS_AT_ONCE {
                let (service, asked, inbox) = (service.clone(), asked.clone(), healing.inbox.clone());
                let stop = healing.stopping.clone();
                healing.spawn("pinging", move || ping_all(&service, &asked, &inbox, &stop))?;
            }
        }
        let (ear, stop) = (healing.inbox.clone(), healing.stopping.clone());
        let mut rounds = Rounds {
            service,
            alarms,
            ask,
            under_way: HashSet::new(),
            watch: SystemWatch::default(),
            data_dir: config.data_dir.clone(),
            min_free_bytes: config.limits.min_free_disk_bytes,
            lag_at: Timestamp::default(),
        };
        healing.spawn("healing", move || {
            let mut answers = Vec::new();
            while !stop.load(Ordering::Acquire) {
                let now = clock.now();
                answers = rounds.go(now, answers);
                answers.extend(ear.drain_or_wait(&*clock, Some(now.plus(EVERY))));
            }
        })?;
        Ok(healing)
    }

    /// Begins nothing more; what is under way ends when the sender is stopped.
    pub fn stop_soon(&self) {
        self.stopping.store(true, Ordering::Release);
        // Wakes the thread, which looks at the flag.
        self.inbox.extend([(WebhookId(0), None)]);
        if let Some(alarms) = &*self.alarms {
            alarms.stop_soon();
        }
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(std::thread::Builder::new().name(name.into()).spawn(run)?);
        Ok(())
    }
}

impl Drop for Healing {
    fn drop(&mut self) {
        self.stop_soon();
        // The thread that asks ends first in effect: with its end of the channel gone, those that
        // ping end too.
        for thread in self.threads.drain(..).rev() {
            // A panic in it was logged when it came.
            let _ = thread.join();
        }
    }
}

fn ping_all(service: &Service, asked: &Mutex<Receiver<WebhookId>>, inbox: &Inbox<Pinged>, stop: &AtomicBool) {
    loop {
        // Only one waits at the channel, and the others for it.
        let next = asked.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(webhook) = next else { return };
        if stop.load(Ordering::Acquire) {
            return;
        }
        inbox.push((webhook, service.ping(webhook)));
    }
}

struct Rounds {
    service: Arc<Service>,
    alarms: Arc<Option<Alarms>>,
    ask: SyncSender<WebhookId>,
    /// Pings that wait, are under way, or whose result is not written yet.
    under_way: HashSet<WebhookId>,
    watch: SystemWatch,
    data_dir: PathBuf,
    min_free_bytes: u64,
    lag_at: Timestamp,
}

impl Rounds {
    /// One look around. Gives back answers that could not be written.
    fn go(&mut self, now: Timestamp, answers: Vec<Pinged>) -> Vec<Pinged> {
        let unwritten = answers.into_iter().filter(|answer| !self.write(*answer)).collect();
        match self.service.look_after_webhooks() {
            Ok(found) => {
                found.alarms.iter().for_each(|alarm| self.say(alarm));
                found.pings.into_iter().for_each(|webhook| self.ping(webhook));
            }
            Err(problem) => complain("looking after webhooks", &problem),
        }
        if let Ok(free) = free_bytes(&self.data_dir) {
            let alarm = self.watch.disk(free, self.min_free_bytes, now);
            alarm.iter().for_each(|alarm| self.say(alarm));
        }
        if now >= self.lag_at {
            self.lag_at = now.plus(LAG_EVERY);
            match self.service.lag_alarm(&mut self.watch) {
                Ok(alarm) => alarm.iter().for_each(|alarm| self.say(alarm)),
                Err(problem) => complain("reading the lag", &problem),
            }
        }
        unwritten
    }

    fn write(&mut self, (webhook, last): Pinged) -> bool {
        if let Some(last) = last
            && let Err(problem) = self.service.record_ping(webhook, last)
        {
            complain("recording a ping", &problem);
            return false;
        }
        self.under_way.remove(&webhook);
        true
    }

    fn ping(&mut self, webhook: WebhookId) {
        if !self.under_way.contains(&webhook) && self.ask.try_send(webhook).is_ok() {
            self.under_way.insert(webhook);
        }
    }

    /// The log has it in any case; without the URL, which may hold a token.
    fn say(&self, alarm: &Alarm) {
        let webhook_id = alarm.webhook.as_ref().map(|webhook| webhook.id.as_str());
        match alarm.name {
            "webhook.recovered" | "system.lag_ok" | "system.disk_ok" => {
                tracing::info!(alarm = alarm.name, webhook_id, "{}", alarm.message);
            }
            _ => tracing::warn!(alarm = alarm.name, webhook_id, "{}", alarm.message),
        }
        if let Some(alarms) = &*self.alarms {
            alarms.raise(alarm);
        }
    }
}
