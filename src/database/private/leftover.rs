//! What a service that was killed left behind.
use super::{
    cluster::Cluster,
    process::{all_gone_within, at_work},
    programs::written_by,
};
use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{fs, path::Path, time::Duration};

const PATIENCE: Duration = Duration::from_secs(10);

impl Cluster {
    /// Stops a postmaster whose service was killed, and removes its pid file once nobody works on the data: the number
    /// in it may be another program's by now, and PostgreSQL would wait for that one.
    pub fn reap(&self) -> Result<()> {
        let file = self.data.join("postmaster.pid");
        let Ok(text) = fs::read_to_string(&file) else {
            return Ok(());
        };
        let pid = text
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok());
        for signal in [Signal::SIGINT, Signal::SIGQUIT] {
            if let Some(pid) = pid.filter(|pid| at_work(&self.data).contains(pid)) {
                tracing::info!(pid, signal = signal.as_str(), "stopping an old postmaster");
                // it may have ended meanwhile
                let _ = kill(Pid::from_raw(pid), signal);
            }
            if all_gone_within(&self.data, PATIENCE) {
                // a clean stop has removed it
                let _ = fs::remove_file(&file);
                return Ok(());
            }
        }
        bail!(
            "{:?} still work on {}",
            at_work(&self.data),
            self.data.display()
        )
    }

    /// What an initdb that was cut short left: removed if it is no cluster, else set aside.
    pub fn clear_unfinished(&self, new: &Path) -> Result<()> {
        if !new.try_exists()? {
            return Ok(());
        }
        if !all_gone_within(new, PATIENCE) {
            bail!("{:?} still work on {}", at_work(new), new.display())
        }
        if written_by(new).is_ok_and(|version| version.is_none()) {
            return Ok(fs::remove_dir_all(new)?);
        }
        let aside = (1..1000)
            .map(|n| self.root.join(format!("data.unfinished.{n}")))
            .find(|path| !path.exists())
            .context("too many unfinished clusters lie beside the data")?;
        fs::rename(new, &aside)?;
        tracing::warn!(to = %aside.display(), "an unfinished cluster was set aside");
        Ok(())
    }
}
