//! The postmaster: started as our child, ready, ended.
use super::{
    cluster::{Cluster, ROLE},
    process::{command, die_with_us, pause},
};
use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::{self, File},
    io::ErrorKind,
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    process::ExitStatus,
    time::{Duration, Instant},
};

/// Starts that are tried: a killed predecessor may stand in the way for a second or two.
const TRIES: usize = 20;
/// A log longer than this is moved aside at the next start.
const LOG: u64 = 16 << 20;

impl Cluster {
    /// Starts it and waits until it answers; recovery after a crash may take its time. `stop` says to give up.
    pub fn start(&mut self, stop: &dyn Fn() -> bool) -> Result<()> {
        self.admit()?;
        let mut ended = None;
        for _ in 0..TRIES {
            self.spawn()?;
            loop {
                if stop() {
                    self.stop()?;
                    bail!("stopped while starting")
                }
                ended = self.ended()?;
                if ended.is_some() {
                    pause(Duration::from_millis(100));
                    break;
                }
                if self.is_ready() {
                    return Ok(());
                }
                pause(Duration::from_millis(2));
            }
        }
        let log = fs::read_to_string(self.root.join("pg.log")).unwrap_or_default();
        let why = log.lines().rev().find(|line| {
            line.contains("FATAL") || line.contains("PANIC") || line.starts_with("postgres")
        });
        bail!(
            "PostgreSQL does not start ({}): {}",
            ended.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
            why.unwrap_or("see pg.log")
        )
    }

    fn spawn(&mut self) -> Result<()> {
        let path = self.root.join("pg.log");
        if fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG) {
            fs::rename(&path, self.root.join("pg.log.1"))?;
        }
        // a failed statement stands in it with its values
        let log = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        let mut postgres = command(&self.bin.join("postgres"), &self.account);
        postgres.arg("-D").arg(&self.data);
        // what must hold whatever the data's own configuration says
        let text = |path: &std::path::Path| path.display().to_string();
        let fixed = [
            ("listen_addresses", String::new()),
            ("port", "5432".to_owned()),
            ("unix_socket_directories", text(&self.socket)),
            ("unix_socket_permissions", "0700".to_owned()),
            ("hba_file", text(&self.root.join("pg_hba.conf"))),
            ("ident_file", text(&self.root.join("pg_ident.conf"))),
            ("cluster_name", ROLE.to_owned()),
            ("fsync", "on".to_owned()),
        ];
        for (name, value) in fixed.iter().chain(&self.tuning) {
            postgres.arg("-c").arg(format!("{name}={value}"));
        }
        postgres
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        // SIGINT is PostgreSQL's fast shutdown
        die_with_us(&mut postgres, libc::SIGINT);
        self.child = Some(postgres.spawn().context("cannot run postgres")?);
        Ok(())
    }

    /// How the postmaster ended, if it did.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        match self.child.as_mut() {
            Some(child) => Ok(child.try_wait()?),
            None => Ok(None),
        }
    }

    /// The pid file is our child's (a stale one can say "ready" too) and its 8th line says ready.
    fn is_ready(&self) -> bool {
        let text = match fs::read_to_string(self.data.join("postmaster.pid")) {
            Ok(text) => text,
            Err(e) => {
                if e.kind() != ErrorKind::NotFound {
                    tracing::debug!(error = %e, "postmaster.pid");
                }
                return false;
            }
        };
        let lines: Vec<&str> = text.lines().collect();
        let [pid, _, _, _, _, _, _, state, ..] = lines.as_slice() else {
            return false;
        };
        pid.trim().parse().ok() == self.child.as_ref().map(std::process::Child::id)
            && state.trim() == "ready"
    }

    /// A fast shutdown, and an immediate one where that takes over 30 s.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        // one that has ended already is waited for below
        let _ = kill(pid, Signal::SIGINT);
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(30) {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("PostgreSQL ended with {status}"),
                None => pause(Duration::from_millis(5)),
            }
        }
        kill(pid, Signal::SIGQUIT)?;
        child.wait()?;
        Ok(())
    }
}
