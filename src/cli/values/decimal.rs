//! A number with a unit, exactly: no floating point, so `0.1GB` is 100,000,000 and not one less.

/// The largest amount that the accounts hold.
pub const LARGEST: u128 = 1 << 62;

/// Splits `text` into its number and its unit.
pub fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// `number` × `factor`, rounded down; `None` when it is no number or larger than the accounts hold.
pub fn times(number: &str, factor: u128) -> Option<u128> {
    let digits: String = number.chars().filter(|c| *c != '_').collect();
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    if whole.is_empty() || fraction.len() > 9 || (digits.contains('.') && fraction.is_empty()) {
        return None;
    }
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let mantissa: u128 = format!("{whole}{fraction}").parse().ok()?;
    let product = mantissa.checked_mul(factor)?.checked_div(scale)?;
    (product <= LARGEST).then_some(product)
}
