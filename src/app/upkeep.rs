//! What has to be done from time to time: bulk resends, forgetting what is old, watching the disk,
//! ending what deleted webhooks left behind.

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{complain, free_bytes};
use crate::{
    config::Config,
    domain::Timestamp,
    sender::Transport,
    service::Service,
    store::DATA_FILE,
    system::{Clock, Inbox},
};

/// How often the upkeep looks around.
const EVERY: Duration = Duration::from_secs(1);
/// How often the disk is measured.
const DISK_EVERY: Duration = Duration::from_secs(5);
/// How often connections that nobody needs any more are dropped.
const TIDY_EVERY: Duration = Duration::from_secs(30);
/// How often old events are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// The upkeep's thread; ends when dropped.
pub struct Upkeep {
    inbox: Arc<Inbox<()>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// Starts it.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(
        config: &Config,
        service: Arc<Service>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Upkeep> {
        let inbox = Inbox::new(&*clock);
        let stopping = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut rounds = Rounds {
            service,
            transport,
            runtime,
            data_dir: config.data_dir.clone(),
            store_bytes: config.limits.store_bytes,
            min_free_bytes: config.limits.min_free_disk_bytes,
            full: false,
            disk_at: Timestamp::default(),
            tidy_at: Timestamp::default(),
            forget_at: Timestamp::default(),
            settled: false,
        };
        let (ear, stop) = (inbox.clone(), stopping.clone());
        let thread = std::thread::Builder::new().name("upkeep".into()).spawn(move || {
            while !stop.load(Ordering::Acquire) {
                let now = clock.now();
                rounds.go(now);
                ear.drain_or_wait(&*clock, Some(now.plus(EVERY)));
            }
        })?;
        Ok(Upkeep { inbox, stopping, thread: Some(thread) })
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        self.inbox.push(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Rounds {
    service: Arc<Service>,
    transport: Arc<dyn Transport>,
    runtime: tokio::runtime::Runtime,
    data_dir: PathBuf,
    store_bytes: u64,
    min_free_bytes: u64,
    full: bool,
    disk_at: Timestamp,
    tidy_at: Timestamp,
    forget_at: Timestamp,
    settled: bool,
}

impl Rounds {
    fn go(&mut self, now: Timestamp) {
        if now >= self.disk_at {
            self.disk_at = now.plus(DISK_EVERY);
            self.measure_disk();
            self.service.look_for_file();
        }
        if !self.settled {
            self.settled = self.runtime.block_on(self.service.settle_deleted_webhooks()).is_ok();
        }
        if let Err(problem) = self.service.advance_bulk_resends() {
            complain("a bulk resend", &problem);
        }
        if now >= self.tidy_at {
            self.tidy_at = now.plus(TIDY_EVERY);
            self.transport.tidy();
        }
        if now >= self.forget_at {
            self.forget_at = now.plus(FORGET_EVERY);
            match self.runtime.block_on(self.service.forget_old()) {
                Ok(0) => {}
                Ok(events) => tracing::info!(events, "forgot events older than the retention"),
                Err(problem) => complain("forgetting old events", &problem),
            }
        }
    }

    fn measure_disk(&mut self) {
        let size = fs::metadata(self.data_dir.join(DATA_FILE)).map_or(0, |metadata| metadata.len());
        let too_large = self.store_bytes > 0 && size >= self.store_bytes;
        let too_full = free_bytes(&self.data_dir).is_ok_and(|free| free < self.min_free_bytes);
        let full = too_large || too_full;
        if full != self.full {
            match full {
                true => {
                    tracing::error!(size, too_large, too_full, "the limit of disk space is reached; events are refused")
                }
                false => tracing::info!(size, "there is disk space again; events are taken"),
            }
            self.full = full;
            self.service.set_full(full);
        }
    }
}
