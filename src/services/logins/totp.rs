//! One-time codes by time (RFC 6238: SHA-1, 30 s, six digits, which is what every app knows), and the codes that stand in
//! for them when the device is lost.
use crate::{admission::base::push_base32, services::fields::Fields};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

/// Seconds a code is shown.
const STEP: i64 = 30;
/// Recovery codes at a time.
pub const RECOVERY_CODES: usize = 10;
/// 120 bits in base 32, in groups of four.
const RECOVERY: usize = 24;

/// The step of an instant.
pub fn step(unix_seconds: i64) -> i64 {
    unix_seconds.div_euclid(STEP)
}

/// Seconds until the next step.
pub fn until_next(unix_seconds: i64) -> i64 {
    STEP - unix_seconds.rem_euclid(STEP)
}

/// The step, of this one and its neighbours, to which a code belongs. All three are always compared.
pub fn step_of(seed: &[u8], code: &str, now: i64) -> Option<i64> {
    let present = step(now);
    (present - 1..=present + 1).fold(None, |found, step| {
        let right: bool = code_at(seed, step).as_bytes().ct_eq(code.as_bytes()).into();
        if right { Some(step) } else { found }
    })
}

/// The code of a step.
pub fn code_at(seed: &[u8], step: i64) -> String {
    // HMAC takes keys of any length, so there is always a code
    let Ok(mac) = Hmac::<Sha1>::new_from_slice(seed) else {
        return String::new();
    };
    let mac = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
    let at = usize::from(mac.last().copied().unwrap_or(0) & 15);
    let word = mac
        .get(at..at + 4)
        .and_then(|four| <[u8; 4]>::try_from(four).ok())
        .map_or(0, u32::from_be_bytes);
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// A seed as people type it, and as it is sealed.
pub fn text(seed: &[u8; 20]) -> SecretString {
    let mut text = String::new();
    push_base32(&mut text, seed);
    text.to_ascii_uppercase().into()
}

/// What an app reads from a QR code.
pub fn uri(seed: &SecretString, user: &str) -> Option<String> {
    let mut url = Url::parse("otpauth://totp").ok()?;
    url.path_segments_mut()
        .ok()?
        .push(&format!("Hywarden:{user}"));
    url.query_pairs_mut()
        .append_pair("secret", seed.expose_secret())
        .append_pair("issuer", "Hywarden");
    Some(url.into())
}

/// One recovery code of random bytes.
pub fn recovery_code(random: &[u8; 15]) -> String {
    let mut letters = String::new();
    push_base32(&mut letters, random);
    let mut code = String::new();
    for (at, letter) in letters.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        code.push(letter);
    }
    code
}

/// What is stored of a recovery code; how it is grouped and spelled does not matter.
pub fn recovery_hash(code: &str) -> Option<Vec<u8>> {
    let letters: String = code
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    (letters.len() == RECOVERY).then(|| Sha256::digest(letters).to_vec())
}

/// Whether it has the form of a one-time code.
pub fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Refuses what is neither a one-time code nor a recovery code, before anything is counted.
pub fn check_form(fields: &mut Fields, code: &str) {
    fields.check(
        is_code(code) || recovery_hash(code).is_some(),
        "code",
        "is neither a code of six digits nor a recovery code",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_rfc_6238() {
        let seed = b"12345678901234567890";
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(seed, step(at)), code);
            assert_eq!(step_of(seed, code, at + 30), Some(step(at)));
            assert_eq!(step_of(seed, code, at - 30), Some(step(at)));
            assert_eq!(step_of(seed, code, at + 90), None);
        }
        assert_eq!(until_next(59), 1);
        assert_eq!(until_next(60), 30);
    }

    #[test]
    fn recovery_codes_are_read_however_they_are_spelled() {
        let code = recovery_code(&[0x5a; 15]);
        assert_eq!(code.len(), 29);
        let hash = recovery_hash(&code).unwrap();
        for other in [
            code.to_uppercase(),
            code.replace('-', ""),
            code.replace('-', " "),
        ] {
            assert_eq!(recovery_hash(&other).unwrap(), hash);
        }
        assert!(recovery_hash("287082").is_none());
    }

    #[test]
    fn apps_read_the_uri() {
        let seed = text(&[0; 20]);
        let uri = uri(&seed, "a b/c").unwrap();
        assert_eq!(
            uri,
            "otpauth://totp/Hywarden:a%20b%2Fc?secret=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&issuer=Hywarden"
        );
    }
}
