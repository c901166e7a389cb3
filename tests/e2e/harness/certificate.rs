//! A certificate that no authority signed, as most small operators have it.
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::folder::Folder;

/// The name that clients must ask for.
pub const NAME: &str = "n1.test";

pub struct Certificate {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// As `--pin` takes it.
    pub pin: String,
}

impl Certificate {
    pub fn new(folder: &Folder) -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let digest = Sha256::digest(made.cert.der());
        Self {
            cert: folder.write("cert.pem", made.cert.pem()),
            key: folder.write("key.pem", made.signing_key.serialize_pem()),
            pin: digest
                .iter()
                .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")),
        }
    }
}
