//! What no single value shows: whether they fit together.

use super::{Config, problem::ConfigProblems};
use crate::domain::{AddressRule, PrivateTarget};

/// Adds what does not fit together. Keys that have a problem of their own are passed over.
pub(super) fn check(config: &Config, problems: &mut ConfigProblems) {
    let checks: [(&[&str], Check); 7] = [
        (&["listen", "allow_plain_http", "tls_certificate_file", "tls_key_file"], listen_is_protected),
        (&["tls_certificate_file", "tls_key_file"], certificate_is_whole),
        (&["retention_days", "sender.retry_schedule_s"], retention_outlives_retries),
        (&["sender.response_keep_bytes", "sender.response_read_bytes"], kept_answer_is_read),
        (&["alarm.url", "alarm.secret"], alarm_is_whole),
        (&["alarm.url", "allowed_private_targets"], alarm_leads_where_webhooks_may),
        (&["admin.email", "admin.password"], admin_is_whole),
    ];
    for (keys, check) in checks {
        if problems.concern(keys) {
            continue;
        }
        if let Err(message) = check(config) {
            // Said where somebody set one of them, since that is where it can be put right.
            let key = keys.iter().find(|key| config.is_set(key)).unwrap_or(&keys[0]);
            problems.push_about(key, config.source(key), message);
        }
    }
}

type Check = fn(&Config) -> Result<(), String>;

fn listen_is_protected(config: &Config) -> Result<(), String> {
    if config.tls().is_some() || config.allow_plain_http || config.listen.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(format!(
        "listen {} can be reached from other machines without TLS; allowed: an address of this machine only, such as \
         127.0.0.1:{}, or tls_certificate_file and tls_key_file, or allow_plain_http = true if a TLS proxy or a \
         private network stands in front",
        config.listen,
        config.listen.port()
    ))
}

fn certificate_is_whole(config: &Config) -> Result<(), String> {
    match (&config.tls_certificate_file, &config.tls_key_file) {
        (Some(_), None) => {
            Err("tls_certificate_file is set and tls_key_file is not; allowed: both or neither".to_owned())
        }
        (None, Some(_)) => {
            Err("tls_key_file is set and tls_certificate_file is not; allowed: both or neither".to_owned())
        }
        _ => Ok(()),
    }
}

/// An event must outlive its last attempt.
fn retention_outlives_retries(config: &Config) -> Result<(), String> {
    const DAY_S: u64 = 86_400;
    let delays: u64 = config.sender.retry_schedule_s.iter().copied().map(u64::from).sum();
    // Jitter makes each delay up to a tenth longer.
    let longest = delays + delays / 10;
    if longest < u64::from(config.retention_days) * DAY_S {
        return Ok(());
    }
    Err(format!(
        "retention_days {} is over before the last attempt of sender.retry_schedule_s, which lasts up to {longest} s; \
         allowed: retention_days of at least {}, or a shorter schedule",
        config.retention_days,
        longest / DAY_S + 1
    ))
}

fn kept_answer_is_read(config: &Config) -> Result<(), String> {
    let (keep, read) = (config.sender.response_keep_bytes, config.sender.response_read_bytes);
    if keep <= read {
        return Ok(());
    }
    Err(format!(
        "sender.response_keep_bytes {keep} is more than is read; allowed: at most sender.response_read_bytes, {read}"
    ))
}

fn alarm_is_whole(config: &Config) -> Result<(), String> {
    match (&config.alarm.url, &config.alarm.secret) {
        (Some(_), None) => Err("alarm.url is set and alarm.secret is not; allowed: both or neither".to_owned()),
        (None, Some(_)) => Err("alarm.secret is set and alarm.url is not; allowed: both or neither".to_owned()),
        _ => Ok(()),
    }
}

/// What a name leads to is only known when it is dialled, and is checked there again.
fn alarm_leads_where_webhooks_may(config: &Config) -> Result<(), String> {
    let allowed = config.allowed_private_targets.iter().filter_map(|text| PrivateTarget::parse(text).ok());
    let rule = AddressRule::with_exceptions(allowed.collect());
    let refused = config.alarm.url.as_ref().and_then(|url| url.check(&rule).err());
    refused.map_or(Ok(()), |fault| {
        let why = fault.message.trim_end_matches('.');
        Err(format!("alarm.url: {why}; allowed: a public address, or one that allowed_private_targets names"))
    })
}

fn admin_is_whole(config: &Config) -> Result<(), String> {
    match (&config.admin.email, &config.admin.password) {
        (Some(_), None) => Err("admin.email is set and admin.password is not; allowed: both or neither".to_owned()),
        (None, Some(_)) => Err("admin.password is set and admin.email is not; allowed: both or neither".to_owned()),
        _ => Ok(()),
    }
}
