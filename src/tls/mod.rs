//! TLS for our own listeners: a certificate from two files, read again when they change, without a restart.
mod validity;

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use tokio_util::sync::CancellationToken;

/// Between two looks at the files.
const PERIOD: Duration = Duration::from_secs(5);

/// A certificate with its key, as the files last had them.
#[derive(Debug)]
pub struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    seen: Mutex<Stamp>,
}

/// When both files were last written.
type Stamp = (SystemTime, SystemTime);

impl Certificate {
    /// Reads both files (PEM: the chain, leaf first, and its key).
    pub fn open(cert: &Path, key: &Path) -> Result<Arc<Self>> {
        let seen = stamp(cert, key)?;
        let current = ArcSwap::from_pointee(read(cert, key)?);
        Ok(Arc::new(Self {
            cert: cert.into(),
            key: key.into(),
            current,
            seen: Mutex::new(seen),
        }))
    }

    /// What a listener takes: TLS 1.2 and 1.3, HTTP/1.1 (Hysteria's client handles it best, reference 9, #1261).
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig> {
        let provider: Arc<CryptoProvider> = aws_lc_rs::default_provider().into();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// When the present one ends.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        validity::ends_at(self.current.load().cert.first()?)
    }

    /// Takes new files if there are any; true if it did. Bad ones are an error, and the old certificate stays.
    pub fn refresh(&self) -> Result<bool> {
        let now = stamp(&self.cert, &self.key)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(false);
        }
        self.current.store(Arc::new(read(&self.cert, &self.key)?));
        *seen = now;
        Ok(true)
    }

    /// Looks now and then, until `stop`.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(PERIOD))
            .await
            .is_some()
        {
            match self.refresh() {
                Ok(true) => tracing::info!(cert = %self.cert.display(), "certificate read again"),
                Ok(false) => {}
                Err(error) => tracing::warn!(
                    error = format!("{error:#}"),
                    "the new certificate is not taken"
                ),
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn stamp(cert: &Path, key: &Path) -> Result<Stamp> {
    let written = |path: &Path| {
        let known = fs::metadata(path).and_then(|m| m.modified());
        known.with_context(|| format!("cannot read {}", path.display()))
    };
    Ok((written(cert)?, written(key)?))
}

fn read(cert: &Path, key: &Path) -> Result<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("{} holds no certificate", cert.display()))?;
    let key_der = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("{} holds no private key", key.display()))?;
    CertifiedKey::from_der(chain, key_der, &aws_lc_rs::default_provider()).with_context(|| {
        format!(
            "{} and {} do not belong together",
            cert.display(),
            key.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, at: u64) -> Vec<u8> {
        let pair = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        for (file, text) in [
            ("cert.pem", pair.cert.pem()),
            ("key.pem", pair.signing_key.serialize_pem()),
        ] {
            fs::write(dir.join(file), text).unwrap();
            let written = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
            fs::File::options()
                .write(true)
                .open(dir.join(file))
                .unwrap()
                .set_modified(written)
                .unwrap();
        }
        pair.cert.der().to_vec()
    }

    #[test]
    fn a_new_pair_is_taken_and_a_bad_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        assert!(Certificate::open(&cert, &key).is_err_and(|e| e.to_string().contains("cert.pem")));
        let first = write(dir.path(), "one.test", 1);
        let certificate = Certificate::open(&cert, &key).unwrap();
        let leaf = || certificate.current.load().cert[0].to_vec();
        assert_eq!(leaf(), first);
        assert!(!certificate.refresh().unwrap(), "nothing new");
        let second = write(dir.path(), "two.test", 2);
        assert!(certificate.refresh().unwrap());
        assert_eq!(leaf(), second);
        fs::write(&key, "no key").unwrap();
        assert!(certificate.refresh().is_err());
        assert_eq!(leaf(), second, "the old pair stays");
        assert!(certificate.server_config().is_ok());
        assert!(
            certificate
                .ends_at()
                .is_some_and(|at| at > DateTime::UNIX_EPOCH)
        );
    }
}
