//! `hookstead bench`: that it measures what it says, loses nothing, and leaves nothing behind. Not how
//! fast anything is.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::process::signal;

/// A small run of everything in `folder`. What stands in the environment must not reach its server.
fn bench(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookstead"));
    command.args(["bench", "--quick", "--dir"]).arg(folder).args(arguments).current_dir(folder);
    command.env("HOOKSTEAD_LISTEN", "nowhere").stdin(Stdio::null());
    command
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

/// Processes whose parent is `parent`.
fn children(parent: u32) -> Vec<u32> {
    let ids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |id: &u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|id| id.trim() == parent.to_string()))
    };
    ids.filter(is_child).collect()
}

#[test]
fn every_part_reports_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &["--json", "--seconds", "0.2", "--pending", "2500"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("bench: ingest: 64 connections\n"), "{told}");
    assert!(is_empty(folder.path()), "the data is removed");

    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let positive = |row: &Value, names: &[&str]| {
        names.iter().for_each(|name| assert!(row[*name].as_f64().is_some_and(|number| number > 0.0), "{name} of {row}"))
    };
    let rows = |name: &str| report[name].as_array().unwrap_or_else(|| panic!("{name} in {report}")).clone();
    let of = |row: &Value, name: &str| row[name].as_u64().unwrap_or_else(|| panic!("{name} of {row}"));

    assert_eq!(report["hookstead"], env!("CARGO_PKG_VERSION"));
    positive(&report["machine"], &["cores"]);
    positive(&report["limits"], &["fsync_per_s", "no_store_per_s", "receiver_per_s"]);

    let ingest = rows("ingest");
    assert_eq!(ingest.iter().map(|row| of(row, "connections")).collect::<Vec<_>>(), [1, 64]);
    for row in ingest {
        positive(&row, &["accepted_per_s", "p50_ms", "p99_ms", "no_store_per_s", "ratio_to_no_store"]);
        assert_eq!(of(&row, "refused"), 0);
    }
    let delivery = rows("delivery");
    assert_eq!(delivery.iter().map(|row| of(row, "webhooks")).collect::<Vec<_>>(), [1, 10]);
    for row in delivery {
        positive(
            &row,
            &["accepted_per_s", "delivered_per_s", "p50_ms", "p99_ms", "cpu_us_per_delivery", "resident_bytes"],
        );
        assert_eq!(of(&row, "delivered"), of(&row, "accepted") * of(&row, "webhooks"));
        assert_eq!((of(&row, "lost"), of(&row, "repeated"), of(&row, "refused")), (0, 0, 0));
    }
    let latency = rows("latency");
    assert_eq!(latency.iter().map(|row| of(row, "planned_per_s")).collect::<Vec<_>>(), [50, 200]);
    for row in latency {
        positive(&row, &["accepted_per_s", "p50_ms", "p95_ms", "p99_ms"]);
        assert_eq!((of(&row, "lost"), of(&row, "repeated"), of(&row, "refused")), (0, 0, 0));
    }
    let fairness = rows("fairness");
    let beside: Vec<_> = fairness.iter().map(|row| (row["bad"].as_str().unwrap(), of(row, "bad_webhooks"))).collect();
    assert_eq!(beside, [("hanging", 0), ("hanging", 10), ("late", 0), ("late", 1)]);
    for row in fairness {
        positive(&row, &["p50_ms", "p95_ms", "p99_ms"]);
        assert_eq!((of(&row, "lost"), of(&row, "repeated")), (0, 0));
        assert_eq!(row["p99_ratio"].is_number(), of(&row, "bad_webhooks") > 0);
    }
    let pending = &report["pending"];
    assert_eq!((of(pending, "pending"), of(pending, "lost"), of(pending, "repeated")), (2_500, 0, 0));
    positive(pending, &["made_per_s", "empty_ingest_per_s", "ingest_per_s", "pending_resident_bytes", "p99_ratio"]);
    assert_eq!(of(&pending["restart"], "pending"), 2_500, "the kill lost nothing");
    positive(&pending["restart"], &["disk_bytes", "ready_ms", "accepted_ms", "resident_bytes"]);
    positive(&report["idle"], &["ready_ms", "resident_bytes", "seconds"]);
}

#[test]
fn single_parts_are_printed_as_tables() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &["--seconds", "0.1", "--only", "limits,latency,fairness"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().next().unwrap().contains(concat!("hookstead ", env!("CARGO_PKG_VERSION"))), "{text}");
    assert!(
        text.contains("4 KiB written and made durable") && text.contains("POST to arrival at a set rate"),
        "{text}"
    );
    assert!(text.contains("p99 ratio") && text.contains("10 hanging") && text.contains("1 late"), "{text}");
    assert!(!text.contains("End to end") && !text.contains("pending"), "{text}");
}

#[test]
fn a_bench_that_is_ended_takes_its_server_and_its_data_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bench(folder.path(), &["--seconds", "600", "--only", "delivery"]);
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.starts_with("bench: delivery: ")).expect("it says what it measures");
    // The line comes first, then the key is made by one process, then another serves.
    let server = loop {
        let mut serving = children(running.id());
        serving.retain(|id| fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default().contains("\0serve"));
        match serving.pop() {
            Some(server) => break server,
            None => assert!(running.try_wait().unwrap().is_none(), "it runs on"),
        }
    };
    signal(running.id(), "TERM");
    assert_eq!(running.wait().unwrap().code(), Some(1));
    assert!(lines.any(|line| line.contains("interrupted")));
    assert!(!Path::new(&format!("/proc/{server}")).exists(), "its server is gone");
    assert!(is_empty(folder.path()), "its data is gone");
}

#[test]
fn what_it_cannot_do_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let ended = |arguments: &[&str]| {
        let output = bench(folder.path(), arguments).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, told) = ended(&["--data-dir", "data"]);
    assert_eq!((code, told.as_str()), (Some(2), "bench makes a data folder of its own; --dir says where\n"));
    let (code, told) = ended(&["--only", "speed"]);
    assert_eq!(code, Some(2));
    assert!(told.contains("the parts are limits, ingest, delivery, latency, fairness, pending, idle"), "{told}");
    let (code, told) = ended(&["--config", "none.toml"]);
    assert_eq!(code, Some(2), "{told}");
    // A part that the server refuses is named, the others go on, and nothing is left behind.
    fs::write(folder.path().join("small.toml"), "[limits]\nwebhooks_per_account = 1\n").unwrap();
    let arguments = ["--config", "small.toml", "--seconds", "0.1", "--only", "delivery,latency", "--json"];
    let output = bench(folder.path(), &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("bench: delivery failed: POST /api/v1/webhooks was answered"), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["failed"].as_array().unwrap().len(), report["latency"].as_array().unwrap().len()), (1, 2));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the file that was there");
}
