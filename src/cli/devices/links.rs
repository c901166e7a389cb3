//! What a client takes: links, QR codes, configurations.
use super::show;
use crate::cli::{console::Console, failure::Failure, output, path::Path};
use clap::{Args, builder::PossibleValuesParser};
use serde_json::{Value, json};

/// How a QR code is drawn.
#[derive(Args, Debug)]
pub struct Qr {
    device: String,
    /// The node to connect to; the first permitted one when nothing is said
    #[arg(long)]
    node: Option<String>,
    /// Draw for a terminal with a light background
    #[arg(long)]
    light: bool,
}

/// Which configuration is printed.
#[derive(Args, Debug)]
pub struct Config {
    device: String,
    /// For which client
    #[arg(long, default_value = "hysteria", value_parser = PossibleValuesParser::new(["hysteria", "sing-box"]))]
    format: String,
    /// The node to connect to; the first permitted one when nothing is said
    #[arg(long)]
    node: Option<String>,
}

/// Prints the links.
pub async fn uri(device: &str, node: Option<&str>, on: &mut Console) -> Result<(), Failure> {
    let answer = ask(device, node, on).await?;
    on.out.answer(&answer, |answer| match node {
        // One link alone is for a pipe.
        Some(_) => format!("{}\n", output::text(answer, "uri")),
        None => show::links(answer),
    })
}

/// Draws the first link.
pub async fn qr(qr: Qr, on: &mut Console) -> Result<(), Failure> {
    let answer = ask(&qr.device, qr.node.as_deref(), on).await?;
    let Some(uri) = answer.get("uri").and_then(Value::as_str) else {
        return Err(Failure::not_found(format!(
            "device {} has no link yet: no node is permitted to its user",
            qr.device
        )));
    };
    if on.out.is_json() {
        return on.out.answer(&json!({ "uri": uri }), |_| String::new());
    }
    let drawn = output::qr(uri, qr.light)?;
    on.out.write(&drawn)
}

/// Prints a configuration as it is: it goes into a file.
pub async fn config(config: Config, on: &mut Console) -> Result<(), Failure> {
    let id = on.device(&config.device).await?;
    let path = Path::of(&["devices", &id, "config"])?
        .with("format", &config.format)
        .with_some("node", config.node);
    let (text, warning) = on.api.get_text(&path).await?;
    if let Some(warning) = warning {
        on.out.note(&warning)?;
    }
    on.out.write(&text)
}

async fn ask(device: &str, node: Option<&str>, on: &Console) -> Result<Value, Failure> {
    let id = on.device(device).await?;
    let path = Path::of(&["devices", &id, "uri"])?.with_some("node", node);
    on.api.get(&path).await
}
