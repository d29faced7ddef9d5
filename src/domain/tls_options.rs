//! What a webhook adds to the encryption of its connections: certificate authorities to trust besides
//! the public ones, and a certificate to show to the receiver.
//!
//! The texts are PEM. Whether they can be used is for the sender to say, which has the means.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fault, Timestamp, with_thousands};

/// Most bytes of each text.
const MOST_BYTES: usize = 32 << 10;

/// What a webhook adds to the encryption of its connections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsOptions {
    /// Certificates that are trusted as roots besides the public ones.
    #[serde(default)]
    pub ca: Option<String>,
    /// The certificate shown to a receiver that asks for one, and those above it. With [`Self::key`].
    #[serde(default)]
    pub certificate: Option<String>,
    /// The key of the certificate.
    #[serde(default)]
    pub key: Option<PrivateKey>,
    /// When the first of the authorities ends.
    #[serde(default)]
    pub ca_ends_at: Option<Timestamp>,
    /// When the certificate ends.
    #[serde(default)]
    pub certificate_ends_at: Option<Timestamp>,
}

/// A private key as PEM. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateKey(String);

impl PrivateKey {
    /// The key of some PEM.
    pub fn new(pem: impl Into<String>) -> Self {
        PrivateKey(pem.into())
    }

    /// The PEM, for the sender alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrivateKey(…)")
    }
}

impl TlsOptions {
    /// Whether it adds nothing.
    pub fn is_empty(&self) -> bool {
        self.ca.is_none() && self.certificate.is_none() && self.key.is_none()
    }

    /// The text of a member, if it is not too long.
    ///
    /// # Errors
    /// `pem_too_long`.
    pub fn check_length(text: &str) -> Result<(), Fault> {
        if text.len() <= MOST_BYTES {
            return Ok(());
        }
        let (length, most) = (with_thousands(text.len() as u64), with_thousands(MOST_BYTES as u64));
        Err(Fault::new("pem_too_long", format!("This text has {length} bytes. The limit is {most}.")))
    }

    /// Certificate and key come together. Each fault points to its member.
    pub fn check_pair(&self) -> Option<Fault> {
        match (&self.certificate, &self.key) {
            (Some(_), None) => {
                let message = "A client certificate needs its private key. Enter it too.";
                Some(Fault::new("tls_key_missing", message).at("/tls_client_key"))
            }
            (None, Some(_)) => {
                let message = "A private key needs its client certificate. Enter it too.";
                Some(Fault::new("tls_certificate_missing", message).at("/tls_client_certificate"))
            }
            _ => None,
        }
    }
}

/// A change of a webhook's [`TlsOptions`]; what is `None` stays, `Some(None)` takes away.
#[derive(Debug, Clone, Default)]
pub struct TlsChange {
    /// See [`TlsOptions::ca`].
    pub ca: Option<Option<String>>,
    /// See [`TlsOptions::certificate`]. Without one there is no key either.
    pub certificate: Option<Option<String>>,
    /// See [`TlsOptions::key`].
    pub key: Option<Option<PrivateKey>>,
}

impl TlsChange {
    /// Whether anything changes.
    pub fn is_empty(&self) -> bool {
        self.ca.is_none() && self.certificate.is_none() && self.key.is_none()
    }

    /// What there is after the change. The ends of certificates are not known yet.
    pub fn apply(self, present: &TlsOptions) -> TlsOptions {
        let certificate = self.certificate.unwrap_or_else(|| present.certificate.clone());
        let key = match (&certificate, self.key) {
            (None, None) => None,
            (_, key) => key.unwrap_or_else(|| present.key.clone()),
        };
        TlsOptions { ca: self.ca.unwrap_or_else(|| present.ca.clone()), certificate, key, ..TlsOptions::default() }
    }
}
