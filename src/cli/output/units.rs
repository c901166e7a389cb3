//! Amounts and instants as people read them.
use super::field::{NOTHING, text};
use chrono::{DateTime, SecondsFormat};
use serde_json::Value;
use std::fmt::Write;

/// The bytes at `key`, as a size.
pub fn bytes(value: &Value, key: &str) -> String {
    match value.get(key).and_then(Value::as_u64) {
        Some(bytes) => size(bytes),
        None => text(value, key),
    }
}

/// A limit: nothing there means that there is none.
pub fn limit(value: &Value, key: &str) -> String {
    match value.get(key) {
        None | Some(Value::Null) => "unlimited".to_owned(),
        Some(_) => text(value, key),
    }
}

/// An instant without fractions, in UTC.
pub fn instant(value: &Value, key: &str) -> String {
    let Some(written) = value.get(key).and_then(Value::as_str) else {
        return NOTHING.to_owned();
    };
    DateTime::parse_from_rfc3339(written).map_or_else(
        |_| text(value, key),
        |at| at.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}

/// A span at `key`, in its largest two units.
pub fn seconds(value: &Value, key: &str) -> String {
    let Some(all) = value.get(key).and_then(Value::as_u64) else {
        return NOTHING.to_owned();
    };
    let mut rest = all;
    let mut out = String::new();
    for (factor, unit) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
        let count = rest / factor;
        rest %= factor;
        if count > 0 {
            let _ = write!(out, "{count}{unit}");
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// Bytes in powers of 1024 with two decimals at most, rounded down.
pub fn size(bytes: u64) -> String {
    let units = [
        (1_u64 << 50, "PiB"),
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    let Some((factor, unit)) = units.into_iter().find(|(factor, _)| bytes >= *factor) else {
        return format!("{bytes} B");
    };
    let hundredths = u128::from(bytes) * 100 / u128::from(factor);
    let (whole, part) = (hundredths / 100, hundredths % 100);
    if part == 0 {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{part:02} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1 << 10, "1 KiB"),
            (1536, "1.50 KiB"),
            (10 << 30, "10 GiB"),
            (u64::MAX, "16383.99 PiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn times() {
        let value = json!({"at": "2026-11-21T09:30:00.123456Z", "none": null, "span": 129_605});
        assert_eq!(instant(&value, "at"), "2026-11-21T09:30:00Z");
        assert_eq!(instant(&value, "none"), "-");
        assert_eq!(seconds(&value, "span"), "1d12h5s");
        assert_eq!(limit(&value, "none"), "unlimited");
    }
}
