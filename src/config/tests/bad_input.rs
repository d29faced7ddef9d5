//! Rows 70 to 86 of the bad-input table, as far as they are about the configuration. Each problem is
//! written out as the operator sees it.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Instant};

use super::*;

/// What is wrong with a `hookstead.toml` of this content; the file's name is left out.
fn wrong(config: impl AsRef<[u8]>) -> Vec<String> {
    Place::with(config).problems().into_iter().map(|line| line.replace("hookstead.toml:", "")).collect()
}

/// Row 70.
#[test]
fn what_is_no_toml_is_refused_with_its_line() {
    let texts = [
        "listen",
        "listen =",
        "= 1",
        "listen = 127.0.0.1:8080",
        "listen = '127.0.0.1:8080",
        "listen = \"\\q\"",
        "listen = \"\"\"",
        "listen = '1'\nlisten = '2'",
        "[limits]\n[limits]",
        "[limits",
        "limits = 1\n[limits]",
        "retention_days = 1 2",
        "retention_days = 01",
        "retention_days = 1__0",
        "trusted_proxies = [",
        "trusted_proxies = [1,,2]",
        "log = { level = 'info'",
        "data_dir = 2026-02-30",
        "{\"listen\": \"127.0.0.1:8080\"}",
        "listen: 127.0.0.1:8080",
        "listen = '1'\0",
        "<html>",
    ];
    for text in texts {
        let lines = wrong(format!("\n# first\n{text}\n"));
        let (line, message) = lines[0].split_once(": ").unwrap();
        assert!((3..=5).contains(&line.parse::<u32>().unwrap()), "{text}: {lines:?}");
        assert!(message.starts_with("is not TOML: "), "{text}: {lines:?}");
        assert!(message.ends_with("; allowed: lines such as key = value"), "{text}: {lines:?}");
    }
    assert_eq!(wrong(b"# ours\nlisten = '\xff'\n"), ["2: is not text; allowed: TOML in UTF-8"]);
    assert_eq!(wrong("\u{feff}retention_days = 30"), [""; 0], "a byte order mark is harmless");
}

#[test]
fn every_line_that_is_no_toml_is_named() {
    let lines = wrong("listen = \"x\n[limits\nevent_bytes = 1024\n[web]\nworkers = = 3\n");
    let numbers: Vec<_> = lines.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "5"], "{lines:?}");
}

/// Row 70: what takes parsers down.
#[test]
fn hostile_files_are_refused_in_bounded_time() {
    let million = 1 << 20;
    let texts = [
        "[".repeat(million),
        format!("a = {}", "[".repeat(million - 4)),
        format!("a = {}", "{a=".repeat(million / 3 - 2)),
        format!("a{} = 1", ".a".repeat(million / 2 - 8)),
        format!("[a{}]", ".a".repeat(million / 2 - 8)),
        "=".repeat(million),
        "=\n".repeat(million / 2),
        "\n".repeat(million - 1) + "=",
        (0..90_000).map(|number| format!("a{number} = 1\n")).collect(),
        format!("retention_days = {}", "9".repeat(million - 20)),
        format!("listen = '{}'", "a".repeat(million - 20)),
    ];
    for text in texts {
        let started = Instant::now();
        let lines = wrong(&text);
        assert!((1..=51).contains(&lines.len()), "{}: {} lines", &text[..20], lines.len());
        assert!(lines.iter().all(|line| line.len() < 400), "{}: {}", &text[..20], lines[0]);
        assert!(started.elapsed().as_secs() < 5, "{}: {:?}", &text[..20], started.elapsed());
    }
}

/// Rows 71 and 74.
#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    let cargo = "[package]\nname = 'crm'\nversion = '1'\n[dependencies]\n";
    assert_eq!(
        wrong(cargo),
        [
            "1: unknown section [package]; allowed: [limits], [sender], [store], [web], [log], [alarm], [admin]",
            "4: unknown section [dependencies]; allowed: [limits], [sender], [store], [web], [log], [alarm], [admin]",
        ]
    );
    assert_eq!(
        wrong("lissen = '127.0.0.1:8080'\n\n[sender]\ntimeout_sec = 15\n[sendr]\nthreads = 1"),
        [
            "1: unknown key lissen; did you mean listen at the top of the file?",
            "4: unknown key sender.timeout_sec; did you mean timeout_ms in section [sender]?",
            "5: unknown section [sendr]; did you mean [sender]?",
        ]
    );
    assert_eq!(wrong("sender = 1"), ["1: sender is a section; allowed: one line [sender], with its keys below"]);
    assert_eq!(wrong("[[log]]"), ["1: log is a section; allowed: one line [log], with its keys below"]);
}

