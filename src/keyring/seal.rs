//! Sealing: XChaCha20-Poly1305, the key's number in front, bound to the place where it lies, so that a sealed secret
//! that is copied to another row does not open there.
use super::{Key, Keyring, Purpose};
use crate::clock::{Clock, random};
use anyhow::{Context, Result, anyhow};
use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use secrecy::{ExposeSecret, SecretString};

const NONCE: usize = 24;

/// Where a sealed secret lies.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row: its id, or `<device number>.<version>` for a credential.
    pub row: &'a str,
}

impl Place<'_> {
    fn bound(&self) -> Vec<u8> {
        [self.table, self.column, self.row].join("\0").into_bytes()
    }
}

impl Keyring {
    /// Seals a secret for this place with the newest key: number, nonce, ciphertext.
    pub fn seal(&self, place: &Place<'_>, plain: &str) -> Result<Vec<u8>> {
        let keys = self.of(Purpose::Sealing);
        let (id, key) = keys.first().context("no sealing key")?;
        let nonce = random::<NONCE>(&*self.clock);
        let payload = Payload {
            msg: plain.as_bytes(),
            aad: &place.bound(),
        };
        let sealed = XChaCha20Poly1305::new(key.into())
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| anyhow!("the secret is too long to seal"))?;
        Ok([id.to_be_bytes().as_slice(), &nonce, &sealed].concat())
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<SecretString> {
        let broken = || {
            anyhow!(
                "{}.{} of {} does not open",
                place.table,
                place.column,
                place.row
            )
        };
        let (id, rest) = sealed.split_first_chunk::<2>().with_context(broken)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE>().with_context(broken)?;
        let id = i16::from_be_bytes(*id);
        let keys = self.of(Purpose::Sealing);
        let (_, key) = keys
            .iter()
            .find(|(known, _)| *known == id)
            .with_context(|| format!("sealing key {id} is missing"))
            .with_context(broken)?;
        let payload = Payload {
            msg: text,
            aad: &place.bound(),
        };
        let plain = XChaCha20Poly1305::new(key.into())
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| broken())?;
        Ok(SecretString::from(
            String::from_utf8(plain).map_err(|_| broken())?,
        ))
    }
}

/// A key of one user, for what is personal in records that may never be rewritten: without it they are noise.
pub struct OwnKey(Key);

impl OwnKey {
    /// A fresh one.
    pub fn fresh(clock: &dyn Clock) -> Self {
        Self(random(clock))
    }
    /// As it was written by `text`.
    pub fn parse(text: &SecretString) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text.expose_secret()).ok()?;
        Key::try_from(bytes).ok().map(Self)
    }
    /// To be sealed and kept.
    pub fn text(&self) -> SecretString {
        BASE64_STANDARD.encode(self.0).into()
    }
    /// Nonce and ciphertext, bound to what it belongs to.
    pub fn seal(&self, clock: &dyn Clock, bound: &str, plain: &str) -> Result<Vec<u8>> {
        let nonce = random::<NONCE>(clock);
        let payload = Payload {
            msg: plain.as_bytes(),
            aad: bound.as_bytes(),
        };
        let sealed = XChaCha20Poly1305::new((&self.0).into())
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| anyhow!("too long to seal"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }
    /// What was sealed, if it was for this.
    pub fn open(&self, bound: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: text,
            aad: bound.as_bytes(),
        };
        let plain = XChaCha20Poly1305::new((&self.0).into())
            .decrypt(&XNonce::from(*nonce), payload)
            .ok()?;
        String::from_utf8(plain).ok()
    }
}
