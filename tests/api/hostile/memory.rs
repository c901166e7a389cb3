use super::tell;
use crate::support::program::{Program, hywarden, open_dir};
use std::{fs, net::SocketAddr};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// The most memory that the program ever had, in bytes.
fn peak(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

fn head(token: &str, more: &str) -> String {
    format!(
        "POST /api/v1/users HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{more}\r\n"
    )
}

/// A gigabyte of zeroes, as brotli writes it.
const BOMB: &[u8] = include_bytes!("bomb.br");

/// I1, I2: a body of a gigabyte, in one piece or in many, and one that would become a gigabyte, cost no memory.
#[tokio::test(flavor = "multi_thread")]
async fn i2_a_gigabyte_costs_nothing() {
    let dir = open_dir();
    let program = Program::serve(dir.path(), &[]);
    let at: SocketAddr = program
        .welcome
        .split("http://")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let made = hywarden(dir.path())
        .args(["token", "create", "t", "--scope", "*", "--json"])
        .output()
        .unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let token = made["secret"].as_str().unwrap();
    let warm = head(token, "Connection: close\r\nContent-Length: 2\r\n") + "{}";
    for _ in 0..20 {
        assert_eq!(tell(at, &[warm.as_bytes()]).await.status(), 422);
    }
    let before = peak(&program);
    for how in ["br", "gzip", "deflate", "zstd", "x-gzip", "identity, br"] {
        let head = head(
            token,
            &format!(
                "Connection: close\r\nContent-Encoding: {how}\r\nContent-Length: {}\r\n",
                BOMB.len()
            ),
        );
        for _ in 0..8 {
            let told = tell(at, &[head.as_bytes(), BOMB]).await;
            assert_eq!(told.status(), 415, "{how}: {}", told.text);
        }
    }
    let announced = head(token, "Content-Length: 1073741824\r\n");
    let pieces = head(token, "Transfer-Encoding: chunked\r\n");
    let zeroes = vec![b'0'; 1 << 20];
    let piece = [
        format!("{:x}\r\n", zeroes.len()).as_bytes(),
        &zeroes,
        b"\r\n",
    ]
    .concat();
    for (head, part) in [(&announced, &zeroes), (&pieces, &piece)] {
        let mut socket = TcpStream::connect(at).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut taken = 0;
        // what still comes is dropped unread, for a moment, so that the answer arrives
        while taken < 1024 && socket.write_all(part).await.is_ok() {
            taken += 1;
        }
        let told = super::hear(&mut socket).await;
        assert!(
            told.closed && (told.text.is_empty() || told.status() == 413),
            "{}",
            told.text
        );
    }
    let grown = peak(&program).saturating_sub(before);
    assert!(grown < 2 << 20, "{grown} bytes more than before");
}
