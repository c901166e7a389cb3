//! Inside a number or a word.
use super::{Digits, StatsError, Token, Tokens, Within};

impl Tokens {
    pub(super) fn in_number(
        &mut self,
        byte: u8,
        digits: Digits,
        on: &mut impl FnMut(Token<'_>) -> Result<(), StatsError>,
    ) -> Result<(), StatsError> {
        let digits = match (digits, byte) {
            (Digits::Minus, b'0') => Digits::Zero,
            (Digits::Minus, b'1'..=b'9') => Digits::Whole,
            (Digits::Whole, b'0'..=b'9') => {
                self.number = self
                    .number
                    .and_then(|n| n.checked_mul(10))
                    .and_then(|n| n.checked_add(u64::from(byte - b'0')));
                Digits::Whole
            }
            (Digits::Zero | Digits::Whole, b'.') => Digits::Point,
            (Digits::Point | Digits::Fraction, b'0'..=b'9') => Digits::Fraction,
            (Digits::Zero | Digits::Whole | Digits::Fraction, b'e' | b'E') => Digits::Exponent,
            (Digits::Exponent, b'+' | b'-') => Digits::Sign,
            (Digits::Exponent | Digits::Sign | Digits::Power, b'0'..=b'9') => Digits::Power,
            (Digits::Zero | Digits::Whole | Digits::Fraction | Digits::Power, _) => {
                self.value_ended();
                on(Token::Number(self.number))?;
                return self.between(byte, on);
            }
            _ => return self.wrong("a broken number"),
        };
        if !matches!(digits, Digits::Zero | Digits::Whole) {
            self.number = None;
        }
        self.within = Within::Number(digits);
        Ok(())
    }

    pub(super) fn literal(
        &mut self,
        byte: u8,
        rest: &'static [u8],
        on: &mut impl FnMut(Token<'_>) -> Result<(), StatsError>,
    ) -> Result<(), StatsError> {
        match rest.split_first() {
            Some((&first, rest)) if first == byte => {
                if rest.is_empty() {
                    self.value_ended();
                    return on(Token::Other);
                }
                self.within = Within::Literal(rest);
                Ok(())
            }
            _ => self.wrong("not JSON"),
        }
    }
}
