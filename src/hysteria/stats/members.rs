//! Entries out of tokens: the members of the one object that `/traffic` and `/online` answer with.
use super::tokens::{Kind, Token, Tokens};
use super::{Entry, HIGHEST_COUNTER, StatsError, Unreadable};

/// What stands beside an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number, as in `/online`; `None` if it is no whole number of 64 bits.
    Count(Option<u64>),
    /// An object with one `tx` and one `rx`, both whole numbers of 64 bits.
    Counters {
        /// Upload.
        tx: u64,
        /// Download.
        rx: u64,
    },
    /// Anything else, with what could be read of it.
    Unknown(Unreadable),
}

/// Reads one answer in whatever pieces it comes.
#[derive(Debug)]
pub struct Members {
    tokens: Tokens,
    open: Open,
}

/// Which entry is being read.
#[derive(Debug)]
struct Open {
    depth: u32,
    id: String,
    cut: bool,
    field: Field,
    fields: Unreadable,
    /// A field stood twice, or held no number.
    odd: bool,
    /// The value is an object.
    object: bool,
    entries: u64,
    limit: u64,
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Tx,
    Rx,
    Other,
}

impl Members {
    /// Reads at most `limit` entries.
    pub fn new(limit: u64) -> Self {
        Self {
            tokens: Tokens::new(),
            open: Open {
                depth: 0,
                id: String::new(),
                cut: false,
                field: Field::Other,
                fields: Unreadable::default(),
                odd: false,
                object: false,
                entries: 0,
                limit,
            },
        }
    }

    /// Reads on; hands over each member as it ends.
    pub fn push(
        &mut self,
        chunk: &[u8],
        mut on: impl FnMut(&str, Value),
    ) -> Result<(), StatsError> {
        let start = self.tokens.at();
        self.tokens
            .push(chunk, &mut |token| self.open.token(token, start, &mut on))
    }

    /// Reads on as an answer of `/traffic`.
    pub fn push_traffic(
        &mut self,
        chunk: &[u8],
        mut on: impl FnMut(Entry<'_>),
    ) -> Result<(), StatsError> {
        self.push(chunk, |id, value| {
            let counters = match value {
                Value::Counters { tx, rx } if tx.max(rx) <= HIGHEST_COUNTER => Ok((tx, rx)),
                Value::Counters { tx, rx } => Err(Unreadable {
                    tx: Some(tx),
                    rx: Some(rx),
                }),
                Value::Count(_) => Err(Unreadable::default()),
                Value::Unknown(read) => Err(read),
            };
            on(Entry { id, counters });
        })
    }

    /// Says that the answer has ended; an error if it was not complete. The number of entries.
    pub fn finish(&self) -> Result<u64, StatsError> {
        self.tokens.finish()?;
        Ok(self.open.entries)
    }
}

impl Open {
    fn token(
        &mut self,
        token: Token<'_>,
        at: u64,
        on: &mut impl FnMut(&str, Value),
    ) -> Result<(), StatsError> {
        match token {
            Token::Open(kind) => {
                if self.depth == 0 && kind == Kind::Array {
                    return Err(no_object(at));
                }
                match self.depth {
                    1 => self.object = kind == Kind::Object,
                    2 => self.odd_value(),
                    _ => {}
                }
                self.depth += 1;
            }
            Token::Close => {
                self.depth -= 1;
                if self.depth == 1 {
                    return self.ended(on);
                }
            }
            Token::Key { text, cut } => match self.depth {
                1 => self.begin(text, cut),
                2 => self.field = field(text),
                _ => {}
            },
            Token::Number(number) => match self.depth {
                0 => return Err(no_object(at)),
                1 => return self.hand_over(Value::Count(number), on),
                2 => self.number(number),
                _ => {}
            },
            Token::Other => match self.depth {
                0 => return Err(no_object(at)),
                1 => return self.hand_over(Value::Unknown(Unreadable::default()), on),
                2 => self.odd_value(),
                _ => {}
            },
        }
        Ok(())
    }

    fn begin(&mut self, id: &str, cut: bool) {
        self.id.clear();
        self.id.push_str(id);
        self.cut = cut;
        self.fields = Unreadable::default();
        self.odd = false;
        self.object = false;
        self.field = Field::Other;
    }

    fn number(&mut self, number: Option<u64>) {
        let place = match self.field {
            Field::Tx => &mut self.fields.tx,
            Field::Rx => &mut self.fields.rx,
            Field::Other => return,
        };
        self.odd |= number.is_none() || place.is_some();
        *place = number.max(*place);
    }

    fn odd_value(&mut self) {
        self.odd |= matches!(self.field, Field::Tx | Field::Rx);
    }

    fn ended(&mut self, on: &mut impl FnMut(&str, Value)) -> Result<(), StatsError> {
        let value = match self.fields {
            Unreadable {
                tx: Some(tx),
                rx: Some(rx),
            } if self.object && !self.odd && !self.cut => Value::Counters { tx, rx },
            read => Value::Unknown(read),
        };
        self.hand_over(value, on)
    }

    fn hand_over(
        &mut self,
        value: Value,
        on: &mut impl FnMut(&str, Value),
    ) -> Result<(), StatsError> {
        if self.entries == self.limit {
            return Err(StatsError::TooMany(self.limit));
        }
        self.entries += 1;
        on(&self.id, value);
        Ok(())
    }
}

fn field(name: &str) -> Field {
    match name {
        "tx" => Field::Tx,
        "rx" => Field::Rx,
        _ => Field::Other,
    }
}

fn no_object(at: u64) -> StatsError {
    StatsError::Malformed {
        at,
        why: "not an object of ids",
    }
}
