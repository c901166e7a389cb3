//! What a password may be: long enough, not what everybody takes, not made of what is known of its owner. Any character
//! counts as it is: nothing is trimmed, cut or folded (L5).
use crate::models::Role;
use std::{collections::HashSet, sync::LazyLock};

/// The 3,000 passwords that people take most, of those that are long enough (from zxcvbn's list, MIT).
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// In characters. People with a hand on others' accounts need more.
const SHORTEST: usize = 8;
const SHORTEST_ABOVE_USER: usize = 12;
/// In bytes: it is hashed at anybody's word.
const LONGEST: usize = 1024;
/// Words that stand around.
const AROUND: [&str; 4] = ["hywarden", "hysteria", "password", "passwort"];

/// Whether somebody of this role and these names may take it.
pub fn check(password: &str, role: Role, names: &[&str]) -> Result<(), String> {
    let shortest = if role == Role::User {
        SHORTEST
    } else {
        SHORTEST_ABOVE_USER
    };
    if password.chars().count() < shortest {
        return Err(format!("must have at least {shortest} characters"));
    }
    if password.len() > LONGEST {
        return Err(format!("must have at most {LONGEST} bytes"));
    }
    let folded = password.to_lowercase();
    if COMMON.contains(folded.as_str()) || is_one_character(&folded) {
        return Err("is one of those that everybody tries first".to_owned());
    }
    let names = names.iter().flat_map(|name| [*name, local(name)]);
    for word in AROUND.into_iter().chain(names) {
        let word = word.to_lowercase();
        if word.chars().count() >= 4
            && folded.replace(&word, "").chars().count() < SHORTEST - 2
            && folded.contains(&word)
        {
            return Err("is little more than a name that others know".to_owned());
        }
    }
    Ok(())
}

fn local(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

fn is_one_character(text: &str) -> bool {
    let first = text.chars().next();
    text.chars().all(|c| Some(c) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_tries_is_refused() {
        let fine = |password: &str| {
            check(password, Role::User, &["margarete", "greta@mail.example"]).is_ok()
        };
        for bad in [
            "short",
            "1234567",
            "password",
            "PASSWORD1",
            "iloveyou",
            "aaaaaaaaaaaa",
            "margarete1",
            "Margarete2024",
            "greta123",
            "hywarden1",
            "hysteria2!",
        ] {
            assert!(!fine(bad), "{bad}");
        }
        for good in [
            "correct horse",
            " 8 spaces ",
            "пароль-из-слов",
            "密码密码密码长一",
            "\u{1F600}\u{1F601}\u{1F602}\u{1F603}\u{1F604}\u{1F605}\u{1F606}\u{1F607}",
            "margarete likes long sentences",
            &"x1".repeat(512),
        ] {
            assert!(fine(good), "{good}");
        }
        assert!(!fine(&"x1".repeat(513)));
        assert!(check("elevenchars", Role::Admin, &[]).is_err());
        assert!(check("twelve chars", Role::Admin, &[]).is_ok());
        assert_eq!(COMMON.len(), 3_000);
    }
}
