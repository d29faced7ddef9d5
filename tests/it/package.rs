//! What is given away: the container as the Dockerfile describes it, the unit of systemd, and the files
//! of the Debian package. No Docker is needed: its promises are kept with a namespace and a root of ours.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    app::wait_until,
    process,
    tools::{are_there, not_tested},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The image as the last stage of the Dockerfile makes it.
struct Image {
    environment: Vec<(String, String)>,
    user: u32,
    volume: String,
    start: Vec<String>,
    check: Vec<String>,
}

impl Image {
    fn described() -> Image {
        let dockerfile = read("Dockerfile").replace("\\\n", " ");
        let last = dockerfile.split("\nFROM ").last().unwrap().to_owned();
        assert!(last.starts_with("scratch\n"), "nothing but the program: {last}");
        let value = |name: &str| {
            let found = last.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(' '));
            found.unwrap_or_else(|| panic!("{name} is missing")).to_owned()
        };
        let list = |text: &str| -> Vec<String> { serde_json::from_str(text).expect("a list of words") };
        let pairs = value("ENV");
        let pairs = pairs.split_whitespace().map(|pair| pair.split_once('=').unwrap());
        let check = value("HEALTHCHECK");
        Image {
            environment: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            user: value("USER").split(':').next().unwrap().parse().unwrap(),
            volume: value("VOLUME"),
            start: [list(&value("ENTRYPOINT")), list(&value("CMD"))].concat(),
            check: list(check.split_once("CMD ").unwrap().1),
        }
    }
}

