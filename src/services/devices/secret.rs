//! A device's secret: made or taken over, checked, hashed and sealed.
use super::Devices;
use crate::{
    admission::{OwnForm, own_secret},
    clock::random,
    error::{Error, Result, violated},
    keyring::Place,
    models::{CredentialKind, Device},
    repositories::credentials::{self, NewCredential},
};
use anyhow::anyhow;
use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use secrecy::{ExposeSecret, SecretString};

/// The longest `auth` that the hook takes.
const LONGEST: usize = 1024;

/// A secret with what is stored of it.
pub struct Secret {
    pub kind: CredentialKind,
    pub text: SecretString,
}

impl Secret {
    /// A fresh one of ours, or one that a client has already, verbatim.
    pub fn new(
        devices: &Devices,
        kind: CredentialKind,
        given: Option<&SecretString>,
    ) -> Result<Self> {
        let text = match (kind, given) {
            (CredentialKind::Own, None) => own_secret(random::<16>(&*devices.store.clock)),
            (CredentialKind::Own, Some(_)) => {
                return Err(Error::field(
                    "secret",
                    "secrets of kind own are made here: give kind userpass or bare",
                ));
            }
            (_, None) => {
                return Err(Error::field(
                    "secret",
                    format!("is required with kind {kind}"),
                ));
            }
            (_, Some(text)) => {
                check(kind, text.expose_secret()).map_err(|why| Error::field("secret", why))?;
                text.clone()
            }
        };
        Ok(Self { kind, text })
    }

    /// Stores it as the live credential of a device, under the device's present version.
    pub async fn store(
        &self,
        devices: &Devices,
        conn: &mut AsyncPgConnection,
        device: &Device,
        owner: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let text = self.text.expose_secret();
        // under every pepper, and as whatever kind: the hook must find one device for one string
        let hashes: Vec<Vec<u8>> = devices
            .credentials
            .candidates(text)
            .map(|hash| hash.to_vec())
            .collect();
        if let Some((holder, name, user)) = credentials::holder(conn, &hashes).await?
            && holder != device.number
        {
            return Err(Error::Duplicate(format!(
                "device {name:?} of user {user:?} has this secret already, as far as the case of its name tells, so device {:?} of user {owner:?} cannot have it",
                device.name
            )));
        }
        let (pepper_id, hash) = devices
            .credentials
            .newest(self.kind, text)
            .ok_or_else(|| anyhow!("no pepper to hash with"))?;
        let folded = devices.credentials.folded(pepper_id, text);
        let sealed = devices.keyring.seal(&place(&row(device)), text)?;
        let new = NewCredential {
            device_no: device.number,
            version: device.credential_version,
            kind: self.kind,
            pepper_id,
            hash: &hash,
            folded_hash: folded.as_ref().map(<[u8; 32]>::as_slice),
            secret_sealed: Some(&sealed),
            created_at: at,
        };
        credentials::insert(conn, &new)
            .await
            .map_err(|e| match violated(&e) {
                Some("credentials_live_hash_unique" | "credentials_live_folded_hash_unique") => {
                    Error::Duplicate(
                        "another device was given this secret at the same moment".to_owned(),
                    )
                }
                _ => e.into(),
            })?;
        Ok(())
    }
}

impl Devices {
    /// The secret of a live device, opened.
    pub(super) async fn reveal(
        &self,
        conn: &mut AsyncPgConnection,
        device: &Device,
    ) -> Result<SecretString> {
        let gone = || Error::State("the device has no live secret".to_owned());
        let credential = credentials::find(conn, device.number, device.credential_version)
            .await?
            .ok_or_else(gone)?;
        let sealed = credential.secret_sealed.ok_or_else(gone)?;
        Ok(self.keyring.open(&place(&row(device)), &sealed)?)
    }
}

fn row(device: &Device) -> String {
    format!("{}.{}", device.number, device.credential_version)
}

fn place(row: &str) -> Place<'_> {
    Place {
        table: "credentials",
        column: "secret_sealed",
        row,
    }
}

fn check(kind: CredentialKind, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.len() > LONGEST {
        return Err(format!("must have at most {LONGEST} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not hold control characters, which no client can send".to_owned());
    }
    if OwnForm::of(text) != OwnForm::Other {
        return Err("must not begin with hy1_, which marks secrets that are made here".to_owned());
    }
    if kind == CredentialKind::Userpass {
        let parts = text.split_once(':');
        if parts.is_none_or(|(name, password)| name.is_empty() || password.is_empty()) {
            return Err("must be name:password".to_owned());
        }
    }
    Ok(())
}
