//! From one schema to the next, with steps that were made for these tests.

use std::{fs, path::Path};

use redb::backends::FileBackend;

use super::*;
use crate::store::upgrade::{Migration, Moment, run};

const NEXT: u64 = SCHEMA + 1;
const EXTRA: redb::TableDefinition<u128, u64> = redb::TableDefinition::new("extra");
const EVENTS_MADE: usize = 30;

/// Writes a row for each event, in transactions of five, and rewrites a record of another table.
const STEPS: &[Migration] = &[Migration {
    to: NEXT,
    run: |database, heard| {
        let events: Vec<u128> = {
            let table = database.begin_read()?.open_table(EVENTS)?;
            table.iter()?.map(|row| Ok(row?.0.value())).collect::<Result<_, redb::StorageError>>()?
        };
        for (number, some) in events.chunks(5).enumerate() {
            let transaction = database.begin_write()?;
            for id in some {
                transaction.open_table(EXTRA)?.insert(id, 7)?;
                transaction.open_table(BODIES)?.insert(id, b"rewritten".as_slice())?;
            }
            transaction.commit()?;
            heard(Progress { done: number as u64 * 5, total: events.len() as u64 });
        }
        Ok(())
    },
}];

/// A data directory of the present schema, closed.
fn directory(folder: &Path) -> std::path::PathBuf {
    let directory = folder.join("data");
    let store = Store::open(&directory, OpenOptions::default()).unwrap();
    let mut ids = IdSequence::after(0);
    let now = Timestamp::from_millis(1_767_605_400_000);
    let event = |_| {
        let event_type = EventType::parse("contact.created").unwrap();
        NewEvent::build(EventId(ids.next(now, 1)), AccountId::default(), event_type, None, None, now, "{}")
    };
    let events = (0..EVENTS_MADE).map(event).collect();
    assert!(store.publish(events).wait().unwrap().iter().all(Result::is_ok));
    store.stop();
    directory
}

/// The schema, and how many events are untouched and rewritten.
fn look(file: &Path) -> (String, usize, usize) {
    let opened = fs::File::options().read(true).write(true).open(file).unwrap();
    let opened = Mutex::new(Some(FileBackend::new(opened).unwrap()));
    let backend: OpenBackend = Arc::new(move || Ok(Box::new(opened.lock().unwrap().take().unwrap())));
    let database = disk::open(&backend, &OpenOptions::default(), &Syncs::default(), false).unwrap().database;
    let transaction = database.begin_read().unwrap();
    let schema = transaction.open_table(META).unwrap().get("schema").unwrap().unwrap().value().to_owned();
    let bodies = transaction.open_table(BODIES).unwrap();
    let rewritten = bodies.iter().unwrap().filter(|row| row.as_ref().unwrap().1.value() == b"rewritten").count();
    let extra = transaction.open_table(EXTRA).map_or(0, |table| table.iter().unwrap().count());
    assert_eq!(rewritten, extra);
    (schema, bodies.iter().unwrap().count() - rewritten, rewritten)
}

fn old() -> (String, usize, usize) {
    (SCHEMA.to_string(), EVENTS_MADE, 0)
}

fn new() -> (String, usize, usize) {
    (NEXT.to_string(), 0, EVENTS_MADE)
}

#[test]
fn an_upgrade_keeps_the_old_file_in_a_folder_beside_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let directory = directory(folder.path());
    run(&directory, &OpenOptions::default(), NEXT, STEPS, &mut |_| ()).unwrap();
    assert_eq!(look(&directory.join(DATA_FILE)), new());
    let kept = directory.join(format!("before-schema-{NEXT}"));
    assert_eq!(look(&kept.join(DATA_FILE)), old());
    // This program is the older one now: it refuses the new file, and opens the kept one.
    let error = Store::open(&directory, OpenOptions::default()).err().unwrap().to_string();
    assert!(error.contains(&format!("schema {NEXT}")) && error.contains("nothing was changed"), "{error}");
    assert_eq!(look(&directory.join(DATA_FILE)), new());
    let store = Store::open(&kept, OpenOptions::default()).unwrap();
    assert_eq!(store.event_count().unwrap(), EVENTS_MADE as u64);
    store.stop();
}

