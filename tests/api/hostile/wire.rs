use super::{Held, hear, tell};
use crate::support::{api::Api, house::House};
use serde_json::json;
use std::net::SocketAddr;
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// A token, so that what is refused is the request and not who asks.
async fn token(house: &House) -> String {
    let body = json!({"name": "t", "scopes": ["*"]});
    let made = Api::local(house).post("/tokens", body).await.is(201);
    made["secret"].as_str().unwrap().to_owned()
}

fn head(token: &str, path: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{more}\r\n"
    )
}

/// Nothing but these users is there.
async fn nobody_was_made(house: &House) {
    assert_eq!(Api::local(house).all("/users", 100).await.len(), 0);
}

/// I1: what is too long is refused before it is read, and the connection ends; by each route's own measure.
#[tokio::test(flavor = "multi_thread")]
async fn i1_too_long_a_body_is_refused_unread() {
    let house = House::start(&[]).await;
    let (at, token) = (house.app.addresses.api, token(&house).await);
    for (path, announced) in [
        ("/api/v1/users", 64 * 1024 + 1),
        ("/api/v1/users", 1 << 30),
        ("/api/v1/users:batch", u64::MAX / 2),
        ("/api/v1/auth/login", 1 << 30),
        ("/api/v1/nowhere", 1 << 30),
    ] {
        // not a byte of it is sent
        let head = head(&token, path, &format!("Content-Length: {announced}\r\n"));
        let told = tell(at, &[head.as_bytes()]).await;
        assert_eq!(
            (told.status(), told.closed),
            (413, true),
            "{path} {}",
            told.text
        );
        assert!(told.text.contains("\"too_large\""), "{}", told.text);
    }
    // of somebody who is not known yet 4 KiB are enough, also of what comes in pieces
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(5_000));
    let piece = format!("{:x}\r\n{long}\r\n", long.len());
    for path in [
        "/api/v1/auth/login",
        "/api/v1/auth/register",
        "/api/v1/auth/setup",
    ] {
        let announced = head("x", path, &format!("Content-Length: {}\r\n", long.len()));
        let pieces = head("x", path, "Transfer-Encoding: chunked\r\n");
        for parts in [
            [announced.as_bytes(), long.as_bytes()],
            [pieces.as_bytes(), piece.as_bytes()],
        ] {
            let told = tell(at, &parts).await;
            assert_eq!(
                (told.status(), told.closed),
                (413, true),
                "{path} {}",
                told.text
            );
        }
    }
    // the hook has a measure of its own; who is not known there is read as far, and no further
    let node = house.node("fra1", 9).await;
    let hook = {
        use secrecy::ExposeSecret;
        let url: url::Url = node.config.hook_url.expose_secret().parse().unwrap();
        format!("/hook/v1/fra1/{}", url.password().unwrap())
    };
    let piece = format!("{:x}\r\n{}\r\n", 17 << 10, "x".repeat(17 << 10));
    for (path, status) in [(hook.as_str(), 413), ("/hook/v1/fra1/wrong", 401)] {
        let head = head("x", path, "Transfer-Encoding: chunked\r\n");
        let told = tell(at, &[head.as_bytes(), piece.as_bytes()]).await;
        assert_eq!((told.status(), told.closed), (status, true), "{path}");
    }
    nobody_was_made(&house).await;
}

