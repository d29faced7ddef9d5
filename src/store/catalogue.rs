//! The catalogue of event types.

use std::sync::Arc;

use super::{AuditEntry, Pending, Store, batch::Batch, fail::Fail, record::encode, tables::EVENT_TYPES, tags};
use crate::domain::{EventType, EventTypeInfo, Problem};

impl Store {
    /// All event types as of the last commit.
    pub fn event_types(&self) -> Arc<[Arc<EventTypeInfo>]> {
        self.inner.shared.read().expect("no writer panics").event_types.clone()
    }

    /// Adds an event type.
    ///
    /// # Errors
    /// `conflict` if the name is taken, `limit_reached`, `cannot_write`.
    pub fn create_event_type(&self, info: EventTypeInfo, audit: AuditEntry) -> Pending<Arc<EventTypeInfo>> {
        self.write(move |batch| {
            if batch.shared.event_types.iter().any(|known| known.name == info.name) {
                return Err(Problem::conflict(format!("There is an event type {} already.", info.name)).into());
            }
            if batch.shared.event_types.len() >= MOST {
                return Err(Problem::conflict(format!("There are {MOST} event types, which is the limit.")).into());
            }
            batch.audit(&audit.between(&Vec::new(), &info.facts()))?;
            put(batch, info)
        })
    }

    /// Replaces an event type.
    ///
    /// # Errors
    /// `cannot_write`.
    pub fn change_event_type(&self, info: EventTypeInfo, audit: AuditEntry) -> Pending<Arc<EventTypeInfo>> {
        self.write(move |batch| {
            let known = batch.shared.event_types.iter().find(|known| known.name == info.name);
            let before = known.map(|known| known.facts()).unwrap_or_default();
            batch.audit(&audit.between(&before, &info.facts()))?;
            put(batch, info)
        })
    }

    /// Deletes an event type that nothing uses, retires any other. Answers what is left of it.
    ///
    /// # Errors
    /// `not_found`, `cannot_write`.
    pub fn remove_event_type(&self, name: EventType, audit: AuditEntry) -> Pending<Option<Arc<EventTypeInfo>>> {
        self.write(move |batch| {
            let known = batch.shared.event_types.iter().find(|known| known.name == name).cloned();
            let known = known.ok_or_else(|| Problem::not_found("event type"))?;
            batch.audit(&audit)?;
            if known.built_in || in_use(batch, &name)? {
                let info = EventTypeInfo { retired: true, ..EventTypeInfo::clone(&known) };
                return put(batch, info).map(Some);
            }
            batch.open(EVENT_TYPES)?.remove(name.as_str())?;
            batch.shared.remove_event_type(&name);
            Ok(None)
        })
    }
}

/// Most event types, built-in ones included: each is kept in memory and listed in full.
const MOST: usize = 1_000;

fn put(batch: &mut Batch, info: EventTypeInfo) -> Result<Arc<EventTypeInfo>, Fail> {
    let bytes = encode(&info);
    batch.open(EVENT_TYPES)?.insert(info.name.as_str(), bytes.as_slice())?;
    batch.shared.put_event_type(info.clone());
    Ok(Arc::new(info))
}

/// Whether a webhook selects it by name or a log entry is of it.
fn in_use(batch: &Batch, name: &EventType) -> Result<bool, Fail> {
    let selected =
        batch.shared.webhooks.all().any(|webhook| webhook.selection.exact_names().any(|one| one == name.as_str()));
    if selected {
        return Ok(true);
    }
    batch.has_tagged(tags::event_type(name))
}
