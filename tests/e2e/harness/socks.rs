//! What an application does with a client: SOCKS5, TCP and UDP.
use std::{
    io::{Error, Read, Result, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

use super::PATIENCE;

/// A stream to `target` through the client behind `proxy`.
pub fn connect(proxy: SocketAddr, target: SocketAddr) -> Result<TcpStream> {
    let (stream, _) = ask(proxy, 1, target)?;
    Ok(stream)
}

/// Datagrams through the client behind `proxy`, as long as its stream is open.
pub struct Datagrams {
    _association: TcpStream,
    socket: UdpSocket,
    relay: SocketAddr,
}

impl Datagrams {
    pub fn new(proxy: SocketAddr) -> Result<Self> {
        let (association, relay) = ask(proxy, 3, SocketAddr::from(([0, 0, 0, 0], 0)))?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(Self {
            _association: association,
            socket,
            relay,
        })
    }

    /// Sends one datagram and waits for one.
    pub fn exchange(&self, target: SocketAddr, payload: &[u8]) -> Result<Vec<u8>> {
        let mut packet = vec![0, 0, 0];
        packet.extend(address(target));
        let head = packet.len();
        packet.extend(payload);
        self.socket.send_to(&packet, self.relay)?;
        let mut answer = vec![0; 65_536];
        let size = self.socket.recv(&mut answer)?;
        Ok(answer[head..size].to_vec())
    }
}

fn ask(proxy: SocketAddr, command: u8, target: SocketAddr) -> Result<(TcpStream, SocketAddr)> {
    let mut stream = TcpStream::connect(proxy)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&[5, 1, 0])?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen)?;
    let mut request = vec![5, command, 0];
    request.extend(address(target));
    stream.write_all(&request)?;
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    if head[1] != 0 {
        return Err(Error::other(format!("the proxy says {}", head[1])));
    }
    let bound = match head[3] {
        1 => {
            let mut bytes = [0; 6];
            stream.read_exact(&mut bytes)?;
            let [a, b, c, d, high, low] = bytes;
            SocketAddr::from(([a, b, c, d], u16::from_be_bytes([high, low])))
        }
        4 => {
            let mut bytes = [0; 18];
            stream.read_exact(&mut bytes)?;
            let ip: [u8; 16] = bytes[..16].try_into().unwrap();
            SocketAddr::from((ip, u16::from_be_bytes([bytes[16], bytes[17]])))
        }
        other => return Err(Error::other(format!("address type {other}"))),
    };
    let bound = if bound.ip().is_unspecified() {
        SocketAddr::new(proxy.ip(), bound.port())
    } else {
        bound
    };
    Ok((stream, bound))
}

fn address(target: SocketAddr) -> Vec<u8> {
    let mut bytes = match target {
        SocketAddr::V4(v4) => [&[1][..], &v4.ip().octets()].concat(),
        SocketAddr::V6(v6) => [&[4][..], &v6.ip().octets()].concat(),
    };
    bytes.extend(target.port().to_be_bytes());
    bytes
}
