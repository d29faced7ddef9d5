//! The report as text: one table for each part, with what is compared side by side.

use super::{
    figures::{Delivery, Fairness, Idle, Ingest, Limits, Pending, Rate},
    report::{Machine, Report},
};
use crate::domain::with_thousands;

/// The whole report.
pub(super) fn of(report: &Report) -> String {
    let mut text = format!("{}\n{}\n", machine(report), settings(report));
    let mut add = |title: &str, head: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            text += &format!("\n{title}\n{}", lined_up(head, &rows));
        }
    };
    if let Some(limits) = &report.limits {
        add("What this machine can do at the most", &["", "per second"], limits_rows(limits));
    }
    let head = ["connections", "events/s", "p50 ms", "p99 ms", "stores nothing/s", "ratio", "CPU µs/event", "refused"];
    add("Durable events, no webhook matches (POST to answer)", &head, report.ingest.iter().map(ingest).collect());
    let head = [
        "webhooks",
        "connections",
        "events/s",
        "deliveries/s",
        "p50 ms",
        "p99 ms",
        "CPU µs/delivery",
        "delivered",
        "lost",
        "repeated",
        "MiB",
    ];
    add("End to end, as fast as it goes (POST to arrival)", &head, report.delivery.iter().map(delivery).collect());
    let head =
        ["events/s", "accepted/s", "p50 ms", "p95 ms", "p99 ms", "max ms", "CPU µs/delivery", "lost", "repeated"];
    add("POST to arrival at a set rate, 1 webhook", &head, report.latency.iter().map(rate).collect());
    let head =
        ["good", "events/s", "beside", "events/s", "p50 ms", "p95 ms", "p99 ms", "p99 ratio", "lost", "repeated"];
    add("POST to arrival at good webhooks beside bad ones", &head, report.fairness.iter().map(fairness).collect());
    if let Some(pending) = &report.pending {
        let title = format!("With {} pending deliveries", with_thousands(pending.pending));
        add(&title, &["", "empty", "pending", "ratio"], pending_rows(pending));
    }
    if let Some(idle) = &report.idle {
        add("With nothing to do", &["", ""], idle_rows(idle));
    }
    text
}

fn machine(report: &Report) -> String {
    let Machine { cpu, cores, kernel, file_system, load_before, load_after } = &report.machine;
    let load = |[one, five, fifteen]: &[f64; 3]| format!("{one:.2} {five:.2} {fifteen:.2}");
    format!(
        "{cpu}, {cores} cores, Linux {kernel}, {file_system}; hookstead {}; load average {} before, {} after",
        report.hookstead,
        load(load_before),
        load(load_after)
    )
}

fn settings(report: &Report) -> String {
    let settings = &report.settings;
    let config = settings.config.as_deref().map_or("default settings".to_owned(), |path| format!("settings of {path}"));
    format!(
        "bodies of {} bytes, {} s for each phase, {config}; server, load generator and receiver share the machine",
        with_thousands(settings.body_bytes as u64),
        settings.seconds
    )
}

fn limits_rows(limits: &Limits) -> Vec<Vec<String>> {
    let connections = limits.connections;
    vec![
        vec!["4 KiB written and made durable".into(), whole(limits.fsync_per_s)],
        vec![format!("events parsed and not stored, {connections} connections"), whole(limits.no_store_per_s)],
        vec![format!("load generator into the receiver, {connections} connections"), whole(limits.receiver_per_s)],
    ]
}

fn ingest(row: &Ingest) -> Vec<String> {
    vec![
        row.connections.to_string(),
        whole(row.accepted_per_s),
        ms(row.latency.p50_ms),
        ms(row.latency.p99_ms),
        whole(row.no_store_per_s),
        times(row.ratio_to_no_store),
        whole(row.cpu_us_per_event),
        count(row.refused),
    ]
}

fn delivery(row: &Delivery) -> Vec<String> {
    vec![
        row.webhooks.to_string(),
        row.connections.to_string(),
        whole(row.accepted_per_s),
        whole(row.delivered_per_s),
        ms(row.latency.p50_ms),
        ms(row.latency.p99_ms),
        whole(row.cpu_us_per_delivery),
        count(row.delivered),
        count(row.lost),
        count(row.repeated),
        mib(row.resident_bytes),
    ]
}

fn rate(row: &Rate) -> Vec<String> {
    vec![
        count(row.planned_per_s),
        whole(row.accepted_per_s),
        ms(row.latency.p50_ms),
        ms(row.latency.p95_ms),
        ms(row.latency.p99_ms),
        ms(row.latency.max_ms),
        whole(row.cpu_us_per_delivery),
        count(row.lost),
        count(row.repeated),
    ]
}

