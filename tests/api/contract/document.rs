//! The committed document: what every operation promises. That every route is in it is held by `matrix`.
use crate::support::written;
use hywarden::{handlers::codes, openapi};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[test]
fn the_openapi_document_is_up_to_date() {
    written("docs/openapi.json", &openapi::json().unwrap(), "make api");
}

fn document() -> Value {
    serde_json::from_str(&openapi::json().unwrap()).unwrap()
}

fn refs(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| refs(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| refs(item, found)),
        _ => {}
    }
}

#[test]
fn every_operation_says_who_may_ask_and_how_it_refuses() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .unwrap();
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let mut must = |so: bool, what: &str| {
                if !so {
                    wrong.push(format!("{method} {path}: {what}"));
                }
            };
            let name = operation["operationId"].as_str().unwrap_or_default();
            must(
                !name.is_empty() && names.insert(name.to_owned()),
                "an operationId of its own",
            );
            must(operation["summary"].is_string(), "a summary");
            must(
                operation["tags"]
                    .as_array()
                    .is_some_and(|tags| tags.len() == 1),
                "one tag",
            );
            let security = operation["security"].as_array().unwrap();
            let known = security
                .iter()
                .flat_map(|one| one.as_object().unwrap().keys());
            must(
                known.clone().all(|scheme| schemes.contains_key(scheme)),
                "known schemes",
            );
            let is_open = security
                .iter()
                .any(|one| one.as_object().unwrap().is_empty());
            let asks_csrf = known.clone().any(|scheme| scheme == "csrf");
            must(
                is_open || asks_csrf == (method != "get"),
                "csrf where something changes",
            );
            let answers = operation["responses"].as_object().unwrap();
            must(
                answers.keys().any(|s| s.starts_with(['1', '2', '5'])),
                "an answer",
            );
            for (status, answer) in answers {
                let is_shared = answer["$ref"]
                    .as_str()
                    .is_some_and(|at| at.starts_with("#/components/responses/"));
                must(
                    is_shared == (status.as_str() >= "400"),
                    "problems, and only they, are shared answers",
                );
            }
            for status in ["400", "413", "415", "500", "503"] {
                must(
                    !path.starts_with("/api/v1") || answers.contains_key(status),
                    status,
                );
            }
            must(
                is_open || (answers.contains_key("401") && answers.contains_key("403")),
                "401 and 403",
            );
            must(!path.contains('{') || answers.contains_key("404"), "404");
            let takes = operation.get("requestBody").is_some();
            must(!takes || answers.contains_key("422"), "422");
        }
    }
    assert_eq!(wrong, [""; 0]);
    let mut named = BTreeSet::new();
    refs(&document, &mut named);
    for at in named {
        let pointer = at.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{at} is nowhere");
    }
    for answer in document["components"]["responses"]
        .as_object()
        .unwrap()
        .values()
    {
        let content = answer["content"].as_object().unwrap();
        assert_eq!(
            content.keys().collect::<Vec<_>>(),
            ["application/problem+json"]
        );
    }
}

/// The list of codes stands in the program once; the document and docs/api.md have it from there.
#[test]
fn the_codes_of_the_openapi_document_are_those_of_the_one_list() {
    let document = document();
    let said = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
        .as_array()
        .unwrap();
    let list: Vec<&str> = codes::CODES.iter().map(|code| code.word).collect();
    assert_eq!(
        said.iter()
            .map(|word| word.as_str().unwrap())
            .collect::<Vec<_>>(),
        list
    );
    let sorted = codes::CODES
        .windows(2)
        .all(|two| (two[0].status, two[0].word) < (two[1].status, two[1].word));
    assert!(sorted, "by status, then by word");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    let page = fs::read_to_string(page).unwrap();
    let (begin, end) = (
        "<!-- codes: written by `make api` -->\n",
        "<!-- end of codes -->",
    );
    let (head, rest) = page.split_once(begin).unwrap();
    let (_, tail) = rest.split_once(end).unwrap();
    let text = format!("{head}{begin}{}{end}{tail}", codes::table());
    written("docs/api.md", &text, "make api");
}

/// A word that a refusal carries is in the list; the program itself looks for it wherever a problem is made in a test.
#[test]
fn no_refusal_carries_another_code() {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let mut seen = 0;
    for file in all
        .iter()
        .filter(|file| file.extension().is_some_and(|e| e == "rs"))
    {
        let text = fs::read_to_string(file).unwrap();
        for (at, start) in text.match_indices("Error::Refused(") {
            let rest = text[at + start.len()..].trim_start();
            let Some(word) = rest
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next())
            else {
                continue;
            };
            assert!(codes::is_known(403, word), "{}: {word}", file.display());
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

/// Two schemas of one name would be one in the document, and describe the other's answers.
#[test]
fn every_schema_has_a_name_of_its_own() {
    let mut all = Vec::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    files(&src.join("handlers"), &mut all);
    files(&src.join("models"), &mut all);
    let mut names = BTreeSet::new();
    for file in all {
        let text = fs::read_to_string(&file).unwrap();
        for part in text.split("#[derive(").skip(1) {
            let Some((derived, rest)) = part.split_once(")]") else {
                continue;
            };
            if !derived.contains("ToSchema") {
                continue;
            }
            let named = rest
                .split_whitespace()
                .skip_while(|word| !["struct", "enum"].contains(word))
                .nth(1);
            let name = named
                .unwrap_or_default()
                .split(|c: char| !c.is_alphanumeric())
                .next()
                .unwrap_or_default();
            // a macro is given its name later
            if name.is_empty() {
                continue;
            }
            assert!(names.insert(name.to_owned()), "{}: {name}", file.display());
        }
    }
    assert!(names.len() > 80, "{}", names.len());
}

fn files(dir: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
}
