//! `/metrics`: numbers for Prometheus, worked out when they are asked for, so that nothing has to
//! be kept in step.

use actix_web::HttpResponse;
use prometheus_client::{
    encoding::text::encode,
    metrics::{family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

use super::{State, ask::ask, problem::Reply};
use crate::{
    domain::{Actor, Health, Problem},
    service::Service,
};

/// Labels of a line: names and values.
type Labels = Vec<(&'static str, String)>;

/// The media type of the text form.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is measured.
pub async fn metrics(state: State) -> Reply {
    let checks = state.checks();
    let mut registry = ask(&state, |service| of_service(service)).await?;
    let ready = Family::<Labels, Gauge>::default();
    for check in checks {
        ready.get_or_create(&vec![("check", check.name.to_owned())]).set(i64::from(check.ok));
    }
    registry.register("ready", "Whether a check of /readyz holds", ready);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|_| Problem::internal())?;
    Ok(HttpResponse::Ok().content_type(TEXT).body(text))
}

fn of_service(service: &Service) -> Result<Registry, Problem> {
    // Numbers of every account and nothing of their content.
    let operator = Actor::operator();
    let stats = service.system_stats(&operator)?;
    let oldest = stats.oldest_due.map_or(0, |due| (service.now() - due).as_secs());
    // Gauges, because one that is sent again leaves where it had ended.
    let deliveries = Family::<Labels, Gauge>::default();
    let mut failing = 0;
    for view in service.webhooks(&operator, None)? {
        let counts = [("pending", view.state.waiting), ("success", view.state.success), ("failed", view.state.failed)];
        for (status, count) in counts {
            let labels = vec![("webhook_id", view.webhook.id.to_string()), ("status", status.to_owned())];
            deliveries.get_or_create(&labels).set(gauge(count));
        }
        failing += i64::from(view.health == Health::Failing);
    }
    let mut registry = Registry::with_prefix("hookstead");
    registry.register("build", "The version that runs", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
    registry.register("queue_depth", "Deliveries that are pending", one(gauge(stats.waiting)));
    registry.register("oldest_due_seconds", "Age of the oldest delivery that is due and not sent", one(gauge(oldest)));
    let paused = i64::from(service.pause().is_some());
    registry.register("sending_paused", "1 while all sending is paused, else 0", one(paused));
    registry.register("webhooks_failing", "Webhooks that are failing", one(failing));
    registry.register("events_accepted_today", "Events accepted since midnight UTC", one(gauge(stats.accepted_today)));
    let backup_at = service.backup_status()?.last.map_or(0, |last| last.at.as_seconds());
    registry.register("last_backup_seconds", "Unix time of the last backup, 0 if there is none", one(gauge(backup_at)));
    registry.register("deliveries", "Deliveries by webhook and by where they stand", deliveries);
    Ok(registry)
}

fn one(value: i64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
