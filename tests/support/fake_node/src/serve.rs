//! HTTP/1.1 with keep-alive, a thread a connection.
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{Ask, FakeNode, Fault, Shared, lock, world::World};

/// One question that came.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which; `None` if it is none of Hysteria's.
    pub ask: Option<Ask>,
    /// Method and path with query, as sent.
    pub line: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// What stood in the body.
    pub body: String,
    /// Something was answered, whole or not, or the connection closed on purpose.
    pub answered: bool,
}

/// Ends the listening thread.
pub(crate) struct Stop {
    stopped: Arc<AtomicBool>,
    addr: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        for stream in lock(&self.open).drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        let _ = TcpStream::connect(self.addr);
    }
}

pub(crate) fn start(shared: impl FnOnce(SocketAddr) -> Shared) -> FakeNode {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let addr = listener.local_addr().expect("a bound socket");
    let shared = Arc::new(shared(addr));
    let stop = Stop {
        stopped: Arc::default(),
        addr,
        open: Arc::default(),
    };
    let (stopped, open, served) = (stop.stopped.clone(), stop.open.clone(), shared.clone());
    thread::spawn(move || {
        for stream in listener.incoming() {
            if stopped.load(Ordering::SeqCst) {
                break;
            }
            let Ok(stream) = stream else { continue };
            let _ = stream.set_nodelay(true);
            if let Ok(copy) = stream.try_clone() {
                lock(&open).push(copy);
            }
            let shared = served.clone();
            thread::spawn(move || {
                // A client that hangs up is no failure of the server.
                let _ = connection(&shared, &stream);
                let _ = stream.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    FakeNode {
        shared,
        _stop: Arc::new(stop),
    }
}

fn connection(shared: &Shared, stream: &TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(call) = read_call(&mut reader)? {
        let ask = call.ask;
        let (authorized, index) = {
            let mut state = lock(&shared.state);
            let right =
                state.secret.is_empty() || call.authorization.as_ref() == Some(&state.secret);
            state.calls.push(call.clone());
            (right, state.calls.len() - 1)
        };
        let result = if authorized {
            answer(shared, stream, &call)
        } else {
            write_whole(stream, 401, "text/plain; charset=utf-8", b"unauthorized\n")
        };
        lock(&shared.state).calls[index].answered = ask.is_some();
        shared.called.notify_all();
        result?;
    }
    Ok(())
}

fn read_call(reader: &mut impl BufRead) -> Result<Option<Call>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(Error::other)?,
            "authorization" => authorization = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let ask = which(&line);
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Call {
        ask,
        line,
        authorization,
        body,
        answered: false,
    }))
}

fn which(line: &str) -> Option<Ask> {
    let (path, query) = line.split_once('?').unwrap_or((line, ""));
    // Go's ParseBool.
    let clear = ["1", "t", "T", "true", "TRUE", "True"];
    match path {
        "GET /" => Some(Ask::Root),
        "GET /traffic" if clear.iter().any(|yes| query == format!("clear={yes}")) => {
            Some(Ask::Clear)
        }
        "GET /traffic" => Some(Ask::Traffic),
        "GET /online" => Some(Ask::Online),
        "POST /kick" => Some(Ask::Kick),
        _ => None,
    }
}

/// Does what is asked and says the status and the body.
fn act(world: &Mutex<World>, ask: Ask, body: &str) -> (u16, Vec<u8>) {
    let mut world = lock(world);
    match ask {
        Ask::Root => (
            200,
            b"<!DOCTYPE html><title>Hysteria Traffic Stats API Server</title>".to_vec(),
        ),
        Ask::Traffic => (200, world.traffic()),
        Ask::Clear => {
            let answer = world.traffic();
            world.clear();
            (200, answer)
        }
        Ask::Online => {
            let online: BTreeMap<_, _> = world.online.iter().collect();
            (
                200,
                serde_json::to_vec(&online).expect("maps of strings are JSON"),
            )
        }
        Ask::Kick => match serde_json::from_str(body) {
            Ok(ids) => {
                world.kick(ids);
                (200, Vec::new())
            }
            Err(err) => (400, err.to_string().into_bytes()),
        },
    }
}

fn answer(shared: &Shared, stream: &TcpStream, call: &Call) -> Result<()> {
    let Some(ask) = call.ask else {
        return write_whole(
            stream,
            404,
            "text/plain; charset=utf-8",
            b"404 page not found\n",
        );
    };
    let fault = lock(&shared.state).faults.take(ask);
    let done = || {
        let world = lock(&shared.state).world.clone();
        act(&world, ask, &call.body)
    };
    let kind = match ask {
        Ask::Root => "text/html; charset=utf-8",
        _ => "application/json; charset=utf-8",
    };
    let closed = || Err(ErrorKind::ConnectionAborted.into());
    match fault {
        None => {}
        Some(Fault::LostBefore) => return closed(),
        Some(Fault::LostAfter) => {
            done();
            return closed();
        }
        Some(Fault::Held(gate)) => {
            let (status, body) = done();
            gate.pass();
            return write_whole(stream, status, kind, &body);
        }
        Some(Fault::HeldBefore(gate)) => gate.pass(),
        Some(Fault::HeldTwice(before, after)) => {
            before.pass();
            let (status, body) = done();
            after.pass();
            return write_whole(stream, status, kind, &body);
        }
        Some(Fault::Delay(time)) => pause(time),
        Some(Fault::Stalls) => {
            let (status, body) = done();
            write_head(stream, status, kind, body.len() as u64)?;
            let mut stream = stream;
            stream.write_all(&body[..body.len() / 2])?;
            // Until the other side has had enough.
            let _ = stream.read(&mut [0]);
            return closed();
        }
        Some(Fault::Dribble(size, pause)) => {
            let (status, body) = done();
            return dribble(stream, status, kind, &body, size, pause);
        }
        Some(Fault::HalfJson) => {
            let (status, body) = done();
            return write_whole(stream, status, kind, &body[..body.len() / 2]);
        }
        Some(Fault::BreaksOff) => {
            let (status, body) = done();
            write_head(stream, status, kind, body.len() as u64)?;
            let mut stream = stream;
            stream.write_all(&body[..body.len() / 2])?;
            return closed();
        }
        Some(Fault::Status(status)) => return write_whole(stream, status, kind, b""),
        Some(Fault::Redirect(to)) => {
            let mut stream = stream;
            return write!(
                stream,
                "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
            );
        }
        Some(Fault::Garbage(body)) => return write_whole(stream, 200, kind, &body),
        Some(Fault::Huge(size)) => return huge(stream, &done().1, size),
        Some(Fault::Endless) => return endless(stream),
    }
    let (status, body) = done();
    write_whole(stream, status, kind, &body)
}

fn write_head(mut stream: &TcpStream, status: u16, kind: &str, length: u64) -> Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Fake\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn write_whole(mut stream: &TcpStream, status: u16, kind: &str, body: &[u8]) -> Result<()> {
    write_head(stream, status, kind, body.len() as u64)?;
    stream.write_all(body)
}

fn dribble(
    mut stream: &TcpStream,
    status: u16,
    kind: &str,
    body: &[u8],
    size: usize,
    pause: Duration,
) -> Result<()> {
    write_head(stream, status, kind, body.len() as u64)?;
    for piece in body.chunks(size.max(1)) {
        stream.write_all(piece)?;
        self::pause(pause);
    }
    Ok(())
}

/// Entries of the same length each, so that the size is known before.
fn filler(number: u64) -> String {
    format!(r#","foreign-{number:0100}":{{"tx":100000000000,"rx":1}}"#)
}

fn huge(mut stream: &TcpStream, body: &[u8], size: u64) -> Result<()> {
    let body = match body {
        b"{}" => &b"{\"first\":{\"tx\":1,\"rx\":1}"[..],
        body => &body[..body.len() - 1],
    };
    let each = filler(0).len() as u64;
    let count = size.saturating_sub(body.len() as u64 + 1).div_ceil(each);
    write_head(
        stream,
        200,
        "application/json",
        body.len() as u64 + count * each + 1,
    )?;
    stream.write_all(body)?;
    let mut block = String::new();
    for number in 0..count {
        block.push_str(&filler(number));
        if block.len() > 1 << 16 {
            stream.write_all(block.as_bytes())?;
            block.clear();
        }
    }
    stream.write_all(block.as_bytes())?;
    stream.write_all(b"}")
}

fn endless(mut stream: &TcpStream) -> Result<()> {
    stream.write_all(b"HTTP/1.1 200 Fake\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut block = String::from(r#"{"first":{"tx":1,"rx":1}"#);
    for number in 0.. {
        block.push_str(&filler(number));
        if block.len() > 1 << 16 {
            write!(stream, "{:x}\r\n{block}\r\n", block.len())?;
            block.clear();
        }
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own, and slowness is what is asked for"
)]
fn pause(time: Duration) {
    thread::sleep(time);
}
