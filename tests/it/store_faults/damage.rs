//! Rows 20 and 26: a file that was damaged while it was closed, and one that a newer program wrote.

use std::fs;

use hookstead::{
    store::{DATA_FILE, OpenOptions, Store},
    system::PlayedRandom,
};

use super::{course::course, portrait::portrait};
use crate::data_file;

/// A data directory that has seen a course, and what the store showed at its end.
fn closed() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), OpenOptions::default()).unwrap();
    for commit in course(1) {
        commit.make_and_wait(&store).unwrap();
    }
    let shown = portrait(&store);
    store.stop();
    (folder, shown)
}

/// Two hundred damages of a few bytes. Each is refused with the path and leaves the file alone, or
/// has hit what is not in use, and then everything is there.
#[test]
fn a_damaged_file_is_refused_and_left_alone_or_holds_everything() {
    let (folder, wanted) = closed();
    let file = folder.path().join(DATA_FILE);
    let whole = fs::read(&file).unwrap();
    // Most of the file is free: zeros, and what earlier commits have left behind.
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let random = PlayedRandom::new(20);
    let (mut refused, mut harmless) = (0, 0);
    for number in 0..200 {
        let mut damaged = whole.clone();
        for _ in 0..1 + random.below(4) {
            let at = match number % 3 {
                0 => random.below(whole.len()),
                _ => used[random.below(used.len())],
            };
            damaged[at] ^= 1 << random.below(8);
        }
        fs::write(&file, &damaged).unwrap();
        match Store::open(folder.path(), OpenOptions::default()) {
            Err(error) => {
                let words = error.to_string();
                assert!(words.contains(DATA_FILE) && words.contains("cannot be read"), "{number}: {words}");
                assert!(!words.contains("panicked"), "{number}: {words}");
                assert!(fs::read(&file).unwrap() == damaged, "{number}: the file was touched");
                refused += 1;
            }
            Ok(store) => {
                assert_eq!(store.verify().unwrap(), Vec::<String>::new(), "{number}");
                assert!(portrait(&store) == wanted, "{number}: silent damage");
                store.stop();
                harmless += 1;
            }
        }
    }
    println!("200 damages: {refused} refused, {harmless} harmless");
    assert!(refused > 10, "{refused} refused");
}

#[test]
fn a_file_of_a_newer_program_is_refused_and_left_alone() {
    let (folder, wanted) = closed();
    let file = folder.path().join(DATA_FILE);
    let schema = |number: &str| {
        let database = data_file::database(&file);
        let transaction = database.begin_write().unwrap();
        let table = redb::TableDefinition::<&str, &str>::new("meta");
        let known = {
            let mut table = transaction.open_table(table).unwrap();
            table.insert("schema", number).unwrap().expect("it was there").value().to_owned()
        };
        transaction.commit().unwrap();
        known
    };
    let known = schema("999");
    let before = fs::read(&file).unwrap();
    let error = Store::open(folder.path(), OpenOptions::default()).err().expect("it is newer").to_string();
    assert!(error.contains("schema 999") && error.contains(DATA_FILE), "{error}");
    // The storage engine notes in its head that the file was open; nothing else has changed.
    let after = fs::read(&file).unwrap();
    assert_eq!(before.len(), after.len());
    schema(&known);
    let store = Store::open(folder.path(), OpenOptions::default()).unwrap();
    assert!(portrait(&store) == wanted, "nothing was lost");
    store.stop();
}
