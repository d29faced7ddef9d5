//! `/metrics`: numbers for Prometheus. What stands in the store is worked out when it is asked for,
//! so that nothing has to be kept in step; what only happens is counted in [`Meters`].
//!
//! The names are an interface: `packaging/` has a dashboard and alerts that use them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use actix_web::HttpResponse;
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet, text::encode},
    metrics::{MetricType, counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

use super::{State, ask::ask, problem::Reply};
use crate::{
    domain::{Actor, Health, Problem},
    service::{Machine, Service},
    system::{Histogram, Meters},
};

/// Labels of a line: names and values.
type Labels = Vec<(&'static str, String)>;

/// The media type of the text form.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Webhooks that have lines of their own, the oldest ones, so that a webhook keeps its line; those
/// after them are one line together. What a scraper keeps grows with every line.
const WEBHOOKS_WITH_LINES: usize = 1_000;
/// The `webhook_id` of the others.
const OTHERS: &str = "other";

/// Everything that is measured.
pub async fn metrics(state: State) -> Reply {
    let checks = state.checks();
    let mut registry = ask(&state, |service| of_service(service)).await?;
    let ready = Family::<Labels, Gauge>::default();
    for check in checks {
        ready.get_or_create(&vec![("check", check.name.to_owned())]).set(i64::from(check.ok));
    }
    registry.register("ready", "Whether a check of /readyz holds", ready);
    of_machine(&state.machine(), &mut registry);
    of_meters(state.meters(), &mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|_| Problem::internal())?;
    Ok(HttpResponse::Ok().content_type(TEXT).body(text))
}

fn of_service(service: &Service) -> Result<Registry, Problem> {
    // Numbers of every account and nothing of their content.
    let operator = Actor::operator();
    let stats = service.system_stats(&operator)?;
    let oldest = stats.oldest_due.map_or(0, |due| (service.now() - due).as_secs());
    let mut views = service.webhooks(&operator, None)?;
    views.sort_by_key(|view| view.webhook.id);
    // Gauges, because one that is sent again leaves where it had ended.
    let mut counts: BTreeMap<(String, &str), u64> = BTreeMap::new();
    let (mut failing, mut off) = (0, 0);
    for (position, view) in views.iter().enumerate() {
        let id = if position < WEBHOOKS_WITH_LINES { view.webhook.id.to_string() } else { OTHERS.to_owned() };
        let state = &view.state;
        for (status, count) in [("pending", state.waiting), ("success", state.success), ("failed", state.failed)] {
            *counts.entry((id.clone(), status)).or_default() += count;
        }
        failing += u64::from(view.health == Health::Failing);
        off += u64::from(view.webhook.disabled.is_some());
    }
    let deliveries = Family::<Labels, Gauge>::default();
    for ((id, status), count) in counts {
        deliveries.get_or_create(&vec![("webhook_id", id), ("status", status.to_owned())]).set(gauge(count));
    }
    let mut registry = Registry::with_prefix("hookstead");
    registry.register("build", "The version that runs", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
    let paused = u64::from(service.pause().is_some());
    for (name, help, value) in [
        ("queue_depth", "Deliveries that are pending", stats.waiting),
        ("oldest_due_seconds", "Age of the oldest delivery that is due and not sent", oldest),
        ("sending_paused", "1 while all sending is paused, else 0", paused),
        ("webhooks", "Webhooks", views.len() as u64),
        ("webhooks_failing", "Webhooks that are failing", failing),
        ("webhooks_disabled", "Webhooks that are disabled", off),
        ("events_accepted_today", "Events accepted since midnight UTC", stats.accepted_today),
    ] {
        registry.register(name, help, one(value));
    }
    registry.register("deliveries", "Deliveries by webhook and by where they stand", deliveries);
    Ok(registry)
}

fn of_machine(machine: &Machine, registry: &mut Registry) {
    registry.register("database_bytes", "Size of the data file", one(machine.database_bytes));
    registry.register("requests_in_flight", "Requests to receivers under way", one(machine.in_flight as u64));
    if let Some(free) = machine.free_bytes {
        registry.register("disk_free_bytes", "Free bytes of the data file's disk", one(free));
    }
    if let Some(end) = machine.certificate_ends {
        let help = "When our own certificate ends, in seconds since 1970";
        registry.register("certificate_end_timestamp_seconds", help, one(end.as_seconds()));
    }
    let started = one(machine.started_at.as_seconds());
    registry.register("start_timestamp_seconds", "When the server started, in seconds since 1970", started);
}

fn of_meters(meters: &Arc<Meters>, registry: &mut Registry) {
    let attempts = Family::<Labels, Counter>::default();
    for (cause, count) in meters.attempts() {
        attempts.get_or_create(&vec![("cause", cause.to_owned())]).inc_by(count);
    }
    registry.register("attempts", "Requests to receivers by what came of them", attempts);
    let help = "Seconds from a request that posts events to its answer, after the commit";
    registry.register("ingest_seconds", help, Shown::of(&meters.ingest));
    registry.register("attempt_seconds", "Seconds of one request to a receiver", Shown::of(&meters.attempt));
    let help = "Seconds from the acceptance of an event until a receiver took it";
    registry.register("delivery_seconds", help, Shown::of(&meters.delivery));
}

/// A histogram as it stood when it was asked for.
struct Shown {
    buckets: Vec<(f64, u64)>,
    sum_s: f64,
}

impl Shown {
    fn of<const N: usize>(histogram: &Histogram<N>) -> Shown {
        Shown { sum_s: histogram.sum_s(), buckets: histogram.buckets() }
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Shown")
    }
}

impl EncodeMetric for Shown {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let count = self.buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(self.sum_s, count, &self.buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

fn one(value: u64) -> Gauge {
    let set = Gauge::default();
    set.set(gauge(value));
    set
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
