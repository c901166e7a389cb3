//! JSON in pieces: feed bytes as they come, get tokens. Strict about the grammar, and holds one string of bounded
//! length at most, however large the document.
use super::StatsError;

/// Strings are kept up to here; what is longer is only walked over.
const STRING: usize = 1024;
/// Deepest nesting.
const DEPTH: u32 = 32;

/// What was read. A string is handed over when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open(Kind),
    Close,
    /// A member's name; `cut` if it was longer than is kept.
    Key {
        text: &'a str,
        cut: bool,
    },
    /// A number; its value if it is a whole one of 64 bits without a sign.
    Number(Option<u64>),
    /// A string, true, false or null.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
}

/// What the grammar allows next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    End,
}

/// Where in a token the last byte was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Nothing,
    String { key: bool },
    Escape { key: bool },
    Hex { key: bool, digits: u8, unit: u16 },
    Number(Digits),
    Literal(&'static [u8]),
}

/// Where in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

/// The state between two bytes.
#[derive(Debug)]
pub(super) struct Tokens {
    next: Next,
    within: Within,
    /// One bit a level: set for an object.
    nesting: u32,
    depth: u32,
    text: Vec<u8>,
    cut: bool,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    number: Option<u64>,
    at: u64,
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self {
            next: Next::Value,
            within: Within::Nothing,
            nesting: 0,
            depth: 0,
            text: Vec::with_capacity(STRING),
            cut: false,
            high: None,
            number: None,
            at: 0,
        }
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Reads on; each token goes to `on`.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        on: &mut impl FnMut(Token<'_>) -> Result<(), StatsError>,
    ) -> Result<(), StatsError> {
        for &byte in chunk {
            self.byte(byte, on)?;
            self.at += 1;
        }
        Ok(())
    }

    /// Says that no byte follows.
    pub(super) fn finish(&self) -> Result<(), StatsError> {
        if self.next == Next::End && self.within == Within::Nothing {
            Ok(())
        } else {
            Err(StatsError::CutShort(self.at))
        }
    }

    fn wrong<T>(&self, why: &'static str) -> Result<T, StatsError> {
        Err(StatsError::Malformed { at: self.at, why })
    }

