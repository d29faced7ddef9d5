//! The catalogue of event types.

use std::sync::Arc;

use super::Service;
use crate::domain::{Actor, EventType, EventTypeInfo, Fault, MaskedFields, Problem, Scope};

/// A new event type.
#[derive(Debug, Clone)]
pub struct EventTypeInput {
    /// Its name.
    pub name: EventType,
    /// What people call it.
    pub label: String,
    /// Under which heading it is listed.
    pub category: String,
    /// When it happens.
    pub description: String,
    /// An example of its payload, raw JSON.
    pub example: Option<String>,
    /// A JSON Schema of its payload, raw JSON.
    pub schema: Option<String>,
    /// See [`EventTypeInfo::masked`].
    pub masked: MaskedFields,
    /// See [`EventTypeInfo::forget_after_success`].
    pub forget_after_success: bool,
}

/// A change of an event type; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct EventTypeChange {
    /// What people call it.
    pub label: Option<String>,
    /// Under which heading it is listed.
    pub category: Option<String>,
    /// When it happens.
    pub description: Option<String>,
    /// An example of its payload; `Some(None)` takes it away.
    pub example: Option<Option<String>>,
    /// A JSON Schema of its payload; `Some(None)` takes it away.
    pub schema: Option<Option<String>>,
    /// Whether it is offered any more.
    pub retired: Option<bool>,
    /// See [`EventTypeInfo::masked`]. What was published before is masked too.
    pub masked: Option<MaskedFields>,
    /// See [`EventTypeInfo::forget_after_success`]. What has arrived already is not touched.
    pub forget_after_success: Option<bool>,
}

/// What became of an event type that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// Nothing used it, so it is gone.
    Deleted,
    /// It is not offered any more; what uses it goes on.
    Retired(Arc<EventTypeInfo>),
}

impl Service {
    /// All event types, the built-in ones first, then by name.
    ///
    /// # Errors
    /// `missing_scope`.
    pub fn event_types(&self, actor: &Actor) -> Result<Vec<Arc<EventTypeInfo>>, Problem> {
        actor.require(Scope::EventsRead)?;
        Ok(self.store.event_types().to_vec())
    }

    /// One event type.
    ///
    /// # Errors
    /// `missing_scope`, `not_found`.
    pub fn event_type(&self, actor: &Actor, name: &str) -> Result<Arc<EventTypeInfo>, Problem> {
        self.event_types(actor)?
            .into_iter()
            .find(|known| known.name.as_str() == name)
            .ok_or_else(|| Problem::not_found("event type"))
    }

    /// Adds an event type.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `invalid`, `conflict` if the name is taken, `cannot_write`.
    pub async fn create_event_type(&self, actor: &Actor, input: EventTypeInput) -> Result<Arc<EventTypeInfo>, Problem> {
        actor.require_for_all(Scope::EventTypesWrite)?;
        let info = EventTypeInfo {
            name: input.name,
            label: input.label,
            category: input.category,
            description: input.description,
            example: input.example,
            schema: input.schema,
            built_in: false,
            retired: false,
            masked: input.masked,
            forget_after_success: input.forget_after_success,
        };
        check_texts(&info)?;
        let audit = self.audit(actor, "event_type.created", &info.name);
        self.store.create_event_type(info, audit).await
    }

    /// Changes an event type.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `not_found`, `invalid`, `cannot_write`.
    pub async fn change_event_type(
        &self,
        actor: &Actor,
        name: &str,
        change: EventTypeChange,
    ) -> Result<Arc<EventTypeInfo>, Problem> {
        actor.require_for_all(Scope::EventTypesWrite)?;
        self.refuse_declared(actor, "event type", self.event_type_place(name))?;
        let mut info = (*self.event_type(&as_reader(actor), name)?).clone();
        info.label = change.label.unwrap_or(info.label);
        info.category = change.category.unwrap_or(info.category);
        info.description = change.description.unwrap_or(info.description);
        info.example = change.example.unwrap_or(info.example);
        info.schema = change.schema.unwrap_or(info.schema);
        info.retired = change.retired.unwrap_or(info.retired);
        info.masked = change.masked.unwrap_or(info.masked);
        info.forget_after_success = change.forget_after_success.unwrap_or(info.forget_after_success);
        check_texts(&info)?;
        let audit = self.audit(actor, "event_type.changed", &info.name);
        self.store.change_event_type(info, audit).await
    }

    /// Deletes an event type that nothing uses; retires one that is built in, selected by name, or
    /// in the log.
    ///
    /// # Errors
    /// `missing_scope`, `wrong_account`, `not_found`, `cannot_write`.
    pub async fn remove_event_type(&self, actor: &Actor, name: &str) -> Result<Removed, Problem> {
        actor.require_for_all(Scope::EventTypesWrite)?;
        self.refuse_declared(actor, "event type", self.event_type_place(name))?;
        let info = self.event_type(&as_reader(actor), name)?;
        let audit = self.audit(actor, "event_type.removed", &info.name);
        let left = self.store.remove_event_type(info.name.clone(), audit).await?;
        Ok(left.map_or(Removed::Deleted, Removed::Retired))
    }
}

/// Who may change the catalogue may look a type up on the way.
fn as_reader(actor: &Actor) -> Actor {
    Actor::admin(actor.name.clone())
}

fn check_texts(info: &EventTypeInfo) -> Result<(), Problem> {
    let texts = [
        ("/label", &info.label, 1, 80),
        ("/category", &info.category, 1, 80),
        ("/description", &info.description, 0, 500),
    ];
    let mut faults = Vec::new();
    for (pointer, text, least, most) in texts {
        let length = text.trim().chars().count();
        if !(least..=most).contains(&length) || text.chars().any(char::is_control) {
            let message = format!("Use {least} to {most} characters on one line.");
            faults.push(Fault::new("invalid_text", message).at(pointer));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}
