//! A played disk: what is written and what would survive, apart.
//!
//! Reads see the newest state. A crash keeps what was synced and, of what was not, any sectors a
//! real disk might have got round to. Pages are shared until they change, so that a crash is cheap.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use hookstead::{
    store::{OpenBackend, StorageBackend},
    system::PlayedRandom,
};

const PAGE: usize = 4096;
/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A disk. All clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
}

/// When and how an operation fails.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// How many operations succeed before.
    pub after: usize,
    /// Every operation from there on fails, or only that one.
    pub lasting: bool,
    /// What counts and fails.
    pub what: Operations,
    /// What a sync that fails has done.
    pub sync: FailedSync,
}

/// Some of the operations on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operations {
    Syncs,
    /// Writes, changes of the length, and syncs.
    Changes,
    Reads,
    All,
}

impl Operations {
    fn include(self, one: Operations) -> bool {
        self == one || self == Operations::All || (self == Operations::Changes && one == Operations::Syncs)
    }
}

/// What a sync that fails has done with what it was to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedSync {
    /// It is stored all the same.
    Stored,
    /// Nothing; the next sync tries again.
    StillUnsynced,
    /// It is gone, and reading shows what was there before.
    Reverted,
    /// It will never be stored, yet reading shows it, as some file systems have it.
    Forgotten,
}

impl FailedSync {
    pub const ALL: [FailedSync; 4] =
        [FailedSync::Stored, FailedSync::StillUnsynced, FailedSync::Reverted, FailedSync::Forgotten];
}

/// How a disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The file cannot grow.
    NoGrowth,
    /// It grows, but what was never written before cannot be written.
    NoBlocks,
}

struct State {
    newest: Image,
    durable: Image,
    unsynced: Vec<Change>,
    /// Reading shows what neither is nor will be stored.
    forgetful: bool,
    random: PlayedRandom,
    fault: Option<Fault>,
    full: Option<Full>,
    /// After a crash nobody who had it open reaches it any more.
    dead: bool,
    failed: usize,
    failed_syncs: usize,
    operations: usize,
    syncs: usize,
    /// How many images are taken of what a crash would leave, right before each sync.
    images_a_sync: usize,
    images: Vec<Image>,
}

enum Change {
    Wrote { offset: u64, data: Vec<u8> },
    SetLength(u64),
}

impl Disk {
    /// An empty disk whose accidents follow from `seed`.
    pub fn new(seed: u64) -> Disk {
        Disk::with(Image::default(), seed)
    }

    fn with(image: Image, seed: u64) -> Disk {
        let state = State {
            newest: image.clone(),
            durable: image,
            unsynced: Vec::new(),
            forgetful: false,
            random: PlayedRandom::new(seed),
            fault: None,
            full: None,
            dead: false,
            failed: 0,
            failed_syncs: 0,
            operations: 0,
            syncs: 0,
            images_a_sync: 0,
            images: Vec::new(),
        };
        Disk { state: Arc::new(Mutex::new(state)) }
    }

    /// What the store opens.
    pub fn opener(&self) -> OpenBackend {
        let state = self.state.clone();
        Arc::new(move || Ok(Box::new(Handle { state: state.clone() })))
    }

    /// From now on operations fail as `fault` says.
    pub fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// There is no room for more.
    pub fn fill(&self, how: Full) {
        self.state().full = Some(how);
    }

    /// Nothing fails any more, and there is room.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.fault, state.full) = (None, None);
    }

    /// Holds a fault back while something is looked at, and gives it, to be put back.
    pub fn hold_fault(&self) -> Option<Fault> {
        self.state().fault.take()
    }

    /// Operations that have failed.
    pub fn failed(&self) -> usize {
        self.state().failed
    }

    /// Syncs that have failed.
    pub fn failed_syncs(&self) -> usize {
        self.state().failed_syncs
    }

    /// Operations so far, also those that failed.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// Of those, the syncs.
    pub fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// From now on, right before each sync, takes so many images of what a crash would leave: that
    /// is when most is written and not stored.
    pub fn take_images(&self, each_sync: usize) {
        self.state().images_a_sync = each_sync;
    }

    /// The images since the last call, each as a healthy disk.
    pub fn images(&self) -> Vec<Disk> {
        let mut state = self.state();
        let images = std::mem::take(&mut state.images);
        images.into_iter().map(|image| Disk::with(image, state.random.below(usize::MAX) as u64)).collect()
    }

    /// The power goes. Gives the disk as it is found afterwards, healthy; this one is out of reach.
    pub fn crash(&self) -> Disk {
        let mut state = self.state();
        state.dead = true;
        let image = state.torn();
        Disk::with(image, state.random.below(usize::MAX) as u64)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the disk")
    }
}

impl State {
    /// What a crash leaves: the durable image with some of what was written since.
    fn torn(&self) -> Image {
        let mut image = self.durable.clone();
        let count = self.unsynced.len();
        match self.random.below(8) {
            0 => {}
            1 => return self.newest.clone(),
            // In order up to a moment, the last write in part.
            2..4 => {
                let whole = self.random.below(count + 1);
                self.unsynced[..whole].iter().for_each(|change| image.apply(change));
                if let Some(Change::Wrote { offset, data }) = self.unsynced.get(whole) {
                    image.write_some_sectors(*offset, data, |_| self.random.below(2) == 0);
                }
            }
            // In any order: each sector for itself has arrived, in an older version, or not at all.
            _ => {
                let arrives = [8, 64, 120][self.random.below(3)];
                for change in &self.unsynced {
                    match change {
                        Change::SetLength(_) if self.random.below(128) >= arrives => {}
                        Change::SetLength(_) => image.apply(change),
                        Change::Wrote { offset, data } => {
                            image.write_some_sectors(*offset, data, |_| self.random.below(128) < arrives);
                        }
                    }
                }
            }
        }
        image
    }

