//! Encrypted connections, and what is wrong with a receiver's certificate.
//!
//! In place of ureq's TLS connector: one configuration and one session cache serve all webhooks,
//! the operator's own root certificates are added to the public ones, and each error keeps its
//! type until it is told apart.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    CertificateError, ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, StreamOwned,
    client::WantsClientCert,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::{dialler::connect_deadline, failure::Failure};
use crate::{
    domain::{Cause, Fault, Timestamp, TlsOptions},
    system::unchecked_client,
};

/// Names of a certificate that are shown, at most.
const NAMES_SHOWN: usize = 5;

/// What every webhook's encryption is made of: TLS 1.2 and 1.3, the public root certificates, and those
/// of the operator's CA file besides.
pub(super) struct TlsConfigs {
    roots: RootCertStore,
    /// For all webhooks that add nothing.
    common: Arc<ClientConfig>,
}

impl TlsConfigs {
    pub fn new(ca_file_pem: Option<&[u8]>) -> Result<Self, Fault> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(pem) = ca_file_pem {
            let faulty = |what: String| Fault::new("ca_file", format!("The CA file {what}"));
            certificates(pem).and_then(|found| add_roots(&mut roots, found)).map_err(faulty)?;
        }
        let common = Arc::new(builder(roots.clone()).with_no_client_auth());
        Ok(TlsConfigs { roots, common })
    }

    /// Every receiver is believed. For what dials this very server only, by an address that its
    /// certificate does not name.
    pub fn unchecked() -> Self {
        TlsConfigs { roots: RootCertStore::empty(), common: unchecked_client() }
    }

    /// The configuration of a webhook. What cannot be used was refused when it was entered, so this
    /// fails only where the program has become stricter since.
    pub fn of(&self, options: &TlsOptions) -> Result<Arc<ClientConfig>, Failure> {
        if options.is_empty() {
            return Ok(Arc::clone(&self.common));
        }
        let unusable = |faults: Vec<Fault>| {
            let message = faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join(" ");
            Failure::new(Cause::TlsFailed, message)
        };
        build(self.roots.clone(), options).map(Arc::new).map_err(unusable)
    }
}

/// What a webhook adds to the encryption, with the ends of its certificates, or what is wrong with it.
pub(super) fn check(options: TlsOptions) -> Result<TlsOptions, Vec<Fault>> {
    if let Some(fault) = options.check_pair() {
        return Err(vec![fault]);
    }
    build(RootCertStore::empty(), &options)?;
    let ends = |pem: &Option<String>, most: usize| {
        let found = pem.as_ref().and_then(|pem| certificates(pem.as_bytes()).ok()).unwrap_or_default();
        found.iter().take(most).filter_map(end_of).min()
    };
    // Those above a client certificate are the receiver's concern.
    Ok(TlsOptions {
        ca_ends_at: ends(&options.ca, usize::MAX),
        certificate_ends_at: ends(&options.certificate, 1),
        ..options
    })
}

fn build(mut roots: RootCertStore, options: &TlsOptions) -> Result<ClientConfig, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut faulty = |code, what: String, pointer| faults.push(Fault::new(code, what).at(pointer));
    if let Some(pem) = &options.ca {
        let added = certificates(pem.as_bytes()).and_then(|found| add_roots(&mut roots, found));
        let _ = added.map_err(|what| faulty("tls_ca", format!("The CA {what}"), "/tls_ca"));
    }
    let pair = options.certificate.as_ref().zip(options.key.as_ref()).map(|(certificate, key)| {
        let chain = certificates(certificate.as_bytes());
        let chain = chain.map_err(|what| {
            faulty("tls_client_certificate", format!("The client certificate {what}"), "/tls_client_certificate");
        });
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).map_err(|_| {
            let message = "This is no private key in PEM that can be used. It begins with -----BEGIN PRIVATE KEY----- \
                           and has no passphrase.";
            faulty("tls_client_key", message.to_owned(), "/tls_client_key");
        });
        (chain, key)
    });
    let builder = builder(roots);
    match (faults.is_empty(), pair) {
        (true, None) => Ok(builder.with_no_client_auth()),
        (true, Some((Ok(chain), Ok(key)))) => builder.with_client_auth_cert(chain, key).map_err(|error| {
            vec![match error {
                rustls::Error::InconsistentKeys(_) => {
                    let message = "This private key does not belong to the client certificate.";
                    Fault::new("tls_client_key", message).at("/tls_client_key")
                }
                _ => {
                    let message = "The client certificate or its key is of a kind that cannot be used.";
                    Fault::new("tls_client_certificate", message).at("/tls_client_certificate")
                }
            }]
        }),
        _ => Err(faults),
    }
}

fn builder(roots: RootCertStore) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
}

/// The certificates of a PEM, at least one; else what is wrong, to be read after what it is.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|_| "is not PEM. It must hold certificates as text.".to_owned())?;
    if found.is_empty() { Err("holds no certificate.".to_owned()) } else { Ok(found) }
}

fn add_roots(roots: &mut RootCertStore, certificates: Vec<CertificateDer<'static>>) -> Result<(), String> {
    for (position, certificate) in certificates.into_iter().enumerate() {
        roots
            .add(certificate)
            .map_err(|_| format!("has a certificate, number {}, that cannot be a root.", position + 1))?;
    }
    Ok(())
}

/// When a certificate ends.
fn end_of(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).ok()?;
    Some(Timestamp::default().plus(Duration::from_secs(seconds)))
}

