//! A key that nobody knows is refused with the nearest one that exists.
use toml::{Table, Value};

/// The first key of `given` that `known` does not have, as a sentence.
pub fn first(given: &Table, known: &Table) -> Option<String> {
    given
        .iter()
        .find_map(|(key, value)| match (value, known.get(key)) {
            (_, None) => Some(sentence(key, known)),
            (Value::Table(given), Some(Value::Table(known))) => given
                .iter()
                .find(|(k, _)| !known.contains_key(*k))
                .map(|(k, _)| sentence(&format!("{key}.{k}"), &prefixed(key, known))),
            (Value::Table(_), Some(_)) => Some(format!("`{key}` is not a section")),
            (_, Some(Value::Table(_))) => Some(format!("`{key}` is a section, not a value")),
            _ => None,
        })
}

fn prefixed(section: &str, known: &Table) -> Table {
    known
        .iter()
        .map(|(k, v)| (format!("{section}.{k}"), v.clone()))
        .collect()
}

fn sentence(key: &str, known: &Table) -> String {
    let near = known
        .keys()
        .map(|k| (strsim::jaro_winkler(key, k), k))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(nearness, _)| *nearness > 0.75);
    match near {
        Some((_, near)) => format!("unknown key `{key}`, did you mean `{near}`?"),
        None => format!("unknown key `{key}`"),
    }
}