#[test]
fn the_image_serves_with_a_read_only_root_no_capability_and_as_nobody() {
    let image = Image::described();
    assert_eq!((image.user, image.volume.as_str()), (10001, "/data"));
    if !rustix::process::geteuid().is_root() {
        not_tested("the container's root is made by root");
        return;
    }
    if !are_there(&["unshare", "nsenter", "mount", "chroot", "ip"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("root");
    for made in [&inside, &inside.join("data")] {
        fs::create_dir(made).unwrap();
    }
    fs::copy(env!("CARGO_BIN_EXE_hookstead"), inside.join("hookstead")).unwrap();
    let volume = folder.path().join("volume");
    fs::create_dir(&volume).unwrap();
    fs::set_permissions(&volume, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&volume, Some(image.user), Some(image.user)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();

    // docker run --read-only --cap-drop ALL -v volume:/data
    let arrange = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" && mount --bind \"$2\" \"$1/data\" && \
                   ip link set lo up && root=$1 && user=$3 && shift 3 && exec chroot --userspec=$user:$user \"$root\" \"$@\"";
    let mut serve = Command::new("unshare");
    serve.args(["--mount", "--net", "sh", "-c", arrange, "sh"]).arg(&inside).arg(&volume);
    serve.arg(image.user.to_string()).args(&image.start);
    serve.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(image.environment.clone());
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut child = serve.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let said = || fs::read_to_string(folder.path().join("log")).unwrap();
    let up = wait_until(|| said().contains("listening on ") || child.try_wait().unwrap().is_some());
    assert!(up.is_ok() && said().contains("listening on http://0.0.0.0:8080"), "{}", said());

    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(line("Uid:"), "10001\t10001\t10001\t10001");
    assert_eq!((line("CapEff:"), line("CapPrm:")), ("0".repeat(16), "0".repeat(16)));

    // The health check of the image, in the same place.
    let namespaces = ["--target", &child.id().to_string(), "--mount", "--net"].map(str::to_owned);
    let check = || {
        let mut command = Command::new("nsenter");
        command.args(&namespaces).args(["chroot", "--userspec=10001:10001"]).arg(&inside).args(&image.check);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(image.environment.clone());
        command.output().unwrap()
    };
    let healthy = check();
    assert!(healthy.status.success(), "{}{}", String::from_utf8_lossy(&healthy.stderr), said());
    assert!(fs::read_dir(&volume).unwrap().count() > 0, "the volume has the data");
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 2, "and nothing else was written");

    process::signal(child.id(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", said());
}

#[test]
fn the_unit_of_systemd_is_understood_and_takes_away_what_is_not_needed() {
    if !are_there(&["systemd-analyze"]) {
        return;
    }
    // A root of its own, with the units of systemd that this one builds on.
    let folder = tempfile::tempdir().unwrap();
    let units = folder.path().join("etc/systemd/system");
    let programs = [folder.path().join("usr/bin"), folder.path().join("bin")];
    for made in programs.iter().chain([&units]) {
        fs::create_dir_all(made).unwrap();
    }
    for program in [programs[0].join("hookstead"), programs[1].join("kill")] {
        fs::copy(env!("CARGO_BIN_EXE_hookstead"), program).unwrap();
    }
    let unit = units.join("hookstead.service");
    let text = read("packaging/systemd/hookstead.service");
    // The manual is part of the package, not of this root.
    fs::write(&unit, text.replace("Documentation=man:hookstead(1)\n", "")).unwrap();
    for name in ["sysinit", "basic", "network-online", "multi-user", "shutdown", "umount", "local-fs", "tmp", "-"] {
        for ending in ["target", "mount", "slice"] {
            let empty = if ending == "mount" { "[Mount]\nWhat=none\nWhere=/tmp\n" } else { "[Unit]\n" };
            if (ending == "mount") == (name == "tmp") && (ending == "slice") == (name == "-") {
                fs::write(units.join(format!("{name}.{ending}")), empty).unwrap();
            }
        }
    }
    fs::write(units.join("system.slice"), "[Unit]\n").unwrap();
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.arg("--no-pager").arg(format!("--root={}", folder.path().display())).args(arguments);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said)
    };
    let (_, said) = analyze(&["verify", "hookstead.service"]);
    let about: Vec<&str> = said.lines().filter(|line| line.contains("hookstead")).collect();
    assert!(about.is_empty(), "{said}");
    // It would have said so.
    fs::write(&unit, text.replace("ProtectSystem=", "ProtectSystm=")).unwrap();
    let (_, said) = analyze(&["verify", "hookstead.service"]);
    assert!(said.contains("hookstead.service") && said.contains("ProtectSystm"), "{said}");
    fs::write(&unit, &text).unwrap();
    // From 0 (all is taken away) to 10: it needs the network and a folder, and little else.
    let (fine, said) = analyze(&["security", "--offline=yes", "--threshold=15", "hookstead.service"]);
    assert!(fine, "{said}");
}

#[test]
fn what_the_unit_sets_is_a_setting() {
    let unit = read("packaging/systemd/hookstead.service");
    let folder = tempfile::tempdir().unwrap();
    let mut command = process::command(&folder.path().join("data"));
    let set: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix("Environment=")?.split_once('=')).collect();
    assert!(!set.is_empty());
    command.envs(set.iter().copied()).arg("check-config");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(set.iter().all(|(name, value)| said.contains(name) && said.contains(value)), "{said}");
}

#[test]
fn the_files_of_the_debian_package_are_there() {
    let cargo: toml::Table = toml::from_str(&read("Cargo.toml")).unwrap();
    let package = &cargo["package"]["metadata"]["deb"];
    for asset in package["assets"].as_array().unwrap() {
        let source = asset[0].as_str().unwrap();
        // What the release script makes first.
        let made = source.starts_with("target/");
        let place = source.trim_end_matches("*.md");
        assert!(made || root().join(place).exists(), "{source}");
    }
    for script in ["postinst", "prerm", "postrm"] {
        let path: PathBuf = root().join("packaging/debian").join(script);
        let checked = Command::new("sh").arg("-n").arg(&path).status().unwrap();
        assert!(checked.success(), "{script}");
        assert!(read(&format!("packaging/debian/{script}")).contains("#DEBHELPER#"), "{script}");
    }
}
