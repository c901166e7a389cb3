//! Pages: at most 100 items, and an opaque cursor that goes on after the last one.
use super::json::holds_nul;
use crate::error::{Error, Result};
use actix_web::HttpResponse;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;

/// The most that one page holds.
pub const MOST: i64 = 100;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Give it back as `cursor` for the next page; `null` on the last one, and only there: a page may hold fewer items than
    /// asked for, or none, and others follow.
    pub next_cursor: Option<String>,
    /// How many there are in all, where that was asked for; 10000 stands for that many or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
}

/// How many items to ask for, at most `MOST`; 50 when nothing is said.
pub fn limit(asked: Option<i64>) -> Result<i64> {
    match asked {
        None => Ok(50),
        Some(n) if (1..=MOST).contains(&n) => Ok(n),
        Some(_) => Err(Error::field("limit", format!("must be 1 to {MOST}"))),
    }
}

/// Reads a cursor that `Page` gave out, or that looks like one: its type refuses what the database could not take.
pub fn cursor<K: DeserializeOwned>(given: Option<&str>) -> Result<Option<K>> {
    given
        .map(|text| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
            let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            value
                // a text that the database cannot hold was never given out
                .filter(|value| !holds_nul(value))
                .and_then(|value| K::deserialize(value).ok())
                .ok_or_else(|| Error::field("cursor", "is not a cursor of this list"))
        })
        .transpose()
}

/// Writes a cursor.
pub fn encode<K: Serialize>(key: &K) -> Option<String> {
    serde_json::to_vec(key)
        .ok()
        .map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

impl<T> Page<T> {
    /// A page of `rows`, of which one more than `limit` was asked for, to know whether more follow.
    pub fn new<R, K: Serialize>(
        mut rows: Vec<R>,
        limit: i64,
        key: impl Fn(&R) -> K,
        view: impl FnMut(R) -> T,
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).and_then(|r| encode(&key(r)));
        Self {
            items: rows.into_iter().map(view).collect(),
            next_cursor,
            total: None,
        }
    }

    /// With where to go on if the page came short.
    pub fn going_on<K: Serialize>(mut self, rest: Option<&K>) -> Self {
        self.next_cursor = self.next_cursor.or_else(|| rest.and_then(encode));
        self
    }

    /// With how many there are in all.
    pub fn counted(mut self, total: Option<i64>) -> Self {
        self.total = total;
        self
    }
}

/// Which fields of each item are shown, as `fields=id,name` asks for.
#[derive(Debug)]
pub struct Shown(Vec<String>);

impl Shown {
    /// Reads what is asked for; only fields that the items have.
    pub fn of(asked: Option<&str>, known: &[&str]) -> Result<Option<Self>> {
        let Some(asked) = asked else {
            return Ok(None);
        };
        let mut shown = Vec::new();
        for field in asked.split(',').map(str::trim) {
            if !known.contains(&field) {
                let all = known.join(", ");
                return Err(Error::field(
                    "fields",
                    format!("{field:?} is none of {all}"),
                ));
            }
            shown.push(field.to_owned());
        }
        Ok(Some(Self(shown)))
    }
}

impl<T: Serialize> Page<T> {
    /// The answer: whole items, or some fields of each.
    pub fn answer(self, shown: Option<&Shown>) -> Result<HttpResponse> {
        let Some(Shown(fields)) = shown else {
            return Ok(HttpResponse::Ok().json(self));
        };
        let some = |item: &T| -> Result<Value> {
            let mut whole = serde_json::to_value(item).map_err(anyhow::Error::from)?;
            if let Value::Object(map) = &mut whole {
                map.retain(|field, _| fields.contains(field));
            }
            Ok(whole)
        };
        Ok(HttpResponse::Ok().json(Page {
            items: self.items.iter().map(some).collect::<Result<Vec<_>>>()?,
            next_cursor: self.next_cursor,
            total: self.total,
        }))
    }
}
