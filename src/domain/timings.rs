//! How the time of one request was spent. Kept with every attempt, so it takes eight bytes or so.

use serde::{Deserialize, Serialize};

/// How the time of one request was spent, in milliseconds. A phase that was not come to took none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Finding the addresses of the host name.
    pub name_ms: u32,
    /// Connecting.
    pub connect_ms: u32,
    /// Agreeing on encryption.
    pub tls_ms: u32,
    /// From sending to the first byte of the answer.
    pub waiting_ms: u32,
    /// From there to the end of what is read of it.
    pub reading_ms: u32,
    /// How it was encrypted.
    tls: u8,
    /// It went over a connection that was kept from an earlier request.
    pub kept_connection: bool,
}

/// A version of TLS that requests are encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    /// The number, such as `1.3`.
    pub fn number(self) -> &'static str {
        match self {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
        }
    }
}

impl Timings {
    /// The same, encrypted like that.
    #[must_use]
    pub fn with_tls(self, version: Option<TlsVersion>) -> Timings {
        let tls = match version {
            None => 0,
            Some(TlsVersion::Tls12) => 2,
            Some(TlsVersion::Tls13) => 3,
        };
        Timings { tls, ..self }
    }

    /// How it was encrypted; `None` if it was not, or that did not come about.
    pub fn tls(&self) -> Option<TlsVersion> {
        match self.tls {
            2 => Some(TlsVersion::Tls12),
            3 => Some(TlsVersion::Tls13),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_timings_is_a_handful_of_bytes() {
        let quick =
            Timings { waiting_ms: 42, kept_connection: true, ..Timings::default() }.with_tls(Some(TlsVersion::Tls13));
        let record = rmp_serde::to_vec(&quick).expect("a record");
        assert_eq!(record.len(), 8);
        assert_eq!(rmp_serde::from_slice::<Timings>(&record).expect("the same"), quick);
        assert_eq!(quick.tls().map(TlsVersion::number), Some("1.3"));
        assert_eq!(Timings::default().tls(), None);
    }
}