/// I5: who announces an end twice, or hides one, is refused and its connection ends; what follows is never a request.
#[tokio::test(flavor = "multi_thread")]
async fn i5_a_request_has_one_end() {
    let house = House::start(&[]).await;
    let node = house.node("fra1", 9).await;
    let (at, token) = (house.app.addresses.api, token(&house).await);
    let inner = head(&token, "/api/v1/users", "Content-Length: 17\r\n") + "{\"name\":\"hidden\"}";
    let smuggled = [
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n",
            inner.len() + 5
        ),
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n".to_owned(),
        "Content-Length: 5\r\nContent-Length: 6\r\n".to_owned(),
        "Content-Length: 5, 6\r\n".to_owned(),
        "Content-Length: +5\r\n".to_owned(),
        "Content-Length: 0x5\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: 18446744073709551616\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: identity, chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        " Transfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding:\u{b}chunked\r\n".to_owned(),
        "X: a\rTransfer-Encoding: chunked\r\n".to_owned(),
        "X: a\0b\r\nContent-Length: 5\r\n".to_owned(),
    ];
    let hook = {
        use secrecy::ExposeSecret;
        let url: url::Url = node.config.hook_url.expose_secret().parse().unwrap();
        format!("/hook/v1/fra1/{}", url.password().unwrap())
    };
    for path in ["/api/v1/groups", &hook] {
        for more in &smuggled {
            let told = tell(
                at,
                &[
                    head(&token, path, more).as_bytes(),
                    b"0\r\n\r\n",
                    inner.as_bytes(),
                ],
            )
            .await;
            let status = told.status();
            assert!(
                told.closed && (status == 400 || status == 501),
                "{more:?}: {}",
                told.text
            );
        }
        // the pieces themselves
        for body in [
            "5\nhello\n0\n\n",
            "-1\r\n",
            "ffffffffffffffffff\r\nx",
            "5;\nx\r\nhello\r\n0\r\n\r\n",
            "2\r\n{}0\r\n\r\n",
        ] {
            let told = tell(
                at,
                &[
                    head(&token, path, "Transfer-Encoding: chunked\r\n").as_bytes(),
                    body.as_bytes(),
                    inner.as_bytes(),
                ],
            )
            .await;
            let refused = told.text.is_empty() || told.status() == 400;
            assert!(told.closed && refused, "{body:?}: {}", told.text);
        }
    }
    nobody_was_made(&house).await;
}

/// I6: at most 8 KiB of address, 16 KiB and 100 lines of head; I5: no line that ends in half an end.
#[tokio::test(flavor = "multi_thread")]
async fn i6_a_head_has_an_end() {
    let house = House::start(&[]).await;
    let (at, token) = (house.app.addresses.api, token(&house).await);
    let get = |path: &str, more: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n{more}\r\n")
    };
    let fits = get(
        &format!("/api/v1/users?search={}", "a".repeat(60)),
        &format!("X: {}\r\nConnection: close\r\n", "y".repeat(15_000)),
    );
    assert_eq!(tell(at, &[fits.as_bytes()]).await.status(), 200);
    for (text, status) in [
        (
            get(&format!("/api/v1/users/{}", "a".repeat(8_200)), ""),
            414,
        ),
        (
            get(&format!("/api/v1/users?search={}", "a".repeat(8_200)), ""),
            414,
        ),
        (
            get("/api/v1/users", &format!("X: {}\r\n", "y".repeat(16_400))),
            431,
        ),
        (get("/api/v1/users", &"X: y\r\n".repeat(101)), 431),
    ] {
        let told = tell(at, &[text.as_bytes()]).await;
        assert!(
            told.closed && told.status() == status,
            "{status}: {}",
            told.text
        );
    }
    for path in [
        "/%00",
        "/api/v1/users/%00",
        "/api/v1/%2e%2e/users",
        "/api/v1/../../etc/passwd",
        "/api/v1/users/%2f..%2f",
        "/api/v1\\users",
        "//evil.example/",
        "/api/v1/users/%c0%af",
        "/api/v1/users/..;/",
        "/api/v1/users/%",
        "*",
        "http://evil.example/api/v1/users/x",
    ] {
        let told = tell(at, &[get(path, "Connection: close\r\n").as_bytes()]).await;
        assert!(matches!(told.status(), 400 | 404), "{path}: {}", told.text);
        assert!(!told.text.contains("location:"), "{}", told.text);
    }
}

