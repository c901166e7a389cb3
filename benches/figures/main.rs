//! The figures of design section 8, each taken in one run beside what it is compared with. `make bench` runs all; names as
//! arguments run those sections: hook, merge, whole, logins, crowd, user, pages, mass, fanout, export.
#![expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "figures are shown, not counted with"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "a figure that cannot be taken may end the run"
)]

/// Both servers that are compared listen and keep connections in the same way.
macro_rules! settings {
    ($server:expr, $port:expr) => {
        $server
            .workers(2)
            .keep_alive(std::time::Duration::from_mins(2))
            .bind(("127.0.0.1", $port))?
            .run()
    };
}

mod crowd;
mod data;
mod export;
mod fanout;
mod ground;
mod hook;
mod lists;
mod load;
mod logins;
mod merge;
mod one;
mod pages;
mod people;
mod process;
mod report;
mod serve;
mod whole;

use anyhow::{Context, Result};
use ground::Ground;
use report::Report;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve-bare", port] => serve::bare(port.parse()?).await,
        ["serve-select", port, database] => serve::select(port.parse()?, database).await,
        ["serve-hook", port, database, keys] => {
            serve::hook(port.parse()?, database, keys.as_ref(), None).await
        }
        ["serve-hook", port, database, keys, redis] => {
            serve::hook(port.parse()?, database, keys.as_ref(), Some(redis)).await
        }
        sections => figures(sections).await,
    }
}

async fn figures(sections: &[&str]) -> Result<()> {
    let wanted = |section| sections.is_empty() || sections.contains(&section);
    println!("machine: {}", report::machine());
    let mut report = Report::default();
    let ground = Ground::make().await?;
    let postgres = ground.postgres().await?;
    if wanted("hook") {
        let redis = process::redis(&ground.dir).await?;
        let url = redis.url.clone();
        hook::figures(&mut report, &postgres.url(), &ground.keys, &url).await?;
    }
    if wanted("merge") {
        merge::figures(&mut report, &postgres.url()).await?;
    }
    postgres.stop().await?;
    if wanted("whole") {
        whole::figures(&mut report, &ground).await?;
    }
    if wanted("logins") {
        logins::figures(&mut report, &ground).await?;
    }
    if wanted("crowd") {
        crowd::figures(&mut report, &ground).await?;
    }
    if wanted("user") {
        one::figures(&mut report, &ground).await?;
    }
    if wanted("export") {
        export::figures(&mut report, &ground).await?;
    }
    if wanted("fanout") {
        fanout::figures(&mut report, &ground).await?;
    }
    if wanted("pages") {
        pages::figures(&mut report, &ground).await?;
    }
    if wanted("mass") {
        pages::after_a_mass_change(&mut report, &ground).await?;
    }
    let path = load::file("../bench.json");
    report.write(&path).context("target/bench.json")
}
