//! The wire of the HTTP auth hook (`extras/auth/http.go`): one JSON object in, one out. Contract and sources:
//! `auth.http` of the Hysteria2 server; a later server may add fields, so unknown ones are ignored.
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr},
};

/// A refusal, as Hysteria reads it best: status 200 and this.
pub const REFUSED: &[u8] = br#"{"ok":false,"id":""}"#;

/// What a server asks at each login.
#[derive(Debug, Deserialize)]
pub struct HookRequest<'a> {
    /// The client's `ip:port` as the server sees it; anything that is none is no address.
    #[serde(default)]
    addr: Lenient,
    /// The credential, verbatim; may be empty.
    #[serde(borrow)]
    pub auth: Cow<'a, str>,
}

/// The address, if a string that is one stands there; whatever else does is ignored.
#[derive(Debug, Default)]
struct Lenient(Option<IpAddr>);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Lenient(None))
    }
}

/// One pass over whatever stands there, nothing of it kept.
impl<'de> Visitor<'de> for Lenient {
    type Value = Self;
    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("anything")
    }
    fn visit_str<E>(self, text: &str) -> Result<Self, E> {
        Ok(Self(text.parse::<SocketAddr>().ok().map(|addr| addr.ip())))
    }
    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self, A::Error> {
        while all.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Self, A::Error> {
        while all.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

impl<'a> HookRequest<'a> {
    /// Reads a body; `None` if it is no JSON object or has no string `auth`. `tx`, the client's bandwidth hint, decides
    /// nothing and may be anything.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        // serde would take a list for an object whose fields it holds in their order
        if body.trim_ascii_start().first() != Some(&b'{') {
            return None;
        }
        serde_json::from_slice(body).ok()
    }

    /// The client's address, without its port.
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.addr.0
    }
}

/// An admission under `id`, whose characters need no escape in JSON.
pub fn admitted(id: &str) -> String {
    let mut body = String::with_capacity(id.len() + 20);
    body.push_str(r#"{"ok":true,"id":""#);
    body.push_str(id);
    body.push_str(r#""}"#);
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(body: &str) -> Option<IpAddr> {
        HookRequest::parse(body.as_bytes()).unwrap().client_ip()
    }

    #[test]
    fn what_servers_send() {
        // seen from the official server, reference 7
        let body = br#"{"addr":"127.0.0.1:38788","auth":"good","tx":0}"#;
        let request = HookRequest::parse(body).unwrap();
        assert_eq!(
            (&*request.auth, request.client_ip()),
            ("good", "127.0.0.1".parse().ok())
        );
        assert_eq!(
            ip(r#"{"addr":"[2001:db8::1]:4","auth":"","tx":18446744073709551615}"#),
            "2001:db8::1".parse().ok()
        );
        for garbage in [
            r#""nonsense""#,
            r#""1.2.3.4""#,
            "7",
            "null",
            "{}",
            r#""[::1]""#,
        ] {
            assert_eq!(
                ip(&format!(r#"{{"addr":{garbage},"auth":"x","new":[1]}}"#)),
                None,
                "{garbage}"
            );
        }
        assert_eq!(ip(r#"{"auth":"x"}"#), None);
        assert_eq!(
            &*HookRequest::parse(br#"{"auth":"a\u0022\n"}"#).unwrap().auth,
            "a\"\n"
        );
    }

    #[test]
    fn what_is_no_request() {
        let deep = "[".repeat(100_000);
        for body in [
            "",
            "null",
            "[]",
            r#"["1.2.3.4:5","x"]"#,
            "{",
            r#"{"addr":""}"#,
            r#"{"auth":null}"#,
            r#"{"auth":7}"#,
            r#"{"auth":"x"} x"#,
            &deep,
        ] {
            assert!(HookRequest::parse(body.as_bytes()).is_none(), "{body:.20}");
        }
        assert!(HookRequest::parse(b"{\"auth\":\"\xff\"}").is_none());
    }

    proptest! {
        #[test]
        fn no_body_is_a_panic(body: Vec<u8>) {
            let _ = HookRequest::parse(&body);
        }
    }

    #[test]
    fn answers_are_what_go_reads() {
        let yes: serde_json::Value = serde_json::from_str(&admitted("1a.b.1.c.d")).unwrap();
        assert_eq!(yes, serde_json::json!({"ok": true, "id": "1a.b.1.c.d"}));
        let no: serde_json::Value = serde_json::from_slice(REFUSED).unwrap();
        assert_eq!(no, serde_json::json!({"ok": false, "id": ""}));
    }
}
