//! `hywarden webhook …`: who is told of events over HTTP.
use super::{
    body::Body,
    console::Console,
    failure::Failure,
    output::{Column, card, flag, instant, list, text},
    path::Path,
};
use clap::Subcommand;
use serde_json::Value;

/// Verbs on webhooks.
#[derive(Subcommand, Debug)]
pub enum WebhookVerb {
    /// Make a webhook and print its secret, once
    Create {
        /// What it is for
        name: String,
        /// Where it is called: https, at a public address
        url: String,
        /// Which events, such as user.limited or user.*; may be repeated or separated by commas; all when nothing is said
        #[arg(long = "event", value_name = "KIND", value_delimiter = ',')]
        events: Vec<String>,
    },
    /// List webhooks
    List {
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show a webhook
    Show {
        /// Its name or id
        webhook: String,
    },
    /// Turn a webhook on again, and wake it up
    Enable {
        /// Its name or id
        webhook: String,
    },
    /// Turn a webhook off
    Disable {
        /// Its name or id
        webhook: String,
    },
    /// Give it a new secret; the old one signs beside it for a day
    RotateSecret {
        /// Its name or id
        webhook: String,
    },
    /// Call it now with a test event and say how it went; exit code 1 when it did not take it
    Test {
        /// Its name or id
        webhook: String,
    },
    /// List what it was told, newest first
    Deliveries {
        /// Its name or id
        webhook: String,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u64,
    },
    /// Send a delivery again
    Resend {
        /// The webhook's name or id
        webhook: String,
        /// The delivery's id
        delivery: String,
    },
    /// Remove a webhook and its log
    Delete {
        /// Its name or id
        webhook: String,
    },
}

const COLUMNS: &[Column] = &[
    Column::left("NAME", |w| text(w, "name")),
    Column::left("URL", |w| text(w, "url")),
    Column::left("EVENTS", |w| list(w, "events")),
    Column::left("ON", |w| flag(w, "enabled")),
    Column::right("FAILURES", |w| text(w, "failures")),
    Column::left("ID", |w| text(w, "id")),
];

const DELIVERIES: &[Column] = &[
    Column::left("AT", |d| instant(d, "created_at")),
    Column::left("EVENT", |d| text(d, "kind")),
    Column::left("STATE", |d| text(d, "state")),
    Column::right("TRIES", |d| text(d, "attempts")),
    Column::right("STATUS", |d| text(d, "last_status")),
    Column::left("ERROR", |d| text(d, "last_error")),
    Column::left("ID", |d| text(d, "id")),
];

fn shown(webhook: &Value) -> String {
    let mut rows = vec![
        ("name", text(webhook, "name")),
        ("id", text(webhook, "id")),
        ("url", text(webhook, "url")),
        ("events", list(webhook, "events")),
        ("on", flag(webhook, "enabled")),
        ("off because", text(webhook, "disabled_reason")),
        ("failures", text(webhook, "failures")),
        ("rests until", instant(webhook, "resting_until")),
    ];
    if webhook.get("secret").is_some() {
        rows.push((
            "secret",
            format!("{}   (shown only now)", text(webhook, "secret")),
        ));
    }
    card(&rows)
}

/// Does a verb.
pub async fn run(verb: WebhookVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        WebhookVerb::Create { name, url, events } => {
            let body = Body::new()
                .with("name", name)
                .with("url", url)
                .with_list("events", &events);
            let path = Path::of(&["webhooks"])?;
            let answer = on.api.post(&path, Some(&body.into())).await?;
            on.out.answer(&answer, shown)
        }
        WebhookVerb::List { limit } => {
            on.list(Path::of(&["webhooks"])?, COLUMNS, limit, "no webhooks")
                .await
        }
        WebhookVerb::Show { webhook } => {
            let answer = on.api.get(&Path::of(&["webhooks", &webhook])?).await?;
            on.out.answer(&answer, shown)
        }
        WebhookVerb::Enable { webhook } => turn(&webhook, true, on).await,
        WebhookVerb::Disable { webhook } => turn(&webhook, false, on).await,
        WebhookVerb::RotateSecret { webhook } => {
            let path = Path::of(&["webhooks", &webhook, "rotate-secret"])?;
            let answer = on.api.post(&path, None).await?;
            on.out.answer(&answer, shown)
        }
        WebhookVerb::Test { webhook } => test(&webhook, on).await,
        WebhookVerb::Deliveries { webhook, limit } => {
            let path = Path::of(&["webhooks", &webhook, "deliveries"])?;
            on.list(path, DELIVERIES, Some(limit), "nothing yet").await
        }
        WebhookVerb::Resend { webhook, delivery } => {
            let path = Path::of(&["webhooks", &webhook, "deliveries", &delivery, "resend"])?;
            let answer = on.api.post(&path, None).await?;
            on.done(&answer, &format!("delivery {delivery} is sent again"))
        }
        WebhookVerb::Delete { webhook } => {
            let answer = on.api.delete(&Path::of(&["webhooks", &webhook])?).await?;
            on.done(&answer, &format!("webhook {webhook} is deleted"))
        }
    }
}

async fn turn(webhook: &str, enabled: bool, on: &mut Console) -> Result<(), Failure> {
    let body = Body::new().with("enabled", enabled).into();
    let path = Path::of(&["webhooks", webhook])?;
    let answer = on.api.patch(&path, &body).await?;
    on.out.answer(&answer, shown)
}

async fn test(webhook: &str, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["webhooks", webhook, "test"])?;
    let answer = on.api.post(&path, None).await?;
    let delivered = answer.get("delivered") == Some(&Value::Bool(true));
    on.out.answer(&answer, |answer| {
        card(&[
            ("delivered", flag(answer, "delivered")),
            ("status", text(answer, "delivery.last_status")),
            ("error", text(answer, "delivery.last_error")),
            ("milliseconds", text(answer, "delivery.last_ms")),
        ])
    })?;
    if delivered {
        Ok(())
    } else {
        Err(Failure::failed(format!("{webhook} did not take it")))
    }
}