/// Row 72.
#[test]
fn what_is_no_readable_file_is_refused() {
    const ALLOWED: &str = "; allowed: a regular file of at most 1024 KiB";
    let named = |path: &str| {
        let flags = Flags { config: Some(PathBuf::from(path)), ..Flags::default() };
        Place::empty().file("folder/other.toml", "").flags(flags)
    };
    let missing = "cannot be read: No such file or directory (os error 2)";
    assert_eq!(named("none.toml").problems(), [format!("none.toml: {missing}{ALLOWED}")]);
    assert_eq!(named("folder").problems(), [format!("folder: is a folder{ALLOWED}")]);
    assert_eq!(named("/dev/zero").problems(), [format!("/dev/zero: is a device, pipe or socket{ALLOWED}")]);

    let place = Place::empty();
    fs::create_dir(place.path().join(DEFAULT_FILE)).unwrap();
    assert_eq!(place.problems(), [format!("hookstead.toml: is a folder{ALLOWED}")]);

    let place = Place::empty();
    std::os::unix::fs::symlink("nowhere", place.path().join(DEFAULT_FILE)).unwrap();
    assert_eq!(place.problems(), [format!("hookstead.toml: {missing}{ALLOWED}")]);

    let place = Place::empty();
    fs::File::create(place.path().join(DEFAULT_FILE)).unwrap().set_len(1 << 30).unwrap();
    assert_eq!(place.problems(), [format!("hookstead.toml: is too large{ALLOWED}")]);

    let place = Place::with("");
    let path = place.path().join(DEFAULT_FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser may read everything.
    if fs::read(&path).is_err() {
        let denied = "cannot be read: Permission denied (os error 13)";
        assert_eq!(place.problems(), [format!("hookstead.toml: {denied}{ALLOWED}")]);
    }
}

/// Rows 75 and 77.
#[test]
fn numbers_have_a_range() {
    let range = "; allowed: a whole number from 1000 to 60000";
    let cases = [
        ("0", "0"),
        ("-1", "-1"),
        ("999", "999"),
        ("60001", "60001"),
        ("3600000", "3600000"),
        ("18446744073709551616", "18446744073709551616"),
        ("0xffff_ffff_ffff", "281474976710655"),
        ("15.0", "the number 15.0"),
        ("nan", "the number nan"),
        ("inf", "the number inf"),
        ("1e400", "the number 1e400"),
        ("'15000'", "the text \"15000\""),
        ("'15s'", "the text \"15s\""),
        ("true", "true"),
        ("[15000]", "a list of 1"),
        ("{ seconds = 15 }", "a table"),
        ("2026-01-05", "a date or time"),
    ];
    for (value, told) in cases {
        assert_eq!(wrong(format!("sender.timeout_ms = {value}")), [format!("1: sender.timeout_ms is {told}{range}")]);
        if let Ok(text) = value.parse::<f64>().map(|_| value) {
            let place = Place::empty().variable("HOOKSTEAD_SENDER_TIMEOUT_MS", text);
            assert!(!place.problems().is_empty(), "{value}");
        }
    }
    assert_eq!(wrong("sender.timeout_ms = 1000"), [""; 0]);
    assert_eq!(wrong("sender.timeout_ms = 60_000"), [""; 0]);

    let place = Place::empty().variable("HOOKSTEAD_SENDER_TIMEOUT_MS", "15s");
    assert_eq!(place.problems(), [format!("HOOKSTEAD_SENDER_TIMEOUT_MS: sender.timeout_ms is \"15s\"{range}")]);
}

/// Row 75: the other kinds of value.
#[test]
fn values_of_another_kind_are_refused() {
    let cases = [
        ("listen = 8080", "listen is 8080"),
        ("allow_plain_http = 'true'", "allow_plain_http is the text \"true\"; allowed: true or false"),
        ("allow_plain_http = 1", "allow_plain_http is 1; allowed: true or false"),
        ("data_dir = ''", "data_dir is the text \"\"; allowed: the path of a folder"),
        ("data_dir = 'hookstead.toml'", "data_dir is the text \"hookstead.toml\": that is not a folder"),
        ("trusted_proxies = '10.0.0.1'", "trusted_proxies is the text \"10.0.0.1\"; allowed: a list of 0 to 256"),
        ("public_url = 'hooks.example.com'", "public_url is the text \"hooks.example.com\": relative URL"),
        ("public_url = 'ftp://a'", "public_url is the text \"ftp://a\": it must begin with https:// or http://"),
        ("public_url = 'https://a/?q'", "public_url is the text \"https://a/?q\": nothing may follow the path"),
        ("log.level = 'loud'", "log.level is the text \"loud\"; allowed: one of \"error\", \"warn\", \"info\""),
        ("log.level = 3", "log.level is 3; allowed: one of"),
        ("limits.store_bytes = 5", "limits.store_bytes is 5; allowed: 0 or a whole number from 1048576"),
        ("sender.ca_file = 'none.pem'", "sender.ca_file is the text \"none.pem\": No such file or directory"),
        ("sender.ca_file = '.'", "sender.ca_file is the text \".\": that is not a file"),
        ("sender.proxy = 'socks5://u:hunter2@p'", "sender.proxy is no URL of an HTTP proxy; allowed: a URL such as"),
        ("admin.email = 'admin'", "admin.email is the text \"admin\"; allowed: an email address"),
        ("admin.password = 'hunter2'", "admin.password is a text of 7 characters; allowed: text of 12 to 128"),
        ("admin.password = 12345678", "admin.password is not text; allowed: text of 12 to 128"),
    ];
    for (config, begins) in cases {
        let lines = wrong(config);
        assert_eq!(lines.len(), 1, "{config}: {lines:?}");
        assert!(lines[0].starts_with(&format!("1: {begins}")), "{config}: {}", lines[0]);
        assert!(lines[0].contains("; allowed: "), "{config}: {}", lines[0]);
        assert!(!lines[0].contains("hunter2"), "{config}: {}", lines[0]);
    }
}

/// Row 76, as far as it shows before anything listens.
#[test]
fn listening_for_other_machines_needs_a_word() {
    for address in ["", "8080", ":8080", "localhost:8080", "127.0.0.1", "127.0.0.1:65536", "127.1:80", "::1:80 "] {
        let lines = wrong(format!("listen = '{address}'"));
        assert!(
            lines[0].starts_with(&format!("1: listen is the text \"{address}\"; allowed: an IP address and a port"))
        );
    }
    for address in ["127.0.0.1:0", "127.8.8.8:80", "[::1]:8080", "[::ffff:127.0.0.1]:8080"] {
        assert_eq!(wrong(format!("listen = '{address}'")), [""; 0], "{address}");
    }
    for address in ["0.0.0.0:8080", "[::]:8080", "192.168.1.2:8080"] {
        let lines = wrong(format!("listen = '{address}'"));
        assert_eq!(
            lines,
            [format!(
                "1: listen {address} can be reached from other machines without TLS; allowed: an address of this \
                 machine only, such as 127.0.0.1:8080, or tls_certificate_file and tls_key_file, or \
                 allow_plain_http = true if a TLS proxy or a private network stands in front"
            )]
        );
        assert_eq!(wrong(format!("listen = '{address}'\nallow_plain_http = true")), [""; 0]);
    }
}

/// Row 77.
#[test]
fn retry_schedules_have_bounds() {
    let allowed = "; allowed: a list of 0 to 30, each a whole number from 1 to 604800";
    let cases = [
        ("[0]".to_owned(), "a list with 0"),
        ("[5, -1]".to_owned(), "a list with -1"),
        ("[604801]".to_owned(), "a list with 604801"),
        ("[5, '5']".to_owned(), "a list with the text \"5\""),
        (format!("{:?}", [5; 31]), "a list of 31"),
        (format!("{:?}", vec![5; 10_000]), "a list of 10000"),
        ("5".to_owned(), "5"),
    ];
    for (schedule, told) in cases {
        let lines = wrong(format!("sender.retry_schedule_s = {schedule}"));
        assert_eq!(lines, [format!("1: sender.retry_schedule_s is {told}{allowed}")]);
    }
    // Nothing but the first attempt, and delays that do not rise, have a meaning.
    for schedule in ["[]", "[300, 5, 5]"] {
        assert_eq!(wrong(format!("sender.retry_schedule_s = {schedule}")), [""; 0]);
    }
}

/// Row 78.
#[test]
fn private_targets_are_named_one_by_one() {
    let config = Place::with("allowed_private_targets = ['10.0.0.5:8443', '192.168.0.0/16']").config();
    assert_eq!(config.allowed_private_targets, ["10.0.0.5:8443", "192.168.0.0/16"]);

    let allowed = "; allowed: a list of 0 to 256, each an IP address, a network such as 192.168.1.0/24 or a host name, \
                   with :PORT if only that port is meant";
    let cases = [
        ("10.0.0.0/33", ""),
        ("10.0.0.0/", ""),
        ("10.0.0.1/8", ": the network of that size is 10.0.0.0/8"),
        ("0.0.0.0/0", ": it would open every address; name the networks that are meant"),
        ("::/0", ": it would open every address; name the networks that are meant"),
        ("0xa.1", ": write the address as 10.0.0.1"),
        ("http://crm", ""),
    ];
    for (target, why) in cases {
        let lines = wrong(format!("allowed_private_targets = ['crm.internal', '{target}']"));
        assert_eq!(lines, [format!("1: allowed_private_targets is a list with the text \"{target}\"{why}{allowed}")]);
    }
}

/// Row 79.
#[test]
fn a_password_in_a_file_for_everybody_is_warned_about() {
    let place = Place::with("[admin]\nemail = 'admin@example.com'\npassword = 'correct horse battery'");
    let path = place.path().join(DEFAULT_FILE);
    let warnings = |mode| {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        place.config().warnings().to_vec()
    };
    assert_eq!(warnings(0o600), [""; 0]);
    assert_eq!(warnings(0o640), [""; 0]);
    assert_eq!(
        warnings(0o644),
        ["hookstead.toml: every user of this machine can read admin.password in it; run chmod 600 hookstead.toml, or \
          use HOOKSTEAD_ADMIN_PASSWORD_FILE"]
    );
    assert_eq!(Place::with("").config().warnings(), [""; 0], "without a secret, everybody may read it");
}

#[test]
fn half_an_alarm_and_one_that_leads_inside_are_refused() {
    let url = wrong("alarm.url = 'https://alarms.example.com/in'");
    assert_eq!(url, ["1: alarm.url is set and alarm.secret is not; allowed: both or neither"]);
    let secret = wrong("alarm.secret = 'correct horse battery'");
    assert_eq!(secret, ["1: alarm.secret is set and alarm.url is not; allowed: both or neither"]);
    let lines = wrong("alarm.secret = 'correct horse battery'\nalarm.url = 'http://10.0.0.5/in'");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("2: alarm.url: ") && lines[0].contains("allowed_private_targets"), "{}", lines[0]);
    let allowed = "allowed_private_targets = ['10.0.0.5']\nalarm.secret = 'correct horse battery'\n";
    assert_eq!(wrong(format!("{allowed}alarm.url = 'http://10.0.0.5/in'")), [""; 0]);
    let short = wrong("alarm.secret = 'hunter2'");
    assert!(short[0].starts_with("1: alarm.secret is no Secret: Use at least 16") && !short[0].contains("hunter2"));
}

