//! What the program is made of: `packaging/check-dependencies`, with and without a database of known
//! vulnerabilities.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::tools;

/// Runs it with this database; `strict` demands one.
fn check(database: &Path, strict: bool) -> Option<(bool, String)> {
    tools::installed("cargo-deny").and(tools::installed("cargo-audit"))?;
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/check-dependencies"));
    command.env("ADVISORY_DB", database).env("REQUIRE_ADVISORIES", if strict { "1" } else { "" });
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    Some((status.success(), said))
}

#[test]
fn licences_bans_and_sources_are_as_deny_toml_has_them() {
    // The real database if there is one; that it is missing is said and no fault.
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| home + "/.cargo"));
    let database = std::env::var("ADVISORY_DB").or(home.map(|home| home + "/advisory-db")).unwrap_or_default();
    let Some((fine, said)) = check(Path::new(&database), false) else { return };
    assert!(fine && said.contains("bans ok, licenses ok, sources ok"), "{said}");
    if said.contains("NOT CHECKED") {
        eprintln!("{said}");
    }
}

#[test]
fn a_known_vulnerability_is_found_and_a_missing_database_is_no_pass_where_one_is_demanded() {
    let folder = tempfile::tempdir().unwrap();
    let Some((fine, said)) = check(folder.path(), true) else { return };
    assert!(!fine && said.contains("There is no advisory database at"), "{said}");

    let advisories = folder.path().join("crates/redb");
    fs::create_dir_all(&advisories).unwrap();
    let advisory = "```toml\n[advisory]\nid = \"RUSTSEC-2099-0001\"\npackage = \"redb\"\ndate = \"2026-01-01\"\n\n\
                    [versions]\npatched = [\">= 99\"]\n```\n\n# Made up for this test\n\nNothing is wrong.\n";
    fs::write(advisories.join("RUSTSEC-2099-0001.md"), advisory).unwrap();
    let (fine, said) = check(folder.path(), true).unwrap();
    assert!(!fine && said.contains("RUSTSEC-2099-0001") && said.contains("Made up for this test"), "{said}");
}