/// Row 26. Every moment between two changes of the disk, and between two transactions of the step.
#[test]
fn an_upgrade_that_is_killed_ends_in_the_old_schema_or_in_the_new() {
    let (mut points, mut olds) = (0, 0);
    loop {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(folder.path());
        let mut left = points;
        let ended = disk::quietly(|| {
            run(&directory, &OpenOptions::default(), NEXT, STEPS, &mut |_| {
                assert!(left > 0, "killed");
                left -= 1;
            })
        });
        // What the next start does first.
        switch::finish(&directory).unwrap();
        let found = look(&directory.join(DATA_FILE));
        assert!(found == old() || found == new(), "killed at point {points}: {found:?}");
        let is_old = found == old();
        olds += usize::from(is_old);
        assert!(!is_old || ended.is_none());
        // And started again, it goes through to the end.
        run(&directory, &OpenOptions::default(), NEXT, STEPS, &mut |_| ()).unwrap();
        assert_eq!(look(&directory.join(DATA_FILE)), new());
        if ended.is_some() {
            break;
        }
        points += 1;
    }
    println!("{points} points, {olds} of them ended in the old schema");
    assert!(points >= 15 && olds > 5 && olds < points, "{points} {olds}");
}

#[test]
fn an_upgrade_that_cannot_be_made_leaves_everything_as_it_is() {
    let failing: &[Migration] = &[Migration { to: NEXT, run: |_, _| Err(redb::Error::Corrupted("no".into())) }];
    let cases: [(&[Migration], u64, &str); 3] = [
        (failing, NEXT, "cannot be brought to schema"),
        (STEPS, NEXT + 1, "there is no way from schema"),
        (&[], NEXT, "there is no way from schema"),
    ];
    for (steps, to, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory(folder.path());
        let names = || fs::read_dir(&directory).unwrap().count();
        let before = names();
        let error = run(&directory, &OpenOptions::default(), to, steps, &mut |_| ()).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(DATA_FILE), "{error}");
        assert_eq!((look(&directory.join(DATA_FILE)), names()), (old(), before));
    }
}

#[test]
fn an_upgrade_says_how_far_it_is_and_waits_for_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let directory = directory(folder.path());
    let held = Store::open(&directory, OpenOptions::default()).unwrap();
    let error = run(&directory, &OpenOptions::default(), NEXT, STEPS, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("another hookstead is running"), "{error}");
    held.stop();
    let mut heard = Vec::new();
    run(&directory, &OpenOptions::default(), NEXT, STEPS, &mut |moment| {
        if let Moment::Under(progress) = moment {
            heard.push(progress.done);
        }
    })
    .unwrap();
    assert_eq!(heard, [0, 5, 10, 15, 20, 25]);
}

/// From schema 3, the first, whose file had no journal. Killed at every moment the old file is in its place
/// or the new one is, and the next start goes through to the end.
#[test]
fn a_file_of_schema_3_gets_its_journal_whenever_that_is_killed() {
    use std::io::Read;
    let packed = include_bytes!("../../../tests/fixtures/schemas/3.redb.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    let options = OpenOptions { journal_bytes: 1 << 20, ..OpenOptions::default() };
    let (mut points, mut olds) = (0, 0);
    loop {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path();
        fs::write(directory.join(DATA_FILE), &bytes).unwrap();
        let mut left = points;
        let ended = disk::quietly(|| {
            crate::store::upgrade::of_bare_database(directory, &options, &mut |_| {
                assert!(left > 0, "killed");
                left -= 1;
            })
        });
        olds += usize::from(fs::read(directory.join(DATA_FILE)).unwrap().starts_with(b"redb"));
        let store = Store::open(directory, options.clone()).unwrap();
        assert_eq!(
            (store.event_count().unwrap(), store.verify().unwrap()),
            (3, Vec::new()),
            "killed at point {points}"
        );
        assert_eq!(store.users().unwrap().len(), 1);
        store.stop();
        let kept = fs::read(directory.join(format!("before-schema-{SCHEMA}")).join(DATA_FILE)).unwrap();
        assert!(kept.len() == bytes.len() && kept.starts_with(b"redb"));
        if ended.is_some() {
            break;
        }
        points += 1;
    }
    println!("{points} points, {olds} of them ended in the old schema");
    assert!(points >= 20 && olds >= 15 && olds < points, "{points} {olds}");
}
