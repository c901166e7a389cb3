//! The TypeScript client in `clients/typescript`: its types are those of the document, and a program that uses them runs.
use crate::support::{house::House, people::PASSWORD};
use hywarden::openapi;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::{io::AsyncWriteExt, process::Command};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/typescript")
}

/// A program of the client's own packages, in its folder.
async fn node(program: &str, args: &[&str], input: &str) -> String {
    let mut child = Command::new("node")
        .arg(program)
        .args(args)
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let out = child.wait_with_output().await.unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program}: {said}{errors}");
    said
}

/// Drift fails: `make api` writes the types anew.
#[tokio::test(flavor = "multi_thread")]
async fn the_types_are_those_of_the_openapi_document() {
    let dir = tempfile::tempdir().unwrap();
    let (document, types) = (
        dir.path().join("openapi.json"),
        dir.path().join("schema.d.ts"),
    );
    fs::write(&document, openapi::json().unwrap()).unwrap();
    let generator = "node_modules/openapi-typescript/bin/cli.js";
    let (from, to) = (document.to_str().unwrap(), types.to_str().unwrap());
    node(generator, &[from, "--output", to], "").await;
    let text = fs::read_to_string(types).unwrap();
    crate::support::written("clients/typescript/schema.d.ts", &text, "make api");
}

/// Strictly compiled, it logs in, makes a device, reads its link, revokes it, and is logged out.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_written_with_it_runs() {
    let house = House::start(&[]).await;
    house.node("fra1", 9).await;
    house.account("alice", "user").await;
    let built = tempfile::tempdir_in(folder()).unwrap();
    let into = built.path().to_str().unwrap();
    node("node_modules/typescript/bin/tsc", &["--outDir", into], "").await;
    let program = built.path().join("example.js");
    let said = node(
        program.to_str().unwrap(),
        &[&house.url(), "alice"],
        PASSWORD,
    )
    .await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["me"], "alice", "{said}");
    assert!(
        said["uri"].as_str().unwrap().starts_with("hysteria2://"),
        "{said}"
    );
    assert_eq!(said["status"], "removed", "{said}");
    assert_eq!(said["after"], "unauthenticated", "{said}");
}
