//! One user beside a bare handler with one SELECT of the same row by the same pool.
use crate::{
    data::USERS,
    ground::{Ground, connect},
    hook::{compare, server},
    load::{self, Connections},
    pages::database,
    people::{account, login, there},
    report::Report,
    whole::start,
};
use anyhow::{Context, Result};
use std::fmt::Write as _;

/// Different users that are asked for.
const ASKED: i64 = 20_000;

pub async fn figures(report: &mut Report, ground: &Ground) -> Result<()> {
    let (program, _) = start(ground).await?;
    let url = database(ground)?;
    account(ground, "reader", "readonly").await?;
    let made = login(&there(&program), "reader").await?;
    let token = made["access_token"].as_str().context("no token")?;
    let db = connect(&url).await?;
    let step = i64::try_from(USERS)? / ASKED;
    let rows = db
        .query(
            "SELECT id::text FROM users WHERE number % $1 = 0 AND number <= $2",
            &[&step, &i64::try_from(USERS)?],
        )
        .await?;
    let mut lines = String::new();
    for row in rows {
        let id: String = row.get(0);
        writeln!(lines, "/api/v1/users/{id} {token} GET")?;
    }
    let file = load::file("users.txt");
    std::fs::write(&file, lines)?;
    let bare = server("serve-select", &[&url]).await?;
    let (kept, cpu) = compare(&program, &bare, &file, Connections::Kept).await?;
    report.at_least("user_to_bare_select", kept, 0.5);
    report.note("user_cpu_per_request_to_bare", cpu);
    bare.stop().await?;
    program.stop().await
}
