//! Records that hold secrets are sealed: what is on disk can be read only with a key that is kept
//! elsewhere, see [`super::key_file`].
//!
//! A sealed record is one byte for its form, the id of its key, a random nonce, then the record as
//! [`super::record`] has it, under ChaCha20-Poly1305. Its table and its place there are sealed along,
//! so that a record that was moved is refused. Whole records are sealed and not single values: a
//! Request URL often is a secret too, and no field that is added later can be forgotten.
//!
//! To seal another table, name it in [`TABLES`], write it by [`put`] and read it by [`Seal::decode`].
//!
//! Without keys everything is plain. That is for played disks; a server always has a key.

use std::{fmt, sync::Arc};

use redb::{ReadTransaction, ReadableTable, TableDefinition, TableHandle};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    AuditEntry, Pending, Store,
    batch::Batch,
    fail::Fail,
    key_file::{KeyFile, RandomBytes},
    record::{self, decode, encode},
    tables::{AUDIT, META, USERS, WEBHOOK_VERSIONS, WEBHOOKS},
};
use crate::domain::{Problem, WebhookId};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// The form of a sealed record; the plain ones have another first byte.
const SEALED: u8 = 3;
const ID_BYTES: usize = 4;
const HEAD_BYTES: usize = 1 + ID_BYTES + NONCE_LEN;

/// In the table `meta`: the id of the key that every sealed record has. Written when that has become
/// true, so as long as it names another key than the newest, sealing anew goes on.
const META_KEY: &str = "sealed";

/// Tables of sealed records under a number of their own; the versions of webhooks and the entries of the
/// audit log, which has old and new values of all of them, are sealed besides.
const TABLES: [TableDefinition<u128, &[u8]>; 2] = [WEBHOOKS, USERS];

/// Records looked at in one transaction while all are sealed anew: about a millisecond of work.
const CHUNK: usize = 256;

/// Tells keys apart without saying anything about them: the beginning of their SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; ID_BYTES]);