    /// Whether this operation fails.
    fn fails(&mut self, what: Operations) -> bool {
        if self.dead {
            return true;
        }
        self.operations += 1;
        let Some(fault) = self.fault.as_mut().filter(|fault| fault.what.include(what)) else { return false };
        if fault.after > 0 {
            fault.after -= 1;
            return false;
        }
        if !fault.lasting {
            self.fault = None;
        }
        self.failed += 1;
        true
    }

    fn change(&mut self, change: Change) {
        self.newest.apply(&change);
        self.unsynced.push(change);
    }

    fn sync(&mut self) -> io::Result<()> {
        self.syncs += 1;
        for _ in 0..self.images_a_sync {
            let image = self.torn();
            self.images.push(image);
        }
        let how = self.fault.map_or(FailedSync::StillUnsynced, |fault| fault.sync);
        if !self.fails(Operations::Syncs) {
            self.store();
            return Ok(());
        }
        self.failed_syncs += 1;
        match how {
            _ if self.dead => {}
            FailedSync::Stored => self.store(),
            FailedSync::StillUnsynced => {}
            FailedSync::Reverted => {
                self.newest = self.durable.clone();
                self.unsynced.clear();
            }
            FailedSync::Forgotten => {
                self.forgetful = true;
                self.unsynced.clear();
            }
        }
        Err(broken())
    }

    fn store(&mut self) {
        if self.forgetful {
            self.unsynced.iter().for_each(|change| self.durable.apply(change));
        } else {
            self.durable = self.newest.clone();
        }
        self.unsynced.clear();
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.full == Some(Full::NoBlocks) && self.newest.has_hole(offset, data.len()) {
            self.failed += 1;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        if self.fails(Operations::Changes) {
            let arrived = SECTOR * self.random.below(data.len() / SECTOR + 1);
            if !self.dead && arrived > 0 {
                self.change(Change::Wrote { offset, data: data[..arrived].to_vec() });
            }
            return Err(broken());
        }
        self.change(Change::Wrote { offset, data: data.to_vec() });
        Ok(())
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        if self.full == Some(Full::NoGrowth) && length > self.newest.length {
            self.failed += 1;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        if self.fails(Operations::Changes) {
            return Err(broken());
        }
        self.change(Change::SetLength(length));
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::other("the played disk fails")
}

/// The disk as one opening of it sees it.
struct Handle {
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("played disk")
    }
}

impl Handle {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the disk")
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.state();
        if state.fails(Operations::Reads) { Err(broken()) } else { Ok(state.newest.length) }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.fails(Operations::Reads) {
            return Err(broken());
        }
        state.newest.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.state().set_length(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.state().sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.state().write(offset, data)
    }
}

/// Bytes in pages, shared with other images until they change. A page never written is a hole.
#[derive(Clone, Default)]
struct Image {
    pages: Vec<Option<Arc<[u8; PAGE]>>>,
    length: u64,
}

impl Image {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Wrote { offset, data } => self.write(*offset, data),
            Change::SetLength(length) => self.set_length(*length),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset + out.len() as u64 > self.length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let mut at = offset as usize;
        let mut out = out;
        while !out.is_empty() {
            let (page, within) = (at / PAGE, at % PAGE);
            let (part, rest) = out.split_at_mut((PAGE - within).min(out.len()));
            match &self.pages[page] {
                Some(bytes) => part.copy_from_slice(&bytes[within..within + part.len()]),
                None => part.fill(0),
            }
            at += part.len();
            out = rest;
        }
        Ok(())
    }

    /// Writes what lies inside the length.
    fn write(&mut self, offset: u64, data: &[u8]) {
        let inside = self.length.saturating_sub(offset).min(data.len() as u64) as usize;
        let (mut at, mut data) = (offset as usize, &data[..inside]);
        while !data.is_empty() {
            let (page, within) = (at / PAGE, at % PAGE);
            let (part, rest) = data.split_at((PAGE - within).min(data.len()));
            let bytes = self.pages[page].get_or_insert_with(|| Arc::new([0; PAGE]));
            Arc::make_mut(bytes)[within..within + part.len()].copy_from_slice(part);
            at += part.len();
            data = rest;
        }
    }

    fn write_some_sectors(&mut self, offset: u64, data: &[u8], mut arrives: impl FnMut(u64) -> bool) {
        let (mut at, mut data) = (offset, data);
        while !data.is_empty() {
            let (sector, rest) = data.split_at((SECTOR - at as usize % SECTOR).min(data.len()));
            if arrives(at) {
                self.write(at, sector);
            }
            at += sector.len() as u64;
            data = rest;
        }
    }

    fn set_length(&mut self, length: u64) {
        if length < self.length && !(length as usize).is_multiple_of(PAGE) {
            // What is cut off reads as zeros if the file grows again.
            if let Some(Some(last)) = self.pages.get_mut(length as usize / PAGE) {
                Arc::make_mut(last)[length as usize % PAGE..].fill(0);
            }
        }
        self.pages.resize((length as usize).div_ceil(PAGE), None);
        self.length = length;
    }

    fn has_hole(&self, offset: u64, length: usize) -> bool {
        let (first, end) = (offset as usize / PAGE, (offset as usize + length).div_ceil(PAGE));
        (first..end).any(|page| self.pages.get(page).is_none_or(Option::is_none))
    }
}
