//! Reading answers: from the wire within the limits, and from the file that keeps a clean-up's answer.
use std::{
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use reqwest::{Response, header::DATE};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout_at},
};

use super::{AnswerSize, Entry, Limits, Members, StatsError};

/// When to give up on one answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    end: Instant,
    whole: Duration,
    silence: Option<Duration>,
}

impl Patience {
    pub(super) fn new(whole: Duration, silence: Option<Duration>) -> Self {
        Self {
            end: Instant::now() + whole,
            whole,
            silence,
        }
    }

    /// Waits for the next byte, but not for ever.
    pub(super) async fn wait<T>(&self, next: impl Future<Output = T>) -> Result<T, StatsError> {
        let silent = self
            .silence
            .map(|silence| (Instant::now() + silence, silence));
        let (until, err) = match silent {
            Some((until, silence)) if until < self.end => {
                (until, StatsError::Silent(silence.as_secs()))
            }
            _ => (self.end, StatsError::TooSlow(self.whole.as_secs())),
        };
        timeout_at(until, next).await.map_err(|_| err)
    }
}

/// A body that comes in pieces, bounded in bytes and time.
#[derive(Debug)]
pub(super) struct Body {
    answer: Response,
    patience: Patience,
    limit: u64,
    pub(super) bytes: u64,
    /// What the server's clock says.
    pub(super) date: Option<DateTime<Utc>>,
}

impl Body {
    pub(super) fn new(answer: Response, patience: Patience, limit: u64) -> Self {
        let date = answer.headers().get(DATE).and_then(|v| v.to_str().ok());
        let date = date.and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        Self {
            date: date.map(|at| at.to_utc()),
            answer,
            patience,
            limit,
            bytes: 0,
        }
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, StatsError> {
        let Some(chunk) = self.patience.wait(self.answer.chunk()).await?? else {
            return Ok(None);
        };
        self.bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if self.bytes > self.limit {
            return Err(StatsError::TooLarge(self.limit));
        }
        Ok(Some(chunk))
    }
}

/// Writes the answer to `spool` while it comes, and checks that it is complete. The file has its name only then, and
/// only after it is safe on disk: a spool that is found after a crash is a whole answer.
pub(super) async fn to_spool(
    mut answer: Body,
    limits: &Limits,
    spool: &Path,
) -> Result<AnswerSize, StatsError> {
    let part = part_of(spool);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .await?;
    let mut members = Members::new(limits.entries);
    while let Some(chunk) = answer.next().await? {
        file.write_all(chunk.as_ref()).await?;
        members.push(chunk.as_ref(), |_, _| ())?;
    }
    let entries = members.finish()?;
    file.flush().await?;
    file.sync_all().await?;
    fs::rename(&part, spool).await?;
    if let Some(folder) = spool.parent() {
        fs::File::open(folder).await?.sync_all().await?;
    }
    Ok(AnswerSize {
        bytes: answer.bytes,
        entries,
    })
}

/// Where the answer stands until it is complete.
fn part_of(spool: &Path) -> PathBuf {
    let mut name = spool.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Reads a clean-up's answer again, by the same parser that reads the wire.
pub async fn read_spool(
    spool: &Path,
    mut on: impl FnMut(Entry<'_>),
) -> Result<AnswerSize, StatsError> {
    let limits = Limits::default();
    let mut file = fs::File::open(spool).await?;
    let mut members = Members::new(limits.entries);
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).await?;
        let chunk = buffer.get(..read).unwrap_or_default();
        if chunk.is_empty() {
            break;
        }
        bytes += u64::try_from(read).unwrap_or(u64::MAX);
        members.push_traffic(chunk, &mut on)?;
    }
    let entries = members.finish()?;
    Ok(AnswerSize { bytes, entries })
}
