//! What may change while the server runs.

use super::{Config, keys::KEYS};

/// Keys that are taken over while the server runs. What the file sets up is taken over besides.
const RELOADED: [&str; 3] = ["tls_certificate_file", "tls_key_file", "log.level"];

impl Config {
    /// Takes over from `new` what may change while the server runs, and gives the other keys that
    /// have another value there; they keep the one they have until the next start. Secrets are not
    /// compared. Whether it speaks TLS at all is decided at the start.
    pub fn take_over(&mut self, new: &Config) -> Vec<&'static str> {
        let same_tls = self.tls().is_some() == new.tls().is_some();
        let is_taken = |key: &str| RELOADED.contains(&key) && (same_tls || !key.starts_with("tls_"));
        let differs = KEYS.iter().filter(|key| (key.show)(self) != (key.show)(new));
        let waiting = differs.map(|key| key.name).filter(|key| !is_taken(key)).collect();
        self.log.level = new.log.level;
        if same_tls {
            self.tls_certificate_file.clone_from(&new.tls_certificate_file);
            self.tls_key_file.clone_from(&new.tls_key_file);
        }
        for (position, _) in KEYS.iter().enumerate().filter(|(_, key)| is_taken(key.name)) {
            self.sources[position] = new.sources[position].clone();
        }
        self.warnings.clone_from(&new.warnings);
        self.declared.clone_from(&new.declared);
        waiting
    }
}
