//! The questions that a stats API can be asked.
use std::{collections::HashMap, path::Path};

use chrono::{DateTime, Utc};
use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{
    AnswerSize, Dialer, Entry, Limits, Members, StatsError, Value,
    read::{self, Body, Patience},
};

/// Speaks with the stats API of one node.
#[derive(Clone, Debug)]
pub struct StatsClient {
    dialer: Dialer,
    base: Url,
    secret: SecretString,
    limits: Limits,
}

impl StatsClient {
    /// `base` is the node's stats URL; the paths are ours.
    pub fn new(dialer: Dialer, base: Url, secret: SecretString) -> Self {
        Self {
            dialer,
            base,
            secret,
            limits: Limits::default(),
        }
    }

    /// The same with other limits.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Is it there, and is the secret right? Says nothing about what it counts; gives what its clock says, if it does.
    pub async fn check(&self) -> Result<Option<DateTime<Utc>>, StatsError> {
        let mut answer = self.ask(Method::GET, "/", None, self.patience()).await?;
        while answer.next().await?.is_some() {}
        Ok(answer.date)
    }

    /// Reads all counters and leaves them. `on` is called while the answer comes: what it was told is worth something
    /// only when this returns `Ok`.
    pub async fn traffic(&self, mut on: impl FnMut(Entry<'_>)) -> Result<AnswerSize, StatsError> {
        let mut answer = self
            .ask(Method::GET, "/traffic", None, self.patience())
            .await?;
        let mut members = Members::new(self.limits.entries);
        while let Some(chunk) = answer.next().await? {
            members.push_traffic(chunk.as_ref(), &mut on)?;
        }
        let entries = members.finish()?;
        Ok(AnswerSize {
            bytes: answer.bytes,
            entries,
        })
    }

    /// Reads all counters and empties the server's map. The answer is the only copy, so it is a complete file at
    /// `spool` before this returns; [`super::read_spool`] reads it. After an error nobody knows whether the map was
    /// emptied, and there is no file.
    pub async fn traffic_clear(&self, spool: &Path) -> Result<AnswerSize, StatsError> {
        let patience = Patience::new(self.limits.whole_clear, None);
        let answer = self
            .ask(Method::GET, "/traffic?clear=1", None, patience)
            .await?;
        read::to_spool(answer, &self.limits, spool).await
    }

    /// How many connections each id has open. An id beside which no number stands is listed, so it counts as one.
    pub async fn online(&self) -> Result<HashMap<Box<str>, u32>, StatsError> {
        let mut answer = self
            .ask(Method::GET, "/online", None, self.patience())
            .await?;
        let mut members = Members::new(self.limits.entries);
        let mut online = HashMap::new();
        while let Some(chunk) = answer.next().await? {
            members.push(chunk.as_ref(), |id, value| {
                let count = match value {
                    Value::Count(Some(count)) => u32::try_from(count).unwrap_or(u32::MAX),
                    _ => 1,
                };
                if count > 0 {
                    online.insert(id.into(), count);
                }
            })?;
        }
        members.finish()?;
        Ok(online)
    }

    /// Marks each id: its next byte closes the connection. Never mark one that is not online, the mark would wait.
    pub async fn kick(&self, ids: &[&str]) -> Result<(), StatsError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut answer = self
            .ask(Method::POST, "/kick", Some(ids), self.patience())
            .await?;
        while answer.next().await?.is_some() {}
        Ok(())
    }

    fn patience(&self) -> Patience {
        Patience::new(self.limits.whole, Some(self.limits.silence))
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&[&str]>,
        patience: Patience,
    ) -> Result<Body, StatsError> {
        self.dialer.may_call(&self.base)?;
        // Hysteria compares the header with the bare secret; there is no scheme in front.
        let mut secret = HeaderValue::from_str(self.secret.expose_secret())
            .map_err(|_| StatsError::SecretUnusable)?;
        secret.set_sensitive(true);
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self
            .dialer
            .http
            .request(method, url)
            .header(AUTHORIZATION, secret);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = patience.wait(request.send()).await??;
        match answer.status() {
            StatusCode::OK => Ok(Body::new(answer, patience, self.limits.bytes)),
            StatusCode::UNAUTHORIZED => Err(StatsError::Unauthorized),
            other => Err(StatsError::Status(other.as_u16())),
        }
    }
}
