//! A client of the live channel.
use super::api::Api;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

pub struct Socket {
    pub stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub instance: String,
}

/// Opens a socket; the status and body of a refusal otherwise.
pub async fn open(
    base: &str,
    protocol: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, (u16, String)> {
    let url = format!("{}/api/v1/ws", base.replace("http://", "ws://"));
    let mut request = url.into_client_request().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol.parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((stream, response)) => {
            assert_eq!(response.headers()["sec-websocket-protocol"], "hywarden.v1");
            let mut socket = Socket {
                stream,
                instance: String::new(),
            };
            let hello = socket.next().await;
            assert_eq!(hello["op"], "hello");
            hello["instance"]
                .as_str()
                .unwrap()
                .clone_into(&mut socket.instance);
            Ok(socket)
        }
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
        }
        Err(other) => panic!("{other}"),
    }
}

/// A socket of whoever speaks through this client.
pub async fn of(base: &str, api: &Api) -> Socket {
    let ticket = api.post("/ws-ticket", json!({})).await.is(201);
    let ticket = ticket["ticket"].as_str().unwrap();
    open(base, &format!("hywarden.v1, ticket.{ticket}"), &[])
        .await
        .unwrap()
}

impl Socket {
    pub async fn say(&mut self, message: Value) {
        self.stream
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    pub async fn follow(&mut self, topics: &[&str]) -> Value {
        self.say(json!({"op": "sub", "topics": topics})).await;
        self.next().await
    }

    /// The next message; panics when the socket ends.
    pub async fn next(&mut self) -> Value {
        match self.message().await {
            Ok(value) => value,
            Err(frame) => panic!("closed: {frame:?}"),
        }
    }

    /// The next message that is about this.
    pub async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await;
            if fits(&message) {
                return message;
            }
        }
    }

    /// The code with which the socket ends, whatever comes before.
    pub async fn closed(&mut self) -> Option<CloseCode> {
        loop {
            if let Err(frame) = self.message().await {
                return frame.map(|frame| frame.code);
            }
        }
    }

    async fn message(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), self.stream.next());
            match next.await.expect("silence") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}