#[test]
fn half_an_admin_is_refused() {
    let email = wrong("admin.email = 'admin@example.com'");
    assert_eq!(email, ["1: admin.email is set and admin.password is not; allowed: both or neither"]);
    let password = wrong("admin.password = 'correct horse battery'");
    assert_eq!(password, ["1: admin.password is set and admin.email is not; allowed: both or neither"]);
}

/// Row 82.
#[test]
fn unknown_variables_are_named() {
    let place = Place::empty()
        .variable("HOOKSTEAD_LISTN", "127.0.0.1:1")
        .variable("HOOKSTEAD_TIMEOUT_MS", "1000")
        .variable("HOOKSTEAD_PORT", "8080")
        .variable("HOOKSTEAD_PORT_8080_TCP", "tcp://10.96.0.7:8080")
        .variable("OTHER_LISTEN", "127.0.0.1:1");
    let lines = place.problems();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "HOOKSTEAD_LISTN: unknown variable; did you mean HOOKSTEAD_LISTEN?");
    assert!(lines[1].starts_with("HOOKSTEAD_PORT: unknown variable"));
    assert_eq!(lines[2], "HOOKSTEAD_TIMEOUT_MS: unknown variable; did you mean HOOKSTEAD_SENDER_TIMEOUT_MS?");
}

