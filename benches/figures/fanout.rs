//! A thousand clients that follow events: from the commit of an event to its frame at each of them.
use crate::{
    ground::{Ground, connect},
    load::Latencies,
    pages::database,
    people::{HERE, local, post, there},
    process::Server,
    report::Report,
    whole::start,
};
use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Instant};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::{Duration, sleep, timeout},
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

/// One principal has at most five.
const PRINCIPALS: usize = 200;
const EACH: usize = 5;
const EVENTS: usize = 60;

pub async fn figures(report: &mut Report, ground: &Ground) -> Result<()> {
    let (server, _) = start(ground).await?;
    let mut db = connect(&database(ground)?).await?;
    let (heard, mut frames) = unbounded_channel();
    let here = local(ground)?;
    for n in 0..PRINCIPALS {
        let scopes =
            json!({"name": format!("follower{n}"), "scopes": ["live:read", "events:read"]});
        let token = post(&here, HERE, "/tokens", &scopes).await?;
        let token = token["secret"].as_str().context("no secret")?;
        for _ in 0..EACH {
            follow(&server, token, heard.clone()).await?;
        }
    }
    drop(heard);
    let mut committed = HashMap::new();
    for n in 0..EVENTS {
        let change = db.transaction().await?;
        let event = "INSERT INTO events (kind, severity, actor, at) VALUES ('user.suspended', 'info', 'system', now()) RETURNING number";
        let number: i64 = change.query_one(event, &[]).await?.get(0);
        let queue = "INSERT INTO outbox (event, at) VALUES ($1, now())";
        change.execute(queue, &[&number]).await?;
        let at = Instant::now();
        change.commit().await?;
        committed.insert(number, at);
        // no multiple of any period of the program
        sleep(Duration::from_millis(211 + 13 * (n as u64 % 17))).await;
    }
    let mut took = Vec::new();
    while took.len() < EVENTS * PRINCIPALS * EACH {
        let next = timeout(Duration::from_secs(30), frames.recv()).await;
        let Ok(Some((number, at))) = next else {
            bail!("{} frames came", took.len());
        };
        if let Some(since) = committed.get(&number) {
            took.push(at.saturating_duration_since(*since));
        }
    }
    let took = Latencies::of(took, 0);
    let ms = |percent| took.percentile(percent).as_secs_f64() * 1e3;
    report.note("fanout_1000_frames", took.sorted.len() as f64);
    report.note("fanout_1000_p50_ms", ms(50));
    report.at_most("fanout_1000_p99_ms", ms(99), 1_000.0);
    report.note("fanout_1000_max_ms", ms(100));
    server.stop().await
}

/// Opens a socket that follows all events, and tells of each frame.
async fn follow(
    server: &Server,
    token: &str,
    heard: UnboundedSender<(i64, Instant)>,
) -> Result<()> {
    let base = there(server);
    let http = reqwest::Client::builder().no_proxy().build()?;
    let answer = http
        .post(format!("{base}/ws-ticket"))
        .bearer_auth(token)
        .send()
        .await?;
    let answer: Value = serde_json::from_str(&answer.text().await?)?;
    let ticket = answer["ticket"]
        .as_str()
        .with_context(|| answer.to_string())?;
    let mut request = format!("{}/ws", base.replace("http://", "ws://")).into_client_request()?;
    let protocol = format!("hywarden.v1, ticket.{ticket}").parse()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = connect_async(request).await?;
    let sub = json!({"op": "sub", "topics": ["events"]}).to_string();
    socket.send(Message::text(sub)).await?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.contains("\"subscribed\"") => break,
            Some(Ok(Message::Text(text))) => ensure!(text.contains("\"hello\""), "{text}"),
            Some(Ok(_)) => {}
            other => bail!("{other:?}"),
        }
    }
    tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            let at = Instant::now();
            let Message::Text(text) = message else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(number) = frame["data"]["number"].as_i64() {
                // the figure may have been taken already
                let _ = heard.send((number, at));
            }
        }
    });
    Ok(())
}
