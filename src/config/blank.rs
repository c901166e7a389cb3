//! An empty text means: not set. So the default file can show every key.
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::Error};
use std::{fmt::Display, str::FromStr};

/// A text that is parsed, or nothing.
pub fn none<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    match String::deserialize(from)?.trim() {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|e| D::Error::custom(format!("`{text}`: {e}"))),
    }
}

/// A text that is parsed.
pub fn parsed<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    none(from)?.ok_or_else(|| D::Error::custom("must be set"))
}

/// A secret, or nothing. It is never part of a message.
pub fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(from)?;
    Ok(Some(text.trim())
        .filter(|t| !t.is_empty())
        .map(SecretString::from))
}
