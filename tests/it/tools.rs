//! Programs from outside that some tests need: those of the system, and those that `./test` puts into
//! `target/tools`.

use std::path::{Path, PathBuf};

/// Whether these programs are there. If not, the test says so and tests nothing; under CI it fails.
pub fn are_there(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Servers are in the administrator's folder, which is not on everybody's path.
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).collect();
    let is_there = |program: &&&str| folders.iter().any(|folder| folder.join(program).is_file());
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    missing.is_empty() || not_tested(&format!("{missing:?} is not there"))
}

/// A program that `./test` has installed; the same if it is not there.
pub fn installed(program: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin").join(program);
    let is_there = path.is_file() || not_tested(&format!("{} is not there; ./test installs it", path.display()));
    is_there.then_some(path)
}

/// Says that a test tests nothing; fails under CI.
pub fn not_tested(why: &str) -> bool {
    let words = format!("NOT TESTED: {why}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
    eprintln!("{words}");
    false
}
