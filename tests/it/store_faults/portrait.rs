//! Everything that the store shows through its public face, as text, to compare.

use std::fmt::{Debug, Write};

use hookstead::{
    domain::{JobId, LogFilter, Status},
    store::{EventFilter, Store},
};

use super::course::{FIRST_HOUR, JOB, LAST_HOUR, SESSIONS};

/// More than a course makes.
const ALL: usize = 10_000;

pub fn portrait(store: &Store) -> String {
    let mut text = String::new();
    let mut line = |what: &str, value: &dyn Debug| writeln!(text, "{what}: {value:?}").expect("memory suffices");
    for event in store.events(&EventFilter::default(), None, ALL).unwrap().items {
        line("event", &event);
        line("body", &store.body(event.id).unwrap().map(|body| String::from_utf8(body).unwrap()));
        for delivery in store.deliveries_of(event.id).unwrap() {
            line("delivery", &delivery);
            line("attempts", &store.attempts(&delivery).unwrap());
        }
    }
    let webhooks = store.webhooks();
    for webhook in webhooks.all_with_deleted() {
        line("webhook", &webhook);
        line("state", &store.webhook_state(webhook.id));
        line("version", &store.webhook_version(webhook.id, webhook.version).unwrap());
        line("hours", &store.hours(webhook.id, FIRST_HOUR, LAST_HOUR).unwrap());
        line("queue", &store.queue_page(webhook.id, None, ALL).unwrap());
        let filter = LogFilter { webhook: Some(webhook.id), ..LogFilter::default() };
        line("logs", &logs(store, &filter));
    }
    for status in [Status::Pending, Status::Success, Status::Failed] {
        line("logs by status", &logs(store, &LogFilter { status: Some(status), ..LogFilter::default() }));
    }
    line("account", &store.account_hours(None, FIRST_HOUR, LAST_HOUR).unwrap());
    line("event types", &store.event_types());
    let users = store.users().unwrap();
    line("users", &users.iter().map(|user| (user.id, &user.email, &user.password_hash)).collect::<Vec<_>>());
    line("keys", &store.keys());
    line("sessions", &SESSIONS.map(|hash| store.session(hash).unwrap()));
    line("job", &store.job(JobId(JOB)).unwrap());
    line("last id", &store.last_id().unwrap());
    text
}

fn logs(store: &Store, filter: &LogFilter) -> Vec<String> {
    store.logs(filter, None, ALL).unwrap().items.iter().map(|delivery| delivery.id.to_string()).collect()
}
