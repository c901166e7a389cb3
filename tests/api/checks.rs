//! docs/security.md against the tests that it names.
use std::{collections::BTreeSet, fs, path::Path};

const DOCUMENT: &str = include_str!("../../docs/security.md");
/// How many checks of each letter there are, less those of what is not built.
const CHECKS: [(char, &[u32]); 10] = [
    ('L', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15]),
    ('S', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ('C', &[1, 2, 3, 4, 5, 6, 7]),
    ('A', &[1, 2, 3, 4, 5, 6]),
    ('I', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ('O', &[1, 2, 3, 4, 5]),
    ('K', &[1, 2, 3, 4, 5]),
    ('W', &[1, 2]),
    ('H', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ('T', &[4, 5]),
];

/// The check and the tests of each line of a table.
fn lines() -> Vec<(&'static str, Vec<&'static str>)> {
    let rows = DOCUMENT.lines().filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [check, _, tests] = cells[..] else {
            return None;
        };
        let named = tests.split('`').skip(1).step_by(2).collect();
        check
            .ends_with(|c: char| c.is_ascii_digit())
            .then_some((check, named))
    });
    rows.collect()
}

fn exists(test: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some((module, name)) = test.rsplit_once("::") else {
        return root.join(test).exists();
    };
    let path = match module.split_once("::") {
        Some(("src", rest)) => format!("src/{}", rest.replace("::", "/")),
        Some(("e2e", rest)) => format!("tests/e2e/{}", rest.replace("::", "/")),
        _ => format!("tests/api/{}", module.replace("::", "/")),
    };
    let places = [format!("{path}.rs"), format!("{path}/mod.rs")];
    places.iter().any(|file| {
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        text.contains(&format!("fn {name}("))
    })
}

#[test]
fn every_check_names_tests_that_exist() {
    let lines = lines();
    let gone: Vec<_> = lines
        .iter()
        .flat_map(|(_, tests)| tests)
        .filter(|test| !exists(test))
        .collect();
    assert!(gone.is_empty(), "docs/security.md names {gone:#?}");
    let has: BTreeSet<String> = lines
        .iter()
        .filter(|(_, tests)| !tests.is_empty())
        .map(|(check, _)| (*check).to_owned())
        .collect();
    let all = CHECKS.iter().flat_map(|(letter, numbers)| {
        numbers
            .iter()
            .map(move |number| format!("{letter}{number}"))
    });
    assert_eq!(has, all.collect());
}