fn fairness(row: &Fairness) -> Vec<String> {
    let beside = if row.bad_webhooks == 0 { "none".into() } else { format!("{} {}", row.bad_webhooks, row.bad) };
    vec![
        row.good_webhooks.to_string(),
        count(row.good_per_s),
        beside,
        count(row.bad_per_s),
        ms(row.latency.p50_ms),
        ms(row.latency.p95_ms),
        ms(row.latency.p99_ms),
        times(row.p99_ratio),
        whole(row.cpu_us_per_event),
        count(row.lost),
        count(row.repeated),
    ]
}

fn pending_rows(pending: &Pending) -> Vec<Vec<String>> {
    let row = |name: &str, cells: [String; 3]| [vec![name.to_owned()], cells.to_vec()].concat();
    let none = String::new;
    let restart = &pending.restart;
    let (empty, full) = (&pending.empty_latency, &pending.latency);
    vec![
        row("made, deliveries/s", [none(), whole(pending.made_per_s), none()]),
        row("made, CPU µs/delivery", [none(), whole(pending.cpu_us_per_delivery), none()]),
        row("resident after the start, MiB", [mib(pending.idle_resident_bytes), none(), none()]),
        row(
            "resident under load, MiB",
            [mib(pending.loaded_resident_bytes), mib(pending.pending_resident_bytes), none()],
        ),
        row("resident at the most, MiB", [none(), mib(pending.peak_resident_bytes), none()]),
        row(
            &format!("durable events/s, {} connections", pending.connections),
            [whole(pending.empty_ingest_per_s), whole(pending.ingest_per_s), times(pending.ingest_ratio)],
        ),
        row(
            "durable events, CPU µs/event",
            [whole(pending.empty_cpu_us_per_event), whole(pending.cpu_us_per_event), none()],
        ),
        row(
            &format!("a healthy webhook at {}/s, p50 ms", pending.healthy_per_s),
            [ms(empty.p50_ms), ms(full.p50_ms), none()],
        ),
        row(
            &format!("a healthy webhook at {}/s, p99 ms", pending.healthy_per_s),
            [ms(empty.p99_ms), ms(full.p99_ms), times(pending.p99_ratio)],
        ),
        row("its deliveries lost, repeated", [none(), format!("{}, {}", pending.lost, pending.repeated), none()]),
        row("on disk, MiB", [none(), mib(restart.disk_bytes), none()]),
        row("after kill -9: ready, ms", [none(), whole(restart.ready_ms), none()]),
        row("after kill -9: first event accepted, ms", [none(), whole(restart.accepted_ms), none()]),
        row("after kill -9: pending deliveries", [none(), count(restart.pending), none()]),
        row("after kill -9: resident, MiB", [none(), mib(restart.resident_bytes), none()]),
    ]
}

fn idle_rows(idle: &Idle) -> Vec<Vec<String>> {
    vec![
        vec!["start until ready, ms".into(), whole(idle.ready_ms)],
        vec!["resident, MiB".into(), mib(idle.resident_bytes)],
        vec!["wake-ups per second, all threads".into(), format!("{:.1}", idle.wake_ups_per_s)],
    ]
}

fn whole(number: f64) -> String {
    with_thousands(number.round() as u64)
}

fn count(number: u64) -> String {
    with_thousands(number)
}

fn ms(number: f64) -> String {
    if number < 100.0 { format!("{number:.1}") } else { whole(number) }
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"))
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

/// Columns as wide as their widest cell, all right-aligned but a first one that holds names.
fn lined_up(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| cell.to_string()).collect();
    let lines = || std::iter::once(&head).chain(rows);
    let width = |column: usize| lines().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let named = head[0].is_empty();
    let print = |line: &Vec<String>| {
        let cell = |(column, cell): (usize, &String)| match widths[column] {
            width if column == 0 && named => format!("{cell:width$}"),
            width => format!("{cell:>width$}"),
        };
        let cells: Vec<String> = line.iter().enumerate().map(cell).collect();
        format!("  {}", cells.join("  ")).trim_end().to_owned()
    };
    lines().map(print).filter(|line| !line.is_empty()).map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [vec!["1".to_owned(), "12,345".to_owned()], vec!["256".to_owned(), "7".to_owned()]];
        assert_eq!(
            lined_up(&["connections", "a/s"], &rows),
            "  connections     a/s\n            1  12,345\n          256       7\n"
        );
        let rows = [vec!["resident µ".to_owned(), "7".to_owned()]];
        assert_eq!(lined_up(&["", ""], &rows), "  resident µ  7\n");
    }

    #[test]
    fn numbers_have_as_many_digits_as_they_deserve() {
        assert_eq!([ms(0.04), ms(12.34), ms(1_234.5)], ["0.0", "12.3", "1,235"]);
        assert_eq!([times(Some(0.256)), times(None)], ["0.26", ""]);
        assert_eq!(mib(3 << 19), "1.5");
    }
}
