//! The layers and how one is laid over the other.
use super::unknown;
use anyhow::{Context, Result, bail};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

const DEFAULT: &str = include_str!("../../configs/default.toml");
const USUAL: &str = "/etc/hywarden/config.toml";
const PREFIX: &str = "HYWARDEN__";
/// Keys whose value is never shown.
const SECRETS: [(&str, &str); 3] = [("database", "url"), ("redis", "url"), ("mail", "smtp_url")];

/// The built-in file, with its comments.
pub fn default_text() -> &'static str {
    DEFAULT
}

/// Where settings come from beside the built-in file.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`; none: /etc/hywarden/config.toml if it is there.
    pub file: Option<PathBuf>,
    /// The environment.
    pub env: Vec<(String, String)>,
    /// `section.key` and value, from flags.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The process' own environment, with these flags.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        let env = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .filter(|(k, _)| k.starts_with(PREFIX))
            .collect();
        Self { file, env, flags }
    }
}

pub fn merged(sources: &Sources) -> Result<Table> {
    let known: Table = DEFAULT.parse().context("configs/default.toml")?;
    let mut all = known.clone();
    if let Some((path, text)) = file(sources.file.as_deref())? {
        let name = path.display().to_string();
        let given: Table = text.parse().with_context(|| name.clone())?;
        lay(&mut all, given, &known).context(name)?;
    }
    for (name, value) in &sources.env {
        let Some(path) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let path = path.to_lowercase().replace("__", ".");
        lay(&mut all, single(&path, value, &known), &known).with_context(|| name.clone())?;
    }
    for (path, value) in &sources.flags {
        lay(&mut all, single(path, value, &known), &known)
            .with_context(|| format!("--set {path}"))?;
    }
    Ok(all)
}

fn file(asked: Option<&Path>) -> Result<Option<(PathBuf, String)>> {
    let path = asked.unwrap_or(Path::new(USUAL));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.to_owned(), text))),
        Err(e) if asked.is_none() && e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// One layer over what is there. A secret and its `_file` displace each other, so the later layer wins.
fn lay(all: &mut Table, given: Table, known: &Table) -> Result<()> {
    if let Some(sentence) = unknown::first(&given, known) {
        bail!(sentence)
    }
    for (section, key) in SECRETS {
        let file = format!("{key}_file");
        let set = |key: &str| text(&given, section, key).is_some_and(|t| !t.is_empty());
        match (set(key), set(&file)) {
            (true, true) => bail!("{section}.{key} and {section}.{file} are both set"),
            (true, false) => empty(all, section, &file),
            (false, true) => empty(all, section, key),
            (false, false) => {}
        }
    }
    for (key, value) in given {
        match (value, all.get_mut(&key)) {
            (Value::Table(values), Some(Value::Table(section))) => section.extend(values),
            (value, _) => {
                all.insert(key, value);
            }
        }
    }
    Ok(())
}

fn text<'a>(table: &'a Table, section: &str, key: &str) -> Option<&'a str> {
    table.get(section)?.get(key)?.as_str()
}

fn empty(all: &mut Table, section: &str, key: &str) {
    if let Some(Value::Table(section)) = all.get_mut(section) {
        section.insert(key.to_owned(), Value::String(String::new()));
    }
}

/// A table with one key, the text read as the type that the default has.
fn single(path: &str, value: &str, known: &Table) -> Table {
    let (section, key) = match path.split_once('.') {
        Some((section, key)) => (Some(section), key),
        None => (None, path),
    };
    let like = match section {
        Some(section) => known.get(section).and_then(|s| s.get(key)),
        None => known.get(key),
    };
    let text = || Value::String(value.to_owned());
    let value = match like {
        Some(Value::Integer(_)) => value.parse().map_or_else(|_| text(), Value::Integer),
        Some(Value::Boolean(_)) => value.parse().map_or_else(|_| text(), Value::Boolean),
        Some(Value::Array(_)) => list(value),
        _ => text(),
    };
    let one = Table::from_iter([(key.to_owned(), value)]);
    match section {
        Some(section) => Table::from_iter([(section.to_owned(), Value::Table(one))]),
        None => one,
    }
}

/// `a, b` or a list as TOML writes it.
fn list(text: &str) -> Value {
    if let Ok(Some(Value::Array(items))) = format!("list = {text}")
        .parse::<Table>()
        .map(|mut t| t.remove("list"))
    {
        return Value::Array(items);
    }
    let items = text.split(',').map(str::trim).filter(|t| !t.is_empty());
    Value::Array(
        items
            .map(|t| {
                t.parse()
                    .map_or_else(|_| Value::String(t.to_owned()), Value::Integer)
            })
            .collect(),
    )
}

/// Fills a secret from its file, without the newline that editors leave.
pub fn read_secret(secret: &mut Option<SecretString>, file: Option<&Path>) -> Result<()> {
    let Some(file) = file else { return Ok(()) };
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    if text.trim().is_empty() {
        bail!("{} is empty", file.display())
    }
    *secret = Some(SecretString::from(text.trim().to_owned()));
    Ok(())
}

/// What is in force, with the data directory that an empty one stands for, without secrets.
pub fn redacted(sources: &Sources, data_dir: &Path) -> Result<String> {
    let mut all = merged(sources)?;
    let dir = data_dir.display().to_string();
    all.insert("data_dir".to_owned(), Value::String(dir));
    for (section, key) in SECRETS {
        if text(&all, section, key).is_some_and(|t| !t.is_empty())
            && let Some(Value::Table(section)) = all.get_mut(section)
        {
            section.insert(key.to_owned(), Value::String("<redacted>".to_owned()));
        }
    }
    Ok(toml::to_string(&all)?)
}
