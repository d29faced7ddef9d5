//! What the configuration sets up: brought about at the start and when it is read again, and kept
//! from being changed elsewhere.
//!
//! Each thing is recognised by its name, so that doing it twice changes nothing. What has gone from
//! the configuration since is disabled (webhooks), revoked (keys), or deleted or retired (event
//! types); it is then like anything that people made.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use super::{EventTypeChange, EventTypeInput, Service, WebhookChange, WebhookInput};
use crate::{
    domain::{
        Actor, ApiKey, ApiKeyId, Declaration, DeclaredApiKey, DeclaredEventType, DeclaredWebhook, DisabledReason,
        MaskedFields, OtherSignatures, Problem, ProblemKind, TlsOptions, Webhook, WebhookId,
    },
    store::DeclaredNames,
};

/// How long the Secret before a new one signs along.
const OVERLAP: Duration = Duration::from_secs(24 * 3_600);

/// Where each thing stands in the configuration, such as `hookstead.toml:12`.
#[derive(Debug, Default)]
pub(super) struct Places {
    webhooks: HashMap<WebhookId, Place>,
    event_types: HashMap<String, String>,
    api_keys: HashMap<ApiKeyId, String>,
}

#[derive(Debug)]
struct Place {
    place: String,
    enabled: bool,
}

/// Something of the configuration that cannot be set up.
#[derive(Debug)]
pub struct NotSetUp {
    /// Where it stands and what it is called.
    pub what: String,
    /// Why not.
    pub problem: Problem,
}

impl std::fmt::Display for NotSetUp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.what, self.problem)?;
        // With several faults the problem only counts them.
        let many = self.problem.faults.len() > 1;
        self.problem.faults.iter().filter(|_| many).try_for_each(|fault| write!(formatter, " {}", fault.message))
    }
}

impl Service {
    /// Brings about what the configuration declares. Whatever cannot be is returned; the rest is done.
    pub async fn set_up_declared(&self, declaration: &Declaration) -> Vec<NotSetUp> {
        let mut failed = Vec::new();
        let mut fail = |place: &str, list: &str, name: &str, problem| {
            failed.push(NotSetUp { what: format!("{place}: [[{list}]] {name}"), problem });
        };
        let mut places = Places::default();
        // Webhooks may name them. What cannot be brought up to date stays under the configuration.
        for declared in &declaration.event_types {
            places.event_types.insert(declared.name.to_string(), declared.place.clone());
            if let Err(problem) = self.set_up_event_type(declared).await {
                fail(&declared.place, "event_type", declared.name.as_str(), problem);
            }
        }
        for declared in &declaration.webhooks {
            let made = self.set_up_webhook(declared).await;
            let known = self.webhook_declared_as(&declared.name).map(|webhook| webhook.id);
            if let Some(id) = known {
                let place = Place { place: declared.place.clone(), enabled: declared.enabled };
                places.webhooks.insert(id, place);
            }
            if let Err(problem) = made {
                fail(&declared.place, "webhook", &declared.name, problem);
            }
        }
        for declared in &declaration.api_keys {
            let made = self.set_up_key(declared).await;
            if let Some(key) = self.key_declared_as(&declared.name) {
                places.api_keys.insert(key.id, declared.place.clone());
            }
            if let Err(problem) = made {
                fail(&declared.place, "api_key", &declared.name, problem);
            }
        }
        *self.declared.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(places);
        if let Err(problem) = self.let_go_of_others(declaration).await {
            failed.push(NotSetUp { what: "what is no longer in the configuration".to_owned(), problem });
        }
        failed
    }

    /// Where the configuration sets a webhook up, if it does.
    pub fn webhook_place(&self, id: WebhookId) -> Option<String> {
        self.places().webhooks.get(&id).map(|place| place.place.clone())
    }

    /// Where the configuration sets an event type up, if it does.
    pub fn event_type_place(&self, name: &str) -> Option<String> {
        self.places().event_types.get(name).cloned()
    }

    /// Where the configuration sets an API key up, if it does.
    pub fn key_place(&self, id: ApiKeyId) -> Option<String> {
        self.places().api_keys.get(&id).cloned()
    }

