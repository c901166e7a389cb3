//! How objects are called: by their id, or by a name that people chose.
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

/// The longest name, in characters.
pub const LONGEST: usize = 64;

/// An object as a caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Id(Uuid),
    Name(String),
}

impl From<&str> for Named {
    fn from(text: &str) -> Self {
        Uuid::try_parse(text).map_or_else(|_| Self::Name(text.nfkc().collect()), Self::Id)
    }
}

/// A name for a user, a device or a token: folded to NFKC, so that what looks the same is the same; nothing invisible;
/// nothing that could be taken for an id.
pub fn name(text: &str) -> Result<String, String> {
    let folded: String = text.nfkc().collect();
    if folded.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if folded.chars().count() > LONGEST {
        return Err(format!("must have at most {LONGEST} characters"));
    }
    if folded.trim() != folded {
        return Err("must not begin or end with white space".to_owned());
    }
    if let Some(hidden) = folded.chars().find(|c| is_hidden(*c)) {
        return Err(format!(
            "must not hold the invisible character U+{:04X}",
            u32::from(hidden)
        ));
    }
    if Uuid::try_parse(&folded).is_ok() {
        return Err("must not look like an id".to_owned());
    }
    Ok(folded)
}

/// An e-mail address, as far as that can be told without sending there.
pub fn email(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once('@');
    let fits = text.len() <= 254
        && text.is_ascii()
        && !text
            .bytes()
            .any(|b| b.is_ascii_control() || b" <>()[]\\,;:\"".contains(&b))
        && parts.is_some_and(|(local, host)| {
            !local.is_empty()
                && local.len() <= 64
                && !local.contains('@')
                && host
                    .split('.')
                    .all(|part| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-'))
        });
    if fits {
        Ok(text.to_owned())
    } else {
        Err("is no e-mail address".to_owned())
    }
}

/// What a name looks like, without regard to case (UTS 39): two names with the same one are taken for each other.
pub fn skeleton(name: &str) -> String {
    unicode_security::skeleton(&name.to_lowercase()).collect()
}

/// A name as look-ups take it: without regard to width, composition and case.
pub fn folded(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase()
}

/// A name that stands in URLs and configurations: nodes and groups.
pub fn label(text: &str) -> Result<String, String> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    let fits = bytes.len() <= 63
        && ends.is_some_and(|(a, z)| is_plain(*a) && is_plain(*z))
        && bytes.iter().all(|b| is_plain(*b) || *b == b'-');
    if !fits {
        return Err(
            "must be 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit"
                .to_owned(),
        );
    }
    if Uuid::try_parse(text).is_ok() {
        return Err("must not look like an id".to_owned());
    }
    Ok(text.to_owned())
}

/// Controls, directions, and what has no width: two names that differ only in these look the same.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFC}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_the_same_is_the_same() {
        assert_eq!(name("ａｎｎａ").unwrap(), "anna", "full width");
        assert_eq!(name("e\u{301}ve").unwrap(), "éve", "composed");
        assert_eq!(Named::from("ａｎｎａ"), Named::Name("anna".to_owned()));
        for bad in [
            "",
            " a",
            "a\u{a0}",
            "a\u{200b}b",
            "a\u{202e}b",
            "a\tb",
            "a\u{2066}b",
            "a\u{ad}b",
            "a\u{e0041}b",
            "0199a1c2-0000-7000-8000-000000000001",
        ] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert!(name(&"x".repeat(64)).is_ok());
        assert!(name(&"x".repeat(65)).is_err());
        for good in ["Анна", "田中 太郎", "o'neill", "a@b.c", "user:1"] {
            assert_eq!(name(good).unwrap(), good);
        }
    }

    #[test]
    fn addresses_are_plain() {
        for good in ["a@b.example", "first.last+tag@mail.example", "a@localhost"] {
            assert!(email(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c.d",
            "a@b..c",
            "a@-b",
            "a\r\nb@c.d",
            "<a@b.c>",
            "a@b@c",
            "ä@b.c",
        ] {
            assert!(email(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_taken_for_another_has_its_skeleton() {
        for (a, b) in [
            ("admin", "аdmin"),
            ("Admin", "аdmiN"),
            ("scope", "ѕсоре"),
            ("l1", "1l"),
        ] {
            assert_eq!(skeleton(a), skeleton(b), "{a} {b}");
        }
        assert_ne!(skeleton("anna"), skeleton("hanna"));
    }

    #[test]
    fn labels_fit_into_urls() {
        for good in ["a", "n1", "fra-1", &"x".repeat(63)] {
            assert!(label(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "é", "a.b", &"x".repeat(64)] {
            assert!(label(bad).is_err(), "{bad}");
        }
        assert!(label("0199a1c2-0000-7000-8000-000000000001").is_err());
    }
}
