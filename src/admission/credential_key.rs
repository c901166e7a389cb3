//! How a credential is found without being stored: by a keyed hash under a pepper that the database never holds.
//!
//! Keyed BLAKE3 and not HMAC-SHA256: one compression for a secret of ours instead of two, measured in `make bench`.
use super::base::{parse_base32, push_base32};
use crate::models::CredentialKind;
use arc_swap::ArcSwap;
use secrecy::SecretString;
use std::{borrow::Cow, sync::Arc};

const PREFIX: &str = "hy1_";
/// 16 random bytes in base 32.
const BODY: usize = 26;
const CHECKSUM: usize = 4;

type Peppers = Vec<(i16, [u8; 32])>;

/// The peppers by id, the one that mints first. Clones share them: a key that is added counts everywhere at once.
#[derive(Clone)]
pub struct CredentialKeys {
    peppers: Arc<ArcSwap<Peppers>>,
}

impl CredentialKeys {
    /// Peppers by id: the first hashes new secrets, all find old ones.
    pub fn new(peppers: &[(i16, [u8; 32])]) -> Self {
        Self {
            peppers: Arc::new(ArcSwap::from_pointee(peppers.to_vec())),
        }
    }

    /// From now on these.
    pub fn replace(&self, peppers: Vec<(i16, [u8; 32])>) {
        self.peppers.store(Arc::new(peppers));
    }

    /// The hash under which a new secret is stored, with its pepper's id; `None` without a pepper.
    pub fn newest(&self, kind: CredentialKind, secret: &str) -> Option<(i16, [u8; 32])> {
        let peppers = self.peppers.load();
        let (id, pepper) = peppers.first()?;
        Some((*id, keyed(pepper, &looked_up_form(kind, secret))))
    }

    /// The same with the name folded, of a secret with a colon: two live secrets never agree in it. `None` without one.
    pub fn folded(&self, pepper_id: i16, secret: &str) -> Option<[u8; 32]> {
        let peppers = self.peppers.load();
        let (_, pepper) = peppers.iter().find(|(id, _)| *id == pepper_id)?;
        secret.contains(':').then(|| keyed(pepper, &fold(secret)))
    }

    /// Every hash under which `auth` may stand: verbatim, then, if it holds a colon, as `lower(name):password`.
    pub fn candidates<'a>(&'a self, auth: &'a str) -> impl Iterator<Item = [u8; 32]> + 'a {
        let peppers = self.peppers.load();
        let count = peppers.len();
        (0..count * 2).filter_map(move |n| {
            let (_, pepper) = peppers.get(n % count)?;
            if n < count {
                return Some(keyed(pepper, auth));
            }
            let form = fold(auth);
            (form != auth).then(|| keyed(pepper, &form))
        })
    }
}

/// The string that is hashed: of `name:password` the name is folded, as Hysteria's own userpass does.
pub fn looked_up_form(kind: CredentialKind, secret: &str) -> Cow<'_, str> {
    match kind {
        CredentialKind::Userpass => fold(secret),
        _ => Cow::Borrowed(secret),
    }
}

fn fold(secret: &str) -> Cow<'_, str> {
    match secret.split_once(':') {
        Some((name, password)) => Cow::Owned(format!("{}:{password}", name.to_lowercase())),
        None => Cow::Borrowed(secret),
    }
}

fn keyed(pepper: &[u8; 32], form: &str) -> [u8; 32] {
    *blake3::keyed_hash(pepper, form.as_bytes()).as_bytes()
}

/// A new secret of ours: `hy1_`, 128 random bits, a checksum that tells a typing error from a guess.
pub fn own_secret(random: [u8; 16]) -> SecretString {
    let mut text = String::with_capacity(PREFIX.len() + BODY + CHECKSUM);
    text.push_str(PREFIX);
    push_base32(&mut text, &random);
    let sum = checksum(&text);
    text.push_str(&sum);
    SecretString::from(text)
}

/// What a string is, judged as a secret of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnForm {
    /// Ours, as far as its checksum tells.
    Valid,
    /// It starts like ours and was mistyped.
    WrongChecksum,
    /// Somebody else's.
    Other,
}

impl OwnForm {
    /// Judges a string.
    pub fn of(auth: &str) -> Self {
        let Some(rest) = auth.strip_prefix(PREFIX) else {
            return Self::Other;
        };
        let valid = rest.split_at_checked(BODY).is_some_and(|(body, sum)| {
            parse_base32::<16>(body).is_some()
                && auth
                    .strip_suffix(sum)
                    .is_some_and(|head| checksum(head) == sum)
        });
        if valid {
            Self::Valid
        } else {
            Self::WrongChecksum
        }
    }
}

/// Whether an admitted credential is one of ours: with this beginning and a wrong checksum nobody is admitted.
pub fn is_own(admitted: &str) -> bool {
    admitted.starts_with(PREFIX)
}

/// 20 bits over prefix and body. It guards against typing errors, not against anybody.
fn checksum(head: &str) -> String {
    let hash = blake3::hash(head.as_bytes());
    let [a, b, c, ..] = *hash.as_bytes();
    let mut text = String::with_capacity(CHECKSUM + 1);
    push_base32(&mut text, &[a, b, c]);
    text.truncate(CHECKSUM);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn one_wrong_letter_is_seen() {
        // fixed bytes: 20 bits let one typing error in a million through, which is then an unknown credential
        let secret = own_secret(*b"not so random 16").expose_secret().to_owned();
        assert_eq!((secret.len(), OwnForm::of(&secret)), (34, OwnForm::Valid));
        for at in 4..34 {
            for letter in ('a'..='z').chain('2'..='7') {
                let mut typo = secret.clone();
                typo.replace_range(at..=at, &letter.to_string());
                let expected = if typo == secret {
                    OwnForm::Valid
                } else {
                    OwnForm::WrongChecksum
                };
                assert_eq!(OwnForm::of(&typo), expected, "{typo}");
            }
        }
        assert_eq!(OwnForm::of(&secret[..33]), OwnForm::WrongChecksum);
        assert_eq!(OwnForm::of("hy2_x"), OwnForm::Other);
    }

    #[test]
    fn only_the_name_is_folded() {
        let keys = CredentialKeys::new(&[(1, [1; 32])]);
        let (_, stored) = keys
            .newest(CredentialKind::Userpass, "Alice:Sec:ret")
            .unwrap();
        assert!(keys.candidates("aLICE:Sec:ret").any(|h| h == stored));
        assert!(!keys.candidates("alice:sec:ret").any(|h| h == stored));
        let (_, bare) = keys.newest(CredentialKind::Bare, "CaseSensitive").unwrap();
        assert!(keys.candidates("CaseSensitive").any(|h| h == bare));
        assert!(!keys.candidates("casesensitive").any(|h| h == bare));
    }

    #[test]
    fn an_older_pepper_still_finds() {
        let old = CredentialKeys::new(&[(1, [1; 32])]);
        let (id, stored) = old.newest(CredentialKind::Own, "s").unwrap();
        assert_eq!(id, 1);
        let both = CredentialKeys::new(&[(2, [2; 32]), (1, [1; 32])]);
        assert!(both.candidates("s").any(|h| h == stored));
    }
}