    /// Refuses to change what the configuration sets up.
    pub(super) fn refuse_declared(&self, actor: &Actor, what: &str, place: Option<String>) -> Result<(), Problem> {
        let Some(place) = place.filter(|_| !actor.is_configuration()) else { return Ok(()) };
        let detail = format!("This {what} is set by the configuration ({place}). Change it there.");
        Err(Problem::new(ProblemKind::Conflict, "set_by_configuration", detail))
    }

    /// Refuses to change a webhook that the configuration sets up.
    pub(super) fn refuse_declared_webhook(&self, actor: &Actor, id: WebhookId) -> Result<(), Problem> {
        self.refuse_declared(actor, "webhook", self.webhook_place(id))
    }

    /// One that was disabled automatically may be enabled by hand, unless it is to be off.
    pub(super) fn refuse_enabling_declared(&self, actor: &Actor, id: WebhookId) -> Result<(), Problem> {
        let place = self.places().webhooks.get(&id).filter(|place| !place.enabled).map(|place| place.place.clone());
        self.refuse_declared(actor, "webhook", place)
    }

    fn places(&self) -> Arc<Places> {
        self.declared.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn set_up_event_type(&self, declared: &DeclaredEventType) -> Result<(), Problem> {
        let actor = Actor::configuration(declared.name.as_str());
        let known = self.store.event_types().iter().find(|info| info.name == declared.name).cloned();
        let Some(info) = known else {
            let input = EventTypeInput {
                name: declared.name.clone(),
                label: declared.label.clone(),
                category: declared.category.clone(),
                description: declared.description.clone(),
                example: declared.example.clone(),
                schema: declared.schema.clone(),
                masked: MaskedFields::default(),
                forget_after_success: false,
            };
            return self.create_event_type(&actor, input).await.map(drop);
        };
        let now = (&info.label, &info.category, &info.description, &info.example, &info.schema);
        let wanted = (&declared.label, &declared.category, &declared.description, &declared.example, &declared.schema);
        if now == wanted && !info.retired {
            return Ok(());
        }
        let change = EventTypeChange {
            label: Some(declared.label.clone()),
            category: Some(declared.category.clone()),
            description: Some(declared.description.clone()),
            example: Some(declared.example.clone()),
            schema: Some(declared.schema.clone()),
            retired: Some(false),
            ..EventTypeChange::default()
        };
        self.change_event_type(&actor, declared.name.as_str(), change).await.map(drop)
    }

    async fn set_up_webhook(&self, declared: &DeclaredWebhook) -> Result<(), Problem> {
        let actor = Actor::configuration(&declared.name);
        let Some(webhook) = self.webhook_declared_as(&declared.name) else {
            return self.create_webhook(&actor, new_webhook(declared)).await.map(drop);
        };
        if webhook.account != declared.account {
            let detail = "A webhook cannot move to another account. Give it another name.";
            return Err(Problem::conflict(detail));
        }
        // One that was disabled because of its receiver is not enabled by a restart.
        let is_off = webhook.disabled.as_ref().is_some_and(|off| off.reason == DisabledReason::ByRequest);
        let switched = if declared.enabled { is_off } else { webhook.is_on() };
        if switched || differs(&webhook, declared) {
            let change = change(declared, switched.then_some(declared.enabled));
            self.change_webhook(&actor, webhook.id, change, None).await?;
        }
        if let Some(secret) = declared.secret.as_ref().filter(|secret| *secret != webhook.secret()) {
            self.rotate_secret(&actor, webhook.id, Some(secret.clone()), OVERLAP).await?;
        }
        Ok(())
    }

    async fn set_up_key(&self, declared: &DeclaredApiKey) -> Result<(), Problem> {
        let actor = Actor::configuration(&declared.name);
        let known = self.key_declared_as(&declared.name);
        let is_same = known.as_ref().is_some_and(|key| {
            key.hash == declared.hash && key.scopes == declared.scopes && key.account == declared.account
        });
        if is_same {
            return Ok(());
        }
        let now = self.now();
        let key = ApiKey {
            id: self.next_key_id(now),
            name: declared.name.clone(),
            scopes: declared.scopes.clone(),
            account: declared.account.clone(),
            last_four: declared.last_four.clone(),
            hash: declared.hash,
            created_at: now,
            created_by: actor.name.clone(),
            expires_at: None,
            revoked_at: None,
        };
        let action = if known.is_some() { "api_key.changed" } else { "api_key.created" };
        let audit = self.audit(&actor, action, &key.name);
        self.store.replace_key(key, known.map(|known| known.id), audit).await
    }

    /// What was set up so before and is no longer declared.
    async fn let_go_of_others(&self, declaration: &Declaration) -> Result<(), Problem> {
        let names = DeclaredNames {
            webhooks: declaration.webhooks.iter().map(|one| one.name.clone()).collect(),
            event_types: declaration.event_types.iter().map(|one| one.name.to_string()).collect(),
            api_keys: declaration.api_keys.iter().map(|one| one.name.clone()).collect(),
        };
        let before = self.store.declared_names()?;
        if before == names {
            return Ok(());
        }
        for name in before.webhooks.difference(&names.webhooks) {
            if let Some(webhook) = self.webhook_declared_as(name).filter(|webhook| webhook.is_on()) {
                self.disable_webhook(&Actor::configuration(name), webhook.id).await?;
            }
        }
        for name in before.api_keys.difference(&names.api_keys) {
            if let Some(key) = self.key_declared_as(name) {
                self.revoke_key(&Actor::configuration(name), key.id).await?;
            }
        }
        for name in before.event_types.difference(&names.event_types) {
            if self.store.event_types().iter().any(|info| info.name.as_str() == name) {
                self.remove_event_type(&Actor::configuration(name), name).await?;
            }
        }
        // Last, so that a crash on the way leaves nothing out.
        self.store.remember_declared(&names).await
    }

    /// Who made a thing never changes, so it tells which one was made under that name.
    fn webhook_declared_as(&self, name: &str) -> Option<Arc<Webhook>> {
        let by = Actor::configuration(name).name;
        self.store.webhooks().all().find(|webhook| webhook.created_by == by)
    }

    fn key_declared_as(&self, name: &str) -> Option<Arc<ApiKey>> {
        let by = Actor::configuration(name).name;
        self.store.keys().into_iter().find(|key| key.revoked_at.is_none() && key.created_by == by)
    }
}

fn new_webhook(declared: &DeclaredWebhook) -> WebhookInput {
    WebhookInput {
        account: Some(declared.account.clone()),
        request_url: declared.request_url.clone(),
        selection: declared.selection.clone(),
        secret: declared.secret.clone(),
        headers: declared.headers.clone(),
        description: declared.description.clone(),
        enabled: declared.enabled,
        timeout_ms: declared.timeout_ms,
        max_in_flight: declared.max_in_flight,
        rate_per_second: declared.rate_per_second,
        retry_schedule: declared.retry_schedule.clone(),
        ordered: declared.ordered,
        other_signatures: OtherSignatures::default(),
        tls: TlsOptions::default(),
    }
}

fn differs(webhook: &Webhook, declared: &DeclaredWebhook) -> bool {
    webhook.request_url != declared.request_url
        || webhook.selection != declared.selection
        || webhook.headers != declared.headers
        || webhook.description != declared.description
        || webhook.timeout_ms != declared.timeout_ms
        || webhook.max_in_flight != declared.max_in_flight
        || webhook.rate_per_second != declared.rate_per_second
        || webhook.retry_schedule != declared.retry_schedule
        || webhook.ordered != declared.ordered
}

fn change(declared: &DeclaredWebhook, enabled: Option<bool>) -> WebhookChange {
    WebhookChange {
        request_url: Some(declared.request_url.clone()),
        selection: Some(declared.selection.clone()),
        headers: Some(declared.headers.clone()),
        description: Some(declared.description.clone()),
        enabled,
        timeout_ms: Some(declared.timeout_ms),
        max_in_flight: Some(declared.max_in_flight),
        rate_per_second: Some(declared.rate_per_second),
        retry_schedule: Some(declared.retry_schedule.clone()),
        ordered: Some(declared.ordered),
        ..WebhookChange::default()
    }
}
