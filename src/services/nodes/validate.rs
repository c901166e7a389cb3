//! A look at a server's configuration that somebody wrote or changed: would its customers be admitted, counted and kept
//! away from the node itself?
use super::{Nodes, found, yaml};
use crate::{
    error::{Error, Result},
    models::Named,
};
use anyhow::Context;
use serde_json::Value;
use tokio::task::spawn_blocking;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Nobody is admitted, or nobody is counted.
    Error,
    /// It works, and something is exposed or miscounted.
    Warning,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub weight: Weight,
    /// Where, as a JSON pointer.
    pub path: &'static str,
    pub message: String,
}

impl Nodes {
    /// What is wrong with this configuration for this node. YAML or JSON; nothing is stored.
    pub async fn validate(&self, which: &Named, text: String) -> Result<Vec<Finding>> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, which).await?;
        drop(conn);
        // milliseconds of work, which a worker has no time for
        let given = spawn_blocking(move || yaml::read(&text)).await;
        let given = given.context("the reader of a configuration")?;
        let given = given
            .map_err(|why| Error::field("config", format!("is neither YAML nor JSON: {why}")))?;
        if !given.is_object() {
            return Err(Error::field("config", "is no configuration"));
        }
        let ours = self.ready(detail, None)?.config.json;
        Ok(compare(&given, &ours))
    }
}

fn compare(given: &Value, ours: &Value) -> Vec<Finding> {
    let mut all = Vec::new();
    // what is not said of a switch is that it is off
    let at = |path: &'static str, of: &Value| match of.pointer(path) {
        None | Some(Value::Bool(false)) => Value::Null,
        Some(value) => value.clone(),
    };
    let mut must = |path: &'static str, weight, message: &str| {
        if at(path, given) != at(path, ours) {
            let message = message.to_owned();
            all.push(Finding {
                weight,
                path,
                message,
            });
        }
    };
    must(
        "/auth/type",
        Weight::Error,
        "must be http: logins are decided here",
    );
    must(
        "/auth/http/url",
        Weight::Error,
        "is not this node's hook URL with its present secret",
    );
    must(
        "/trafficStats/secret",
        Weight::Error,
        "is not the secret by which the stats are read",
    );
    must(
        "/trafficStats/listen",
        Weight::Warning,
        "is not where the stats are read",
    );
    must(
        "/obfs",
        Weight::Error,
        "is not the disguise that clients are given",
    );
    must(
        "/listen",
        Weight::Warning,
        "is not the port that clients are given",
    );
    must(
        "/sniff/enable",
        Weight::Warning,
        "must be off: what a sniffer consumes is not counted",
    );
    must(
        "/auth/http/insecure",
        Weight::Warning,
        "must be off: whoever sits on the path would decide who may log in",
    );
    all.extend(rules(given, ours));
    all
}

/// The rules that keep customers away from the node and its network, before any rule that lets through.
fn rules(given: &Value, ours: &Value) -> Option<Finding> {
    const PATH: &str = "/acl/inline";
    let list = |of: &Value| -> Vec<String> {
        let rules = of.pointer(PATH).and_then(Value::as_array);
        let text = |rule: &Value| rule.as_str().map(|r| r.replace(' ', ""));
        rules.map_or_else(Vec::new, |rules| rules.iter().filter_map(text).collect())
    };
    let (given, ours) = (list(given), list(ours));
    let everything = |rule: &String| rule.contains("(all)") && !rule.starts_with("reject");
    let open = given.iter().position(everything).unwrap_or(given.len());
    let guarded = given.get(..open).unwrap_or_default();
    let missing: Vec<&str> = ours
        .iter()
        .filter(|rule| rule.starts_with("reject(") && !guarded.contains(rule))
        .map(String::as_str)
        .collect();
    (!missing.is_empty()).then(|| Finding {
        weight: Weight::Warning,
        path: PATH,
        message: format!(
            "customers may reach what they must not: {} missing before everything is let through",
            missing.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_fault_is_found() {
        let ours = json!({
            "listen": ":443", "auth": {"type": "http", "http": {"url": "https://n1:s@h/hook/v1/n1", "insecure": false}},
            "trafficStats": {"listen": "127.0.0.1:9999", "secret": "s"}, "sniff": {"enable": false},
            "acl": {"inline": ["reject(10.0.0.0/8)", "reject(all, tcp/25)", "main(all)"]},
        });
        assert_eq!(compare(&ours, &ours), []);
        for (path, value) in [
            ("/auth/type", json!("password")),
            ("/auth/http/url", json!("https://elsewhere/")),
            ("/auth/http/insecure", json!(true)),
            ("/trafficStats/secret", json!("")),
            ("/trafficStats/listen", json!(":9999")),
            ("/sniff/enable", json!(true)),
            ("/listen", json!(":8443")),
            (
                "/acl/inline",
                json!(["main(all)", "reject(10.0.0.0/8)", "reject(all,tcp/25)"]),
            ),
            ("/acl/inline", json!(["reject(10.0.0.0/8)", "main(all)"])),
        ] {
            let mut given = ours.clone();
            *given.pointer_mut(path).unwrap() = value;
            let found = compare(&given, &ours);
            assert_eq!(found.len(), 1, "{path} {found:?}");
            assert_eq!(found[0].path, path);
        }
        let mut silent = ours.clone();
        silent.as_object_mut().unwrap().remove("sniff");
        silent["auth"]["http"] = json!({"url": "https://n1:s@h/hook/v1/n1"});
        assert_eq!(compare(&silent, &ours), [], "off is what they are unsaid");
    }
}
