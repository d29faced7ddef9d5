//! Rows 18, 19, 20 and 26 of the faults: one course through every table of the store, in which each single
//! operation of the disk fails once, and in which the power goes at each sync, thousands of times.
//!
//! The course is made without accidents first, and after each commit a portrait is taken of all
//! that the store shows. Whatever goes wrong later, what is found afterwards must be the portrait
//! before the commit that was under way or the one after it: all of it or nothing of it.

mod course;
mod damage;
mod portrait;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use hookstead::store::{OpenOptions, Store};

use crate::disk::{Disk, FailedSync, Fault, Operations};
use course::{Commit, course};
use portrait::portrait;

/// Images, at the least.
const IMAGES: usize = 20_000;
/// Courses that the images are taken of; they differ in what is written together and how much.
const COURSES: u64 = 8;
const THREADS: usize = 2;

fn options(seed: u64) -> OpenOptions {
    // A small cache makes the store read and write more often.
    let cache_bytes = [16 << 10, 256 << 10][seed as usize % 2];
    // A small journal is full after a few commits, so that some go into the database at once.
    let journal_bytes = [32 << 10, 16 << 10, 1 << 20][seed as usize % 3];
    OpenOptions { cache_bytes, journal_bytes, ..OpenOptions::default() }
}

/// A disk with an empty store. The program makes it under another name and renames it, so that what
/// happens on the way to it is none of these stories.
fn new_disk(seed: u64) -> Disk {
    let disk = Disk::new(seed);
    open(&disk, seed).unwrap().stop();
    disk
}

fn open(disk: &Disk, seed: u64) -> Result<Store, String> {
    Store::open_played(disk.opener(), options(seed)).map_err(|error| error.to_string())
}

/// The portraits of a course in which nothing goes wrong: before it, and after each commit.
fn portraits(seed: u64, commits: &[Commit]) -> Vec<String> {
    let disk = new_disk(seed);
    let store = open(&disk, seed).unwrap();
    let mut all = vec![portrait(&store)];
    for commit in commits {
        assert_eq!(commit.make(&store), Ok(()), "nothing is refused where nothing fails");
        all.push(portrait(&store));
    }
    store.stop();
    let disagreements = open(&disk, seed).unwrap().verify().unwrap();
    assert!(disagreements.is_empty(), "{disagreements:?}");
    all
}

/// How many operations of the disk a course takes, and how many of them are syncs.
fn operations_and_syncs(seed: u64, commits: &[Commit]) -> (usize, usize) {
    let disk = new_disk(seed);
    let (operations, syncs) = (disk.operations(), disk.syncs());
    let store = open(&disk, seed).unwrap();
    commits.iter().for_each(|commit| commit.make(&store).unwrap());
    (disk.operations() - operations, disk.syncs() - syncs)
}

/// Each single fault of a course: every operation fails once, and from there on until the store is
/// reopened; every sync does so in each of the ways in which syncs fail.
fn faults(seed: u64, commits: &[Commit]) -> Vec<Fault> {
    let (operations, syncs) = operations_and_syncs(seed, commits);
    let every = (0..operations).map(|after| (after, Operations::All, FailedSync::StillUnsynced));
    let others = FailedSync::ALL.into_iter().filter(|how| *how != FailedSync::StillUnsynced);
    let of_syncs = others.flat_map(|how| (0..syncs).map(move |after| (after, Operations::Syncs, how)));
    let faults = every.chain(of_syncs);
    faults.flat_map(|(after, what, sync)| [false, true].map(|lasting| Fault { after, lasting, what, sync })).collect()
}

#[test]
fn whichever_operation_of_the_disk_fails_what_was_answered_is_kept_and_nothing_is_half_there() {
    let began = Instant::now();
    let commits = course(1);
    let (portraits, faults) = (portraits(1, &commits), faults(1, &commits));
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    one_fault(&commits, &portraits, *fault).unwrap_or_else(|what| panic!("{fault:?}: {what}"));
                }
            });
        }
    });
    println!("{} faults in {} commits in {:?}", faults.len(), commits.len(), began.elapsed());
}

