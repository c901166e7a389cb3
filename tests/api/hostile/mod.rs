//! Hostile input below and beside HTTP's good manners: over raw TCP, in every number, by the gigabyte (security checks I1
//! to I6, I12).
mod late;
mod memory;
mod numbers;
mod wire;

use crate::support::house::House;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What came back over a connection, and whether the other side closed it.
struct Told {
    text: String,
    closed: bool,
}

impl Told {
    /// The status of the one answer that came; a second one would be smuggled.
    #[track_caller]
    fn status(&self) -> u16 {
        assert!(self.text.matches("HTTP/1.1 ").count() <= 1, "{}", self.text);
        let word = self.text.split(' ').nth(1);
        word.and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

/// Longer than any deadline that these tests set.
const PATIENCE: Duration = Duration::from_secs(20);

/// Writes, and hears until the other side closes or falls silent.
async fn tell(at: SocketAddr, parts: &[&[u8]]) -> Told {
    let mut socket = TcpStream::connect(at).await.unwrap();
    for part in parts {
        // it may refuse before everything was written
        if socket.write_all(part).await.is_err() {
            break;
        }
    }
    hear(&mut socket).await
}

async fn hear(socket: &mut TcpStream) -> Told {
    let mut all = Vec::new();
    let heard = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut all)).await;
    Told {
        text: String::from_utf8_lossy(&all).into_owned(),
        closed: heard.is_ok(),
    }
}

/// A table that somebody else has locked, and keeps until it is let go.
struct Held {
    client: tokio_postgres::Client,
    running: tokio::task::JoinHandle<Result<(), tokio_postgres::Error>>,
}

impl Held {
    /// The table of groups: nobody can read it.
    async fn groups(house: &House) -> Self {
        let (client, connection) = tokio_postgres::connect(&house.test.url, tokio_postgres::NoTls)
            .await
            .unwrap();
        let running = tokio::spawn(connection);
        let lock = "BEGIN; LOCK TABLE groups IN ACCESS EXCLUSIVE MODE";
        client.batch_execute(lock).await.unwrap();
        Self { client, running }
    }

    async fn let_go(self) {
        self.client.batch_execute("COMMIT").await.unwrap();
        self.running.abort();
    }
}
