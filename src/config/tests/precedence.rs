//! Which of several values counts, and where each one came from.

use std::path::PathBuf;

use super::*;

fn listen_flag(address: &str) -> Flags {
    Flags { listen: Some(address.to_owned()), ..Flags::default() }
}

#[test]
fn flag_before_environment_before_file_before_default() {
    let place = Place::empty();
    assert_eq!(shown(&place.config(), "listen"), (r#""127.0.0.1:8080""#.into(), "default".into()));

    let place = Place::with("# ours\nlisten = '127.0.0.1:1'\n");
    assert_eq!(shown(&place.config(), "listen"), (r#""127.0.0.1:1""#.into(), "hookstead.toml:2".into()));

    let place = place.variable("HOOKSTEAD_LISTEN", "127.0.0.1:2");
    assert_eq!(shown(&place.config(), "listen"), (r#""127.0.0.1:2""#.into(), "HOOKSTEAD_LISTEN".into()));

    let place = place.flags(listen_flag("127.0.0.1:3"));
    assert_eq!(shown(&place.config(), "listen"), (r#""127.0.0.1:3""#.into(), "flag --listen".into()));
}

#[test]
fn the_environment_reaches_every_kind_of_value() {
    let place = Place::empty()
        .variable("HOOKSTEAD_RETENTION_DAYS", "7")
        .variable("HOOKSTEAD_ALLOW_PLAIN_HTTP", "true")
        .variable("HOOKSTEAD_ALLOWED_PRIVATE_TARGETS", "10.0.0.5:8443, crm.internal")
        .variable("HOOKSTEAD_SENDER_RETRY_SCHEDULE_S", "1,2,3")
        .variable("HOOKSTEAD_LOG_FORMAT", "json")
        .variable("HOOKSTEAD_PUBLIC_URL", "")
        .variable("PATH", "/bin");
    let config = place.config();
    assert_eq!(config.retention_days, 7);
    assert!(config.allow_plain_http);
    assert_eq!(config.allowed_private_targets, ["10.0.0.5:8443", "crm.internal"]);
    assert_eq!(config.sender.retry_schedule_s, [1, 2, 3]);
    assert_eq!(config.log.format, crate::config::LogFormat::Json);
    assert_eq!(config.public_url, None);
    assert!(config.is_set("public_url"), "set to nothing is set");
    assert!(!config.is_set("listen"));
}

#[test]
fn a_value_may_stand_in_a_file_of_its_own() {
    let place = Place::empty()
        .file("secrets/password", " correct horse battery \n")
        .variable("HOOKSTEAD_ADMIN_EMAIL", "admin@example.com")
        .variable("HOOKSTEAD_ADMIN_PASSWORD_FILE", "secrets/password");
    let config = place.config();
    let password = config.admin.password.as_ref().expect("it was set");
    assert_eq!(password.expose(), " correct horse battery ", "only the line end is no part of it");
    let row = shown(&config, "admin.password");
    assert_eq!(row, (r#""********""#.into(), "HOOKSTEAD_ADMIN_PASSWORD_FILE".into()));
    assert!(!format!("{config:?}").contains("correct horse"));
}

#[test]
fn a_named_file_is_read_instead_of_the_default_one() {
    let flags = Flags { config: Some(PathBuf::from("etc/other.toml")), ..Flags::default() };
    let place = Place::with("retention_days = 10").file("etc/other.toml", "retention_days = 20").flags(flags);
    assert_eq!(shown(&place.config(), "retention_days"), ("20".into(), "etc/other.toml:1".into()));
}

/// Row 81 of the bad-input table.
#[test]
fn relative_paths_are_counted_from_where_they_are_written() {
    let data_dir = |place: &Place| place.config().data_dir.strip_prefix(place.path()).unwrap().to_owned();
    let flags = Flags { config: Some(PathBuf::from("etc/hookstead.toml")), ..Flags::default() };

    let place = Place::empty().file("etc/hookstead.toml", "data_dir = './data'").flags(flags.clone());
    assert_eq!(data_dir(&place), Path::new("etc/data"));

    let place = Place::empty().file("etc/hookstead.toml", "").flags(flags.clone());
    assert_eq!(data_dir(&place), Path::new("data"));

    let place = place.variable("HOOKSTEAD_DATA_DIR", "from-environment");
    assert_eq!(data_dir(&place), Path::new("from-environment"));

    let place = place.flags(Flags { data_dir: Some("from-flag".into()), ..flags });
    assert_eq!(data_dir(&place), Path::new("from-flag"));

    let place = Place::with("data_dir = '/var/lib/hookstead'");
    assert_eq!(place.config().data_dir, Path::new("/var/lib/hookstead"));
}

/// Row 83: a proxy is used only where the configuration asks for it.
#[test]
fn proxy_variables_of_the_environment_are_ignored() {
    let place = Place::empty().variable("HTTPS_PROXY", "http://proxy:1").variable("ALL_PROXY", "http://proxy:1");
    assert_eq!(place.config().sender.proxy, None);

    let config = Place::with("[sender]\nproxy = 'http://crm:hunter2@proxy.example.com:3128'").config();
    assert_eq!(config.sender.proxy.as_ref().unwrap().expose().password(), Some("hunter2"));
    assert_eq!(shown(&config, "sender.proxy").0, r#""http://********@proxy.example.com:3128/""#);
    assert!(!format!("{config:?}").contains("hunter2"));
}

/// Row 73.
#[test]
fn an_empty_file_means_the_defaults() {
    let described = |config: &Config| config.describe().into_iter().map(|row| (row.key, row.value)).collect::<Vec<_>>();
    let place = Place::empty();
    let nothing = described(&place.config());
    let place = place.file(DEFAULT_FILE, "");
    assert_eq!(described(&place.config()), nothing);
    assert!(place.config().describe().iter().all(|row| row.source == crate::config::Source::Default));
}
