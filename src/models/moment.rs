//! Times as strangers write them: chrono reads years that the database cannot hold.
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Deserializer, de::Error};

/// A time of the years 1 to 9999.
struct Moment(DateTime<Utc>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let at = DateTime::<Utc>::deserialize(from)?;
        if !(1..=9999).contains(&at.year()) {
            return Err(D::Error::custom("must be in the years 1 to 9999"));
        }
        Ok(Self(at))
    }
}

/// Use with `#[serde(deserialize_with)]`.
pub fn storable<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    Moment::deserialize(from).map(|moment| moment.0)
}

/// The same of what may be absent. Use with `#[serde(default, deserialize_with)]`.
pub fn maybe_storable<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(Option::<Moment>::deserialize(from)?.map(|moment| moment.0))
}
