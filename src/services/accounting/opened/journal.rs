//! Admissions that the database could not take: one file, a line each, appended and read back in order.
use super::OpenedConnection;
use crate::error::Result;
use anyhow::Context;
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncBufReadExt, AsyncSeekExt, AsyncWriteExt, BufReader},
};

/// What the journal may grow to: hours of a busy fleet. Beyond it rows are dropped, and reports create them.
const LARGEST: u64 = 256 << 20;

/// The file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Bytes in the file.
    len: u64,
    /// Bytes of it that are in the database by now.
    done: u64,
    /// Where the batch ends that was handed out last.
    handed: u64,
}

impl Journal {
    /// The journal of a data directory, with what an earlier run left in it.
    pub async fn open(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join("opened.journal");
        let len = match fs::metadata(&path).await {
            Ok(meta) => meta.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(anyhow::Error::new(error).context("the journal").into()),
        };
        Ok(Self {
            path,
            len,
            done: 0,
            handed: 0,
        })
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.done >= self.len
    }

    /// Adds rows, durably. A line that a crash has cut is ended first, so that it spoils no other.
    pub async fn append(&mut self, rows: &[OpenedConnection]) -> Result<()> {
        let mut lines = Vec::new();
        for row in rows {
            lines.extend(serde_json::to_vec(row).context("the journal")?);
            lines.push(b'\n');
        }
        let more = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        if self.len.saturating_add(more) > LARGEST {
            return Err(anyhow::anyhow!("the journal is full").into());
        }
        self.len = self.write(&lines).await.context("the journal")?;
        Ok(())
    }

    async fn write(&self, lines: &[u8]) -> std::io::Result<u64> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).await?;
        }
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)
            .await?;
        if self.len > 0 && self.done == 0 && self.handed == 0 {
            file.write_all(b"\n").await?;
        }
        file.write_all(lines).await?;
        file.sync_data().await?;
        Ok(file.metadata().await?.len())
    }

    /// The oldest rows that wait, `limit` at most; `None`: nothing does.
    pub async fn oldest(&mut self, limit: usize) -> Result<Option<Vec<OpenedConnection>>> {
        let mut rows = Vec::new();
        if self.is_empty() {
            return Ok(None);
        }
        let mut file = File::open(&self.path).await.context("the journal")?;
        file.seek(std::io::SeekFrom::Start(self.done))
            .await
            .context("the journal")?;
        let mut reader = BufReader::new(file);
        let mut at = self.done;
        let mut line = Vec::new();
        while rows.len() < limit {
            line.clear();
            let read = reader
                .read_until(b'\n', &mut line)
                .await
                .context("the journal")?;
            if read == 0 {
                break;
            }
            at += u64::try_from(read).unwrap_or_default();
            match serde_json::from_slice(&line) {
                Ok(row) => rows.push(row),
                Err(_) if line.trim_ascii().is_empty() => {}
                // a crash cut it: it was never promised
                Err(error) => tracing::warn!(%error, "a line of the journal is not readable"),
            }
        }
        self.handed = at;
        if rows.is_empty() {
            self.done = at;
            self.remove_if_done().await?;
            return Ok(None);
        }
        Ok(Some(rows))
    }

    /// The rows handed out last are in the database.
    pub async fn forget(&mut self) -> Result<()> {
        self.done = self.handed;
        self.remove_if_done().await
    }

    async fn remove_if_done(&mut self) -> Result<()> {
        if self.is_empty() {
            fs::remove_file(&self.path).await.context("the journal")?;
            (self.len, self.done, self.handed) = (0, 0, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{DeviceNo, NodeNo, UserNo};
    use chrono::DateTime;

    fn row(n: i64) -> OpenedConnection {
        OpenedConnection {
            id: format!("id{n}").into(),
            node: NodeNo(1),
            user: UserNo(n),
            device: DeviceNo(n),
            credential_version: 1,
            addr: Some("192.0.2.1".parse().unwrap()),
            admitted_at: DateTime::from_timestamp(1_700_000_000 + n, 0).unwrap(),
            activates: n % 2 == 0,
        }
    }

    #[tokio::test]
    async fn comes_back_in_order_and_survives_a_crash_and_a_cut_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).await.unwrap();
        assert!(journal.is_empty());
        journal.append(&[row(1), row(2)]).await.unwrap();
        journal.append(&[row(3)]).await.unwrap();
        let path = dir.path().join("opened.journal");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();

        let mut journal = Journal::open(dir.path()).await.unwrap();
        journal.append(&[row(4)]).await.unwrap();
        let two = journal.oldest(2).await.unwrap().unwrap();
        assert_eq!(two, [row(1), row(2)]);
        let again = journal.oldest(2).await.unwrap().unwrap();
        assert_eq!(again, two, "until it is forgotten");
        journal.forget().await.unwrap();
        let rest = journal.oldest(9).await.unwrap().unwrap();
        assert_eq!(rest, [row(4)], "the cut line was never promised");
        journal.forget().await.unwrap();
        assert!(journal.is_empty() && !path.exists());
        assert_eq!(journal.oldest(9).await.unwrap(), None);
    }
}