/// I4: who dribbles is cut off by deadline, its head and its body alike; a whole request in pieces is fine.
#[tokio::test(flavor = "multi_thread")]
async fn i4_who_dribbles_is_cut_off() {
    let house = House::start(&[("server.head_timeout", "1s"), ("server.body_timeout", "1s")]).await;
    let (at, token) = (house.app.addresses.api, token(&house).await);
    let whole = head(&token, "/api/v1/users", "Content-Length: 64\r\n");
    let half = &whole.as_bytes()[..whole.len() / 2];
    for (what, begin) in [("head", half), ("body", whole.as_bytes())] {
        for path_of_login in [false, true] {
            let text = String::from_utf8_lossy(begin).into_owned();
            let text = if path_of_login {
                text.replace("/users", "/auth/login")
            } else {
                text
            };
            let told = dribble(at, text.as_bytes()).await;
            assert!(told.closed && told.status() == 408, "{what}: {}", told.text);
        }
    }
    let body = r#"{"name":"patient"}"#;
    let whole = head(
        &token,
        "/api/v1/users",
        &format!("Connection: close\r\nContent-Length: {}\r\n", body.len()),
    ) + body;
    let parts: Vec<&[u8]> = whole.as_bytes().chunks(7).collect();
    assert_eq!(tell(at, &parts).await.status(), 201);
}

/// A byte at a time, for as long as somebody listens.
async fn dribble(at: SocketAddr, begin: &[u8]) -> super::Told {
    let (mut read, mut write) = {
        let mut socket = TcpStream::connect(at).await.unwrap();
        socket.write_all(begin).await.unwrap();
        socket.into_split()
    };
    let drip = tokio::spawn(async move {
        let mut often = tokio::time::interval(std::time::Duration::from_millis(200));
        loop {
            often.tick().await;
            if write.write_all(b" ").await.is_err() {
                return write;
            }
        }
    });
    let mut all = Vec::new();
    let heard = tokio::time::timeout(
        super::PATIENCE,
        tokio::io::AsyncReadExt::read_to_end(&mut read, &mut all),
    )
    .await;
    drip.abort();
    super::Told {
        text: String::from_utf8_lossy(&all).into_owned(),
        closed: heard.is_ok(),
    }
}

/// I4: the whole has a deadline, too: who follows may wait for what it asked, and not a second longer than the deadline.
#[tokio::test(flavor = "multi_thread")]
async fn i4_nothing_is_waited_for_for_ever() {
    let house = House::start(&[("server.request_timeout", "1s")]).await;
    let api = Api::local(&house);
    let last = api.get("/events?limit=1").await.is(200);
    let after = last["next_cursor"].as_str().unwrap();
    let followed = api.get(&format!("/events?after={after}&wait=2")).await;
    assert_eq!(followed.is(200)["items"], json!([]));
    // a lock that nobody gives back
    let held = Held::groups(&house).await;
    api.get("/groups").await.refused(503, "deadline");
    held.let_go().await;
    api.get("/groups").await.is(200);
}

/// I5: keep-alive survives every refusal that knows where the next request begins.
#[tokio::test(flavor = "multi_thread")]
async fn i5_a_refusal_does_not_eat_the_next_request() {
    let house = House::start(&[]).await;
    let (at, token) = (house.app.addresses.api, token(&house).await);
    let mut socket = TcpStream::connect(at).await.unwrap();
    let body = r#"{"name":7}"#;
    let first = head(
        &token,
        "/api/v1/users",
        &format!("Content-Length: {}\r\n", body.len()),
    ) + body;
    let body = r#"{"name":"second"}"#;
    let second = head(
        &token,
        "/api/v1/users",
        &format!("Connection: close\r\nContent-Length: {}\r\n", body.len()),
    ) + body;
    socket
        .write_all((first + &second).as_bytes())
        .await
        .unwrap();
    let told = hear(&mut socket).await;
    let statuses: Vec<&str> = told
        .text
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|part| &part[..3])
        .collect();
    assert_eq!(statuses, ["422", "201"], "{}", told.text);
}
