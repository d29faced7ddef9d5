//! Backups that are made, damaged and restored; data files that change places.

use std::{fs, path::Path};

use super::*;
use crate::{
    domain::{ApiKeyId, Guesser, Guessing, KeyUse, Pause, Tries},
    store::{MARKER_FILE, backup, switch},
};

fn backup_of(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    let made = store.back_up(&mut bytes, Timestamp::from_millis(1_767_605_400_000), &mut |_| true).unwrap();
    assert_eq!(made.bytes, bytes.len() as u64);
    bytes
}

fn restored(bytes: &[u8], directory: &Path, replace: bool, pause: Option<Pause>) -> Result<Restored, String> {
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, bytes).unwrap();
    io::Seek::rewind(&mut file).unwrap();
    let now = Timestamp::from_millis(1_767_692_000_000);
    let options = RestoreOptions { replace, key_file: None, pause, cache_bytes: 1 << 20, now };
    restore(&file, directory, options, &mut |_| true)
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Three webhooks, events that are pending, arrived and failed, a wrong guess and the use of a key.
fn world() -> World {
    let mut world = World::new();
    let webhook = world.webhook("contact.*", true);
    world.webhook("*", false);
    for number in 0..40 {
        let event = world.publish(&format!(r#"{{"n":{number},"pad":"{}"}}"#, "x".repeat(number * 40)));
        let delivery = world.store.deliveries_of(event).unwrap().remove(0);
        assert_eq!(delivery.webhook, webhook);
        match number % 3 {
            0 => world.record(&delivery, 200, Verdict::Done),
            1 => world.record(&delivery, 503, Verdict::TryAgain(world.now.plus(Duration::from_secs(60)))),
            _ => {}
        }
    }
    let tries = Tries { count: 3, since: world.now, last: world.now };
    let guesser = Guesser { kind: Guessing::OfAccount, place: 7 };
    world.done(world.store.save_guesses(vec![(guesser, Some(tries))])).unwrap();
    let used = KeyUse { at: world.now, address: Some([192, 0, 2, 1].into()) };
    world.done(world.store.note_key_use(ApiKeyId(5), used)).unwrap();
    world
}

/// What a store shows, to compare.
fn shown(store: &Store) -> String {
    let events = store.events(&EventFilter::default(), None, 1_000).unwrap().items;
    let of_event = |event: &crate::domain::Event| {
        let deliveries = store.deliveries_of(event.id).unwrap();
        let attempts: Vec<_> = deliveries.iter().map(|delivery| store.attempts(delivery).unwrap()).collect();
        format!("{event:?} {:?} {deliveries:?} {attempts:?}\n", store.body(event.id).unwrap())
    };
    let webhooks = store.webhooks();
    let of_webhook = |webhook: Arc<Webhook>| {
        let queue = store.queue_page(webhook.id, None, 1_000).unwrap();
        format!("{webhook:?} {:?} {queue:?}\n", store.webhook_state(webhook.id))
    };
    let (guesses, uses) = (store.guesses().unwrap(), store.key_uses().unwrap());
    assert_eq!((guesses.len(), uses.len()), (1, 1));
    let rest = [format!("{guesses:?} {uses:?}\n")];
    events.iter().map(of_event).chain(webhooks.all_with_deleted().map(of_webhook)).chain(rest).collect()
}

#[test]
fn what_is_restored_is_what_was_there() {
    let world = world();
    let bytes = backup_of(&world.store);
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("data");
    let restored = restored(&bytes, &directory, false, None).unwrap();
    assert_eq!((restored.events, restored.webhooks, restored.replaced), (40, 2, None));
    let waiting: u64 = world.store.webhooks().all().map(|webhook| world.store.webhook_state(webhook.id).waiting).sum();
    assert_eq!((restored.pending, restored.paused), (waiting, None));
    assert_eq!(names(&directory), [DATA_FILE]);
    let store = Store::open(&directory, OpenOptions::default()).unwrap();
    assert!(shown(&store) == shown(&world.store));
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    assert_eq!(store.instance(), world.store.instance());
    store.stop();
    assert_eq!(names(&directory), [MARKER_FILE, DATA_FILE]);
}

#[test]
fn a_backup_of_what_was_restored_holds_the_same() {
    let world = world();
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    restored(&backup_of(&world.store), first.path(), false, None).unwrap();
    let store = Store::open(first.path(), OpenOptions::default()).unwrap();
    restored(&backup_of(&store), second.path(), false, None).unwrap();
    store.stop();
    let store = Store::open(second.path(), OpenOptions::default()).unwrap();
    assert!(shown(&store) == shown(&world.store));
    store.stop();
}

#[test]
fn with_a_pause_nothing_that_is_pending_goes_out() {
    let world = world();
    let pause = Pause { at: world.now, by: "command line".into(), reason: "Restored".into() };
    let folder = tempfile::tempdir().unwrap();
    let restored = restored(&backup_of(&world.store), folder.path(), false, Some(pause.clone())).unwrap();
    assert!(restored.pending > 0);
    assert_eq!(restored.paused, Some(pause.clone()));
    let store = Store::open(folder.path(), OpenOptions::default()).unwrap();
    assert_eq!(store.pause().as_deref(), Some(&pause));
    store.stop();
}

/// One byte in every three hundred, each with another bit.
#[test]
fn a_backup_with_a_changed_byte_is_refused_and_nothing_is_touched() {
    let world = world();
    let bytes = backup_of(&world.store);
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("data");
    restored(&bytes, &directory, false, None).unwrap();
    let before = fs::read(directory.join(DATA_FILE)).unwrap();
    let mut refused = 0;
    for at in (0..bytes.len()).step_by(bytes.len() / 300 + 1) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let why = restored(&damaged, &directory, true, None).unwrap_err();
        assert!(why.contains("damaged") || why.contains("no backup of hookstead"), "{at}: {why}");
        refused += 1;
    }
    for length in [0, 1, 18, 19, 40, bytes.len() / 2, bytes.len() - 1] {
        let why = restored(&bytes[..length], &directory, true, None).unwrap_err();
        assert!(why.contains("damaged") || why.contains("no backup of hookstead"), "{length}: {why}");
    }
    assert!(refused > 150, "{refused}");
    assert!(fs::read(directory.join(DATA_FILE)).unwrap() == before);
    assert_eq!(names(&directory), [DATA_FILE], "nothing is left behind");
}

#[test]
fn what_no_hookstead_can_have_written_is_refused() {
    let world = world();
    let of_schema = |schema: u64| {
        let mut bytes = Vec::new();
        let mut writer = backup::format::Writer::new(&mut bytes).unwrap();
        let head = format!(
            r#"H{{"schema":{schema},"instance":"i","made_at":"2026-01-05T09:30:00.000Z","version":"9.9.9","tables":[]}}"#
        );
        writer.block(head.as_bytes()).unwrap();
        writer.block(&[b"E".as_slice(), &0_u64.to_le_bytes()].concat()).unwrap();
        bytes
    };
    let folder = tempfile::tempdir().unwrap();
    for (bytes, words) in [
        (of_schema(SCHEMA + 1), "made by hookstead 9.9.9; this program knows up to"),
        (of_schema(2), "was never released"),
        (b"hookstead backup 2\nand more".to_vec(), "no backup of hookstead"),
        (world.disk.bytes.lock().unwrap().clone(), "no backup of hookstead"),
        (Vec::new(), "no backup of hookstead"),
    ] {
        let why = restored(&bytes, folder.path(), false, None).unwrap_err();
        assert!(why.contains(words), "{why}");
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn data_that_is_there_is_moved_aside_only_on_request_and_never_from_under_a_server() {
    let (old, new) = (world(), world());
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    restored(&backup_of(&old.store), directory, false, None).unwrap();
    let store = Store::open(directory, OpenOptions::default()).unwrap();
    let bytes = backup_of(&new.store);
    let refused = |replace| restored(&bytes, directory, replace, None).unwrap_err();
    assert!(refused(true).contains("another hookstead is running"), "{}", refused(true));
    store.stop();
    drop(store);
    assert!(refused(false).contains("Add --replace"), "{}", refused(false));
    let aside = restored(&bytes, directory, true, None).unwrap().replaced.unwrap();
    assert_eq!(names(&aside), ["hookstead.instance", "hookstead.redb"]);
    assert_eq!(names(directory), ["before-restore-20260106T093320Z", DATA_FILE]);
    let again = restored(&bytes, directory, true, None).unwrap().replaced.unwrap();
    assert!(again.ends_with("before-restore-20260106T093320Z-2"), "{}", again.display());

    let store = Store::open(directory, OpenOptions::default()).unwrap();
    assert!(shown(&store) == shown(&new.store));
    store.stop();
    let kept = Store::open(&aside, OpenOptions::default()).unwrap();
    assert!(shown(&kept) == shown(&old.store), "the folder is a data directory itself");
    kept.stop();
}

/// Killed between any two changes of the disk: the next start finds the old data or the new.
#[test]
fn a_kill_while_data_files_change_places_ends_in_the_old_or_in_the_new() {
    let bytes = [backup_of(&world().store), backup_of(&World::new().store)];
    let mut outcomes = Vec::new();
    for point in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("data");
        restored(&bytes[0], &directory, false, None).unwrap();
        Store::open(&directory, OpenOptions::default()).unwrap().stop();
        let other = folder.path().join("other");
        restored(&bytes[1], &other, false, None).unwrap();
        let mut left = point;
        let mut killed = || {
            assert!(left > 0, "killed");
            left -= 1;
        };
        let place = || switch::put_in_place(&directory, &other.join(DATA_FILE), "before", &mut killed);
        let ended = disk::quietly(place).is_some();
        let store = Store::open(&directory, OpenOptions::default()).unwrap();
        outcomes.push(store.event_count().unwrap());
        assert_eq!(store.verify().unwrap(), Vec::<String>::new());
        store.stop();
        assert!(names(&directory).iter().all(|name| !name.contains("next")), "{:?}", names(&directory));
        if ended {
            break;
        }
    }
    let at = outcomes.iter().position(|events| *events == 0).expect("it ends in the new one");
    assert!(at >= 1 && outcomes.len() > 6, "{outcomes:?}");
    assert!(outcomes.iter().enumerate().all(|(point, events)| (*events == 0) == (point >= at)), "{outcomes:?}");
}

#[test]
fn a_backup_that_fails_leaves_nothing_and_the_oldest_go_once_a_newer_one_is_whole() {
    let world = world();
    let root = tempfile::tempdir().unwrap();
    let folder = BackupFolder(root.path().join("backups"));
    let at = |hour: u64| Timestamp::from_millis(1_767_605_400_000 + hour * 3_600_000);
    for hour in 0..4 {
        folder.make(&world.store, at(hour), 2, &mut |_| true).unwrap();
    }
    fs::write(folder.0.join("notes.txt"), "mine").unwrap();
    fs::write(folder.0.join("hookstead-20260101T000000Z.backup.unfinished"), "of a kill").unwrap();
    let kept = |hours: [u64; 2]| hours.map(|hour| format!("hookstead-{}.backup", switch::file_time(at(hour))));
    let found = || folder.list().unwrap().into_iter().map(|file| file.name).collect::<Vec<_>>();
    assert_eq!(found(), kept([3, 2]));
    let why = folder.make(&world.store, at(4), 2, &mut |progress| progress.done == 0).unwrap_err();
    assert_eq!(why, "it was stopped before its end");
    assert_eq!(found(), kept([3, 2]));
    assert_eq!(names(&folder.0).len(), 3, "{:?}", names(&folder.0));
    let mut file = folder.open(&found()[0]).unwrap();
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut file, &mut bytes).unwrap();
    assert!(bytes == backup_of_at(&world.store, at(3)));
    assert!(folder.open("notes.txt").is_err() && folder.open("../backups/notes.txt").is_err());
}

fn backup_of_at(store: &Store, at: Timestamp) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.back_up(&mut bytes, at, &mut |_| true).unwrap();
    bytes
}

/// Whoever adds a table and forgets it in the list would lose it with each restore.
#[test]
fn a_table_that_is_not_in_the_list_stops_the_backup() {
    let world = world();
    let extra = redb::TableDefinition::<u64, u64>::new("extra");
    let transaction = world.store.inner.begin_write().unwrap();
    transaction.open_table(extra).unwrap().insert(1, 1).unwrap();
    transaction.commit().unwrap();
    let why = world.store.back_up(io::sink(), world.now, &mut |_| true).unwrap_err();
    assert!(why.contains("a table \"extra\" that this program does not know"), "{why}");
}

#[test]
fn a_disk_that_fails_under_a_backup_is_told() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let world = world();
    let why = world.store.back_up(Full, world.now, &mut |_| true).unwrap_err();
    assert!(why.contains("the backup cannot be written: no storage space"), "{why}");
}