impl KeyId {
    pub(super) fn of(key: &[u8; KEY_BYTES]) -> KeyId {
        let digest = Sha256::new().chain_update("hookstead key id").chain_update(key).finalize();
        KeyId(std::array::from_fn(|position| digest[position]))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What seals and opens records. Cheap to clone. `Debug` shows no key.
#[derive(Clone, Default)]
pub struct Seal(Option<Arc<Ring>>);

struct Ring {
    /// The newest first: it seals, all open.
    keys: Vec<Key>,
    random: RandomBytes,
}

struct Key {
    id: KeyId,
    // Each nonce is 96 random bits, which is good for some 2^32 records per key. Records are sealed
    // when a webhook changes, so no key gets there.
    cipher: LessSafeKey,
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Seal").field(&self.ids()).finish()
    }
}

impl Seal {
    /// Seals with the first of `keys`; without any, leaves everything plain.
    pub(super) fn with(keys: &[[u8; KEY_BYTES]], random: RandomBytes) -> Seal {
        let key = |bytes: &[u8; KEY_BYTES]| Key {
            id: KeyId::of(bytes),
            cipher: LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, bytes).expect("the length is the cipher's")),
        };
        let keys: Vec<Key> = keys.iter().map(key).collect();
        Seal((!keys.is_empty()).then(|| Arc::new(Ring { keys, random })))
    }

    /// With the keys of a file, for data that was sealed with `sealed_with`; plain without a file.
    ///
    /// # Errors
    /// What is wrong with the file, and what to do.
    pub(super) fn of(file: Option<&KeyFile>, sealed_with: Option<&str>) -> Result<Seal, String> {
        file.map_or_else(|| Ok(Seal::default()), |file| file.open(sealed_with))
    }

    /// Its keys, the newest first.
    pub fn ids(&self) -> Vec<KeyId> {
        self.0.iter().flat_map(|ring| &ring.keys).map(|key| key.id).collect()
    }

    fn newest(&self) -> Option<KeyId> {
        self.0.as_ref().map(|ring| ring.keys[0].id)
    }

    /// The bytes of a record for its place.
    pub(super) fn encode<T: Serialize>(&self, place: &Place, value: &T) -> Vec<u8> {
        self.close(place, encode(value))
    }

    /// The record of some bytes, sealed or plain.
    ///
    /// # Errors
    /// A key that is not there, another place, damage.
    pub(super) fn decode<T: DeserializeOwned>(&self, place: &Place, bytes: &[u8]) -> Result<T, Fail> {
        decode(&self.open(place, bytes).map_err(Fail::damaged)?)
    }

    fn close(&self, place: &Place, record: Vec<u8>) -> Vec<u8> {
        let Some(ring) = &self.0 else { return record };
        let mut nonce = [0; NONCE_LEN];
        (ring.random)(&mut nonce);
        let Key { id, cipher } = &ring.keys[0];
        let mut sealed = record;
        cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&place.0), &mut sealed)
            .expect("a record is far below the 256 GiB that the cipher takes");
        [&[SEALED][..], &id.0, &nonce, &sealed].concat()
    }

    /// The plain record.
    pub(super) fn open(&self, place: &Place, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let Some(id) = key_of(bytes) else { return Ok(bytes.to_vec()) };
        let key = self.0.iter().flat_map(|ring| &ring.keys).find(|key| key.id == id);
        let key = key.ok_or_else(|| format!("it is sealed with key {id}, which the key file does not hold"))?;
        let nonce = std::array::from_fn(|position| bytes[1 + ID_BYTES + position]);
        let mut sealed = bytes[HEAD_BYTES..].to_vec();
        let opened = key.cipher.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(&place.0), &mut sealed);
        let length = opened.map_err(|_| "it is sealed, and is damaged or belongs elsewhere".to_owned())?.len();
        sealed.truncate(length);
        Ok(sealed)
    }

    /// The same record under the newest key, if it is not yet.
    fn renew(&self, place: &Place, bytes: &[u8]) -> Result<Option<Vec<u8>>, Fail> {
        if key_of(bytes) == self.newest() {
            return Ok(None);
        }
        Ok(Some(self.close(place, self.open(place, bytes).map_err(Fail::damaged)?)))
    }
}

/// The key that a record is sealed with; `None` if it is plain.
fn key_of(bytes: &[u8]) -> Option<KeyId> {
    let sealed = bytes.len() >= HEAD_BYTES && bytes[0] == SEALED;
    sealed.then(|| KeyId(std::array::from_fn(|position| bytes[1 + position])))
}

const _: () = assert!(SEALED != record::VERSION);

/// Where a sealed record belongs.
pub(super) struct Place(Vec<u8>);

impl Place {
    /// The row of a table under a number.
    pub fn row(table: TableDefinition<u128, &[u8]>, key: u128) -> Place {
        Place([table.name().as_bytes(), &[0], &key.to_be_bytes()].concat())
    }

    /// An entry of the audit log.
    pub fn entry(number: u64) -> Place {
        Place([b"audit".as_slice(), &[0], &number.to_be_bytes()].concat())
    }

    /// A version of a webhook.
    pub fn version((webhook, version): (u128, u64)) -> Place {
        Place([b"webhook_versions".as_slice(), &[0], &webhook.to_be_bytes(), &version.to_be_bytes()].concat())
    }
}

/// Where sealing anew goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SealPosition {
    table: usize,
    key: u128,
    version: u64,
}

/// What one step of sealing anew did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resealed {
    /// Records that are sealed with the newest key now and were not before.
    pub records: u64,
    /// Where to go on; `None` once every record is sealed with the newest key.
    pub next: Option<SealPosition>,
}