    fn byte(
        &mut self,
        byte: u8,
        on: &mut impl FnMut(Token<'_>) -> Result<(), StatsError>,
    ) -> Result<(), StatsError> {
        match self.within {
            Within::Nothing => self.between(byte, on),
            Within::String { key } => self.in_string(byte, key, on),
            Within::Escape { key } => self.escape(byte, key),
            Within::Hex { key, digits, unit } => self.hex(byte, key, digits, unit),
            Within::Number(digits) => self.in_number(byte, digits, on),
            Within::Literal(rest) => self.literal(byte, rest, on),
        }
    }

    fn between(
        &mut self,
        byte: u8,
        on: &mut impl FnMut(Token<'_>) -> Result<(), StatsError>,
    ) -> Result<(), StatsError> {
        match (byte, self.next) {
            (b' ' | b'\t' | b'\n' | b'\r', _) => Ok(()),
            (b'"', Next::Key | Next::KeyOrEnd) => {
                self.start_string(true);
                Ok(())
            }
            (b':', Next::Colon) => {
                self.next = Next::Value;
                Ok(())
            }
            (b',', Next::CommaOrEnd) => {
                self.next = if self.in_object() {
                    Next::Key
                } else {
                    Next::Value
                };
                Ok(())
            }
            (b'}', Next::KeyOrEnd | Next::CommaOrEnd) if self.in_object() => self.close(on),
            (b']', Next::ValueOrEnd | Next::CommaOrEnd) if !self.in_object() => self.close(on),
            (_, Next::Value | Next::ValueOrEnd) => self.start_value(byte, on),
            (_, Next::End) => self.wrong("something follows the end"),
            _ => self.wrong("not JSON"),
        }
    }

    fn start_value(
        &mut self,
        byte: u8,
        on: &mut impl FnMut(Token<'_>) -> Result<(), StatsError>,
    ) -> Result<(), StatsError> {
        self.within = match byte {
            b'{' => return self.open(Kind::Object, on),
            b'[' => return self.open(Kind::Array, on),
            b'"' => {
                self.start_string(false);
                return Ok(());
            }
            b't' => Within::Literal(b"rue"),
            b'f' => Within::Literal(b"alse"),
            b'n' => Within::Literal(b"ull"),
            b'-' => {
                self.number = None;
                Within::Number(Digits::Minus)
            }
            b'0' => {
                self.number = Some(0);
                Within::Number(Digits::Zero)
            }
            b'1'..=b'9' => {
                self.number = Some(u64::from(byte - b'0'));
                Within::Number(Digits::Whole)
            }
            _ => return self.wrong("not JSON"),
        };
        Ok(())
    }

    fn in_object(&self) -> bool {
        self.nesting & 1 == 1
    }

    fn open(
        &mut self,
        kind: Kind,
        on: &mut impl FnMut(Token<'_>) -> Result<(), StatsError>,
    ) -> Result<(), StatsError> {
        if self.depth == DEPTH {
            return self.wrong("nested too deep");
        }
        self.depth += 1;
        self.nesting = (self.nesting << 1) | u32::from(kind == Kind::Object);
        self.next = match kind {
            Kind::Object => Next::KeyOrEnd,
            Kind::Array => Next::ValueOrEnd,
        };
        on(Token::Open(kind))
    }

    fn close(
        &mut self,
        on: &mut impl FnMut(Token<'_>) -> Result<(), StatsError>,
    ) -> Result<(), StatsError> {
        self.depth -= 1;
        self.nesting >>= 1;
        self.value_ended();
        on(Token::Close)
    }

    fn value_ended(&mut self) {
        self.within = Within::Nothing;
        self.next = if self.depth == 0 {
            Next::End
        } else {
            Next::CommaOrEnd
        };
    }

    fn start_string(&mut self, key: bool) {
        self.text.clear();
        self.cut = false;
        self.within = Within::String { key };
    }

    fn keep(&mut self, bytes: &[u8]) {
        if !self.cut && self.text.len() + bytes.len() <= STRING {
            self.text.extend_from_slice(bytes);
        } else {
            self.cut = true;
        }
    }

    fn keep_char(&mut self, char: char) {
        self.keep(char.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// A first half of a pair that nothing followed.
    fn lone_half(&mut self) {
        if self.high.take().is_some() {
            self.keep_char(char::REPLACEMENT_CHARACTER);
        }
    }

    fn in_string(
        &mut self,
        byte: u8,
        key: bool,
        on: &mut impl FnMut(Token<'_>) -> Result<(), StatsError>,
    ) -> Result<(), StatsError> {
        match byte {
            b'\\' => {
                self.within = Within::Escape { key };
                return Ok(());
            }
            0..=0x1f => return self.wrong("a control character in a string"),
            _ => self.lone_half(),
        }
        if byte != b'"' {
            self.keep(&[byte]);
            return Ok(());
        }
        if !key {
            self.value_ended();
            return on(Token::Other);
        }
        self.within = Within::Nothing;
        self.next = Next::Colon;
        let cut = self.cut;
        match str::from_utf8(&self.text) {
            Ok(text) => on(Token::Key { text, cut }),
            // The cut may stand within a character.
            Err(err) if cut && err.error_len().is_none() => on(Token::Key {
                text: self
                    .text
                    .get(..err.valid_up_to())
                    .and_then(|valid| str::from_utf8(valid).ok())
                    .unwrap_or_default(),
                cut,
            }),
            Err(_) => self.wrong("an id that is not UTF-8"),
        }
    }

    fn escape(&mut self, byte: u8, key: bool) -> Result<(), StatsError> {
        let plain = match byte {
            b'u' => {
                self.within = Within::Hex {
                    key,
                    digits: 0,
                    unit: 0,
                };
                return Ok(());
            }
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return self.wrong("an unknown escape"),
        };
        self.lone_half();
        self.keep(&[plain]);
        self.within = Within::String { key };
        Ok(())
    }

    fn hex(&mut self, byte: u8, key: bool, digits: u8, unit: u16) -> Result<(), StatsError> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return self.wrong("an unknown escape"),
        };
        let unit = (unit << 4) | u16::from(digit);
        if digits < 3 {
            self.within = Within::Hex {
                key,
                digits: digits + 1,
                unit,
            };
            return Ok(());
        }
        self.within = Within::String { key };
        match unit {
            0xd800..=0xdbff => {
                self.lone_half();
                self.high = Some(unit);
            }
            0xdc00..=0xdfff => {
                let pair = self
                    .high
                    .take()
                    .and_then(|high| char::decode_utf16([high, unit]).next()?.ok());
                self.keep_char(pair.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            _ => {
                self.lone_half();
                self.keep_char(
                    char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER),
                );
            }
        }
        Ok(())
    }

    fn in_number(
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

    fn literal(
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
