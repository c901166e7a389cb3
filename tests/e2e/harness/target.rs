//! A site behind the node, that counts every byte at its own sockets.
use std::{
    io::{BufRead, BufReader, Read, Result, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use super::socks;

/// `GET /<n>` answers with n bytes, `POST` takes what comes, `GET /endless` never ends; UDP comes back.
pub struct Target {
    pub tcp: SocketAddr,
    pub udp: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Target {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (tcp, udp) = (listener.local_addr().unwrap(), socket.local_addr().unwrap());
        let counts = Arc::new(Counts::default());
        let counted = counts.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = counted.clone();
                // A client that is cut off is what the tests want.
                thread::spawn(move || serve(&stream, &counted));
            }
        });
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok((size, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..size], from);
            }
        });
        Self { tcp, udp, counts }
    }

    /// What came in and went out over TCP: upload and download of its clients.
    pub fn counted(&self) -> (u64, u64) {
        (
            self.counts.received.load(SeqCst),
            self.counts.sent.load(SeqCst),
        )
    }

    /// Fetches `size` bytes through a client, to the end of the stream.
    pub fn fetch(&self, proxy: SocketAddr, size: usize) -> Result<Vec<u8>> {
        let mut stream = socks::connect(proxy, self.tcp)?;
        write!(stream, "GET /{size} HTTP/1.0\r\n\r\n")?;
        read_body(stream)
    }

    /// Uploads `size` bytes through a client.
    pub fn upload(&self, proxy: SocketAddr, size: usize) -> Result<Vec<u8>> {
        let mut stream = socks::connect(proxy, self.tcp)?;
        write!(stream, "POST / HTTP/1.0\r\nContent-Length: {size}\r\n\r\n")?;
        stream.write_all(&vec![b'x'; size])?;
        read_body(stream)
    }

    /// A stream on which data moves until somebody ends it.
    pub fn endless(&self, proxy: SocketAddr) -> Result<Flow> {
        let mut stream = socks::connect(proxy, self.tcp)?;
        write!(stream, "GET /endless HTTP/1.0\r\n\r\n")?;
        stream.read_exact(&mut [0; 1])?;
        Ok(Flow { stream })
    }
}

/// Data on the move.
pub struct Flow {
    stream: TcpStream,
}

impl Flow {
    /// Reads until the stream ends, by whom ever.
    pub fn wait_for_end(mut self) {
        let mut buffer = vec![0; 65_536];
        while self.stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    }

    /// Is something still coming?
    pub fn moves(&mut self) -> bool {
        self.stream.read_exact(&mut vec![0; 50_000]).is_ok()
    }
}

fn read_body(stream: TcpStream) -> Result<Vec<u8>> {
    let mut stream = BufReader::new(stream);
    let mut status = String::new();
    stream.read_line(&mut status)?;
    if !status.starts_with("HTTP/1.0 200") {
        return Err(std::io::Error::other(format!("answered {status:?}")));
    }
    let mut length = None;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().ok(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = Vec::new();
    stream.read_to_end(&mut body)?;
    if length != Some(body.len()) {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body)
}

fn serve(stream: &TcpStream, counts: &Counts) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut path, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        let read = reader.read_line(&mut line)?;
        counts
            .received
            .fetch_add(u64::try_from(read).unwrap(), SeqCst);
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.parse().unwrap();
        } else if path.is_empty() {
            path.push_str(line.split(' ').nth(1).unwrap_or_default());
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    counts
        .received
        .fetch_add(u64::try_from(length).unwrap(), SeqCst);
    let send = |bytes: &[u8]| -> Result<()> {
        let mut stream = stream;
        stream.write_all(bytes)?;
        counts
            .sent
            .fetch_add(u64::try_from(bytes.len()).unwrap(), SeqCst);
        Ok(())
    };
    if path == "/endless" {
        let block = [b'e'; 4096];
        loop {
            send(&block)?;
            pace();
        }
    }
    let size = path.trim_start_matches('/').parse().unwrap_or(2);
    let body = vec![b'd'; size];
    send(format!("HTTP/1.0 200 OK\r\nContent-Length: {size}\r\n\r\n").as_bytes())?;
    send(&body)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a steady stream of about 800 KB a second"
)]
fn pace() {
    thread::sleep(std::time::Duration::from_millis(5));
}
