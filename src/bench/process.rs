//! What Linux tells about a process and about the machine, read from `/proc`.

use std::{collections::BTreeMap, fs, path::Path};

/// Microseconds of one tick in `/proc/PID/stat`: user space sees 100 ticks a second on every platform.
const TICK_US: u64 = 10_000;

/// Resident memory, in bytes.
pub(super) fn resident_bytes(process: u32) -> u64 {
    let status = read(format!("/proc/{process}/status"));
    number_after(&status, "VmRSS:").unwrap_or(0) * 1024
}

/// The most memory that was ever resident, in bytes.
pub(super) fn peak_resident_bytes(process: u32) -> u64 {
    let status = read(format!("/proc/{process}/status"));
    number_after(&status, "VmHWM:").unwrap_or(0) * 1024
}

/// Processor time that a process has used, its own and the system's for it, in microseconds.
pub(super) fn cpu_us(process: u32) -> u64 {
    // The name of the program, in parentheses, may hold anything; what follows is numbers.
    let stat = read(format!("/proc/{process}/stat"));
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) * TICK_US
}

/// How often each thread has gone to sleep by itself, which is how often it was woken.
pub(super) fn wake_ups(process: u32) -> BTreeMap<String, u64> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| {
            let status = fs::read_to_string(thread.path().join("status")).ok()?;
            Some((
                thread.file_name().to_string_lossy().into_owned(),
                number_after(&status, "voluntary_ctxt_switches:")?,
            ))
        })
        .collect()
}

/// Load averages of 1, 5 and 15 minutes.
pub(super) fn load_average() -> [f64; 3] {
    let text = read("/proc/loadavg");
    let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
    [(); 3].map(|()| numbers.next().unwrap_or(0.0))
}

/// The processor's name.
pub(super) fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let name = ["model name", "Model", "Hardware"].into_iter().find_map(|wanted| {
        let line = text.lines().find(|line| line.starts_with(wanted))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// The release of the kernel.
pub(super) fn kernel() -> String {
    read("/proc/sys/kernel/osrelease").trim().to_owned()
}

/// The kind of file system that holds `folder`, an absolute path without links.
pub(super) fn file_system(folder: &Path) -> String {
    let mounts = read("/proc/mounts");
    let kinds = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        // Of two that are mounted at one place, the later one is seen.
        words.nth(1).filter(|place| folder.starts_with(place)).zip(words.next())
    });
    kinds.max_by_key(|(place, _)| place.len()).map_or("unknown", |(_, kind)| kind).to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn number_after(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_and_runs_on_something() {
        let id = std::process::id();
        assert!(resident_bytes(id) > 1 << 20);
        assert!(!wake_ups(id).is_empty());
        assert!(!processor().is_empty() && !kernel().is_empty());
        assert_eq!(file_system(Path::new("/proc")), "proc");
        assert_eq!((resident_bytes(u32::MAX), cpu_us(u32::MAX)), (0, 0));
    }
}
