//! Line rates: written in decimal bits a second, as operators buy them; kept in bytes a second.
use super::decimal::{split, times};

/// Parses `1Gbit`, `100Mbit`, `2.5Gbps` into bytes a second.
pub fn rate(text: &str) -> Result<i64, String> {
    let expected =
        || "is no rate: say for instance 1Gbit or 100Mbit (bits a second, decimal)".to_owned();
    let (number, unit) = split(text);
    let unit = unit.to_ascii_lowercase();
    let prefix = unit
        .strip_suffix("bit/s")
        .or_else(|| unit.strip_suffix("bit"))
        .or_else(|| unit.strip_suffix("bps"))
        .ok_or_else(expected)?;
    let factor: u128 = match prefix {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        _ => return Err(expected()),
    };
    let bytes = times(number, factor).ok_or_else(expected)? / 8;
    match i64::try_from(bytes) {
        Ok(0) | Err(_) => Err(expected()),
        Ok(bytes) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bits_become_bytes() {
        assert_eq!(rate("1Gbit"), Ok(125_000_000));
        assert_eq!(rate("100 mbit"), Ok(12_500_000));
        assert_eq!(rate("2.5gbps"), Ok(312_500_000));
        assert_eq!(rate("8bit/s"), Ok(1));
        for text in [
            "", "1", "1GB", "0Gbit", "7bit", "1Gibit", "-1Gbit", "1GbitX",
        ] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn exact(n in 1_i64..100_000) {
            prop_assert_eq!(rate(&format!("{n}Mbit")), Ok(n * 125_000));
        }
        #[test]
        fn never_panics(text in "\\PC{0,24}") {
            let _ = rate(&text);
        }
    }
}