/// Encrypts connections to `https` URLs.
pub(super) struct TlsConnector {
    /// From [`TlsConfigs`].
    pub config: Arc<ClientConfig>,
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(connection) = chained else { return Ok(None) };
        if !details.needs_tls() || connection.is_tls() {
            return Ok(Some(Either::A(connection)));
        }
        let name = server_name(details)?;
        let mut client = ClientConnection::new(Arc::clone(&self.config), name).map_err(of_rustls)?;
        let mut socket = TransportAdapter::new(connection.boxed(), Arc::clone(&details.current_time));
        let left = connect_deadline(details).saturating_duration_since(Instant::now());
        socket.set_timeout(NextTimeout { after: left.into(), ..details.timeout });
        client.complete_io(&mut socket).map_err(of_handshake)?;
        let (input, output) = (details.config.input_buffer_size(), details.config.output_buffer_size());
        let stream = StreamOwned::new(client, socket);
        Ok(Some(Either::B(TlsTransport { stream, buffers: LazyBuffers::new(input, output) })))
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TlsConnector")
    }
}

fn server_name(details: &ConnectionDetails) -> Result<ServerName<'static>, Failure> {
    let host = details.uri.host().unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    let name = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(name.to_owned())
        .map_err(|_| Failure::new(Cause::TlsFailed, "No certificate can be for this host name."))
}

/// An encrypted connection.
pub(super) struct TlsTransport {
    stream: StreamOwned<ClientConnection, TransportAdapter>,
    buffers: LazyBuffers,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TlsTransport")
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        self.stream.write_all(&self.buffers.output()[..amount]).map_err(of_stream)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf()).map_err(of_stream)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        let quiet = match self.stream.conn.process_new_packets() {
            Ok(state) => state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed(),
            Err(_) => false,
        };
        quiet && self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// An error after the handshake. One of TLS 1.3's alerts about the handshake may come this late.
fn of_stream(error: io::Error) -> ureq::Error {
    match inner::<rustls::Error>(&error) {
        Some(tls) => of_rustls(tls.clone()).into(),
        // This unwraps what our own layers below had to wrap.
        None => ureq::Error::from(error),
    }
}

fn of_handshake(error: io::Error) -> ureq::Error {
    if let Some(tls) = inner::<rustls::Error>(&error) {
        return of_rustls(tls.clone()).into();
    }
    let kind = error.kind();
    match ureq::Error::from(error) {
        ureq::Error::Timeout(_) => Failure::new(Cause::TlsFailed, "The handshake did not end in time.").into(),
        ureq::Error::Io(_) if closes(kind) => {
            Failure::new(Cause::TlsFailed, "The receiver closed the connection during the handshake.").into()
        }
        other => other,
    }
}

fn closes(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

fn inner<E: Error + 'static>(error: &io::Error) -> Option<&E> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

fn of_rustls(error: rustls::Error) -> Failure {
    match error {
        rustls::Error::InvalidCertificate(certificate) => of_certificate(certificate),
        rustls::Error::InvalidMessage(_) => Failure::new(Cause::TlsFailed, "The receiver does not speak TLS here."),
        // These texts name alerts, versions and protocol steps.
        other => Failure::new(Cause::TlsFailed, other.to_string().chars().take(200).collect::<String>()),
    }
}

fn of_certificate(error: CertificateError) -> Failure {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            Failure::new(Cause::TlsExpired, format!("It ended on {}.", date(not_after)))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            Failure::new(Cause::TlsExpired, format!("It begins on {}.", date(not_before)))
        }
        CertificateError::Expired | CertificateError::NotValidYet => Failure::new(Cause::TlsExpired, ""),
        CertificateError::NotValidForNameContext { presented, .. } => Failure::new(Cause::TlsName, names(&presented)),
        CertificateError::NotValidForName => Failure::new(Cause::TlsName, ""),
        CertificateError::UnknownIssuer => Failure::new(Cause::TlsUntrusted, "Its issuer is not known."),
        CertificateError::Revoked => Failure::new(Cause::TlsUntrusted, "It was revoked."),
        CertificateError::BadSignature => Failure::new(Cause::TlsUntrusted, "Its signature is wrong."),
        CertificateError::BadEncoding => Failure::new(Cause::TlsUntrusted, "It cannot be read."),
        // The usual case: a certificate made with `openssl req -x509`, which signs itself.
        CertificateError::Other(_) => Failure::new(Cause::TlsUntrusted, "It is self-signed, or of an unusual kind."),
        _ => Failure::new(Cause::TlsUntrusted, ""),
    }
}

/// The day, such as `2026-01-31`.
fn date(time: UnixTime) -> String {
    let moment = Timestamp::default().plus(Duration::from_secs(time.as_secs()));
    moment.to_string()[..10].to_owned()
}

/// The names a certificate is for. rustls gives each as Rust code: `DnsName("example.com")`.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "It names no host.".to_owned();
    }
    let bare = |name: &String| {
        let name = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest.trim_end_matches(')'));
        name.trim_matches('"').chars().take(100).collect::<String>()
    };
    let mut shown = presented.iter().take(NAMES_SHOWN).map(bare).collect::<Vec<_>>().join(", ");
    if presented.len() > NAMES_SHOWN {
        shown.push_str(&format!(" and {} more", presented.len() - NAMES_SHOWN));
    }
    format!("It is for {shown}.")
}
