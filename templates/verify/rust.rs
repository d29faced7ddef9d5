// Cargo.toml: base64 = "0.23", hmac = "0.13", sha2 = "0.11"
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether the request is genuine. `id`, `timestamp` and `signatures` are its headers webhook-id,
/// webhook-timestamp and webhook-signature, empty if missing; `body` is what came, before any JSON
/// parser touched it; `now` is in seconds since 1970.
pub fn verify_webhook(secret: &str, id: &str, timestamp: &str, signatures: &str, body: &[u8], now: u64) -> bool {
    let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let Some(signed_at) = timestamp.parse::<u64>().ok().filter(|_| digits) else { return false };
    if id.is_empty() || now.abs_diff(signed_at) > 5 * 60 {
        return false;
    }

    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD_NO_PAD.decode(encoded.trim_end_matches('=')),
        None => Ok(secret.as_bytes().to_vec()),
    };
    let Ok(key) = key else { return false };
    let mut hmac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
    hmac.update(format!("{id}.{timestamp}.").as_bytes());
    hmac.update(body);

    // There are several signatures while a secret is being rotated; one that fits is enough.
    let given = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let mut given = given.filter_map(|encoded| STANDARD.decode(encoded).ok());
    given.any(|value| hmac.clone().verify_slice(&value).is_ok())
}
