//! The file of keys: TOML, one section a purpose, `number = "base64"`. Readable by its owner alone, written through to
//! the disk before anything is hashed or sealed with what it holds.
use super::{Key, Keyring, Purpose};
use crate::clock::Clock;
use anyhow::{Context, Result, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};
use toml::{Table, Value};

const HEAD: &str = "\
# Keys of this Hywarden installation. Without them no credential is recognised and no secret opens: keep a copy apart
# from the database's. To rotate, add a line with the next number (32 bytes, base64) and keep the old ones.
";

impl Keyring {
    /// The keys of a file; none if it is not there.
    pub fn read(path: &Path, clock: Arc<dyn Clock>) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.display())),
        };
        let mode = fs::metadata(path)?.mode() & 0o777;
        if mode & 0o007 != 0 {
            bail!(
                "{} may be read by everybody (mode {mode:04o}): run `chmod 600 {0}`",
                path.display()
            )
        }
        let keys = parse(&text).and_then(|all| Self::assemble(all, clock));
        keys.map(Some).with_context(|| path.display().to_string())
    }

    /// Writes a file that must not exist yet. It appears whole or not at all.
    pub fn write_new(&self, path: &Path) -> Result<()> {
        let name = path.file_name().context("the keys' file has no name")?;
        let folder = path.parent().context("the keys' file has no folder")?;
        let mut draft_name = name.to_owned();
        draft_name.push(".new");
        let draft = folder.join(draft_name);
        match fs::remove_file(&draft) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .with_context(|| format!("cannot write {}", draft.display()))?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()?;
        // a link and not a rename: it never replaces keys that appeared meanwhile
        fs::hard_link(&draft, path).with_context(|| format!("cannot make {}", path.display()))?;
        fs::remove_file(&draft)?;
        File::open(folder)?.sync_all()?;
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for purpose in Purpose::ALL {
            text += &["\n[", purpose.as_str(), "]\n"].concat();
            for (id, key) in self.of(purpose) {
                let key = BASE64_STANDARD.encode(key);
                text += &[&id.to_string(), " = \"", &key, "\"\n"].concat();
            }
        }
        text
    }
}

fn parse(text: &str) -> Result<Vec<(Purpose, i16, Key)>> {
    // the parser's own message would quote the line, and with it a key
    let table: Table = text
        .parse()
        .map_err(|_| anyhow::anyhow!("is not valid TOML"))?;
    let mut all = Vec::new();
    for (section, values) in &table {
        let purpose = Purpose::ALL.into_iter().find(|p| p.as_str() == section);
        let (Some(purpose), Value::Table(values)) = (purpose, values) else {
            bail!("unknown section [{section}]")
        };
        for (id, value) in values {
            let wrong = || format!("[{section}] {id}: 32 bytes in base64 under a number");
            let number = id.parse().with_context(wrong)?;
            let text = value.as_str().with_context(wrong)?;
            let bytes = BASE64_STANDARD.decode(text).ok().with_context(wrong)?;
            all.push((
                purpose,
                number,
                Key::try_from(bytes).ok().with_context(wrong)?,
            ));
        }
    }
    Ok(all)
}
