//! `setup-token`, `invite`, and what `user` says of logins.
use super::program::{Program, has_fields, text};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt};

async fn post(program: &Program, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/api/v1{path}", program.url);
    let answer = reqwest::Client::new()
        .post(url)
        .json(&body)
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

fn secret(link: &str) -> String {
    link.trim().split('#').nth(1).unwrap().to_owned()
}

/// L13: nobody looks at a terminal here, so the link lies in a file that others cannot read; `setup-token` makes another.
#[tokio::test(flavor = "multi_thread")]
async fn l13_the_link_is_shown_on_the_machine_alone() {
    let program = Program::start();
    let file = program.data_dir().join("setup-link");
    crate::support::program::until("the link is there", || {
        fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
    });
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let old = fs::read_to_string(&file).unwrap();
    assert!(
        old.starts_with(&format!("{}/setup#hywarden_setup_", program.url)),
        "{old}"
    );
    let said = program.run(&["setup-token"]);
    assert_eq!(said.code, 0, "{said:?}");
    let make = |link: &str| json!({"token": secret(link), "name": "owner", "password": "twelve or more of them"});
    assert_eq!(post(&program, "/auth/setup", make(&old)).await.0, 403);
    assert_eq!(post(&program, "/auth/setup", make(&said.out)).await.0, 201);
    let said = program.run(&["setup-token"]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("there is a superadmin already"),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_let_in_and_shown_out() {
    let program = Program::shared();
    program.json(&[
        "user",
        "create",
        "lena",
        "--email",
        "lena@mail.example",
        "--role",
        "readonly",
    ]);
    let link = program.json(&["user", "reset-password", "lena"]);
    has_fields(&link, &["url", "expires_at"]);
    let token = secret(text(&link, "url"));
    let body = json!({"token": token, "password": "a long walk by the sea"});
    assert_eq!(post(&program, "/auth/reset-password", body).await.0, 204);
    let body = json!({"name": "lena@mail.example", "password": "a long walk by the sea"});
    assert_eq!(post(&program, "/auth/login", body.clone()).await.0, 200);
    let (_, made) = post(&program, "/auth/login", body).await;
    let logins = program.json(&["user", "logins", "lena"]);
    assert_eq!(logins.as_array().unwrap().len(), 2);
    let session = text(&made, "session");
    assert_eq!(program.run(&["user", "logout", "lena", session]).code, 0);
    let refresh = json!({"refresh_token": made["refresh_token"]});
    assert_eq!(post(&program, "/auth/refresh", refresh).await.0, 401);
    assert_eq!(program.run(&["user", "logout", "lena"]).code, 0);
    assert_eq!(program.json(&["user", "logins", "lena"]), json!([]));

    let made = program.json(&[
        "invite",
        "create",
        "--role",
        "readonly",
        "--expires",
        "12h",
        "--note",
        "for lena",
    ]);
    assert!(text(&made, "url").contains("/register#hywarden_inv_"));
    let listed = program.json(&["invite", "list"]);
    assert!(!listed.to_string().contains(text(&made, "secret")));
    assert_eq!(
        program.run(&["invite", "revoke", text(&made, "id")]).code,
        0
    );
    assert_eq!(
        program.run(&["invite", "revoke", text(&made, "id")]).code,
        4
    );
}
