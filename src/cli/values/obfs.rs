//! How a node's packets are disguised: `salamander:PASSWORD` or `gecko:PASSWORD`.
use crate::models;
use secrecy::SecretString;

/// A disguise and its password.
#[derive(Clone, Debug)]
pub struct Obfs {
    /// Which one.
    pub kind: models::Obfs,
    /// What server and clients share.
    pub password: SecretString,
}

/// Parses `KIND:PASSWORD`; the password is everything after the first colon.
pub fn obfs(text: &str) -> Result<Obfs, String> {
    let (kind, password) = text
        .split_once(':')
        .ok_or("is no disguise: say salamander:PASSWORD or gecko:PASSWORD")?;
    let kind = kind.parse().map_err(|why| format!("{kind:?} {why}"))?;
    if password.len() < 4 {
        return Err("has a password under 4 bytes, which Hysteria refuses".to_owned());
    }
    Ok(Obfs {
        kind,
        password: password.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    #[test]
    fn kinds() {
        assert!(obfs("gecko:pass:word").is_ok_and(|o| o.kind == models::Obfs::Gecko));
        for text in [
            "salamander",
            "salamander:",
            "salamander:abc",
            "tls:password",
            ":password",
        ] {
            assert!(obfs(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_password_is_verbatim(password in "\\PC{4,30}") {
            let parsed = obfs(&format!("salamander:{password}"));
            prop_assert!(parsed.is_ok_and(|o| o.password.expose_secret() == password));
        }
    }
}
