//! Amounts of bytes: `10GiB`, `500MB`, `1.5TB`, `1048576`, `unlimited`.
use super::decimal::{split, times};

/// A quota as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// No limit.
    Unlimited,
    /// So many bytes.
    Bytes(i64),
}

impl Size {
    /// The bytes, `None` for no limit: what the API takes.
    pub fn bytes(self) -> Option<i64> {
        match self {
            Self::Unlimited => None,
            Self::Bytes(bytes) => Some(bytes),
        }
    }
}

/// Parses a size.
pub fn size(text: &str) -> Result<Size, String> {
    if text.eq_ignore_ascii_case("unlimited") {
        return Ok(Size::Unlimited);
    }
    let (number, unit) = split(text);
    let factor: u128 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "pb" => 1_000_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        "pib" => 1 << 50,
        short @ ("k" | "m" | "g" | "t" | "p") => {
            let letter = short.to_ascii_uppercase();
            return Err(format!(
                "say {number}{letter}iB (powers of 1024) or {number}{letter}B (powers of 1000)"
            ));
        }
        _ => return Err(expected()),
    };
    let bytes = times(number, factor).ok_or_else(expected)?;
    i64::try_from(bytes)
        .map(Size::Bytes)
        .map_err(|_| expected())
}

fn expected() -> String {
    "is no size: say for instance 10GiB, 500MB, 1.5TB, a number of bytes, or unlimited".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units() {
        for (text, bytes) in [
            ("10GiB", 10 << 30),
            ("500MB", 500_000_000),
            ("0.1GB", 100_000_000),
            ("1.5 KiB", 1536),
            ("7", 7),
            ("7b", 7),
            ("1_000kb", 1_000_000),
        ] {
            assert_eq!(size(text), Ok(Size::Bytes(bytes)), "{text}");
        }
        assert_eq!(size("Unlimited").map(Size::bytes), Ok(None));
    }

    #[test]
    fn refusals() {
        for text in [
            "", "GiB", "-1GB", "1.GB", ".5GB", "1..5GB", "10Gbit", "9999PiB", "1e9", "0x10",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
        assert!(size("10G").is_err_and(|e| e.contains("10GiB") && e.contains("10GB")));
    }

    proptest! {
        #[test]
        fn whole_numbers_are_exact(n in 0_i64..1 << 12, unit in 0_usize..6) {
            let suffix = ["", "KiB", "MiB", "GiB", "TiB", "PiB"][unit];
            let bytes = n << (10 * unit);
            prop_assert_eq!(size(&format!("{n}{suffix}")), Ok(Size::Bytes(bytes)));
        }
        #[test]
        fn never_panics_nor_exceeds(text in "\\PC{0,24}") {
            if let Ok(Size::Bytes(bytes)) = size(&text) {
                prop_assert!((0..=1 << 62).contains(&bytes));
            }
        }
        #[test]
        fn what_looks_like_a_size_never_panics(text in "[0-9._]{0,40} ?[kmgtpKMGTP]?i?[bB]?") {
            let _ = size(&text);
        }
    }
}