fn one_fault(commits: &[Commit], portraits: &[String], fault: Fault) -> Result<(), String> {
    let disk = new_disk(1);
    disk.fail(fault);
    let store = match open(&disk, 1) {
        Ok(store) => store,
        Err(_) => {
            // It says so, and the next start finds all as it was.
            disk.heal();
            open(&disk, 1)?
        }
    };
    let mut at = 0;
    while at < commits.len() {
        let (answer, writable) = (commits[at].make(&store), store.is_writable());
        if answer.is_ok() != writable {
            return Err(format!("commit {at} was answered with {answer:?}, writable: {writable}"));
        }
        if answer.is_ok() {
            at += 1;
            continue;
        }
        if answer != Err("cannot_write") {
            return Err(format!("commit {at} was answered with {answer:?}"));
        }
        if commits[at].make(&store) != Err("cannot_write") {
            return Err("invariant 9: an answer of yes before a successful reopen".into());
        }
        // Where the fault lasts this fails, and must do no harm.
        store.reopen();
        disk.heal();
        store.reopen();
        if !store.is_writable() {
            return Err("the disk is well, and the store does not write".into());
        }
        at += usize::from(stands_at(&store, at, portraits)? > at);
    }
    disk.heal();
    stands_at(&store, at, portraits)?;
    // And what is shown is what is stored: the power goes.
    drop(store);
    let found = open(&disk.crash(), 1)?;
    stands_at(&found, at, portraits).map(|_| ())
}

/// How many commits the store shows: `at`, or one more because what failed has arrived.
fn stands_at(store: &Store, at: usize, portraits: &[String]) -> Result<usize, String> {
    let disagreements = store.verify().map_err(|problem| problem.detail)?;
    if !disagreements.is_empty() {
        return Err(format!("after {at} commits: {disagreements:?}"));
    }
    let found = portrait(store);
    if found == portraits[at] {
        return Ok(at);
    }
    if portraits.get(at + 1) == Some(&found) {
        return Ok(at + 1);
    }
    Err(format!(
        "after {at} commits it shows neither what was before nor what comes after:\n{}",
        differing(&portraits[at], &found)
    ))
}

fn differing(wanted: &str, found: &str) -> String {
    let missing = wanted.lines().filter(|line| !found.contains(line)).map(|line| format!("- {line}"));
    let surplus = found.lines().filter(|line| !wanted.contains(line)).map(|line| format!("+ {line}"));
    missing.chain(surplus).take(12).collect::<Vec<_>>().join("\n")
}

/// The power goes while the disk has got round to some sectors of what is written and not synced,
/// in any order. Every such image opens, agrees with itself, and holds what was answered.
#[test]
fn twenty_thousand_images_of_a_crash_open_agree_and_hold_what_was_answered() {
    let began = Instant::now();
    let courses: Vec<(u64, Vec<Commit>, Vec<String>)> = (0..COURSES)
        .map(|seed| {
            let commits = course(seed);
            let portraits = portraits(seed, &commits);
            (seed, commits, portraits)
        })
        .collect();
    let syncs: usize = courses.iter().map(|(seed, commits, _)| operations_and_syncs(*seed, commits).1).sum();
    let each_sync = IMAGES.div_ceil(syncs);
    let (next, images) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((seed, commits, portraits)) = courses.get(next.fetch_add(1, Ordering::Relaxed)) {
                    images.fetch_add(images_of(*seed, commits, portraits, each_sync), Ordering::Relaxed);
                }
            });
        }
    });
    let images = images.into_inner();
    println!("{images} images in {:?}", began.elapsed());
    assert!(images >= IMAGES, "{images} images");
}

fn images_of(seed: u64, commits: &[Commit], portraits: &[String], each_sync: usize) -> usize {
    let disk = new_disk(seed);
    disk.take_images(each_sync);
    let store = open(&disk, seed).unwrap();
    let mut looked_at = 0;
    let mut look = |at: usize, images: Vec<Disk>| {
        for (number, image) in images.iter().enumerate() {
            let found = open(image, seed).and_then(|store| stands_at(&store, at, portraits));
            found.unwrap_or_else(|what| panic!("course {seed}, image {number} before commit {at}: {what}"));
        }
        looked_at += images.len();
    };
    look(0, disk.images());
    for (at, commit) in commits.iter().enumerate() {
        commit.make(&store).unwrap();
        look(at, disk.images());
    }
    looked_at
}
