//! JSON in pieces: feed bytes as they come, get tokens. Strict about the grammar, and holds one string of bounded
//! length at most, however large the document.
mod scalar;
mod string;

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
}
