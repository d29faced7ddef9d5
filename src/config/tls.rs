//! Whether the server can speak TLS with the two files that are named.

use super::{Config, problem::ConfigProblems};
use crate::{
    domain::Timestamp,
    system::{Clock, SystemClock, certificate::CertificateFiles},
};

/// How long before its end a certificate is worth a warning at every start, in days.
const ENDS_SOON_DAYS: u64 = 14;

impl Config {
    /// The certificate to speak TLS with; `None` speaks plain HTTP.
    pub fn tls(&self) -> Option<CertificateFiles> {
        let (certificate, key) = (self.tls_certificate_file.clone()?, self.tls_key_file.clone()?);
        Some(CertificateFiles { certificate, key })
    }
}

/// Adds what is wrong with the files, and warns of what soon will be.
pub(super) fn check(config: &mut Config, problems: &mut ConfigProblems) {
    let Some(files) = config.tls() else { return };
    if problems.concern(&["tls_certificate_file", "tls_key_file"]) {
        return;
    }
    let now: Timestamp = SystemClock::new().now();
    match files.read(now) {
        Ok(certificate) => {
            if certificate.key_readable_by_all {
                let key = files.key.display();
                config.warnings.push(format!(
                    "{key}: every user of this machine can read the key of the certificate; run chmod 600 {key}"
                ));
            }
            let days = (certificate.not_after - now).as_secs() / 86_400;
            if days < ENDS_SOON_DAYS {
                let file = files.certificate.display();
                config.warnings.push(format!("{file}: the certificate ends in {days} days; renew it and send SIGHUP"));
            }
        }
        Err(fault) => {
            let (key, what) = match fault.about_key {
                true => ("tls_key_file", "the private key, unencrypted, that belongs to tls_certificate_file"),
                false => ("tls_certificate_file", "a certificate that is valid now, and the chain behind it"),
            };
            let message = format!("{key} {fault}; allowed: a PEM file with {what}");
            problems.push_about(key, config.source(key).clone(), message);
        }
    }
}
