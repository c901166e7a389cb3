//! `hywarden events tail`: what happened, and what happens, by the API's long poll.
use super::{
    console::{Console, items},
    failure::Failure,
    output::{instant, text},
    path::Path,
};
use clap::Subcommand;
use serde_json::Value;
use std::{fmt::Write, time::Duration};

/// Verbs on events.
#[derive(Subcommand, Debug)]
pub enum EventsVerb {
    /// Print the last events; with --follow, those that come, too
    Tail {
        /// Go on with new events as they happen; with --json, one object a line
        #[arg(long, short)]
        follow: bool,
        /// Begin after the event of this number instead
        #[arg(long, value_name = "NUMBER")]
        after: Option<i64>,
        /// How many of the last ones to begin with
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100))]
        lines: u64,
    },
}

/// Seconds that a long poll may take.
const WAIT: u64 = 25;
/// How long to stay away from a program that is being restarted.
const PAUSE: Duration = Duration::from_secs(1);

/// Does a verb.
pub async fn run(verb: EventsVerb, on: &mut Console) -> Result<(), Failure> {
    let EventsVerb::Tail {
        follow,
        after,
        lines,
    } = verb;
    let path = Path::of(&["events"])?
        .with("limit", &lines)
        .with_some("after", after);
    let answer = on.api.get(&path).await?;
    let events = items(&answer)?;
    if follow {
        let mut last = after.unwrap_or(0);
        print(events, &mut last, on)?;
        return keep_following(last, on).await;
    }
    if on.out.is_json() {
        let mut list = on.out.list(&[]);
        list.page(events)?;
        return list.end("");
    }
    print(events, &mut 0, on)
}

/// Asks again and again; a program that is being restarted is waited for.
async fn keep_following(mut last: i64, on: &mut Console) -> Result<(), Failure> {
    let mut is_away = false;
    loop {
        let path = Path::of(&["events"])?
            .with("after", &last)
            .with("limit", &100)
            .with("wait", &WAIT);
        match on.api.get(&path).await {
            Ok(answer) => {
                is_away = false;
                print(items(&answer)?, &mut last, on)?;
            }
            Err(gone) if gone.may_come_back() => {
                if !is_away {
                    on.out.note(&format!("{gone}; waiting for it"))?;
                }
                is_away = true;
                tokio::time::sleep(PAUSE).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// One event a line, in either form, so that a pipe can follow.
fn print(events: &[Value], last: &mut i64, on: &mut Console) -> Result<(), Failure> {
    for event in events {
        let line = if on.out.is_json() {
            event.to_string()
        } else {
            line(event)
        };
        on.out.write(&line)?;
        if let Some(number) = event.get("number").and_then(Value::as_i64) {
            *last = number.max(*last);
        }
    }
    Ok(())
}

fn line(event: &Value) -> String {
    let mut line = format!(
        "{}  {:>6}  {:7}  {}",
        instant(event, "at"),
        text(event, "number"),
        text(event, "severity"),
        text(event, "kind"),
    );
    for key in ["user", "device", "node", "actor"] {
        if event.get(key).is_some_and(|value| !value.is_null()) {
            let _ = write!(line, "  {key}={}", text(event, key));
        }
    }
    if event
        .get("data")
        .and_then(Value::as_object)
        .is_some_and(|data| !data.is_empty())
    {
        let _ = write!(line, "  {}", text(event, "data"));
    }
    line
}
