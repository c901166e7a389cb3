//! The keys' file beside the transaction that says why it changed.
use super::Keys;
use crate::{
    error::{Error, Result},
    keyring::Keyring,
};
use std::fs;

/// The file as a change left it that is not committed yet. Dropped before `stays`, however the change ended, it puts the
/// file back: no key mints, and none is gone, without an audit row that says so.
pub(super) struct Rewritten<'a> {
    keys: &'a Keys,
    before: String,
    after: String,
    stays: bool,
}

impl<'a> Rewritten<'a> {
    /// Changes the file from one text to another: the last step before the commit.
    pub(super) fn write(keys: &'a Keys, before: String, after: String) -> Result<Self> {
        if keys.read_file()? != before {
            let why = "somebody else changes the keys' file: try again";
            return Err(Error::State(why.to_owned()));
        }
        let this = Self {
            keys,
            before,
            after,
            stays: false,
        };
        this.replace(&this.after)?;
        Ok(this)
    }

    /// The change is committed.
    pub(super) fn stays(mut self) {
        self.stays = true;
    }

    fn replace(&self, text: &str) -> Result<()> {
        let keys = self.keys;
        Keyring::rewrite(&keys.file, text, keys.store.clock.clone())
            .map_err(|why| Error::State(format!("{why:#}")))
    }
}

impl Drop for Rewritten<'_> {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        // what somebody else wrote since is theirs
        let ours = fs::read_to_string(&self.keys.file).is_ok_and(|text| text == self.after);
        if ours && let Err(why) = self.replace(&self.before) {
            tracing::error!(file = %self.keys.file.display(), %why, "the keys' file holds a change that was not committed");
        }
    }
}
