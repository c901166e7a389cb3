//! The event stream, for clients without sockets.
use crate::{
    error::{Error, Result},
    handlers::{line::Line, principal::Anyone, problem::Problem, query::Params, reader},
    services::{
        Services,
        live::{End, Next, Topic},
    },
};
use actix_web::{
    HttpRequest, HttpResponse, get, rt,
    web::{Bytes, Data},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::HashMap, collections::VecDeque, convert::Infallible, future::ready, time::Duration,
};
use tokio::time::timeout;

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What to follow.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// Topics, separated by commas; absent: `events`, or `me` for a person who may not see them, or `overview` for a token
    /// that may not.
    pub topics: Option<String>,
}

/// Follow as `text/event-stream`. The header `Last-Event-ID` goes on where a stream of this instance ended; elsewhere the
/// first event is `resync`.
#[utoipa::path(tag = "live", params(StreamQuery), responses((status = 200, content_type = "text/event-stream", body = String), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[get("/events/stream")]
pub async fn open_stream(
    by: Anyone,
    req: HttpRequest,
    app: Data<Services>,
    query: Params<StreamQuery>,
) -> Result<HttpResponse> {
    let caller = by.0;
    if caller.user_id.is_none() && !caller.holds("live:read") {
        return Err(Error::Forbidden("live:read"));
    }
    let usual = || Topic::usual(&caller).to_owned();
    let topics = query.0.topics.unwrap_or_else(usual);
    let topics: Vec<String> = topics.split(',').map(str::to_owned).collect();
    let since = req.headers().get("last-event-id");
    let since = since.and_then(|id| id.to_str().ok()).map(|id| {
        let (instance, seq) = id.rsplit_once(':').unwrap_or_default();
        (seq.parse().unwrap_or(u64::MAX), Some(instance.to_owned()))
    });
    let place = app.live.enter(caller)?;
    let answers = app
        .live
        .follow(&place, &topics, since, &HashMap::new())
        .await;
    if let Some(refusal) = answers.iter().find_map(|answer| refusal(answer)) {
        return Err(refusal);
    }
    let instance = app.live.hub.instance.to_string();
    let first: VecDeque<String> = answers
        .iter()
        .map(|answer| {
            let op: Value = serde_json::from_str(answer).unwrap_or_default();
            let kind = op.get("op").and_then(Value::as_str).unwrap_or_default();
            let seq = op.get("seq").and_then(Value::as_u64).unwrap_or_default();
            format!("id: {instance}:{seq}\nevent: {kind}\ndata: {answer}\n\n")
        })
        .collect();
    let state = Some((place.clone(), first, instance));
    let frames = stream::unfold(state, |state| async move {
        let (client, mut first, instance) = state?;
        let text = match first.pop_front() {
            Some(text) => text,
            None => match timeout(HEARTBEAT, client.mailbox.next()).await {
                Err(_) => ": here\n\n".to_owned(),
                Ok(Next::Text(text)) => frame(&instance, &text),
                Ok(Next::End(end)) => {
                    let text = format!("event: end\ndata: \"{}\"\n\n", word(end));
                    return Some((Ok::<_, Infallible>(Bytes::from(text)), None));
                }
            },
        };
        Some((Ok(Bytes::from(text)), Some((client, first, instance))))
    });
    let (frames, reader) = reader::seen(Box::pin(frames));
    let (line, silence) = (Line::of(&req), app.live.silence);
    rt::spawn(async move {
        tokio::select! {
            _ = place.mailbox.ended() => {}
            _ = reader.left(silence) => {}
        }
        line.end(ready(())).await;
        drop(place);
    });
    // the connection ends with the stream: its place is taken as long
    Ok(HttpResponse::Ok()
        .force_close()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(frames)))
}

/// `seq` stands in the text; the event's name is its topic's.
fn frame(instance: &str, text: &str) -> String {
    let parsed: Value = serde_json::from_str(text).unwrap_or_default();
    let seq = parsed
        .get("seq")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    format!("id: {instance}:{seq}\ndata: {text}\n\n")
}

fn refusal(answer: &str) -> Option<Error> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    if answer.get("op")? != "error" {
        return None;
    }
    let topic = answer
        .get("topic")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Some(match answer.get("code").and_then(Value::as_str) {
        Some("forbidden") => Error::Forbidden("live:read"),
        Some("too_many") => Error::field("topics", "are too many"),
        _ => Error::field("topics", format!("{topic:?} is no topic")),
    })
}

fn word(end: End) -> &'static str {
    match end {
        End::Slow => "slow",
        End::Unauthorised => "unauthorised",
        End::Restart => "restart",
    }
}
