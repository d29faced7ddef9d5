//! Our own certificate: read from two files, checked before it is used, and changed while the
//! server runs. Connections that are open keep the one that they began with.

use std::{
    fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::RwLock;
use rustls::{
    Error, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::domain::Timestamp;

/// Largest file that is read, in bytes; a chain of certificates has some ten thousand.
const LARGEST_FILE: u64 = 1 << 20;

/// The two files that a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and the chain behind it, as PEM.
    pub certificate: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
}

/// A certificate that can be used.
#[derive(Debug, Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    /// When it ends.
    pub not_after: Timestamp,
    /// Every user of the machine may read the private key.
    pub key_readable_by_all: bool,
}

/// Which of the two files is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFault {
    /// It is the key's file.
    pub about_key: bool,
    /// The file.
    pub path: PathBuf,
    /// What is wrong, to be read after the name of the file.
    pub why: String,
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.path.display(), self.why)
    }
}

impl CertificateFiles {
    /// Reads and checks them.
    ///
    /// # Errors
    /// Which file is wrong: missing, not PEM, encrypted, of an unusual kind, not belonging to the
    /// other one, over, or not begun.
    pub fn read(&self, now: Timestamp) -> Result<Certificate, CertificateFault> {
        let fault = |about_key, why| {
            let path = if about_key { &self.key } else { &self.certificate };
            CertificateFault { about_key, path: path.clone(), why }
        };
        let (pem, _) = read(&self.certificate).map_err(|why| fault(false, why))?;
        let (key_pem, key_readable_by_all) = read(&self.key).map_err(|why| fault(true, why))?;
        let chain = chain(&pem).map_err(|why| fault(false, why))?;
        let (not_before, not_after) = validity(&chain[0]).map_err(|why| fault(false, why))?;
        if now > not_after {
            return Err(fault(false, format!("ended on {}", day(not_after))));
        }
        if now < not_before {
            return Err(fault(false, format!("begins on {}", day(not_before))));
        }
        let key = private_key(&key_pem).map_err(|why| fault(true, why))?;
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
            Error::InconsistentKeys(_) => fault(true, format!("is not the key of {}", self.certificate.display())),
            Error::InvalidCertificate(_) => fault(false, "cannot be read as a certificate".to_owned()),
            _ => fault(true, "is of a kind that is not supported".to_owned()),
        })?;
        Ok(Certificate { key: Arc::new(key), not_after, key_readable_by_all })
    }
}

/// The certificate in use.
#[derive(Debug)]
pub struct ServerCertificate(RwLock<Certificate>);

impl ServerCertificate {
    /// Begins with this one.
    pub fn new(certificate: Certificate) -> Arc<Self> {
        Arc::new(ServerCertificate(RwLock::new(certificate)))
    }

    /// Uses another one for connections from now on.
    pub fn replace(&self, certificate: Certificate) {
        *self.0.write() = certificate;
    }

    /// When the one in use ends.
    pub fn not_after(&self) -> Timestamp {
        self.0.read().not_after
    }

    /// The server's side: TLS 1.2 and 1.3, with this certificate.
    pub fn server_config(self: &Arc<Self>) -> ServerConfig {
        ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring has cipher suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(self.clone())
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().key.clone())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The file's bytes, and whether every user of the machine may read them.
fn read(path: &Path) -> Result<(Vec<u8>, bool), String> {
    use io::Read;
    let told = |error: io::Error| format!("cannot be read: {error}");
    // Looked at before it is opened, because opening a pipe waits for somebody who writes.
    let metadata = fs::metadata(path).map_err(told)?;
    if !metadata.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(told)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err("is too large".to_owned());
    }
    Ok((bytes, metadata.permissions().mode() & 0o004 != 0))
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match chain {
        Ok(chain) if chain.is_empty() => Err("holds no certificate (PEM)".to_owned()),
        Ok(chain) => Ok(chain),
        Err(_) => Err("is not PEM".to_owned()),
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let is_encrypted = pem.windows(9).any(|word| word == b"ENCRYPTED");
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| match is_encrypted {
        true => "is encrypted; decrypt it with: openssl pkey -in FILE -out FILE".to_owned(),
        false => "holds no private key (PEM)".to_owned(),
    })
}

fn validity(certificate: &CertificateDer<'_>) -> Result<(Timestamp, Timestamp), String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| "holds something that is not a certificate".to_owned())?;
    let moment = |seconds: i64| Timestamp::default().plus(Duration::from_secs(seconds.max(0).unsigned_abs()));
    let validity = parsed.validity();
    Ok((moment(validity.not_before.timestamp()), moment(validity.not_after.timestamp())))
}

/// The day, such as `2026-01-31`.
fn day(time: Timestamp) -> String {
    time.to_string()[..10].to_owned()
}
