//! Pages: at most 100 items, and an opaque cursor that goes on after the last one.
use crate::error::{Error, Result};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

/// The most that one page holds.
pub const MOST: i64 = 100;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Give it back as `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// How many items to ask for, at most `MOST`; 50 when nothing is said.
pub fn limit(asked: Option<i64>) -> Result<i64> {
    match asked {
        None => Ok(50),
        Some(n) if (1..=MOST).contains(&n) => Ok(n),
        Some(_) => Err(Error::field("limit", format!("must be 1 to {MOST}"))),
    }
}

/// Reads a cursor that `Page` gave out.
pub fn cursor<K: DeserializeOwned>(given: Option<&str>) -> Result<Option<K>> {
    given
        .map(|text| {
            BASE64_URL_SAFE_NO_PAD
                .decode(text)
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
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
        }
    }
}
