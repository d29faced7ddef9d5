//! The report as text: one table for each part, with what is compared side by side.

use super::{
    figures::{Delivery, Fairness, Idle, Ingest, Limits, Pending, Rate},
    report::{Machine, Report},
};
use crate::domain::with_thousands;

/// A column: what stands over it, and what of a row stands in it.
type Column<T> = (&'static str, fn(&T) -> String);

/// The whole report.
pub(super) fn of(report: &Report) -> String {
    let mut text = format!("{}\n{}\n", machine(report), settings(report));
    if let Some(limits) = &report.limits {
        text += &named("What this machine can do at the most", ["per second"], limits_rows(limits));
    }
    text += &columns("Durable events, no webhook matches (POST to answer)", &report.ingest, &INGEST);
    text += &columns(
        "End to end, as fast as it goes (POST to arrival; a single webhook with max_in_flight 64)",
        &report.delivery,
        &DELIVERY,
    );
    text += &columns("POST to arrival at a set rate, 1 webhook", &report.latency, &RATE);
    text += &columns("POST to arrival at good webhooks beside bad ones", &report.fairness, &FAIRNESS);
    if let Some(pending) = &report.pending {
        let title = format!("With {} pending deliveries", with_thousands(pending.pending));
        text += &named(&title, ["empty", "pending", "ratio"], pending_rows(pending));
    }
    if let Some(idle) = &report.idle {
        text += &named("With nothing to do", [""], idle_rows(idle));
    }
    for why in &report.failed {
        text += &format!("\nFailed: {why}\n");
    }
    text
}

const INGEST: [Column<Ingest>; 8] = [
    ("connections", |row| row.connections.to_string()),
    ("events/s", |row| whole(row.accepted_per_s)),
    ("p50 ms", |row| ms(row.latency.p50_ms)),
    ("p99 ms", |row| ms(row.latency.p99_ms)),
    ("stores nothing/s", |row| whole(row.no_store_per_s)),
    ("ratio", |row| times(row.ratio_to_no_store)),
    ("CPU µs/event", |row| whole(row.cpu_us_per_event)),
    ("refused", |row| with_thousands(row.refused)),
];

const DELIVERY: [Column<Delivery>; 11] = [
    ("webhooks", |row| row.webhooks.to_string()),
    ("connections", |row| row.connections.to_string()),
    ("events/s", |row| whole(row.accepted_per_s)),
    ("deliveries/s", |row| whole(row.delivered_per_s)),
    ("p50 ms", |row| ms(row.latency.p50_ms)),
    ("p99 ms", |row| ms(row.latency.p99_ms)),
    ("CPU µs/delivery", |row| whole(row.cpu_us_per_delivery)),
    ("delivered", |row| with_thousands(row.delivered)),
    ("lost", |row| with_thousands(row.lost)),
    ("repeated", |row| with_thousands(row.repeated)),
    ("MiB", |row| mib(row.resident_bytes)),
];

const RATE: [Column<Rate>; 9] = [
    ("events/s", |row| with_thousands(row.planned_per_s)),
    ("accepted/s", |row| whole(row.accepted_per_s)),
    ("p50 ms", |row| ms(row.latency.p50_ms)),
    ("p95 ms", |row| ms(row.latency.p95_ms)),
    ("p99 ms", |row| ms(row.latency.p99_ms)),
    ("max ms", |row| ms(row.latency.max_ms)),
    ("CPU µs/delivery", |row| whole(row.cpu_us_per_delivery)),
    ("lost", |row| with_thousands(row.lost)),
    ("repeated", |row| with_thousands(row.repeated)),
];

const FAIRNESS: [Column<Fairness>; 11] = [
    ("good", |row| row.good_webhooks.to_string()),
    ("events/s", |row| with_thousands(row.good_per_s)),
    ("beside", |row| match row.bad_webhooks {
        0 => "none".to_owned(),
        bad => format!("{bad} {}", row.bad),
    }),
    ("events/s", |row| with_thousands(row.bad_per_s)),
    ("p50 ms", |row| ms(row.latency.p50_ms)),
    ("p95 ms", |row| ms(row.latency.p95_ms)),
    ("p99 ms", |row| ms(row.latency.p99_ms)),
    ("p99 ratio", |row| times(row.p99_ratio)),
    ("CPU µs/event", |row| whole(row.cpu_us_per_event)),
    ("lost", |row| with_thousands(row.lost)),
    ("repeated", |row| with_thousands(row.repeated)),
];

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

fn limits_rows(limits: &Limits) -> Vec<(String, [String; 1])> {
    let connections = limits.connections;
    vec![
        ("4 KiB written and made durable".into(), [whole(limits.fsync_per_s)]),
        (format!("events parsed and not stored, {connections} connections"), [whole(limits.no_store_per_s)]),
        (format!("load generator into the receiver, {connections} connections"), [whole(limits.receiver_per_s)]),
    ]
}

fn pending_rows(pending: &Pending) -> Vec<(String, [String; 3])> {
    let none = String::new;
    let full = |cell: String| [none(), cell, none()];
    let Pending { restart, empty_latency, latency, connections, healthy_per_s, .. } = pending;
    let resident = [mib(pending.loaded_resident_bytes), mib(pending.pending_resident_bytes), none()];
    let ingest = [whole(pending.empty_ingest_per_s), whole(pending.ingest_per_s), times(pending.ingest_ratio)];
    let cpu = [whole(pending.empty_cpu_us_per_event), whole(pending.cpu_us_per_event), none()];
    let p50 = [ms(empty_latency.p50_ms), ms(latency.p50_ms), none()];
    let p99 = [ms(empty_latency.p99_ms), ms(latency.p99_ms), times(pending.p99_ratio)];
    vec![
        ("made, deliveries/s".into(), full(whole(pending.made_per_s))),
        ("made, CPU µs/delivery".into(), full(whole(pending.cpu_us_per_delivery))),
        ("resident after the start, MiB".into(), [mib(pending.idle_resident_bytes), none(), none()]),
        ("resident after a load, MiB".into(), resident),
        ("resident at the most, MiB".into(), full(mib(pending.peak_resident_bytes))),
        (format!("durable events/s, {connections} connections"), ingest),
        ("durable events, CPU µs/event".into(), cpu),
        (format!("a healthy webhook at {healthy_per_s}/s, p50 ms"), p50),
        (format!("a healthy webhook at {healthy_per_s}/s, p99 ms"), p99),
        ("its deliveries lost, repeated".into(), full(format!("{}, {}", pending.lost, pending.repeated))),
        ("on disk, MiB".into(), full(mib(restart.disk_bytes))),
        ("after kill -9: ready, ms".into(), full(whole(restart.ready_ms))),
        ("after kill -9: first event accepted, ms".into(), full(whole(restart.accepted_ms))),
        ("after kill -9: pending deliveries".into(), full(with_thousands(restart.pending))),
        ("after kill -9: resident, MiB".into(), full(mib(restart.resident_bytes))),
    ]
}

fn idle_rows(idle: &Idle) -> Vec<(String, [String; 1])> {
    vec![
        ("start until ready, ms".into(), [whole(idle.ready_ms)]),
        ("resident, MiB".into(), [mib(idle.resident_bytes)]),
        ("wake-ups per second, all threads".into(), [format!("{:.1}", idle.wake_ups_per_s)]),
    ]
}

fn whole(number: f64) -> String {
    with_thousands(number.round() as u64)
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

/// A table with a line for each row; nothing if there is none.
fn columns<T, const N: usize>(title: &str, rows: &[T], columns: &[Column<T>; N]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head = columns.each_ref().map(|(name, _)| name.to_string());
    let rows = rows.iter().map(|row| columns.each_ref().map(|(_, cell)| cell(row)));
    let lines: Vec<[String; N]> = std::iter::once(head).chain(rows).collect();
    let widths: [usize; N] = std::array::from_fn(|column| widest(lines.iter().map(|line| &line[column])));
    let print = |line: &[String; N]| {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("  {cell:>width$}"));
        cells.collect::<String>() + "\n"
    };
    format!("\n{title}\n{}", lines.iter().map(print).collect::<String>())
}

/// A table whose rows have names.
fn named<const N: usize>(title: &str, head: [&str; N], rows: Vec<(String, [String; N])>) -> String {
    let lines: Vec<_> = std::iter::once((String::new(), head.map(str::to_owned))).chain(rows).collect();
    let names = widest(lines.iter().map(|(name, _)| name));
    let widths: [usize; N] = std::array::from_fn(|column| widest(lines.iter().map(|(_, cells)| &cells[column])));
    let print = |(name, cells): &(String, [String; N])| {
        let cells: String = cells.iter().zip(widths).map(|(cell, width)| format!("  {cell:>width$}")).collect();
        format!("  {name:names$}{cells}").trim_end().to_owned()
    };
    let lines = lines.iter().map(print).filter(|line| !line.is_empty()).map(|line| line + "\n");
    format!("\n{title}\n{}", lines.collect::<String>())
}

fn widest<'a>(cells: impl Iterator<Item = &'a String>) -> usize {
    cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let both: [Column<u64>; 2] = [("number", |row| row.to_string()), ("µs", |row| with_thousands(row * 1_000))];
        assert_eq!(
            columns("Title", &[7, 256], &both),
            "\nTitle\n  number       µs\n       7    7,000\n     256  256,000\n"
        );
        assert_eq!(columns("Title", &[], &both), "");
        let rows = vec![("resident µ".to_owned(), ["7".to_owned()])];
        assert_eq!(named("Title", ["MiB"], rows.clone()), "\nTitle\n              MiB\n  resident µ    7\n");
        assert_eq!(named("Title", [""], rows), "\nTitle\n  resident µ  7\n");
    }

    #[test]
    fn numbers_have_as_many_digits_as_they_deserve() {
        assert_eq!([ms(0.04), ms(12.34), ms(1_234.5)], ["0.0", "12.3", "1,235"]);
        assert_eq!([times(Some(0.256)), times(None)], ["0.26", ""]);
        assert_eq!(mib(3 << 19), "1.5");
    }
}