/// Row 82: a value and a file for the same key, and files that cannot be read.
#[test]
fn variables_that_name_files() {
    let place = Place::empty()
        .variable("HOOKSTEAD_LISTEN", "127.0.0.1:1")
        .variable("HOOKSTEAD_LISTEN_FILE", "listen")
        .variable("HOOKSTEAD_DATA_DIR_FILE", "none")
        .variable("HOOKSTEAD_RETENTION_DAYS_FILE", "/dev/zero")
        .variable("HOOKSTEAD_PUBLIC_URL_FILE", "bytes")
        .file("bytes", [0xff]);
    let allowed = "; allowed: a regular file of at most 64 KiB";
    assert_eq!(
        place.problems(),
        [
            "HOOKSTEAD_LISTEN: HOOKSTEAD_LISTEN_FILE is set as well; allowed: one of the two".to_owned(),
            format!(
                "HOOKSTEAD_DATA_DIR_FILE: \"FOLDER/none\" cannot be read: No such file or directory (os error 2){allowed}"
            ),
            "HOOKSTEAD_PUBLIC_URL_FILE: \"FOLDER/bytes\" is not text; allowed: UTF-8".to_owned(),
            format!("HOOKSTEAD_RETENTION_DAYS_FILE: \"/dev/zero\" is a device, pipe or socket{allowed}"),
        ]
    );
}

