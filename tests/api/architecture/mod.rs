//! Arrows between the rooms of `src/` run down only, and among the files of a room one way (docs/architecture.md).
mod circles;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

/// What each room may use beside its own floor's list. A room that is missing here fails.
const MAY_USE: &[(&str, &[&str])] = &[
    ("schema", &[]),
    ("clock", &[]),
    ("config", &[]),
    ("error", &[]),
    ("telemetry", &[]),
    ("tls", &[]),
    ("cache", &[]),
    ("database", &["config"]),
    ("keyring", &["clock"]),
    ("models", &["schema"]),
    ("hysteria", &[]),
    ("admission", &["models"]),
    (
        "repositories",
        &["models", "schema", "error", "keyring", "admission"],
    ),
    (
        "services",
        &[
            "repositories",
            "admission",
            "hysteria",
            "models",
            "error",
            "clock",
            "cache",
            "config",
            "keyring",
            "telemetry",
            "database",
        ],
    ),
    (
        "jobs",
        &["services", "clock", "telemetry", "models", "error"],
    ),
    (
        "handlers",
        &[
            "services",
            "admission",
            "hysteria",
            "models",
            "error",
            "telemetry",
            "clock",
        ],
    ),
    ("openapi", &["handlers", "router"]),
    ("router", &["handlers", "services", "telemetry"]),
    (
        "app",
        &[
            "router",
            "openapi",
            "jobs",
            "services",
            "repositories",
            "admission",
            "cache",
            "database",
            "keyring",
            "config",
            "telemetry",
            "tls",
            "clock",
            "handlers",
            "hysteria",
            "models",
            "error",
        ],
    ),
    // the doctor looks at everything that may be broken, itself
    (
        "cli",
        &[
            "app",
            "config",
            "database",
            "telemetry",
            "openapi",
            "hysteria",
            "models",
            "clock",
            "tls",
        ],
    ),
];

/// Libraries that belong to few rooms.
const ONLY_IN: &[(&str, &[&str])] = &[
    (
        "actix_web",
        &["handlers", "router", "app", "openapi", "telemetry"],
    ),
    ("clap", &["cli"]),
    ("redis", &["cache", "services", "app", "cli"]),
];

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .collect()
}

/// The rooms named after `crate::` in a file, in any spelling of `use` and in paths.
fn rooms_used(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, found) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        if before.is_alphanumeric() || before == '_' || before == '$' {
            continue;
        }
        let rest = &text[at + found.len()..];
        match rest.strip_prefix('{') {
            Some(list) => used.extend(heads(list)),
            None => used.extend(word(rest)),
        }
    }
    used
}

/// The first word of each item of a braced list.
fn heads(list: &str) -> Vec<String> {
    let (mut depth, mut fresh, mut all) = (0, true, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if fresh && !c.is_whitespace() => {
                all.extend(word(&list[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    all
}

fn word(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let word = &text[..end];
    word.starts_with(|c: char| c.is_ascii_lowercase())
        .then(|| word.to_owned())
}

fn room(src: &Path, file: &Path) -> String {
    let first = file.strip_prefix(src).unwrap().components().next().unwrap();
    first
        .as_os_str()
        .to_str()
        .unwrap()
        .trim_end_matches(".rs")
        .to_owned()
}

fn code(src: &Path) -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let mut rooms: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for file in files(src) {
        let text = fs::read_to_string(&file).unwrap();
        // comments and what tests use do not count
        let text = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        let code: Vec<_> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let is_test = |part: Component<'_>| part.as_os_str().to_string_lossy().starts_with("tests");
        if !file.strip_prefix(src).unwrap().components().any(is_test) {
            rooms
                .entry(room(src, &file))
                .or_default()
                .push((file, code.join("\n")));
        }
    }
    rooms
}

#[test]
fn arrows_run_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (room, files) in code(&src) {
        if room == "main" || room == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!(
                "the room `{room}` stands on no floor: add it to MAY_USE"
            ));
            continue;
        };
        for (file, text) in files {
            for used in rooms_used(&text) {
                if used != room && !allowed.contains(&used.as_str()) {
                    wrong.push(format!(
                        "{} uses `{used}`",
                        file.strip_prefix(&src).unwrap().display()
                    ));
                }
            }
            for (library, rooms) in ONLY_IN {
                if text.contains(&format!("{library}::")) && !rooms.contains(&room.as_str()) {
                    wrong.push(format!(
                        "{} uses `{library}`",
                        file.strip_prefix(&src).unwrap().display()
                    ));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Were the list above to allow a circle, nothing would run down any more.
#[test]
fn the_floors_have_no_circle() {
    let mut standing: BTreeSet<&str> = BTreeSet::new();
    while standing.len() < MAY_USE.len() {
        let next: Vec<_> = MAY_USE
            .iter()
            .filter(|(room, uses)| {
                !standing.contains(room) && uses.iter().all(|used| standing.contains(used))
            })
            .map(|(room, _)| *room)
            .collect();
        assert!(
            !next.is_empty(),
            "a circle among those that are not {standing:?}"
        );
        standing.extend(next);
    }
}

#[test]
fn the_scan_sees_every_spelling() {
    let text = "use crate::{\n    services::{self, users},\n    error::Error,\n};\nlet x = crate::models::ids::UserId(1); $crate::macros::no; use crate::cli;";
    let seen: Vec<_> = rooms_used(text).into_iter().collect();
    assert_eq!(seen, ["cli", "error", "models", "services"]);
}

#[test]
fn every_room_says_what_may_live_there() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let silent: Vec<_> = files(&src)
        .into_iter()
        .filter(|file| file.file_name().is_some_and(|name| name == "mod.rs"))
        .filter(|file| !fs::read_to_string(file).unwrap().starts_with("//!"))
        .collect();
    assert_eq!(silent, Vec::<PathBuf>::new());
}
