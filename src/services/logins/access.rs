//! Access tokens: JWT, minted with Ed25519, taken with Ed25519 or RS256 and nothing else. A key decides its algorithm, the
//! token only names the key (S1). Time is compared here, with the clock that everything is.
use crate::{
    error::{Error, Result},
    keyring::{Key, Keyring},
    models::{SessionId, UserId},
};
use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
    jwk::{AlgorithmParameters, JwkSet},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{fs, path::Path, sync::Arc};
use uuid::Uuid;

const ISSUER: &str = "hywarden";
const AUDIENCE: &str = "hywarden-api";
const KID: &str = "hywarden-";
const KIND: &str = "at+jwt";
/// What clocks of instances may differ by.
const SKEW: TimeDelta = TimeDelta::seconds(30);
/// Longer than any of ours.
const LONGEST: usize = 4096;
/// A seed as PKCS#8 (RFC 8410), before the seed.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// What a token says.
#[derive(Clone, Copy, Debug)]
pub struct Claims {
    pub user: UserId,
    pub session: SessionId,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    iss: String,
    aud: String,
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
}

struct Known {
    kid: String,
    algorithm: Algorithm,
    key: DecodingKey,
    public: Value,
}

/// Our keys, as they were when last looked at: they rotate while the program runs.
struct Ours {
    seeds: Vec<(i16, Key)>,
    mints: (String, EncodingKey),
    known: Vec<Known>,
}

impl Ours {
    fn of(seeds: Vec<(i16, Key)>) -> anyhow::Result<Self> {
        let (newest, seed) = seeds.first().context("no signing key")?;
        let mints = EncodingKey::from_ed_der(&[PKCS8.as_slice(), seed].concat());
        let mut known = Vec::new();
        for (id, seed) in &seeds {
            let pair = Ed25519KeyPair::from_seed_unchecked(seed)
                .map_err(|_| anyhow::anyhow!("[signing] {id} is no key of Ed25519"))?;
            let public = pair.public_key().as_ref();
            let x = BASE64_URL_SAFE_NO_PAD.encode(public);
            known.push(Known {
                kid: kid(*id),
                algorithm: Algorithm::EdDSA,
                key: DecodingKey::from_ed_der(public),
                public: json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid(*id), "alg": "EdDSA", "use": "sig" }),
            });
        }
        Ok(Self {
            mints: (kid(*newest), mints),
            known,
            seeds,
        })
    }
}

/// The keys.
pub struct Access {
    keyring: Arc<Keyring>,
    ours: ArcSwap<Ours>,
    others: Vec<Known>,
    lifetime: TimeDelta,
}

impl Access {
    /// Our keys, and the file of others' that are taken too.
    pub fn new(
        keyring: Arc<Keyring>,
        others: Option<&Path>,
        lifetime: TimeDelta,
    ) -> anyhow::Result<Self> {
        let others = match others {
            Some(file) => read(file).with_context(|| file.display().to_string())?,
            None => Vec::new(),
        };
        if let Some(other) = others.iter().find(|other| other.kid.starts_with(KID)) {
            bail!(
                "logins.trusted_keys: {} is a name of our own keys",
                other.kid
            )
        }
        Ok(Self {
            ours: ArcSwap::from_pointee(Ours::of(keyring.signing_keys())?),
            keyring,
            others,
            lifetime,
        })
    }

    /// Our keys as they are now.
    fn ours(&self) -> Arc<Ours> {
        let (known, seeds) = (self.ours.load_full(), self.keyring.signing_keys());
        if known.seeds == seeds {
            return known;
        }
        match Ours::of(seeds) {
            Ok(fresh) => {
                let fresh = Arc::new(fresh);
                self.ours.store(fresh.clone());
                fresh
            }
            // a seed is any 32 bytes: this does not happen, and what signed before still does
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the signing keys are not taken"
                );
                known
            }
        }
    }

    /// How long a token is valid.
    pub fn lifetime(&self) -> TimeDelta {
        self.lifetime
    }

    /// A token for a login.
    pub fn mint(&self, claims: Claims, now: DateTime<Utc>) -> Result<String> {
        let ours = self.ours();
        let (kid, key) = &ours.mints;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(KIND.to_owned());
        header.kid = Some(kid.clone());
        let wire = Wire {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.user.0,
            sid: claims.session.0,
            iat: now.timestamp(),
            nbf: None,
            exp: (now + self.lifetime).timestamp(),
        };
        encode(&header, &wire, key).map_err(|e| Error::Internal(e.into()))
    }

    /// What a token says, if one of our keys says so and it is valid now. Why not is nobody's business.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<Claims> {
        if token.len() > LONGEST {
            return None;
        }
        let header = decode_header(token).ok()?;
        let plain = header.typ.as_deref() == Some(KIND)
            && header.jku.is_none()
            && header.jwk.is_none()
            && header.x5u.is_none()
            && header.x5c.is_none()
            && header.crit.is_none();
        let ours = self.ours();
        let known = ours
            .known
            .iter()
            .chain(&self.others)
            .find(|known| Some(&known.kid) == header.kid.as_ref())?;
        if !plain || header.alg != known.algorithm {
            return None;
        }
        let mut rules = Validation::new(known.algorithm);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // the library asks the system's clock
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let wire: Wire = decode(token, &known.key, &rules).ok()?.claims;
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0);
        let (begins, ends) = (at(wire.nbf.unwrap_or(wire.iat))?, at(wire.exp)?);
        let issued = at(wire.iat)?;
        let valid = issued - SKEW <= now
            && begins - SKEW <= now
            && now < ends + SKEW
            && ends - issued <= self.lifetime;
        valid.then_some(Claims {
            user: UserId(wire.sub),
            session: SessionId(wire.sid),
        })
    }

    /// The public keys, as anybody may see them (RFC 7517).
    pub fn public(&self) -> Value {
        let ours = self.ours();
        let all = ours.known.iter().chain(&self.others);
        json!({ "keys": all.map(|known| &known.public).collect::<Vec<_>>() })
    }
}

fn kid(id: i16) -> String {
    format!("{KID}{id}")
}

/// Keys of a JWK set: RSA for RS256, Ed25519 for EdDSA; anything else is refused at the start.
fn read(file: &Path) -> anyhow::Result<Vec<Known>> {
    let set: JwkSet = serde_json::from_str(&fs::read_to_string(file)?)?;
    let mut known = Vec::new();
    for jwk in set.keys {
        let kid = jwk.common.key_id.clone().context("a key has no kid")?;
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => {
                let bits = BASE64_URL_SAFE_NO_PAD.decode(&rsa.n)?.len() * 8;
                if bits < 2048 {
                    bail!("{kid}: an RSA key needs 2048 bits")
                }
                Algorithm::RS256
            }
            AlgorithmParameters::OctetKeyPair(_) => Algorithm::EdDSA,
            _ => bail!("{kid}: only RSA and Ed25519 keys are taken"),
        };
        known.push(Known {
            key: DecodingKey::from_jwk(&jwk)?,
            public: serde_json::to_value(&jwk)?,
            kid,
            algorithm,
        });
    }
    Ok(known)
}
