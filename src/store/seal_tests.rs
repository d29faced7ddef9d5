//! Stories of sealed stores in folders of their own.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use super::*;
use crate::{
    domain::{
        AccountId, CustomHeader, CustomHeaders, OtherSignatures, Secret, Selection, SigningSecret, TargetUrl,
        Timestamp, TlsOptions, Webhook, WebhookId,
    },
    store::{DATA_FILE, KeyFile, OpenOptions},
    system::{Random, SystemRandom},
};

const SECRET: &str = "marked-signing-secret-1";
const MARKS: [&str; 4] =
    ["marked-signing-secret-1", "marked-hidden-value-2", "marked-open-value-3", "marked-url-token-4"];

/// A folder with a data directory and, beside it, its key file.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    fn key_file(&self) -> std::path::PathBuf {
        self.folder.path().join("hookstead.key")
    }

    fn open(&self) -> Result<Store, String> {
        self.open_with(Some(KeyFile { path: self.key_file(), random: random() }))
    }

    fn open_with(&self, key_file: Option<KeyFile>) -> Result<Store, String> {
        let options = OpenOptions { key_file, ..OpenOptions::default() };
        Store::open(&self.folder.path().join("data"), options).map_err(|error| error.to_string())
    }

    fn data(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("data").join(DATA_FILE)).unwrap()
    }

    /// The keys in the file, the newest first, as lines.
    fn keys(&self) -> Vec<String> {
        let text = fs::read_to_string(self.key_file()).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }
}

fn random() -> RandomBytes {
    Arc::new(|out| SystemRandom.bytes(out))
}

fn webhook(number: u128) -> Webhook {
    let header = |name: &str, value: &str, hidden| CustomHeader { name: name.into(), value: value.into(), hidden };
    Webhook {
        id: WebhookId(number),
        account: AccountId::default(),
        request_url: TargetUrl::parse("https://hooks.example.com/marked-url-token-4").unwrap(),
        description: String::new(),
        selection: Selection::parse(&["*".into()]).unwrap(),
        headers: CustomHeaders::parse(vec![header("x-key", MARKS[1], true), header("x-env", MARKS[2], false)]).unwrap(),
        secrets: vec![SigningSecret {
            secret: Secret::parse(SECRET).unwrap(),
            since: Timestamp::default(),
            until: None,
        }],
        disabled: None,
        timeout_ms: None,
        max_in_flight: None,
        rate_per_second: None,
        retry_schedule: None,
        ordered: false,
        created_at: Timestamp::default(),
        created_by: "test".into(),
        updated_at: Timestamp::default(),
        updated_by: String::new(),
        version: 0,
        deleted_at: None,
        other_signatures: OtherSignatures::default(),
        tls: TlsOptions::default(),
    }
}

fn audit() -> AuditEntry {
    AuditEntry::new(Timestamp::default(), &crate::domain::Actor::operator(), "test", "test")
}

