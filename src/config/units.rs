//! Durations and sizes as people write them.
use serde::{Deserialize, Deserializer, de::Error};
use std::time::Duration;

/// `500ms`, `8s`, `10m`, `12h`, `30d`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let each = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" | "min" => Duration::from_mins(1),
        "h" => Duration::from_hours(1),
        "d" => Duration::from_hours(24),
        "w" => Duration::from_hours(7 * 24),
        _ => {
            return Err(format!(
                "`{text}` is not a duration such as 500ms, 8s, 10m, 12h, 30d"
            ));
        }
    };
    u32::try_from(number)
        .ok()
        .and_then(|n| each.checked_mul(n))
        .ok_or_else(|| format!("`{text}` is too long"))
}

/// `4096`, `64KiB`, `4MiB`, `1GiB`, `10GB`, `1TiB`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let each: u64 = match unit {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        "TiB" | "T" => 1 << 40,
        "PiB" => 1 << 50,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => {
            return Err(format!(
                "`{text}` is not a size such as 4096, 64KiB, 4MiB, 10GiB, 10GB"
            ));
        }
    };
    number
        .checked_mul(each)
        .ok_or_else(|| format!("`{text}` is too large"))
}

fn split(text: &str) -> Result<(u64, &str), String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number
        .parse()
        .map_err(|_| format!("`{text}` does not begin with a number"))?;
    Ok((number, unit.trim()))
}

pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(from)?).map_err(D::Error::custom)
}

pub(super) fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    parse_bytes(&String::deserialize(from)?).map_err(D::Error::custom)
}
