//! Tables open for writing, and what is changed in them as bytes, for the journal.
//!
//! A change is a row put or taken away, as the storage engine keeps it. So whatever wrote it need
//! not be run again, and cannot come out differently when it is.

use std::{borrow::Borrow, cell::RefCell, ops::Deref};

use redb::{Key, ReadableTable, Table, TableDefinition, TableHandle, Value, WriteTransaction};

use super::{fail::Fail, tables::*};

/// Set in the number of a table if a row was taken away.
const REMOVED: u8 = 0x80;

/// What a transaction changed, row by row.
#[derive(Debug, Default)]
pub struct Changes(RefCell<Vec<u8>>);

impl Changes {
    /// Opens a table; what is changed in it is kept here.
    ///
    /// # Errors
    /// If the store fails.
    pub fn open<'t, K: Key + 'static, V: Value + 'static>(
        &'t self,
        transaction: &'t WriteTransaction,
        definition: TableDefinition<K, V>,
    ) -> Result<Rows<'t, K, V>, Fail> {
        let table = transaction.open_table(definition)?;
        let number =
            NAMES.iter().position(|name| *name == TableHandle::name(&table)).expect("every table has its number");
        Ok(Rows { table, number: number as u8, changes: self })
    }

    /// All of it, for [`replay`].
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner()
    }

    fn add(&self, number: u8, key: &[u8], value: Option<&[u8]>) {
        let mut bytes = self.0.borrow_mut();
        bytes.push(if value.is_some() { number } else { number | REMOVED });
        for part in [Some(key), value].into_iter().flatten() {
            bytes.extend(u32::try_from(part.len()).expect("rows are smaller than 4 GiB").to_le_bytes());
            bytes.extend(part);
        }
    }
}

/// A table open for writing. It is read as any table is.
pub struct Rows<'t, K: Key + 'static, V: Value + 'static> {
    table: Table<'t, K, V>,
    number: u8,
    changes: &'t Changes,
}

impl<K: Key + 'static, V: Value + 'static> Rows<'_, K, V> {
    /// Puts a row, in the place of one with the same key.
    ///
    /// # Errors
    /// If the store fails.
    pub fn insert<'k, 'v>(
        &mut self,
        key: impl Borrow<K::SelfType<'k>>,
        value: impl Borrow<V::SelfType<'v>>,
    ) -> Result<(), Fail> {
        let (key, value) = (key.borrow(), value.borrow());
        self.changes.add(self.number, K::as_bytes(key).as_ref(), Some(V::as_bytes(value).as_ref()));
        self.table.insert(key, value)?;
        Ok(())
    }

    /// Takes a row away. Whether it was there.
    ///
    /// # Errors
    /// If the store fails.
    pub fn remove<'k>(&mut self, key: impl Borrow<K::SelfType<'k>>) -> Result<bool, Fail> {
        let key = key.borrow();
        let was_there = self.table.remove(key)?.is_some();
        if was_there {
            self.changes.add(self.number, K::as_bytes(key).as_ref(), None);
        }
        Ok(was_there)
    }

    /// Takes away all rows but those that `keeps` wants.
    ///
    /// # Errors
    /// If the store fails.
    pub fn retain(
        &mut self,
        mut keeps: impl for<'f> FnMut(K::SelfType<'f>, V::SelfType<'f>) -> bool,
    ) -> Result<(), Fail> {
        let mut goes = Vec::new();
        for row in self.table.iter()? {
            let (key, value) = row?;
            if !keeps(key.value(), value.value()) {
                goes.push(K::as_bytes(&key.value()).as_ref().to_vec());
            }
        }
        goes.iter().try_for_each(|key| self.remove(K::from_bytes(key)).map(drop))
    }
}

impl<'t, K: Key + 'static, V: Value + 'static> Deref for Rows<'t, K, V> {
    type Target = Table<'t, K, V>;

    fn deref(&self) -> &Self::Target {
        &self.table
    }
}

/// Every table of a transaction, by number.
pub struct AllTables<'t>(Vec<Box<dyn AnyTable + 't>>);

/// A table whose rows are bytes.
trait AnyTable {
    fn name(&self) -> &str;
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fail>;
    fn take(&mut self, key: &[u8]) -> Result<(), Fail>;
}

impl<K: Key + 'static, V: Value + 'static> AnyTable for Table<'_, K, V> {
    fn name(&self) -> &str {
        TableHandle::name(self)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fail> {
        self.insert(K::from_bytes(key), V::from_bytes(value))?;
        Ok(())
    }

    fn take(&mut self, key: &[u8]) -> Result<(), Fail> {
        self.remove(K::from_bytes(key))?;
        Ok(())
    }
}

