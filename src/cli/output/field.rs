//! Fields of an answer as text. Nothing is assumed: what is missing reads as a dash.
use serde_json::Value;

/// Turns one answer into the text of one column.
pub type Field = fn(&Value) -> String;

/// What stands where there is nothing.
pub const NOTHING: &str = "-";

/// The value at `key`, dotted for nested ones, as plain text.
pub fn text(value: &Value, key: &str) -> String {
    let mut at = Some(value);
    for part in key.split('.') {
        at = at.and_then(|value| value.get(part));
    }
    at.map_or_else(|| NOTHING.to_owned(), plain)
}

/// A list of names.
pub fn list(value: &Value, key: &str) -> String {
    match value.get(key).and_then(Value::as_array) {
        Some(items) if !items.is_empty() => items.iter().map(named).collect::<Vec<_>>().join(","),
        _ => NOTHING.to_owned(),
    }
}

/// Yes or no.
pub fn flag(value: &Value, key: &str) -> String {
    match value.get(key).and_then(Value::as_bool) {
        Some(true) => "yes".to_owned(),
        Some(false) => "no".to_owned(),
        None => NOTHING.to_owned(),
    }
}

/// An object by its name, anything else as it is.
fn named(value: &Value) -> String {
    value.get("name").map_or_else(|| plain(value), plain)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => harmless(text),
        Value::Array(_) | Value::Object(_) if value.get("name").is_some() => named(value),
        other => harmless(&other.to_string()),
    }
}

/// Names and errors come from elsewhere; a terminal must not obey what they hold.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || is_bidi(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// Marks that turn the direction of a line around.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields() {
        let value = json!({"a": {"b": 7}, "s": "x\u{1b}[2J", "e": "", "g": ["x", {"name": "y"}], "t": true});
        assert_eq!(text(&value, "a.b"), "7");
        assert_eq!(text(&value, "s"), "x\u{fffd}[2J");
        assert_eq!(text(&value, "e"), "-");
        assert_eq!(text(&value, "a.c.d"), "-");
        assert_eq!(list(&value, "g"), "x,y");
        assert_eq!(
            (flag(&value, "t"), flag(&value, "u")),
            ("yes".into(), "-".into())
        );
    }
}
