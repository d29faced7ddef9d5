//! Row 26: a data file of each schema that was released, as the program of its time left it. It opens,
//! agrees with itself and shows what it showed then.
//!
//! A fixture is made once, by the last program of its schema: `WRITE_FIXTURE=1 cargo test --test it
//! fixture`. It is never made again.

use std::{
    fs,
    io::{Read, Write},
    path::PathBuf,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use hookstead::{
    domain::{LogFilter, Status},
    store::{DATA_FILE, EventFilter, OpenOptions, Store},
};
use sha2::{Digest, Sha256};

use super::course::course;
use crate::process::options;

/// The schemas that there is a fixture of. From 4 on secrets are sealed, and the key file is beside it.
const SCHEMAS: [u64; 2] = [3, 4];
/// More than a course makes.
const ALL: usize = 10_000;

fn path(schema: u64, ending: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schemas");
    folder.join(format!("{schema}.{ending}"))
}

/// What a store shows, in words that later versions still know.
fn facts(store: &Store) -> String {
    let mut lines = Vec::new();
    for event in store.events(&EventFilter::default(), None, ALL).unwrap().items {
        let body = store.body(event.id).unwrap().unwrap_or_default();
        let sum: String = Sha256::digest(&body).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        lines.push(format!("event {} {} {} {sum}", event.id, event.event_type, event.timestamp));
        for delivery in store.deliveries_of(event.id).unwrap() {
            let attempts = store.attempts(&delivery).unwrap();
            let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome.words()).collect();
            lines.push(format!("delivery {} {} {outcomes:?}", delivery.id, delivery.status.code()));
        }
    }
    for webhook in store.webhooks().all_with_deleted() {
        let state = store.webhook_state(webhook.id);
        let queue = store.queue_page(webhook.id, None, ALL).unwrap().rows.len();
        lines.push(format!("webhook {} {} {} {queue}", webhook.id, webhook.request_url.as_str(), state.waiting));
    }
    for status in [Status::Pending, Status::Success, Status::Failed] {
        let filter = LogFilter { status: Some(status), ..LogFilter::default() };
        lines.push(format!("{} {}", status.code(), store.logs(&filter, None, ALL).unwrap().items.len()));
    }
    lines.push(format!("users {} keys {}", store.users().unwrap().len(), store.keys().len()));
    lines.join("\n") + "\n"
}

#[test]
fn the_data_file_of_each_schema_that_was_released_still_opens() {
    if std::env::var_os("WRITE_FIXTURE").is_some() {
        write();
    }
    for schema in SCHEMAS {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        GzDecoder::new(fs::File::open(path(schema, "redb.gz")).unwrap()).read_to_end(&mut bytes).unwrap();
        let directory = folder.path().join("data");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join(DATA_FILE), bytes).unwrap();
        let (key, place) = (path(schema, "key"), options(&directory).key_file.unwrap().path);
        if key.exists() {
            fs::copy(key, &place).unwrap();
        }
        assert_eq!(place.exists(), schema > 3, "schema {schema}");
        let store = Store::open(&directory, options(&directory)).unwrap();
        assert_eq!(store.verify().unwrap(), Vec::<String>::new(), "schema {schema}");
        assert_eq!(facts(&store), fs::read_to_string(path(schema, "txt")).unwrap(), "schema {schema}");
        // The secrets of schema 3 were plain: the start seals them.
        let sealed = store.sealed_with().unwrap();
        assert!(!sealed.is_empty() && sealed.iter().all(|(key, records)| key.is_some() && *records > 0), "{sealed:?}");
        store.stop();
        let without = Store::open(&directory, OpenOptions::default()).err().unwrap().to_string();
        assert!(without.contains("sealed with key"), "schema {schema}: {without}");
        let again = Store::open(&directory, options(&directory)).unwrap();
        assert_eq!(facts(&again), fs::read_to_string(path(schema, "txt")).unwrap(), "schema {schema}");
        again.stop();
        let kept = directory.join(format!("before-schema-{}", Store::SCHEMA));
        assert_eq!(kept.join(DATA_FILE).exists(), schema != Store::SCHEMA, "an older one is kept");
    }
}

fn write() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("data");
    let store = Store::open(&directory, OpenOptions { journal_bytes: 1 << 20, ..options(&directory) }).unwrap();
    course(1).iter().for_each(|commit| commit.make_and_wait(&store).unwrap());
    let facts = facts(&store);
    store.stop();
    let (data, text) = (path(Store::SCHEMA, "redb.gz"), path(Store::SCHEMA, "txt"));
    assert!(!data.exists(), "a fixture is never made again");
    fs::create_dir_all(data.parent().unwrap()).unwrap();
    let mut packed = GzEncoder::new(fs::File::create(data).unwrap(), Compression::best());
    packed.write_all(&fs::read(directory.join(DATA_FILE)).unwrap()).unwrap();
    packed.finish().unwrap();
    fs::write(text, facts).unwrap();
    fs::copy(options(&directory).key_file.unwrap().path, path(Store::SCHEMA, "key")).unwrap();
}
