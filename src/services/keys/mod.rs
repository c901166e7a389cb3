//! The keys of the installation: brought together with the data at a start, shown, rotated, retired while the program runs,
//! and everything that older keys hash or seal moved to the newest.
mod open;
mod rekey;
mod rewritten;
mod rotate;

pub use crate::keyring::Purpose;
pub use open::open;
pub use rotate::KeyState;

use crate::{
    admission::{CredentialKeys, IdKeys},
    error::Result,
    keyring::Keyring,
    services::store::Store,
};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// The service.
#[derive(Clone)]
pub struct Keys {
    pub store: Store,
    pub keyring: Arc<Keyring>,
    pub ids: Arc<IdKeys>,
    pub credentials: CredentialKeys,
    pub file: PathBuf,
    /// There may be other instances, which read the file a moment later.
    pub shared: bool,
    /// What minted when everything was last moved; none: it has not been looked at since the start.
    pub moved: Arc<Mutex<Option<[Option<i16>; 2]>>>,
    /// Held from before the file is changed until the change is committed: nobody takes up a key before.
    pub changing: Arc<tokio::sync::Mutex<()>>,
}

impl Keys {
    /// Reads the file again; everything that holds keys has the new ones from then on. `true`: something changed.
    fn reload(&self) -> Result<bool> {
        let Some(fresh) = Keyring::read(&self.file, self.store.clock.clone())? else {
            return Ok(false);
        };
        let changed = self.keyring.take(&fresh);
        // also when nothing changed: a key's time to mint may have come
        self.ids.replace(self.keyring.connection_id_keys());
        self.credentials.replace(self.keyring.peppers());
        Ok(changed)
    }

    /// Follows the file, and moves what older keys hold. Gives how many values were moved.
    pub async fn run_once(&self) -> Result<usize> {
        let changing = self.changing.lock().await;
        self.reload()?;
        drop(changing);
        let minting = [Purpose::Pepper, Purpose::Sealing].map(|p| self.keyring.minting(p));
        if *self.moved.lock().unwrap_or_else(PoisonError::into_inner) == Some(minting) {
            return Ok(0);
        }
        let moved = self.rehash().await? + self.reseal().await?;
        if moved == 0 {
            *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(minting);
        }
        Ok(moved)
    }
}
