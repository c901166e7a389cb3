//! What two files of a room need of each other belongs to a third: among siblings no arrow leads back.
use super::code;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Where a file stands in the tree of modules, from the crate's root.
type Place = Vec<String>;

/// From one to the other of two siblings.
type Arrow = (String, String);

fn place(src: &Path, file: &Path) -> Place {
    let inside = file.strip_prefix(src).unwrap().with_extension("");
    let parts = inside.iter().map(|part| part.to_str().unwrap().to_owned());
    parts.filter(|part| part != "mod").collect()
}

/// Every path that begins here, its braces taken apart; gives what stands behind it.
fn expand<'a>(text: &'a str, path: &mut Place, all: &mut Vec<Place>) -> &'a str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    path.push(name.to_owned());
    let rest = match rest.strip_prefix("::") {
        None => {
            all.push(path.clone());
            rest
        }
        Some(rest) => match rest.strip_prefix('{') {
            None => expand(rest, path, all),
            Some(list) => items(list, path, all),
        },
    };
    path.pop();
    rest
}

fn items<'a>(mut list: &'a str, path: &mut Place, all: &mut Vec<Place>) -> &'a str {
    loop {
        list = list.trim_start();
        if let Some(rest) = list.strip_prefix('}') {
            return rest;
        }
        let rest = expand(list, path, all);
        // `as …` and the words that are no module's
        let end = rest.find([',', '}']).unwrap_or(rest.len());
        let rest = &rest[end..];
        if rest.is_empty() {
            return rest;
        }
        list = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// What a file names by `crate::` and `super::`, in any spelling of `use` and in paths, from the crate's root.
fn named(text: &str, at: &Place) -> Vec<Place> {
    let mut all = Vec::new();
    for start in ["crate::", "super::"] {
        for (found, _) in text.match_indices(start) {
            let before = text[..found].chars().next_back().unwrap_or(' ');
            if !(before.is_alphanumeric() || ['_', '$', ':'].contains(&before)) {
                expand(&text[found..], &mut Vec::new(), &mut all);
            }
        }
    }
    let from_root = |path: Place| {
        let up = path.iter().take_while(|part| *part == "super").count();
        let kept = if up == 0 { 0 } else { at.len() - up };
        [&at[..kept], &path[up.max(1)..]].concat()
    };
    all.into_iter().map(from_root).collect()
}

/// The arrows among the siblings of each folder.
fn arrows(files: &BTreeMap<Place, String>) -> BTreeMap<Place, BTreeSet<Arrow>> {
    let mut arrows: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (from, text) in files {
        for mut to in named(text, from) {
            while !to.is_empty() && !files.contains_key(&to) {
                to.pop();
            }
            let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(one), Some(other)) = (from.get(shared), to.get(shared)) {
                let arrow = (one.clone(), other.clone());
                arrows
                    .entry(from[..shared].to_vec())
                    .or_default()
                    .insert(arrow);
            }
        }
    }
    arrows
}

/// Takes away who leans on nobody and who carries nobody, until only circles, and what lies between them, are left.
fn circles(mut arrows: BTreeSet<Arrow>) -> BTreeSet<Arrow> {
    loop {
        let (leaning, carrying): (BTreeSet<_>, BTreeSet<_>) = arrows.iter().cloned().unzip();
        let before = arrows.len();
        arrows.retain(|(from, to)| carrying.contains(from) && leaning.contains(to));
        if arrows.len() == before {
            return arrows;
        }
    }
}

#[test]
fn files_of_a_room_lean_on_each_other_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = code(&src).into_values().flatten();
    let files = files.map(|(file, text)| (place(&src, &file), text));
    let wrong: BTreeMap<_, _> = arrows(&files.collect())
        .into_iter()
        .map(|(room, arrows)| (room.join("::"), circles(arrows)))
        .filter(|(_, circles)| !circles.is_empty())
        .collect();
    assert_eq!(wrong, BTreeMap::new());
}

#[test]
fn the_scan_sees_a_circle_in_any_spelling() {
    let texts = [
        ("room", "mod a; mod b; mod c;"),
        ("room::a", "use super::{b::{Some as Other, more}, c::*};"),
        ("room::b", "let x = crate::room::c::deep();"),
        (
            "room::c",
            "use crate::{\n    other,\n    room::{\n        a,\n        d,\n    },\n};",
        ),
        ("room::d", "$crate::room::c; use super::nobody;"),
        ("other", ""),
    ];
    let place = |text: &str| text.split("::").map(str::to_owned).collect::<Place>();
    let files = texts.map(|(at, text)| (place(at), text.to_owned()));
    let all = arrows(&files.into());
    let found = circles(all[&place("room")].clone());
    let shown: Vec<_> = found.iter().map(|(a, b)| format!("{a}{b}")).collect();
    assert_eq!(shown, ["ab", "ac", "bc", "ca"]);
}