fn make(store: &Store, numbers: std::ops::Range<u128>) {
    for number in numbers {
        drop(store.create_webhook(webhook(number), 10_000, audit()));
    }
    store.write_audit(audit()).wait().unwrap();
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

fn readable(store: &Store, count: usize) -> bool {
    let webhooks = store.webhooks();
    let whole = |webhook: &Arc<Webhook>| {
        let version = store.webhook_version(webhook.id, webhook.version).unwrap().unwrap();
        webhook.secret().as_str() == SECRET && version.request_url == webhook.request_url
    };
    webhooks.all().count() == count && webhooks.all().all(|webhook| whole(&webhook))
}

#[test]
fn no_secret_is_in_the_data_file_and_the_key_is_elsewhere_for_its_owner_only() {
    let plain = Place::new();
    let store = plain.open_with(None).unwrap();
    make(&store, 1..3);
    store.stop();
    assert!(MARKS.iter().all(|mark| holds(&plain.data(), mark)), "without a key they are there");

    let place = Place::new();
    let store = place.open().unwrap();
    make(&store, 1..3);
    assert!(readable(&store, 2));
    store.stop();
    for mark in MARKS {
        assert!(!holds(&place.data(), mark), "{mark}");
    }
    assert_eq!(fs::metadata(place.key_file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(place.keys().len(), 1);
    assert!(!holds(&place.data(), &place.keys()[0]));
    let store = place.open().unwrap();
    assert!(readable(&store, 2));
    assert_eq!(place.keys().len(), 1, "it is made once");
    store.stop();
}

#[test]
fn what_was_plain_is_sealed_at_the_next_start() {
    let place = Place::new();
    let store = place.open_with(None).unwrap();
    make(&store, 1..600);
    store.stop();
    let store = place.open().unwrap();
    assert!(readable(&store, 599));
    assert!(!store.needs_resealing().unwrap());
    assert!(matches!(&store.sealed_with().unwrap()[..], [(Some(_), 1_798)]), "{:?}", store.sealed_with());
    store.stop();
    assert!(place.open_with(None).is_err(), "and never again without the key");
}

#[test]
fn without_the_right_key_nothing_opens_and_nothing_changes() {
    let place = Place::new();
    let store = place.open().unwrap();
    make(&store, 1..2);
    store.stop();
    let key = fs::read_to_string(place.key_file()).unwrap();
    let shown = place.key_file().display().to_string();
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let before = place.data();
    for (text, said) in [
        (None, "is not there. Put it back from where you keep a copy, or say with secret_key_file"),
        (Some(other), "and not that one. Put the key file that belongs to this data in its place"),
        (Some(""), "holds no key. Put it back from where you keep a copy"),
        (Some("# a key\nnot base64\n"), "line 2 of the key file"),
        (Some("AAAA\n"), "line 1 of the key file"),
    ] {
        match text {
            Some(text) => fs::write(place.key_file(), text).unwrap(),
            None => fs::remove_file(place.key_file()).unwrap(),
        }
        let refused = place.open().err().unwrap_or_else(|| panic!("{text:?} was taken"));
        assert!(refused.contains(said) && refused.contains(&shown), "{refused}");
        assert_eq!(fs::read_to_string(place.key_file()).ok().as_deref(), text, "left as it was");
    }
    assert!(before.len() == place.data().len(), "the data file did not grow");
    // The right one among others will do.
    fs::write(place.key_file(), format!("{key}{other}")).unwrap();
    let store = place.open().unwrap();
    assert!(readable(&store, 1));
    store.stop();
}

#[test]
fn where_the_key_file_cannot_be_made_the_start_says_what_to_do() {
    let place = Place::new();
    let path = place.folder.path().join("no such folder").join("hookstead.key");
    let refused = place.open_with(Some(KeyFile { path: path.clone(), random: random() })).err().unwrap();
    assert!(
        refused.contains(&path.display().to_string()) && refused.contains("HOOKSTEAD_SECRET_KEY_FILE"),
        "{refused}"
    );
    assert!(place.open().is_ok(), "once it can be made, it goes on");
}

#[test]
fn a_rotation_that_is_killed_half_way_goes_on_at_the_next_start() {
    let place = Place::new();
    let store = place.open().unwrap();
    make(&store, 1..1_000);
    let old = store.inner.shared().seal.newest();
    let new = store.add_key(audit()).unwrap().wait().unwrap();
    let step = store.reseal(SealPosition::default()).wait().unwrap();
    assert_eq!((step.records, step.next.is_some()), (256, true));
    // Each webhook with its version and its entry in the audit log, and two entries more.
    assert_eq!(store.sealed_with().unwrap(), [(Some(new), 256), (old, 2_999 - 256)]);
    assert!(readable(&store, 999), "both keys open");
    make(&store, 1_000..1_001);
    // Killed: nobody says goodbye, and the next one finds the file and both keys.
    store.stop();
    let store = place.open().unwrap();
    assert_eq!(store.sealed_with().unwrap(), [(Some(new), 3_003), (old, 0)]);
    assert!(readable(&store, 1_000) && !store.needs_resealing().unwrap());
    store.stop();

    // The old key is only for old copies now.
    let keys = place.keys();
    assert_eq!(keys.len(), 2);
    fs::write(place.key_file(), format!("{}\n", keys[0])).unwrap();
    let store = place.open().unwrap();
    assert!(readable(&store, 1_000));

    // Had a key come and gone, the start would say so.
    let without = fs::read_to_string(place.key_file()).unwrap();
    store.add_key(audit()).unwrap().wait().unwrap();
    make(&store, 1_001..1_002);
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    store.stop();
    fs::write(place.key_file(), without).unwrap();
    let refused = place.open().err().unwrap();
    assert!(refused.contains("which the key file does not hold"), "{refused}");
}

#[test]
fn a_key_that_was_put_in_front_by_hand_is_used_from_the_next_start() {
    let place = Place::new();
    let store = place.open().unwrap();
    make(&store, 1..3);
    store.stop();
    let old = fs::read_to_string(place.key_file()).unwrap();
    fs::write(place.key_file(), format!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n{old}")).unwrap();
    let store = place.open().unwrap();
    let mut first = [0; KEY_BYTES];
    first[0] = 1;
    assert_eq!(store.sealed_with().unwrap()[0], (Some(KeyId::of(&first)), 7));
    store.stop();
}

#[test]
fn a_key_file_that_cannot_be_written_refuses_a_new_key_and_goes_on() {
    let place = Place::new();
    let store = place.open().unwrap();
    make(&store, 1..2);
    fs::remove_file(place.key_file()).unwrap();
    let refused = store.add_key(audit()).err().unwrap();
    assert_eq!(refused.code, "conflict");
    assert!(refused.detail.contains("is gone"), "{}", refused.detail);
    assert!(!Path::new(&place.key_file()).exists() && readable(&store, 1));
    store.stop();
}

#[test]
fn a_sealed_record_opens_in_its_place_only_and_each_time_looks_different() {
    let seal = Seal::with(&[[7; KEY_BYTES]], random());
    let (here, there) = (super::Place::row(WEBHOOKS, 1), super::Place::row(WEBHOOKS, 2));
    let sealed = seal.encode(&here, &webhook(1));
    assert_eq!(seal.decode::<Webhook>(&here, &sealed).unwrap(), webhook(1));
    assert_ne!(sealed, seal.encode(&here, &webhook(1)));
    assert!(seal.open(&there, &sealed).unwrap_err().contains("belongs elsewhere"));
    assert!(seal.open(&super::Place::version((0, 1)), &sealed).is_err());
    for position in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[position] ^= 1;
        assert!(seal.decode::<Webhook>(&here, &damaged).is_err(), "byte {position}");
    }
    let other = Seal::with(&[[8; KEY_BYTES]], random());
    assert!(other.open(&here, &sealed).unwrap_err().contains("which the key file does not hold"));
    assert_eq!(format!("{other:?}"), format!("Seal({:?})", other.ids()));
}
