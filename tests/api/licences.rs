//! What we build on: permissive licences, from the public registry, one crypto provider, no decompression of requests.
use serde_json::Value;
use std::process::Command;

const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];
/// Each stands for a trap that was measured: a second TLS, request bombs, a second database driver.
const NOT_TAKEN: &[&str] = &[
    "openssl-sys",
    "native-tls",
    "brotli",
    "zstd",
    "h2",
    "pq-sys",
    "libsqlite3-sys",
    "sqlx",
];

/// Whether the expression can be met with permissive licences alone.
fn may_be_taken(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    // AND binds closer than OR, but with brackets removed either reading must hold: each OR-part, or each AND-part
    let permissive = |name: &str| PERMISSIVE.contains(&name.trim());
    expression
        .split(" OR ")
        .any(|all| all.split(" AND ").all(permissive))
        || expression
            .split(" AND ")
            .all(|any| any.split(" OR ").any(permissive))
}

fn packages() -> Vec<Value> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let all: Value = serde_json::from_slice(&out.stdout).unwrap();
    all["packages"].as_array().unwrap().clone()
}

#[test]
fn everything_may_be_taken() {
    let mut wrong = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        if !may_be_taken(package["license"].as_str().unwrap_or_default()) {
            wrong.push(format!("{name}: licence {}", package["license"]));
        }
        if let Some(source) = package["source"].as_str()
            && source != "registry+https://github.com/rust-lang/crates.io-index"
        {
            wrong.push(format!("{name}: from {source}"));
        }
        if NOT_TAKEN.contains(&name) {
            wrong.push(format!("{name}: not taken"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn an_expression_is_read_both_ways() {
    assert!(may_be_taken("MIT OR GPL-3.0"));
    assert!(may_be_taken("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(may_be_taken("Unlicense/MIT"));
    assert!(!may_be_taken("GPL-3.0 OR LGPL-3.0"));
    assert!(!may_be_taken("MIT AND GPL-3.0"));
    assert!(!may_be_taken(""));
}
