//! The store and the sender's engine in one thread under a seed: played disk, clock, callers and
//! receivers; crashes, torn writes, failing and full disks, clocks that jump. After each crash and
//! at the end of each course everything that was promised is checked: see `ledger`.
//!
//! A failure names its seed. `HOOKSTEAD_SIM_SEED=123 cargo test simulation` tells that course step
//! by step; `HOOKSTEAD_SIM_SEEDS=100000 cargo test simulation` runs that many.

mod accidents;
mod flights;
mod ledger;
mod model;
mod receivers;
mod steps;
mod world;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use crate::disk;
use ledger::Counts;
use world::World;

/// Seeds in a normal run: always the same, so that a change alone decides what is found.
const SEEDS: u64 = 10_000;
const THREADS: u64 = 2;

#[test]
fn simulation_of_store_and_engine_keeps_every_promise() {
    if let Some(seed) = number("HOOKSTEAD_SIM_SEED") {
        return run(seed, true).report();
    }
    let seeds = number("HOOKSTEAD_SIM_SEEDS").unwrap_or(SEEDS);
    let (began, next, failed) = (Instant::now(), AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let counts = Mutex::new(Counts::default());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || failed.load(Ordering::Relaxed) < seed {
                        return;
                    }
                    let course = run(seed, false);
                    counts.lock().expect("nothing panics while it counts").add(course.counts);
                    if course.result.is_err() {
                        failed.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    if failed < u64::MAX {
        // The first of them once more, telling.
        run(failed, true).report();
        panic!("seed {failed} failed and then did not: something does not follow from the seed");
    }
    println!("{seeds} seeds in {:?}: {:?}", began.elapsed(), counts.into_inner().expect("nothing panicked"));
}

/// What came of one seed.
struct Course {
    seed: u64,
    story: Vec<String>,
    counts: Counts,
    result: Result<(), String>,
}

impl Course {
    /// Tells it, and fails if it failed.
    fn report(self) {
        self.story.iter().for_each(|line| println!("{line}"));
        let seed = self.seed;
        self.result.unwrap_or_else(|what| {
            panic!("seed {seed}: {what}\nRun it with HOOKSTEAD_SIM_SEED={seed} cargo test simulation")
        });
    }
}

fn run(seed: u64, verbose: bool) -> Course {
    let mut world = match World::new(seed, verbose) {
        Ok(world) => world,
        Err(what) => return Course { seed, story: Vec::new(), counts: Counts::default(), result: Err(what) },
    };
    let result = catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|panic| Err(words_of(&*panic)));
    Course { seed, story: world.story().to_vec(), counts: world.ledger.counts, result }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", words.unwrap_or("without words"))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
