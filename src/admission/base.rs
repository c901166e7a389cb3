//! Two spellings of numbers and bytes in `[a-z0-9]`: base 36 for numbers, base 32 (RFC 4648, lower case) for bytes.

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Writes a number in base 36, most significant digit first, without leading zeros.
pub fn push_base36(out: &mut String, mut number: u64) {
    let mut digits = [0_u8; 13];
    let mut start = digits.len();
    for slot in digits.iter_mut().rev() {
        let digit = usize::try_from(number % 36).unwrap_or(0);
        *slot = DIGITS.get(digit).copied().unwrap_or(b'0');
        start -= 1;
        number /= 36;
        if number == 0 {
            break;
        }
    }
    out.extend(digits.iter().skip(start).map(|d| char::from(*d)));
}

/// Reads what `push_base36` writes, and nothing else: one number has one spelling.
pub fn parse_base36(text: &str) -> Option<i64> {
    let canonical = !text.is_empty()
        && text.len() <= 13
        && (text == "0" || !text.starts_with('0'))
        && text.bytes().all(|b| DIGITS.contains(&b));
    canonical.then(|| i64::from_str_radix(text, 36).ok())?
}

/// Writes bytes in base 32; five bytes are eight letters, a last partial group is filled with zero bits.
pub fn push_base32(out: &mut String, bytes: &[u8]) {
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            push_letter(out, held >> bits);
        }
    }
    if bits > 0 {
        push_letter(out, held << (5 - bits));
    }
}

fn push_letter(out: &mut String, value: u32) {
    let index = usize::try_from(value & 31).unwrap_or(0);
    out.push(LETTERS.get(index).map_or('a', |l| char::from(*l)));
}

/// Reads `N` bytes of base 32; the filling bits must be zero, so that bytes have one spelling.
pub fn parse_base32<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != (N * 8).div_ceil(5) {
        return None;
    }
    let mut out = [0_u8; N];
    let mut bytes = out.iter_mut();
    let (mut held, mut bits) = (0_u32, 0_u32);
    for letter in text.bytes() {
        let value = match letter {
            b'a'..=b'z' => letter - b'a',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *bytes.next()? = u8::try_from(held >> bits & 0xff).ok()?;
            held &= (1 << bits) - 1;
        }
    }
    (held == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(n in 0..=i64::MAX) {
            let mut text = String::new();
            push_base36(&mut text, n.cast_unsigned());
            prop_assert_eq!(parse_base36(&text), Some(n));
        }
        #[test]
        fn bytes_come_back(bytes: [u8; 16], short: [u8; 10]) {
            let (mut a, mut b) = (String::new(), String::new());
            push_base32(&mut a, &bytes);
            push_base32(&mut b, &short);
            prop_assert_eq!(parse_base32(&a), Some(bytes));
            prop_assert_eq!(parse_base32(&b), Some(short));
        }
        #[test]
        fn whatever_is_read_is_written_the_same(text in "[a-z2-7]{16}") {
            if let Some(bytes) = parse_base32::<10>(&text) {
                let mut again = String::new();
                push_base32(&mut again, &bytes);
                prop_assert_eq!(again, text);
            }
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", "00", "01", "A", "-1", "zzzzzzzzzzzzz", "1 ", "+1"] {
            assert_eq!(parse_base36(text), None, "{text:?}");
        }
        let mut rfc = String::new();
        push_base32(&mut rfc, b"foobar");
        assert_eq!(
            rfc, "mzxw6ytboi",
            "RFC 4648, section 10, lower case and unpadded"
        );
        assert_eq!(
            parse_base32::<1>("ab"),
            None,
            "filling bits that are not zero"
        );
    }
}
