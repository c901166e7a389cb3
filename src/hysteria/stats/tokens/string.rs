//! Inside a string: escapes, surrogate pairs, and what is kept.
use super::{Next, STRING, StatsError, Token, Tokens, Within};

impl Tokens {
    pub(super) fn start_string(&mut self, key: bool) {
        self.text.clear();
        self.cut = false;
        self.within = Within::String { key };
    }

    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if !self.cut && self.text.len() + bytes.len() <= STRING {
            self.text.extend_from_slice(bytes);
        } else {
            self.cut = true;
        }
    }

    pub(super) fn keep_char(&mut self, char: char) {
        self.keep(char.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// A first half of a pair that nothing followed.
    pub(super) fn lone_half(&mut self) {
        if self.high.take().is_some() {
            self.keep_char(char::REPLACEMENT_CHARACTER);
        }
    }

    pub(super) fn in_string(
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

    pub(super) fn escape(&mut self, byte: u8, key: bool) -> Result<(), StatsError> {
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

    pub(super) fn hex(
        &mut self,
        byte: u8,
        key: bool,
        digits: u8,
        unit: u16,
    ) -> Result<(), StatsError> {
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
}
