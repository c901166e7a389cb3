//! YAML of a caller, read at a bounded cost: an alias repeats whatever it names, and some lines of aliases to lines of
//! aliases say more than any memory holds.
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Number, Value};
use std::{cell::Cell, fmt};

/// A value costs one, a text its bytes besides. Without aliases a body of 64 KiB, the longest that is taken, cannot cost
/// as much.
const BUDGET: usize = 128 * 1024;
/// The scanner's work grows with the square of how deep brackets stand in each other.
const DEEPEST: usize = 128;

/// What a text says, or why it cannot be read.
pub fn read(text: &str) -> Result<Value, String> {
    if depth(text) > DEEPEST {
        return Err("it has too many brackets in brackets".to_owned());
    }
    let left = Cell::new(BUDGET);
    let read = Budgeted(&left).deserialize(serde_yaml_ng::Deserializer::from_str(text));
    read.map_err(|why| why.to_string())
}

/// How deep brackets stand in each other at most, those in texts and comments too.
fn depth(text: &str) -> usize {
    let (mut deep, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => deep += 1,
            b']' | b'}' => deep = deep.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(deep);
    }
    deepest
}

/// Reads a value, and pays for it.
#[derive(Clone, Copy)]
struct Budgeted<'a>(&'a Cell<usize>);

impl Budgeted<'_> {
    fn pay<E: serde::de::Error>(self, cost: usize) -> Result<(), E> {
        let left = self.0.get().checked_sub(cost);
        self.0.set(
            left.ok_or_else(|| E::custom("its aliases repeat more than a configuration can have"))?,
        );
        Ok(())
    }
    fn one<E: serde::de::Error>(self, value: Value) -> Result<Value, E> {
        self.pay(1)?;
        Ok(value)
    }
}

impl<'de> DeserializeSeed<'de> for Budgeted<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Budgeted<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.one(Value::Null)
    }
    fn visit_none<E: serde::de::Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }
    fn visit_bool<E: serde::de::Error>(self, it: bool) -> Result<Value, E> {
        self.one(it.into())
    }
    fn visit_i64<E: serde::de::Error>(self, it: i64) -> Result<Value, E> {
        self.one(it.into())
    }
    fn visit_u64<E: serde::de::Error>(self, it: u64) -> Result<Value, E> {
        self.one(it.into())
    }
    fn visit_f64<E: serde::de::Error>(self, it: f64) -> Result<Value, E> {
        self.one(Number::from_f64(it).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E: serde::de::Error>(self, it: &str) -> Result<Value, E> {
        self.pay(it.len())?;
        self.one(it.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(value) = from.next_element_seed(self)? {
            all.push(value);
        }
        self.one(Value::Array(all))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(key) = from.next_key::<String>()? {
            self.pay(key.len() + 1)?;
            all.insert(key, from.next_value_seed(self)?);
        }
        self.one(Value::Object(all))
    }
    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(A::Error::custom(
            "it has tags, which a configuration has not",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_reads_what_any_reader_reads() {
        for text in [
            "a: [1, -2, 1.5, true, ~, text]\nb: &x {c: 'd', 4: e}\nf: *x\n",
            r#"{"a": {"b": [null, "c"]}}"#,
        ] {
            let plain: Value = serde_yaml_ng::from_str(text).unwrap();
            assert_eq!(read(text), Ok(plain));
        }
        assert_eq!(read(""), Ok(Value::Null));
        assert_eq!(read("[0, 0]"), Ok(json!([0, 0])));
        assert!(read("a: b: c").is_err() && read("!x y").is_err());
    }

    #[test]
    fn the_longest_honest_text_is_within_the_budget() {
        let long = 64 * 1024;
        for part in ["0,", "{},", "a: 0,", "\"\\L\","] {
            let all = part.repeat(long / part.len());
            let text = if part == "a: 0," {
                format!("[{all}]")
            } else {
                format!("[ {all} ]")
            };
            assert!(read(&text).is_ok(), "{part}");
        }
    }

    #[test]
    fn what_aliases_repeat_is_paid_for() {
        let zeros = vec!["0"; 16_000].join(",");
        let aliases = vec!["*a"; 10_000].join(",");
        assert!(read(&format!("a: &a [{zeros}]\nb: [{aliases}]\n")).is_err());
        let long = "x".repeat(30_000);
        assert!(read(&format!("a: &a {long}\nb: [{aliases}]\n")).is_err());
        assert!(
            read(&format!(
                "a: &a {long}\nb: {{{}}}\n",
                "*a: 0,".repeat(5_000)
            ))
            .is_err()
        );
    }

    #[test]
    fn brackets_in_brackets_are_not_read() {
        for bracket in ["[", "{", "- [", "[{"] {
            assert!(
                read(&bracket.repeat(64 * 1024 / bracket.len())).is_err(),
                "{bracket}"
            );
        }
    }
}
