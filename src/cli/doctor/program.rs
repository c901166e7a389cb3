//! The running program, asked through its own socket, and what it says about its nodes.
use super::finding::Finding;
use crate::cli::{client::Client, console::each, failure::Failure, path::Path, target::Target};
use serde_json::Value;
use std::path::PathBuf;

/// The program on this data directory.
pub struct Program {
    client: Result<Client, Failure>,
    alive: Result<(), Failure>,
    ready: Result<(), Failure>,
}

impl Program {
    /// Asks whether it runs.
    pub async fn ask(socket: PathBuf) -> Self {
        let client = Client::new(&Target::local(), || Ok(socket));
        let (alive, ready) = match &client {
            Ok(client) => (client.probe("livez").await, client.probe("readyz").await),
            Err(why) => (Err(Failure::failed(why.to_string())), Ok(())),
        };
        Self {
            client,
            alive,
            ready,
        }
    }

    /// Whether it answers.
    pub fn is_running(&self) -> bool {
        self.alive.is_ok()
    }

    /// Whether it runs and is ready.
    pub fn finding(&self) -> Finding {
        const CHECK: &str = "program";
        match (&self.alive, &self.ready) {
            (Ok(()), Ok(())) => Finding::pass(CHECK, "runs and is ready"),
            (Ok(()), Err(why)) => Finding::fail(CHECK, format!("runs, but is not ready: {why}")),
            (Err(why), _) if why.may_come_back() => Finding::warn(CHECK, why.to_string()),
            (Err(why), _) => Finding::fail(CHECK, why.to_string()),
        }
    }

    /// How far the counters of each node are read.
    pub async fn nodes(&self) -> Vec<Finding> {
        const CHECK: &str = "nodes";
        let (Ok(client), true) = (&self.client, self.is_running()) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut readable = 0_u64;
        let path = match Path::of(&["nodes"]) {
            Ok(path) => path,
            Err(why) => return vec![Finding::fail(CHECK, why.to_string())],
        };
        let asked = each(client, path, None, |nodes| {
            for node in nodes {
                match error_of(node) {
                    Some(why) => found.push(Finding::warn(CHECK, why)),
                    None => readable += 1,
                }
            }
            Ok(())
        })
        .await;
        match asked {
            Ok(()) if found.is_empty() => found.push(Finding::pass(
                CHECK,
                format!("{readable} of {readable} can be read"),
            )),
            Ok(()) => {}
            Err(why) => found.push(Finding::fail(CHECK, why.to_string())),
        }
        found
    }
}

fn error_of(node: &Value) -> Option<String> {
    let text = |key| node.get(key).and_then(Value::as_str);
    let why = text("stats_error")?;
    Some(format!("{}: {why}", text("name").unwrap_or("a node")))
}
