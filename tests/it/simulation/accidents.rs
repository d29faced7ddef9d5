//! What goes wrong: crashes, stops, failing and full disks, clocks that jump.

use std::time::Duration;

use hookstead::{domain::IdSequence, sender::engine::Engine, store::Store};

use super::{
    disk::{FailedSync, Fault, Full, Operations},
    flights::Question,
    world::{Checked, World},
};

impl World {
    /// The process ends at this point, with the machine. What was written and not synced has
    /// arrived in part, answers that were not read are lost, and so is all that was in memory.
    pub fn crash(&mut self) -> Checked {
        self.tell(|| "the power goes".into());
        self.ledger.counts.crashes += 1;
        self.disk = self.disk.crash();
        self.start_again()
    }

    /// An orderly stop and a new start: requests end or are cut short, results are recorded.
    pub fn restart(&mut self) -> Checked {
        self.tell(|| "stops".into());
        for _ in 0..self.flights.len() {
            let index = self.random.below(self.flights.len());
            self.move_flight(index)?;
            if self.flights.is_empty() {
                break;
            }
        }
        self.interrupt_flights();
        self.commit()?;
        self.store().stop();
        self.start_again()
    }

    fn start_again(&mut self) -> Checked {
        (self.waiting, self.follow_ups) = (Vec::new(), Vec::new());
        (self.inputs, self.late_answers, self.late_landings) = (Vec::new(), Vec::new(), Vec::new());
        self.questions = [Question::WebhooksOn].into();
        self.flights.clear();
        self.lanes.clear();
        self.throttled.clear();
        self.starts.clear();
        self.life += 1;
        self.now = self.wall;
        self.open()?;
        self.listen();
        self.engine = Engine::new(self.options.clone());
        self.wake_at = None;
        self.ids = IdSequence::after(self.store().last_id().map_err(|problem| problem.detail)?);
        self.check_memory()
    }

    /// Opens the store anew. Now and then the power goes again while it opens.
    fn open(&mut self) -> Checked {
        // The old one lets go of the file first.
        self.opened = None;
        for accidents in 0.. {
            if self.faults && accidents < 3 && self.one_in(4) {
                let after = self.random.below(30);
                let what = Operations::Changes;
                self.disk.fail(Fault { after, lasting: true, what, sync: FailedSync::StillUnsynced });
            }
            let failed = self.disk.failed();
            let opened = Store::open_played(self.disk.opener(), self.open_options.clone());
            let fails = self.disk.failed() > failed;
            self.disk.heal();
            match opened {
                Ok(store) if !fails => {
                    self.opened = Some(store);
                    break;
                }
                Err(error) if !fails => return Err(format!("invariant 8: cannot open: {error}")),
                _ => {
                    self.tell(|| "the power goes while it opens".into());
                    self.disk = self.disk.crash();
                }
            }
        }
        Ok(())
    }

    /// From some operation on the disk fails, or it is full.
    pub fn break_disk(&mut self) {
        if self.one_in(5) {
            let full = [Full::NoGrowth, Full::NoBlocks][self.random.below(2)];
            self.tell(|| format!("the disk is full: {full:?}"));
            return self.disk.fill(full);
        }
        let sync = FailedSync::ALL[self.random.below(FailedSync::ALL.len())];
        let (what, after) = match self.random.below(10) {
            0..5 => (Operations::Syncs, self.random.below(4)),
            5..7 => (Operations::Changes, self.random.below(60)),
            7..9 => (Operations::Reads, self.random.below(4)),
            _ => (Operations::All, self.random.below(60)),
        };
        let fault = Fault { after, lasting: self.one_in(2), what, sync };
        self.tell(|| format!("the disk will fail: {fault:?}"));
        self.disk.fail(fault);
    }

    /// While nothing can be written: the power goes, or the disk heals, or reopening is tried.
    pub fn face_broken_disk(&mut self) -> Checked {
        match self.random.below(6) {
            0..2 if !self.lives_on => self.crash(),
            2 => self.reopen(),
            3..5 => {
                self.tell(|| "the disk is well again".into());
                self.disk.heal();
                self.reopen()
            }
            _ => Ok(()),
        }
    }

    /// The wall clock is set. Forward counts at once, backward only after the next start.
    pub fn jump(&mut self) {
        let by = Duration::from_secs([7, 600, 172_800][self.random.below(3)]);
        self.wall = if self.one_in(2) { self.wall.plus(by) } else { self.wall.minus(by) };
        let wall = self.wall;
        self.tell(|| format!("the clock is set to {wall}"));
        self.now = self.now.max(self.wall);
    }
}
