//! A client that reads no more than it must: it begins, and lets what comes pile up.
use super::{api::Api, house::House};
use serde_json::{Value, json};
use std::{
    io::{Error, ErrorKind},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

pub struct Deaf(TcpStream);

impl Deaf {
    /// Sends a request and reads the head of the answer, which has this status.
    async fn ask(house: &House, head: &str, status: u16) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut stream = socket.connect(house.app.addresses.api).await.unwrap();
        let request = format!("{head}host: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        let line = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&line), "{answer}");
        Self(stream)
    }

    /// Opens the socket and follows these.
    pub async fn socket(house: &House, api: &Api, topics: &[&str]) -> Self {
        let ticket = api.post("/ws-ticket", json!({})).await.is(201);
        let ticket = ticket["ticket"].as_str().unwrap();
        let head = format!(
            "GET /api/v1/ws HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\nsec-websocket-protocol: hywarden.v1, ticket.{ticket}\r\n"
        );
        let mut deaf = Self::ask(house, &head, 101).await;
        deaf.say(1, &json!({"op": "sub", "topics": topics}));
        deaf
    }

    /// Asks for an answer that comes in parts.
    pub async fn parts(house: &House, token: &str, path: &str) -> Self {
        let head = format!("GET /api/v1{path} HTTP/1.1\r\nauthorization: Bearer {token}\r\n");
        Self::ask(house, &head, 200).await
    }

    /// A frame of this kind, behind a mask that changes nothing.
    fn say(&mut self, kind: u8, what: &Value) {
        let text = what.to_string();
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 126);
        let mut frame = vec![0x80 | kind, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.0.try_write(&frame).unwrap();
    }

    /// Says that it is there.
    pub fn pong(&self) {
        // whether anybody hears it is what the tests are about
        let _ = self.0.try_write(&[0x8a, 0x80, 0, 0, 0, 0]);
    }

    /// Whether the other end refuses what is said: it has ended the connection.
    pub fn is_cut(&self) -> bool {
        let said = self.0.try_write(&[0x8a, 0x80, 0, 0, 0, 0]);
        said.is_err_and(|why| why.kind() != ErrorKind::WouldBlock)
    }

    /// Reads everything that is left, to the end or to where it breaks.
    pub async fn rest(mut self) -> (Vec<u8>, Option<Error>) {
        let mut rest = Vec::new();
        let read = self.0.read_to_end(&mut rest);
        let read = timeout(Duration::from_secs(20), read).await;
        let broken = read.expect("no end").err();
        (rest, broken)
    }
}
