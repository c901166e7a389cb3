//! `hywarden events tail`: what happened, and what happens, by the API's long poll.
use super::{
    console::{Console, items, next_cursor},
    failure::Failure,
    output::{harmless, instant, text},
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
    let EventsVerb::Tail { follow, lines } = verb;
    let path = Path::of(&["events"])?.with("limit", &lines);
    let answer = on.api.get(&path).await?;
    let events = items(&answer)?;
    if follow {
        print(events, on)?;
        return keep_following(next_cursor(&answer), on).await;
    }
    if on.out.is_json() {
        let mut list = on.out.list(&[]);
        list.page(events)?;
        return list.end("");
    }
    print(events, on)
}

/// Asks again and again; a program that is being restarted is waited for.
async fn keep_following(mut place: Option<String>, on: &mut Console) -> Result<(), Failure> {
    let mut is_away = false;
    loop {
        let path = Path::of(&["events"])?
            .with("limit", &100)
            .with("wait", &WAIT)
            .with("after", place.as_deref().unwrap_or("start"));
        match on.api.get(&path).await {
            Ok(answer) => {
                is_away = false;
                print(items(&answer)?, on)?;
                place = next_cursor(&answer).or(place);
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
fn print(events: &[Value], on: &mut Console) -> Result<(), Failure> {
    for event in events {
        let line = if on.out.is_json() {
            event.to_string()
        } else {
            line(event)
        };
        on.out.write(&line)?;
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
    // What was not said of an object says nothing here either.
    let data = event.get("data").and_then(Value::as_object);
    for (key, value) in data
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
    {
        let _ = write!(line, "  {key}={}", harmless(&value.to_string()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_one_line() {
        let event = json!({
            "number": 7, "at": "2026-11-21T09:30:00.5Z", "severity": "info", "kind": "user.created", "actor": "cli:0",
            "user": "ann", "device": null, "data": {"quota": null, "window": "month", "name": "a\u{1b}[2Jb"},
        });
        assert_eq!(
            line(&event),
            "2026-11-21T09:30:00Z       7  info     user.created  user=ann  actor=cli:0  name=\"a\\u001b[2Jb\"  window=\"month\""
        );
    }
}
