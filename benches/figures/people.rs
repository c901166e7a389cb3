//! Somebody who logs in, for the figures that need one.
use crate::{ground::Ground, process::Server};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

pub const PASSWORD: &str = "a long walk by the sea";

/// A client of the API over the local socket, as the machine's own command line.
pub fn local(ground: &Ground) -> Result<reqwest::Client> {
    let socket = ground.dir.join("api.sock");
    Ok(reqwest::Client::builder()
        .unix_socket(socket)
        .no_proxy()
        .build()?)
}

/// Where the local socket's API is, as URLs go.
pub const HERE: &str = "http://local/api/v1";

/// Where the API is over TCP.
pub fn there(server: &Server) -> String {
    format!("http://127.0.0.1:{}/api/v1", server.port)
}

/// A client over TCP.
pub fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

pub async fn post(http: &reqwest::Client, base: &str, path: &str, body: &Value) -> Result<Value> {
    let answer = http.post(format!("{base}{path}")).json(body).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "{path}: {status} {text}");
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// An account with `PASSWORD`.
pub async fn account(ground: &Ground, name: &str, role: &str) -> Result<()> {
    let local = local(ground)?;
    post(&local, HERE, "/users", &json!({"name": name, "role": role})).await?;
    let link = post(
        &local,
        HERE,
        &format!("/users/{name}/password-link"),
        &json!({}),
    )
    .await?;
    let token = link["url"].as_str().and_then(|url| url.split('#').nth(1));
    let set = json!({"token": token.context("no link")?, "password": PASSWORD});
    post(&local, HERE, "/auth/reset-password", &set).await?;
    Ok(())
}

/// Logs in; what the answer says.
pub async fn login(base: &str, name: &str) -> Result<Value> {
    let body = json!({"name": name, "password": PASSWORD});
    post(&client()?, base, "/auth/login", &body).await
}
