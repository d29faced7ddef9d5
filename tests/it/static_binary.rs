//! The program is one file: it needs no shared library, no shell, no time zone data, nothing.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

/// The kinds of entries in an ELF file's program header that ask for another file: the loader.
const PT_INTERP: u32 = 3;

#[test]
fn the_program_asks_for_no_loader_and_no_library() {
    let bytes = fs::read(env!("CARGO_BIN_EXE_hookstead")).unwrap();
    assert_eq!(&bytes[..5], b"\x7fELF\x02", "a 64-bit ELF file");
    let number = |at: usize, size: usize| {
        bytes[at..at + size].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)) as usize
    };
    // e_phoff, e_phentsize and e_phnum of the ELF-64 header.
    let (offset, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let kinds: Vec<u32> = (0..count).map(|index| number(offset + index * size, 4) as u32).collect();
    assert!(!kinds.is_empty() && !kinds.contains(&PT_INTERP), "program header kinds {kinds:?}");
}

#[test]
fn the_program_serves_in_an_empty_root() {
    let root = tempfile::tempdir().unwrap();
    fs::copy(env!("CARGO_BIN_EXE_hookstead"), root.path().join("hookstead")).unwrap();
    fs::create_dir(root.path().join("data")).unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // A user namespace lets anybody do what only root may: look at a folder as if it were all.
    let mut command = if is_root() {
        let mut command = Command::new("chroot");
        command.arg(root.path());
        command
    } else {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "chroot"]).arg(root.path());
        command
    };
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.args(["/hookstead", "serve", "--listen", "127.0.0.1:0", "--data-dir", "/data"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let base = loop {
        match lines.next() {
            Some(line) if line.starts_with("listening on ") => break line["listening on ".len()..].to_owned(),
            Some(line) => said.push(line),
            None => panic!("it ended: {said:#?}"),
        }
    };
    let answer = ureq::get(format!("{base}/readyz")).call();
    let served = answer.as_ref().is_ok_and(|answer| answer.status() == 200);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(served, "{answer:?}");
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id is there");
    output.stdout.trim_ascii() == b"0"
}
