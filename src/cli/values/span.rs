//! Time: spans such as `30d`, `1h30m`, `5s`, and instants by RFC 3339.
use chrono::{DateTime, Utc};

/// When something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It does not.
    Never,
    /// So many seconds after it starts.
    After(i64),
    /// At an instant.
    At(DateTime<Utc>),
}

/// A hundred years: what is longer is a slip of the keyboard.
const LONGEST: i64 = 100 * 366 * 86_400;

/// Parses `30d`, `1w`, `12h`, `10m`, `5s` or several of them in a row into seconds.
pub fn span(text: &str) -> Result<i64, String> {
    let expected = || "is no duration: say for instance 30d, 12h, 10m, 5s or 1d12h".to_owned();
    let mut rest = text.trim();
    let mut seconds: i64 = 0;
    if rest.is_empty() {
        return Err(expected());
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(expected)?;
        let (number, tail) = rest.split_at(end);
        let unit = tail.chars().next().ok_or_else(expected)?;
        let factor = match unit.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(expected()),
        };
        let number: i64 = number.parse().map_err(|_| expected())?;
        seconds = number
            .checked_mul(factor)
            .and_then(|part| seconds.checked_add(part))
            .filter(|sum| *sum <= LONGEST)
            .ok_or("is longer than a hundred years")?;
        rest = tail.get(unit.len_utf8()..).unwrap_or_default();
    }
    if seconds == 0 {
        return Err("is no time at all: say at least 1s".to_owned());
    }
    Ok(seconds)
}

/// Parses a span, an instant by RFC 3339, or `never`.
pub fn expiry(text: &str) -> Result<Expiry, String> {
    if text.eq_ignore_ascii_case("never") {
        return Ok(Expiry::Never);
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text.trim()) {
        return Ok(Expiry::At(instant.to_utc()));
    }
    if text.contains('-') {
        return Err(
            "is no instant: say it in full, such as 2027-01-31T00:00:00Z, or a duration such as 30d"
                .to_owned(),
        );
    }
    span(text)
        .map(Expiry::After)
        .map_err(|why| format!("{why}, an instant such as 2027-01-31T00:00:00Z, or never"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans() {
        for (text, seconds) in [
            ("5s", 5),
            ("10m", 600),
            ("30d", 2_592_000),
            ("1w", 604_800),
            ("1d12h", 129_600),
            ("1H30M", 5_400),
        ] {
            assert_eq!(span(text), Ok(seconds), "{text}");
        }
        for text in [
            "",
            "5",
            "s",
            "-5s",
            "1.5h",
            "5 s",
            "0s",
            "1y",
            "99999999w",
            "9223372036854775807w",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn instants() {
        assert_eq!(expiry("never"), Ok(Expiry::Never));
        assert_eq!(expiry("30d"), Ok(Expiry::After(2_592_000)));
        assert!(matches!(
            expiry("2027-01-31T12:00:00+03:30"),
            Ok(Expiry::At(at)) if at.to_rfc3339() == "2027-01-31T08:30:00+00:00"
        ));
        assert!(expiry("2027-01-31").is_err_and(|e| e.contains("T00:00:00Z")));
        assert!(expiry("soon").is_err());
    }

    proptest! {
        #[test]
        fn parts_add_up(d in 0_i64..9_999, h in 0_i64..24, m in 0_i64..60, s in 1_i64..60) {
            prop_assert_eq!(span(&format!("{d}d{h}h{m}m{s}s")), Ok(((d * 24 + h) * 60 + m) * 60 + s));
        }
        #[test]
        fn never_panics(text in "\\PC{0,24}") {
            let _ = expiry(&text);
        }
        #[test]
        fn what_looks_like_a_span_never_panics(text in "([0-9]{0,22}[smhdwSMHDW]){0,4}") {
            if let Ok(seconds) = span(&text) {
                prop_assert!((1..=LONGEST).contains(&seconds));
            }
        }
    }
}
