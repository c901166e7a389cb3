//! From where a request comes: from this machine's own socket, or from which address.
use actix_web::{HttpRequest, dev::Extensions, rt::net::UnixStream};
use ipnet::IpNet;
use std::{any::Any, net::IpAddr};

/// The uid at the other end of the local socket, as the kernel says.
#[derive(Clone, Copy, Debug)]
struct PeerUid(u32);

/// To be given to `HttpServer::on_connect`: notes who is at the other end of a local socket.
pub fn on_connect(connection: &dyn Any, data: &mut Extensions) {
    if let Some(socket) = connection.downcast_ref::<UnixStream>()
        && let Ok(peer) = socket.peer_cred()
    {
        data.insert(PeerUid(peer.uid()));
    }
}

/// Whose process asks, if it asks by this machine's own socket.
pub fn local_uid(req: &HttpRequest) -> Option<u32> {
    req.conn_data::<PeerUid>().map(|peer| peer.0)
}

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    fn hold(&self, addr: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&addr))
    }

    /// Whether a trusted proxy says that it was reached over TLS.
    pub fn says_tls(&self, req: &HttpRequest) -> bool {
        let peer = req.peer_addr().map(|peer| peer.ip().to_canonical());
        let proto = req.headers().get("x-forwarded-proto");
        peer.is_some_and(|peer| self.hold(peer))
            && proto.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
    }

    /// The client's address: the peer's, or, as long as the peer is a trusted proxy, the last entry of
    /// `X-Forwarded-For` that no trusted proxy has. What a stranger writes there is never believed.
    pub fn client(&self, req: &HttpRequest) -> Option<IpAddr> {
        let peer = req.peer_addr()?.ip().to_canonical();
        if !self.hold(peer) {
            return Some(peer);
        }
        let mut client = peer;
        let entries: Vec<&str> = req
            .headers()
            .get_all("x-forwarded-for")
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .collect();
        for entry in entries.into_iter().rev() {
            let Ok(addr) = entry.trim().parse::<IpAddr>() else {
                return Some(client);
            };
            client = addr.to_canonical();
            if !self.hold(client) {
                return Some(client);
            }
        }
        Some(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let seen = |peer: &str, forwarded: &str| {
            let req = TestRequest::default()
                .peer_addr(format!("{peer}:1").parse().unwrap())
                .insert_header(("x-forwarded-for", forwarded.to_owned()))
                .to_http_request();
            proxies.client(&req).unwrap().to_string()
        };
        assert_eq!(seen("192.0.2.1", "203.0.113.9"), "192.0.2.1", "a stranger");
        assert_eq!(seen("10.0.0.1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(
            seen("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2"),
            "203.0.113.9",
            "what stands left of the first stranger is the stranger's own claim"
        );
        assert_eq!(seen("10.0.0.1", "garbage"), "10.0.0.1");
    }
}
