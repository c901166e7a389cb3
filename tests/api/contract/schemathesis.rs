//! I10: requests made from the served document, sent to the whole program: no failure of ours, no answer that the document
//! does not describe.
use crate::{
    accounting::model,
    support::{api::Api, house::House, people::PASSWORD, redis::RedisServer},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path, process::Stdio};
use tokio::process::Command;

/// What cannot be run, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "/api/v1/events/stream",
        "it never ends; rest::live reads it",
    ),
    (
        "/api/v1/ws",
        "what follows is no HTTP; rest::live speaks it",
    ),
    (
        "/api/v1/admin/backup",
        "501 by design, which counts as a failure",
    ),
    (
        "/api/v1/admin/restore",
        "501 by design, which counts as a failure",
    ),
    (
        "/api/v1/config/backup",
        "501 by design, which counts as a failure",
    ),
];
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,\
    unsupported_method,allow_header_conformance";
/// In `make test`: examples a route, again and again for so many seconds in all.
const SHORT: [&str; 4] = ["--max-examples", "20", "--max-time", "140"];
/// In `make soak`: a thousand examples of every route take hours.
const LONG: [&str; 4] = ["--max-examples", "1000", "--max-time", "1080"];

/// A change turns `make test` red, not luck: it draws the same requests each time, unless HYWARDEN_SEED says others.
/// `make soak` draws new ones.
fn seed() -> u64 {
    let draws = ["HYWARDEN_SEED", "HYWARDEN_SOAK"].map(std::env::var_os);
    let seed = match draws {
        [None, None] => 20_261_121,
        _ => model::seed() % (1 << 32),
    };
    println!("schemathesis --seed {seed}");
    seed
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_the_api_is_what_its_document_says() {
    let redis = RedisServer::start().await;
    let url = redis.url();
    let house = House::start(&[
        ("redis.url", url.as_str()),
        ("server.docs", "true"),
        ("server.workers", "2"),
        // who logs in is somebody known, and comes back often
        ("logins.tries", "1000000"),
        ("logins.tries_per_second", "100000"),
        ("logins.proofs", "1000000"),
    ])
    .await;
    house.account("contract", "superadmin").await;
    let token = json!({"name": "contract", "scopes": ["*"]});
    let token = Api::local(&house).post("/tokens", token).await.is(201);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let report = house.dir.path().join("answers.json");
    let how_long = if std::env::var_os("HYWARDEN_SOAK").is_some() {
        LONG.as_slice()
    } else {
        SHORT.as_slice()
    };
    let seed = seed();
    let mut command = Command::new(root.join("target/peers/venv/bin/schemathesis"));
    command
        .arg("--config-file")
        .arg(root.join("tests/peers/schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/docs/openapi.json", house.url()))
        .args(["--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(how_long)
        .args(["--seed", &seed.to_string()])
        // one: what a request switches for all is switched back before the next, and a seed brings a run back
        .args(["--workers", "1"])
        .args(["--request-timeout", "60"])
        .args(["--generation-database", "none"])
        // who asks is said by the hooks
        .args(["--generation-with-security-parameters", "false"])
        .args(["--continue-on-failure", "--no-color"])
        .args(["--suppress-health-check", "all"]);
    for (path, _) in LEFT_OUT {
        command.args(["--exclude-path", path]);
    }
    let out = command
        .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
        .env("PYTHONPATH", root.join("tests/peers"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("CONTRACT_URL", house.url())
        .env("CONTRACT_TOKEN", token["secret"].as_str().unwrap())
        .env("CONTRACT_NAME", "contract")
        .env("CONTRACT_PASSWORD", PASSWORD)
        .env("CONTRACT_REPORT", &report)
        .current_dir(house.dir.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success(),
        "schemathesis --seed {seed}:\n{said}\n{}",
        String::from_utf8_lossy(&out.stderr)
    );
    // a run that was refused everywhere, or met nothing but missing objects, has shown nothing
    let answers: BTreeMap<String, BTreeMap<u16, u64>> =
        serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    let count = |of: &dyn Fn(u16) -> bool| -> u64 {
        let all = answers.values().flatten();
        all.filter(|(status, _)| of(**status)).map(|(_, n)| n).sum()
    };
    let (all, refused) = (count(&|_| true), count(&|status| status == 401));
    let done = answers
        .values()
        .filter(|seen| seen.keys().any(|s| *s < 300));
    let (done, routes) = (done.count(), answers.len());
    println!(
        "{all} requests to {routes} routes, {refused} refused; {done} routes did what they are for"
    );
    assert!(refused * 20 < all, "{refused} of {all} answers were 401");
    assert!(
        done * 3 > routes * 2,
        "{done} of {routes} routes: {answers:#?}"
    );
    let document: Value = serde_json::from_str(&hywarden::openapi::json().unwrap()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        if LEFT_OUT.iter().any(|(left, _)| left == path) {
            continue;
        }
        for method in methods.as_object().unwrap().keys() {
            let route = format!("{} {path}", method.to_uppercase());
            assert!(answers.contains_key(&route), "{route} was never asked for");
        }
    }
}
