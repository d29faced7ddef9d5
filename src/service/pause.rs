//! Pausing all sending, and going on. Events are taken meanwhile.

use std::sync::Arc;

use super::Service;
use crate::domain::{Actor, Pause, Problem, Scope, Timestamp};

impl Service {
    /// The pause of all sending, if there is one.
    pub fn pause(&self) -> Option<Arc<Pause>> {
        self.store.pause()
    }

    /// Pauses all sending; requests under way end. It lasts until somebody resumes, also through
    /// restarts.
    ///
    /// # Errors
    /// `missing_scope`, `invalid`, `conflict` if it is paused already, `cannot_write`.
    pub async fn pause_sending(&self, actor: &Actor, reason: &str) -> Result<(), Problem> {
        actor.require(Scope::WebhooksWrite)?;
        let reason = Pause::reason(reason).map_err(|fault| Problem::invalid(vec![fault]))?;
        let audit = self.audit(actor, "sending.paused", &reason);
        let pause = Pause { at: self.now(), by: actor.name.clone(), reason };
        self.store.pause_sending(pause, audit).await
    }

    /// Ends the pause; what waited is sent.
    ///
    /// # Errors
    /// `missing_scope`, `conflict` if sending is not paused, `cannot_write`.
    pub async fn resume_sending(&self, actor: &Actor) -> Result<(), Problem> {
        actor.require(Scope::WebhooksWrite)?;
        let audit = self.audit(actor, "sending.resumed", "");
        self.store.resume_sending(self.now(), audit).await
    }

    /// The moment that webhooks are judged at.
    pub(super) fn judged_at(&self) -> Timestamp {
        Pause::judged_at(self.pause().as_deref(), self.now())
    }
}