impl Store {
    /// Whether some record may be plain, or sealed with an older key.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn needs_resealing(&self) -> Result<bool, Problem> {
        let Some(newest) = self.inner.shared().seal.newest() else { return Ok(false) };
        let sealed = self.read(|transaction| {
            let meta = transaction.open_table(META)?;
            Ok(meta.get(META_KEY)?.map(|id| id.value().to_owned()))
        })?;
        Ok(sealed != Some(newest.to_string()))
    }

    /// Seals a few more records with the newest key. Stopped in between, it goes on from the start:
    /// what is done already costs a look.
    ///
    /// # Errors
    /// `cannot_write`; `internal` if a record can be opened with none of the keys.
    pub fn reseal(&self, from: SealPosition) -> Pending<Resealed> {
        self.write(move |batch| reseal(batch, from))
    }

    /// Adds a new key to the key file and seals with it from now on. What there is stays sealed with
    /// the older keys until [`Store::reseal`] is through.
    ///
    /// # Errors
    /// `conflict` if there is no key file or it cannot be written, `cannot_write`.
    pub fn add_key(&self, audit: AuditEntry) -> Result<Pending<KeyId>, Problem> {
        let file = self.inner.options.key_file.as_ref();
        let file = file.ok_or_else(|| Problem::conflict("This store has no key file."))?;
        let seal = file.add_key().map_err(Problem::conflict)?;
        Ok(self.write(move |batch| {
            batch.audit(&audit)?;
            let id = seal.newest().expect("a key was added");
            batch.shared.seal = seal;
            Ok(id)
        }))
    }

    /// The keys of the key file, the newest first, and how many records each of them seals. Keys
    /// that the file does not hold follow, and what is plain comes last, without a key.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn sealed_with(&self) -> Result<Vec<(Option<KeyId>, u64)>, Problem> {
        let mut found: Vec<_> = self.inner.shared().seal.ids().into_iter().map(|id| (Some(id), 0)).collect();
        let mut count = |bytes: &[u8]| {
            let id = key_of(bytes);
            match found.iter_mut().find(|(known, _)| *known == id) {
                Some((_, records)) => *records += 1,
                None => found.push((id, 1)),
            }
        };
        self.read(|transaction| {
            for table in TABLES {
                transaction
                    .open_table(table)?
                    .iter()?
                    .try_for_each(|row| row.map(|(_, bytes)| count(bytes.value())))?;
            }
            let versions = transaction.open_table(WEBHOOK_VERSIONS)?;
            versions.iter()?.try_for_each(|row| row.map(|(_, bytes)| count(bytes.value())))?;
            let entries = transaction.open_table(AUDIT)?;
            entries.iter()?.try_for_each(|row| row.map(|(_, bytes)| count(bytes.value())))?;
            Ok(())
        })?;
        found.sort_by_key(|(id, _)| id.is_none());
        Ok(found)
    }
}

/// The key that everything was sealed with last.
pub(super) fn sealed(meta: &impl ReadableTable<&'static str, &'static str>) -> Result<Option<String>, redb::Error> {
    Ok(meta.get(META_KEY)?.map(|id| id.value().to_owned()))
}

/// Stores one record of a sealed table.
pub(super) fn put<T: Serialize>(
    batch: &Batch,
    table: TableDefinition<u128, &'static [u8]>,
    key: u128,
    value: &T,
) -> Result<(), Fail> {
    let record = batch.shared.seal.encode(&Place::row(table, key), value);
    batch.open(table)?.insert(key, record.as_slice())?;
    Ok(())
}

