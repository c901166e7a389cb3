//! Secrets from standard input, where neither `ps` nor the shell's history sees them.
use crate::cli::failure::Failure;
use std::io::{IsTerminal, Read, stdin};

/// The longest secret that Hysteria's hook takes.
const LONGEST: usize = 1024;

/// Reads one secret, verbatim but for one line end.
pub fn secret_from_stdin() -> Result<String, Failure> {
    if stdin().is_terminal() {
        return Err(Failure::usage(
            "--secret-stdin reads a pipe or a file, for instance: printf %s 'SECRET' | hywarden …",
        ));
    }
    let mut bytes = Vec::new();
    let bound = u64::try_from(LONGEST + 3).unwrap_or(u64::MAX);
    stdin().take(bound).read_to_end(&mut bytes)?;
    secret(&bytes).map_err(|why| Failure::usage(format!("--secret-stdin: the secret {why}")))
}

fn secret(bytes: &[u8]) -> Result<String, String> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    if bytes.len() > LONGEST {
        return Err(format!(
            "is over {LONGEST} bytes, which Hysteria's hook refuses"
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    if text.contains(['\n', '\r', '\0']) {
        return Err("has more than one line".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_line_end_goes_the_rest_stays() {
        assert_eq!(secret(b"pass word \n").unwrap(), "pass word ");
        assert_eq!(secret(b"x\r\n").unwrap(), "x");
        for bad in [&b""[..], b"\n", b"a\nb\n", b"\xff", &[b'x'; 1025]] {
            assert!(secret(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn verbatim(text in "[^\r\n\\x00]{1,40}") {
            prop_assert_eq!(secret(text.as_bytes()), Ok(text));
        }
    }
}
