//! The file of keys: TOML, one section a purpose, `number = "base64"`. Readable by its owner alone, written through to
//! the disk before anything is hashed or sealed with what it holds.
use super::{Entry, Key, Keyring, Purpose};
use crate::clock::Clock;
use anyhow::{Context, Result, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use toml::{Table, Value};

const HEAD: &str = "\
# Keys of this Hywarden installation. Without them no credential is recognised and no secret opens: keep a copy apart
# from the database's. `hywarden keys rotate` adds a line with the next number and keeps the old ones. By hand: 32 bytes in
# base64; or a table of that under `key` and an instant under `from`: it verifies at once and mints from then on.
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
        let (draft, folder) = draft(path, &self.text())?;
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
                text += &line(id, &key, None);
            }
        }
        text
    }

    /// Replaces the file as a whole by one with this text, which must be readable.
    pub fn rewrite(path: &Path, text: &str, clock: Arc<dyn Clock>) -> Result<()> {
        Self::assemble(parse(text)?, clock)?;
        let (draft, folder) = draft(path, text)?;
        fs::rename(&draft, path).with_context(|| format!("cannot replace {}", path.display()))?;
        File::open(folder)?.sync_all()?;
        Ok(())
    }
}

/// Writes the text beside the file, through to the disk. Gives the draft and its folder.
fn draft<'a>(path: &'a Path, text: &str) -> Result<(PathBuf, &'a Path)> {
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
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok((draft, folder))
}

fn line(id: i16, key: &Key, from: Option<DateTime<Utc>>) -> String {
    let key = BASE64_STANDARD.encode(key);
    match from {
        None => format!("{id} = \"{key}\"\n"),
        Some(from) => {
            let from = from.to_rfc3339_opts(SecondsFormat::Millis, true);
            format!("{id} = {{ key = \"{key}\", from = \"{from}\" }}\n")
        }
    }
}

/// The file's text with one more key, and the key's number. A comment or an order that somebody chose stays.
pub fn added(
    text: &str,
    purpose: Purpose,
    used: &[i16],
    key: &Key,
    from: Option<DateTime<Utc>>,
) -> Result<(String, i16)> {
    let here = parse(text)?;
    let ids = here.iter().filter(|e| e.purpose == purpose).map(|e| e.id);
    let last = ids.chain(used.iter().copied()).max().unwrap_or(0);
    let id = last
        .checked_add(1)
        .with_context(|| format!("[{}] has used all numbers", purpose.as_str()))?;
    let head = format!("[{}]", purpose.as_str());
    let line = line(id, key, from);
    let mut text = text.to_owned();
    if let Some(at) = text.lines().position(|l| l.trim() == head) {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.insert(at + 1, line.trim_end());
        text = lines.join("\n") + "\n";
    } else {
        text = [text.as_str(), "\n", &head, "\n", &line].concat();
    }
    Ok((text, id))
}

/// The file's text without a key.
pub fn removed(text: &str, purpose: Purpose, id: i16) -> String {
    let mut within = false;
    let keep = text.lines().filter(|line| {
        let line = line.trim();
        if line.starts_with('[') {
            within = line == format!("[{}]", purpose.as_str());
        }
        let is_it = line
            .split_once('=')
            .is_some_and(|(n, _)| n.trim() == id.to_string());
        !(within && is_it)
    });
    keep.collect::<Vec<_>>().join("\n") + "\n"
}

fn parse(text: &str) -> Result<Vec<Entry>> {
    // the parser's own message would quote the line, and with it a key
    let table: Table = text
        .parse()
        .map_err(|_| anyhow::anyhow!("is not valid TOML"))?;
    let mut all = Vec::new();
    for (section, values) in &table {
        let (Some(purpose), Value::Table(values)) = (Purpose::named(section), values) else {
            bail!("unknown section [{section}]")
        };
        if values.is_empty() {
            bail!("no key under [{section}]")
        }
        for (id, value) in values {
            let wrong = || format!("[{section}] {id}: 32 bytes in base64 under a number");
            let number = id.parse().with_context(wrong)?;
            let (value, from) = match value {
                Value::Table(parts) => (parts.get("key"), parts.get("from")),
                plain => (Some(plain), None),
            };
            let text = value.and_then(Value::as_str).with_context(wrong)?;
            let bytes = BASE64_STANDARD.decode(text).ok().with_context(wrong)?;
            let from = from
                .map(|from| from.as_str().unwrap_or_default().parse())
                .transpose()
                .with_context(|| format!("[{section}] {id}: from is an instant"))?;
            all.push(Entry {
                purpose,
                id: number,
                key: Key::try_from(bytes).ok().with_context(wrong)?,
                from,
            });
        }
    }
    Ok(all)
}
