//! The optional second factor: six digits from a phone (TOTP, RFC 6238), and recovery codes for when
//! the phone is lost.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use totp_rs::{Builder, Secret as TotpSecret, Totp};

use super::Timestamp;

/// What codes are made from. Kept like a password that is not hashed: whoever has it makes the same
/// codes. It is in one field, so that there is one place to seal it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TotpSeed(#[serde(with = "serde_bytes")] Vec<u8>);

/// A person's second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// What the codes are made from.
    pub seed: TotpSeed,
    /// Since when it is asked for.
    pub since: Timestamp,
    /// The period of the last code that was taken; none up to it is taken again.
    pub last_step: u64,
    /// SHA-256 of each recovery code that is left. They are random, so a slow hash adds nothing.
    pub recovery: Vec<serde_bytes::ByteBuf>,
}

/// How a code fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeFits {
    /// It is from the phone, of this period.
    Step(u64),
    /// It is this one of the recovery codes.
    Recovery(usize),
}

impl TotpSeed {
    /// Bytes of a seed: those of the hash, as RFC 4226 wants.
    pub const BYTES: usize = 20;

    /// The seed of these random bytes.
    pub fn new(bytes: [u8; Self::BYTES]) -> TotpSeed {
        TotpSeed(bytes.to_vec())
    }

    /// Reads a seed as people type it.
    pub fn from_text(text: &str) -> Option<TotpSeed> {
        let bytes = TotpSecret::try_from_base32(text).ok()?.as_bytes().to_vec();
        (bytes.len() == Self::BYTES).then_some(TotpSeed(bytes))
    }

    /// The seed as people type it.
    pub fn text(&self) -> String {
        TotpSecret::from(self.0.clone()).to_base32()
    }

    /// The link that an authenticator app takes, also as a picture.
    pub fn link(&self, email: &str) -> String {
        let totp = Builder::new().with_secret(self.0.clone()).with_issuer(Some("Hookstead"));
        // The label is split at its colon.
        let totp = totp.with_account_name(email.replace(':', "_")).build();
        totp.and_then(|totp| totp.to_url()).unwrap_or_default()
    }

    /// The code of the period that `now` is in.
    pub fn code(&self, now: Timestamp) -> String {
        self.totp().map(|totp| totp.generate(now.as_seconds()).to_string()).unwrap_or_default()
    }

    /// The period of a code that is right at `now`, give or take one for clocks that differ.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        self.totp()?.check(code, now.as_seconds())
    }

    fn totp(&self) -> Option<Totp> {
        Builder::new().with_secret(self.0.clone()).build().ok()
    }
}

/// Never shown by accident.
impl fmt::Debug for TotpSeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TotpSeed(…)")
    }
}

impl SecondFactor {
    /// Recovery codes of one set.
    pub const RECOVERY_CODES: usize = 10;

    /// A factor that is asked for from `now` on, enrolled by the code of `step`.
    pub fn new(seed: TotpSeed, codes: &[String], step: u64, now: Timestamp) -> SecondFactor {
        let recovery = codes.iter().map(|code| serde_bytes::ByteBuf::from(hash(code).to_vec())).collect();
        SecondFactor { seed, since: now, last_step: step, recovery }
    }

    /// Whether a code is right at `now` and was not taken before.
    pub fn check(&self, code: &str, now: Timestamp) -> Option<CodeFits> {
        let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if let Some(step) = self.seed.step_of(&code, now) {
            return (step > self.last_step).then_some(CodeFits::Step(step));
        }
        let hashed = hash(&code);
        let fits = |kept: &serde_bytes::ByteBuf| bool::from(kept.as_slice().ct_eq(&hashed));
        self.recovery.iter().position(fits).map(CodeFits::Recovery)
    }

    /// Takes a code: it is not taken again.
    pub fn take(&mut self, fits: CodeFits) {
        match fits {
            CodeFits::Step(step) => self.last_step = self.last_step.max(step),
            CodeFits::Recovery(index) if index < self.recovery.len() => drop(self.recovery.remove(index)),
            CodeFits::Recovery(_) => {}
        }
    }

    /// A recovery code of random bytes, `ABCD-EFGH-…`: 80 bits.
    pub fn recovery_code(bytes: [u8; 10]) -> String {
        let text = TotpSecret::from(bytes).to_base32();
        text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
    }
}

fn hash(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(|c| *c != '-').map(|c| c.to_ascii_uppercase()).collect();
    Sha256::digest(plain).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    /// The vectors of RFC 6238, appendix B, in six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let seed = TotpSeed::new(*b"12345678901234567890");
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(seed.code(at(seconds)), code);
            assert_eq!(seed.step_of(code, at(seconds)), Some(seconds / 30));
        }
        assert_eq!(seed.text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(TotpSeed::from_text(&seed.text()), Some(seed.clone()));
        assert_eq!(TotpSeed::from_text("GEZDGNBV"), None);
        let link = seed.link("admin:x@acme.example");
        assert!(link.starts_with("otpauth://totp/Hookstead:admin_x") && link.contains("secret=GEZDGNBV"), "{link}");
        assert_eq!(format!("{seed:?}"), "TotpSeed(…)");
    }

    #[test]
    fn a_code_is_taken_once_and_only_around_its_time() {
        let seed = TotpSeed::new([7; 20]);
        let mut factor = SecondFactor::new(seed.clone(), &[], 0, at(0));
        let now = at(1_000_000);
        let code = seed.code(now);
        let fits = factor.check(&format!(" {} {} ", &code[..3], &code[3..]), now).expect("as it is shown on a phone");
        factor.take(fits);
        assert_eq!(factor.check(&code, now), None, "somebody looked over a shoulder");
        let next = seed.code(at(1_000_030));
        assert!(factor.check(&next, now).is_some(), "a phone that is half a minute ahead");
        for wrong in ["", "000000000", "abcdef", &seed.code(at(1_000_600))] {
            assert_eq!(factor.check(wrong, now), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_recovery_code_is_taken_once_as_it_was_written_down() {
        let code = SecondFactor::recovery_code([1; 10]);
        assert_eq!(code, "AEAQ-CAIB-AEAQ-CAIB");
        let other = SecondFactor::recovery_code([2; 10]);
        let mut factor = SecondFactor::new(TotpSeed::new([7; 20]), &[other, code.clone()], 0, at(0));
        assert_eq!(factor.check("aeaq caib aeaq caib", at(0)), Some(CodeFits::Recovery(1)));
        factor.take(CodeFits::Recovery(1));
        assert_eq!((factor.check(&code, at(0)), factor.recovery.len()), (None, 1));
    }
}