#[test]
fn variables_that_are_no_text() {
    use std::os::unix::ffi::OsStringExt;
    let place = Place::empty().variable("HOOKSTEAD_LISTEN", OsString::from_vec(vec![0xff]));
    assert_eq!(place.problems(), ["HOOKSTEAD_LISTEN: is not text; allowed: UTF-8"]);
}

/// Row 86.
#[test]
fn retention_outlives_the_longest_retry() {
    let problem = "retention_days 3 is over before the last attempt of sender.retry_schedule_s, which lasts up to \
                   299315 s; allowed: retention_days of at least 4, or a shorter schedule";
    assert_eq!(wrong("\nretention_days = 3"), [format!("2: {problem}")]);
    assert_eq!(wrong("retention_days = 4"), [""; 0]);

    let place = Place::empty().variable("HOOKSTEAD_RETENTION_DAYS", "3");
    assert_eq!(place.problems(), [format!("HOOKSTEAD_RETENTION_DAYS: {problem}")]);

    // One that lasts exactly as long as the retention is too long as well.
    assert_eq!(wrong(format!("sender.retry_schedule_s = {:?}", vec![604_800; 13])).len(), 1);
    assert_eq!(wrong(format!("sender.retry_schedule_s = {:?}", vec![604_800; 11])), [""; 0]);
    assert_eq!(wrong("retention_days = 1\nsender.retry_schedule_s = [78545]"), [""; 0]);
    assert_eq!(wrong("retention_days = 1\nsender.retry_schedule_s = [78546]").len(), 1);
}

#[test]
fn no_more_is_kept_of_an_answer_than_is_read() {
    assert_eq!(
        wrong("[sender]\nresponse_read_bytes = 100"),
        ["2: sender.response_keep_bytes 4096 is more than is read; allowed: at most sender.response_read_bytes, 100"]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let place = Place::with("listen = 1\n\ncolour = 'red'\n[sender]\nthreads = 0")
        .variable("HOOKSTEAD_LOG_FORMAT", "xml")
        .variable("HOOKSTEAD_NONSENSE", "1")
        .flags(Flags { data_dir: Some(String::new()), ..Flags::default() });
    let places: Vec<_> = place.problems().iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(
        places,
        [
            "hookstead.toml:1",
            "hookstead.toml:3",
            "hookstead.toml:5",
            "HOOKSTEAD_NONSENSE",
            "HOOKSTEAD_LOG_FORMAT",
            "flag --data-dir"
        ]
    );
}