impl<'t> AllTables<'t> {
    /// Opens every table, making those that are not there yet, so that reading never meets a
    /// missing one.
    ///
    /// # Errors
    /// If the store fails.
    pub fn open(transaction: &'t WriteTransaction) -> Result<Self, Fail> {
        fn one<'t, K: Key + 'static, V: Value + 'static>(
            transaction: &'t WriteTransaction,
            definition: TableDefinition<K, V>,
        ) -> Result<Box<dyn AnyTable + 't>, Fail> {
            Ok(Box::new(transaction.open_table(definition)?))
        }
        let all = AllTables(every_table!(one, transaction));
        debug_assert_eq!(all.names(), NAMES, "a table has its place in the list as its number");
        Ok(all)
    }

    /// Makes the changes that [`Changes::into_bytes`] gave.
    ///
    /// # Errors
    /// If the store fails, or these are not such bytes.
    pub fn replay(&mut self, mut changes: &[u8]) -> Result<(), Fail> {
        while !changes.is_empty() {
            self.replay_one(&mut changes)?;
        }
        Ok(())
    }

    fn replay_one(&mut self, changes: &mut &[u8]) -> Result<(), Fail> {
        let unreadable = || Fail::from(redb::Error::Corrupted("a record of the journal cannot be read".into()));
        let (first, rest) = changes.split_first().ok_or_else(unreadable)?;
        *changes = rest;
        let mut part = || {
            let (length, rest) = changes.split_first_chunk().ok_or_else(unreadable)?;
            let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(unreadable)?;
            *changes = rest;
            Ok::<_, Fail>(part)
        };
        let table = self.0.get_mut(usize::from(first & !REMOVED)).ok_or_else(unreadable)?;
        match first & REMOVED {
            0 => {
                let key = part()?;
                table.put(key, part()?)
            }
            _ => table.take(part()?),
        }
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|table| table.name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use redb::{Database, ReadableDatabase, backends::InMemoryBackend};

    use super::*;

    fn database() -> Database {
        Database::builder().create_with_backend(InMemoryBackend::new()).unwrap()
    }

    #[test]
    fn what_is_changed_comes_out_the_same_from_its_bytes() {
        let (one, other) = (database(), database());
        let changes = Changes::default();
        let transaction = one.begin_write().unwrap();
        {
            let mut events = changes.open(&transaction, EVENTS).unwrap();
            events.insert(7, b"seven".as_slice()).unwrap();
            events.insert(8, b"eight".as_slice()).unwrap();
            events.insert(7, b"seven again".as_slice()).unwrap();
            events.insert(9, b"".as_slice()).unwrap();
            assert!(events.remove(8).unwrap());
            assert!(!events.remove(1_000).unwrap());
            let mut queue = changes.open(&transaction, QUEUE).unwrap();
            (1..=4).for_each(|at| queue.insert((1, at, 7), ()).unwrap());
            queue.retain(|(_, at, _), ()| at % 2 == 0).unwrap();
            let mut ids = changes.open(&transaction, EXTERNAL_IDS).unwrap();
            ids.insert(("crm-1", "default"), 7).unwrap();
        }
        transaction.commit().unwrap();
        let bytes = changes.into_bytes();

        let transaction = other.begin_write().unwrap();
        AllTables::open(&transaction).unwrap().replay(&bytes).unwrap();
        transaction.commit().unwrap();
        for database in [one, other] {
            let read = database.begin_read().unwrap();
            let events = read.open_table(EVENTS).unwrap();
            let events: Vec<_> = events.iter().unwrap().map(Result::unwrap).collect();
            let events: Vec<_> = events.iter().map(|(key, value)| (key.value(), value.value())).collect();
            assert_eq!(events, [(7, b"seven again".as_slice()), (9, b"")]);
            let queue: Vec<_> =
                read.open_table(QUEUE).unwrap().iter().unwrap().map(|row| row.unwrap().0.value().1).collect();
            assert_eq!(queue, [2, 4]);
            let ids = read.open_table(EXTERNAL_IDS).unwrap();
            assert_eq!(ids.get(("crm-1", "default")).unwrap().unwrap().value(), 7);
        }
    }

    #[test]
    fn bytes_that_are_no_changes_are_refused() {
        let database = database();
        let transaction = database.begin_write().unwrap();
        let mut tables = AllTables::open(&transaction).unwrap();
        for bytes in [&[0x7f, 0, 0, 0, 0][..], &[0], &[0, 9, 0, 0, 0, 1], &[1, 1, 0, 0, 0, 7]] {
            tables.replay(bytes).unwrap_err();
        }
    }
}
