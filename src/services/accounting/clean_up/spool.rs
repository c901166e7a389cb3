//! The files of a clean-up: the head, written before the question, says what the answer must continue; the answer is
//! complete once it has its name.
use crate::{error::Result, services::accounting::observe::Present};
use anyhow::Context;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use tokio::{fs, io::AsyncWriteExt};

/// What a clean-up's sender knew when it asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    pub node: i64,
    pub epoch: i64,
    pub generation: i64,
    pub doubtful: i64,
    /// When the read began that it follows.
    pub began: DateTime<Utc>,
    pub line_rate: Option<i64>,
    /// At most so many bytes are lost with the answer, by the rate of the last reads.
    pub gap: u64,
    /// That read, whole.
    pub known: Vec<Present>,
}

/// One clean-up's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    folder: PathBuf,
    node: i64,
    name: String,
}

impl Spool {
    /// Writes the head, durably: from here on the answer has a place and a meaning.
    pub async fn create(folder: &Path, head: &Head) -> Result<Self> {
        let spool = Self {
            folder: folder.to_owned(),
            node: head.node,
            name: format!("{}-{}-{}", head.node, head.epoch, head.generation),
        };
        spool.write(head).await.context("a clean-up's spool")?;
        Ok(spool)
    }

    async fn write(&self, head: &Head) -> anyhow::Result<()> {
        fs::create_dir_all(&self.folder).await?;
        let text = serde_json::to_vec(head)?;
        let part = self.folder.join(format!("{}.head.part", self.name));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)
            .await?;
        file.write_all(&text).await?;
        file.sync_all().await?;
        fs::rename(&part, self.path("head")).await?;
        fs::File::open(&self.folder).await?.sync_all().await?;
        Ok(())
    }

    /// Every clean-up that left files, and nothing else: parts of heads are nobody's.
    pub async fn list(folder: &Path) -> Result<Vec<Self>> {
        let mut spools = Vec::new();
        let mut files = match fs::read_dir(folder).await {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(spools),
            Err(error) => {
                return Err(anyhow::Error::new(error)
                    .context("a clean-up's spool")
                    .into());
            }
        };
        while let Some(file) = files.next_entry().await.context("a clean-up's spool")? {
            let name = file.file_name().to_string_lossy().into_owned();
            let Some(name) = name.strip_suffix(".head") else {
                continue;
            };
            let node = name.split('-').next().and_then(|n| n.parse().ok());
            if let Some(node) = node {
                spools.push(Self {
                    folder: folder.to_owned(),
                    node,
                    name: name.to_owned(),
                });
            }
        }
        Ok(spools)
    }

    /// Sweeps away what means nothing: parts, and answers without a head.
    pub async fn sweep(folder: &Path) {
        let Ok(mut files) = fs::read_dir(folder).await else {
            return;
        };
        while let Ok(Some(file)) = files.next_entry().await {
            let path = file.path();
            let is_head = path.extension().is_some_and(|end| end == "head");
            let has_head = path.with_extension("head").exists();
            if !is_head && !has_head {
                let _ = fs::remove_file(path).await;
            }
        }
    }

    /// The node that was asked.
    pub fn node(&self) -> i64 {
        self.node
    }

    /// Where the answer stands once it is complete.
    pub fn answer(&self) -> PathBuf {
        self.path("answer")
    }

    /// The answer is there, whole.
    pub async fn is_complete(&self) -> bool {
        fs::try_exists(self.answer()).await.unwrap_or(false)
    }

    /// What the sender knew.
    pub async fn head(&self) -> Result<Head> {
        let text = fs::read(self.path("head"))
            .await
            .context("a clean-up's head")?;
        Ok(serde_json::from_slice(&text).context("a clean-up's head")?)
    }

    /// Deletes the files, the head first: without it the rest means nothing, and is swept away at the next start.
    pub async fn delete(&self) {
        for end in ["head", "answer", "answer.part"] {
            if let Err(error) = fs::remove_file(self.path(end)).await
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, file = %self.path(end).display(), "a clean-up's file stays");
            }
        }
    }

    fn path(&self, end: &str) -> PathBuf {
        self.folder.join(format!("{}.{end}", self.name))
    }
}
