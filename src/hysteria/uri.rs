//! `hysteria2://` links: one line from which every client of the field can connect.
use std::fmt::Write;

use super::Endpoint;

/// Bare in the user part, as Hysteria's own generator leaves it; everything else is escaped there.
const USER: &[u8] = b"-_.~$&+,;=";
/// Bare elsewhere. In the query `+` means a space, so it is never written; a space is `%20` in both.
const REST: &[u8] = b"-_.~";

/// The link with which `auth` connects to the server.
pub fn uri(endpoint: &Endpoint<'_>, auth: &str) -> String {
    let mut uri = String::from("hysteria2://");
    escape(&mut uri, auth, USER);
    uri.push('@');
    // Writing to a string cannot fail.
    let _ = write!(uri, "{}/", endpoint.address);
    let mut mark = '?';
    for (name, value) in parameters(endpoint).into_iter().flatten() {
        uri.push(mark);
        uri.push_str(name);
        uri.push('=');
        escape(&mut uri, value, REST);
        mark = '&';
    }
    if !endpoint.name.is_empty() {
        uri.push('#');
        escape(&mut uri, endpoint.name, REST);
    }
    uri
}

/// A pin replaces the check by a CA only beside `insecure`, and `insecure` never stands without a pin.
fn parameters<'a>(endpoint: &Endpoint<'a>) -> [Option<(&'static str, &'a str)>; 5] {
    [
        endpoint.pin_sha256.map(|_| ("insecure", "1")),
        endpoint.obfs.map(|obfs| ("obfs", obfs.kind.as_str())),
        endpoint.obfs.map(|obfs| ("obfs-password", obfs.password)),
        endpoint.pin_sha256.map(|pin| ("pinSHA256", pin)),
        endpoint.sni.map(|sni| ("sni", sni)),
    ]
}

fn escape(into: &mut String, text: &str, bare: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || bare.contains(&byte) {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Address, Obfs, ObfsKind},
        *,
    };
    use proptest::prelude::*;
    use url::Url;

    fn plain(address: &Address) -> Endpoint<'_> {
        Endpoint {
            name: "",
            address,
            sni: None,
            pin_sha256: None,
            obfs: None,
        }
    }

    #[test]
    fn links_are_written_as_the_field_reads_them() {
        let address: Address = "[2001:db8::1]:443,20000-30000".parse().unwrap();
        let mut endpoint = plain(&address);
        assert_eq!(
            uri(&endpoint, "hy1_ab-C"),
            "hysteria2://hy1_ab-C@[2001:db8::1]:443,20000-30000/"
        );
        endpoint.pin_sha256 = Some("ab12");
        endpoint.sni = Some("n1.example.net");
        endpoint.obfs = Some(Obfs {
            kind: ObfsKind::Salamander,
            password: "a+b c&d",
        });
        endpoint.name = "Wien 1 + 2/ü";
        assert_eq!(
            uri(&endpoint, "Alice:Sec:ret+1"),
            "hysteria2://Alice%3ASec%3Aret+1@[2001:db8::1]:443,20000-30000/?insecure=1&obfs=salamander\
             &obfs-password=a%2Bb%20c%26d&pinSHA256=ab12&sni=n1.example.net#Wien%201%20%2B%202%2F%C3%BC"
        );
        endpoint.obfs = Some(Obfs {
            kind: ObfsKind::Gecko,
            password: "1234",
        });
        assert!(uri(&endpoint, "x").contains("obfs=gecko&obfs-password=1234&"));
    }

    #[test]
    fn every_character_of_the_user_part_is_as_the_official_generator_has_it() {
        let address: Address = "h:1".parse().unwrap();
        assert_eq!(
            uri(&plain(&address), "Az09-_.~$&+,;=@/?:#%!*( )é"),
            "hysteria2://Az09-_.~$&+,;=%40%2F%3F%3A%23%25%21%2A%28%20%29%C3%A9@h:1/"
        );
    }

    #[test]
    fn never_insecure_without_a_pin() {
        let address: Address = "h:1".parse().unwrap();
        assert!(!uri(&plain(&address), "x").contains("insecure"));
    }

    fn unescaped(text: &str) -> String {
        url::form_urlencoded::parse(
            format!("x={}", text.replace('+', "%2B").replace('&', "%26")).as_bytes(),
        )
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap()
    }

    proptest! {
        #[test]
        fn comes_back_whole(auth in ".{1,40}", password in ".{4,20}", name in ".{1,20}", port in 1u16..,
            pin in prop::option::of("[0-9a-f]{64}"), six in any::<bool>()) {
            let host = if six { "[2001:db8::7]" } else { "n1.example.net" };
            let address: Address = format!("{host}:{port}").parse().unwrap();
            let endpoint = Endpoint { name: &name, address: &address, sni: Some("s.example"), pin_sha256: pin.as_deref(),
                obfs: Some(Obfs { kind: ObfsKind::Gecko, password: &password }) };
            let text = uri(&endpoint, &auth);
            let url = Url::parse(&text).unwrap();
            prop_assert_eq!(url.scheme(), "hysteria2");
            prop_assert_eq!(url.host_str(), Some(host));
            prop_assert_eq!(url.port(), Some(port));
            prop_assert_eq!(url.password(), None);
            prop_assert_eq!(unescaped(url.username()), auth);
            prop_assert_eq!(unescaped(url.fragment().unwrap()), name);
            let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(&query["obfs-password"], &password);
            prop_assert_eq!(query.get("pinSHA256"), pin.as_ref());
            prop_assert_eq!(query.contains_key("insecure"), pin.is_some());
        }
    }
}