/// Says which records can be opened with no key that there is.
pub(super) fn verify(transaction: &ReadTransaction, seal: &Seal, mut found: impl FnMut(String)) -> Result<(), Fail> {
    let mut look = |what: String, place: &Place, bytes: &[u8]| {
        if let Err(why) = seal.open(place, bytes) {
            found(format!("{what}: cannot be read: {why}"));
        }
    };
    for table in TABLES {
        for row in transaction.open_table(table)?.iter()? {
            let (key, bytes) = row?;
            let what = format!("record {:x} of {}", key.value(), table.name());
            look(what, &Place::row(table, key.value()), bytes.value());
        }
    }
    for row in transaction.open_table(WEBHOOK_VERSIONS)?.iter()? {
        let (key, bytes) = row?;
        let (webhook, version) = key.value();
        look(format!("version {version} of {}", WebhookId(webhook)), &Place::version(key.value()), bytes.value());
    }
    for row in transaction.open_table(AUDIT)?.iter()? {
        let (key, bytes) = row?;
        look(format!("entry {} of the audit log", key.value()), &Place::entry(key.value()), bytes.value());
    }
    Ok(())
}

fn reseal(batch: &mut Batch, from: SealPosition) -> Result<Resealed, Fail> {
    let Some(newest) = batch.shared.seal.newest() else { return Ok(Resealed { records: 0, next: None }) };
    let (records, last) = match TABLES.get(from.table) {
        Some(table) => rows(batch, *table, from.key)?,
        None if from.table == TABLES.len() => versions(batch, from)?,
        None => entries(batch, from)?,
    };
    let next = match last {
        Some((key, version)) => Some(SealPosition { table: from.table, key, version }),
        None if from.table <= TABLES.len() => Some(SealPosition { table: from.table + 1, ..SealPosition::default() }),
        None => None,
    };
    if next.is_none() {
        batch.open(META)?.insert(META_KEY, newest.to_string().as_str())?;
    }
    Ok(Resealed { records, next })
}

/// How many records changed, and the key to go on from.
type Step = (u64, Option<(u128, u64)>);

fn rows(batch: &Batch, table: TableDefinition<u128, &'static [u8]>, from: u128) -> Result<Step, Fail> {
    let mut open = batch.open(table)?;
    let (mut renewed, mut looked_at, mut last) = (Vec::new(), 0, from);
    for row in open.range(from..)?.take(CHUNK) {
        let (key, bytes) = row?;
        (looked_at, last) = (looked_at + 1, key.value());
        let record = batch.shared.seal.renew(&Place::row(table, last), bytes.value())?;
        renewed.extend(record.map(|record| (last, record)));
    }
    for (key, record) in &renewed {
        open.insert(key, record.as_slice())?;
    }
    Ok((renewed.len() as u64, (looked_at == CHUNK).then_some((last.saturating_add(1), 0))))
}

fn versions(batch: &Batch, from: SealPosition) -> Result<Step, Fail> {
    let mut open = batch.open(WEBHOOK_VERSIONS)?;
    let (mut renewed, mut looked_at, mut last) = (Vec::new(), 0, (from.key, from.version));
    for row in open.range(last..)?.take(CHUNK) {
        let (key, bytes) = row?;
        (looked_at, last) = (looked_at + 1, key.value());
        let record = batch.shared.seal.renew(&Place::version(last), bytes.value())?;
        renewed.extend(record.map(|record| (last, record)));
    }
    for (key, record) in &renewed {
        open.insert(key, record.as_slice())?;
    }
    Ok((renewed.len() as u64, (looked_at == CHUNK).then_some((last.0, last.1.saturating_add(1)))))
}

fn entries(batch: &Batch, from: SealPosition) -> Result<Step, Fail> {
    let mut open = batch.open(AUDIT)?;
    let (mut renewed, mut looked_at, mut last) = (Vec::new(), 0, from.version);
    for row in open.range(last..)?.take(CHUNK) {
        let (key, bytes) = row?;
        (looked_at, last) = (looked_at + 1, key.value());
        let record = batch.shared.seal.renew(&Place::entry(last), bytes.value())?;
        renewed.extend(record.map(|record| (last, record)));
    }
    for (key, record) in &renewed {
        open.insert(key, record.as_slice())?;
    }
    Ok((renewed.len() as u64, (looked_at == CHUNK).then_some((0, last.saturating_add(1)))))
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
