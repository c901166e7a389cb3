//! The servers that are compared, each in a process of its own, with the same settings: a bare actix handler that parses
//! the same JSON and answers a constant, one that answers with one row, and the real hook, handing what it opened to a queue that is thrown away.
use actix_web::{App, HttpResponse, HttpServer, get, http::header::ContentType, post, web};
use anyhow::{Context, Result};
use chrono::DateTime;
use hywarden::{
    admission::{
        CredentialKeys, Directory, IdKeys, Memory,
        guesses::Guesses,
        recent::{Addresses, Recent},
    },
    cache::Cache,
    clock::{Clock, SystemClock},
    handlers::hook,
    keyring::Keyring,
    models::{Named, NodeNo},
    repositories::{self, Db, Use, users},
    services::{
        accounting::opened,
        admission::{Admission, Parts, aftermath},
        directory::{Keeper, KeeperSettings},
        enforcement::Hurry,
        instance::Registration,
        leases::Leases,
    },
    telemetry::Metrics,
};
use serde::Deserialize;
use serde_json::json;
use std::{path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

#[derive(Deserialize)]
struct Asked {
    #[expect(dead_code, reason = "parsed as the real hook does, not used")]
    addr: String,
    #[expect(dead_code, reason = "parsed as the real hook does, not used")]
    auth: String,
    #[expect(dead_code, reason = "parsed as the real hook does, not used")]
    tx: u64,
}

/// As long as a real one.
const ANSWER: &str = r#"{"ok":true,"id":"1.abcd.efgh.1.abcdefghijklmnop.abcdefghijklmnop"}"#;

#[post("/hook/v1/{node}")]
async fn bare_hook(_node: web::Path<String>, _asked: web::Json<Asked>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(ANSWER)
}

/// Serves the bare handler.
pub async fn bare(port: u16) -> Result<()> {
    let server = HttpServer::new(|| App::new().service(bare_hook));
    settings!(server, port).await?;
    Ok(())
}

/// The same columns as the program answers with.
#[get("/api/v1/users/{user}")]
async fn bare_user(db: web::Data<Db>, id: web::Path<uuid::Uuid>) -> HttpResponse {
    let Ok(mut conn) = db.get().await else {
        return HttpResponse::ServiceUnavailable().finish();
    };
    match users::find(&mut conn, &Named::Id(*id)).await {
        Ok(Some(user)) => HttpResponse::Ok().json(json!({
            "id": user.id, "name": user.name, "role": user.role, "email": user.email, "note": user.note,
            "quota": user.quota, "used": user.used, "used_total": user.used_total,
            "window_started_at": user.window_started_at, "expires_at": user.expires_at,
            "activated_at": user.activated_at, "valid_for": user.valid_for_seconds,
            "device_limit": user.device_limit, "online_limit": user.online_limit,
            "suspended_at": user.suspended_at, "deleted_at": user.deleted_at, "version": user.version,
            "created_at": user.created_at, "updated_at": user.updated_at,
        })),
        _ => HttpResponse::NotFound().finish(),
    }
}

/// Serves one user by one SELECT, over as many connections as the program has.
pub async fn select(port: u16, database: &str) -> Result<()> {
    let db = repositories::pool(database, 8, Use::Requests)?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(db.clone()))
            .service(bare_user)
    });
    settings!(server, port).await?;
    Ok(())
}

/// Serves the hook over the database's directory.
pub async fn hook(port: u16, database: &str, keys: &Path, redis: Option<&str>) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keyring = Keyring::read(keys, clock.clone())?.context("no keys")?;
    let directory = Arc::new(Directory::default());
    let stop = CancellationToken::new();
    let (keeper, front) = Keeper::new(
        KeeperSettings {
            database_url: database.to_owned(),
            period: Duration::from_secs(1),
            reconcile_every: Duration::from_mins(10),
        },
        directory.clone(),
        clock.clone(),
        Arc::new(|_, _| {}),
    );
    tokio::spawn(keeper.run(stop.clone()));
    let db = repositories::pool(database, 2, Use::Jobs)?;
    let leases = match redis {
        Some(url) => Leases::shared(clock.clone(), Cache::open(url, "bench:")?, "bench").await?,
        None => Leases::memory(clock.clone()),
    };
    let leases = Arc::new(leases);
    let (opened, mut queue) = opened::queue(65_536);
    tokio::spawn(async move {
        // as the writer takes them
        let mut batch = Vec::with_capacity(256);
        while queue.recv_many(&mut batch, 256).await > 0 {
            if queue.len() < 256 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            batch.clear();
        }
    });
    let (aftermath, _unwritten) = aftermath(db, clock.clone());
    let admission = Admission::new(
        Parts {
            directory: directory.clone(),
            keeper: Arc::new(front),
            memory: Arc::new(Memory {
                keys: CredentialKeys::new(&keyring.peppers()),
                guesses: Guesses::new(30, 5, 1),
                addresses: Addresses::default(),
                maintenance: false.into(),
            }),
            ids: Arc::new(IdKeys::new(&keyring.connection_id_keys())),
            leases: leases.clone(),
            recent: Arc::new(Recent::default()),
            hurry: Arc::new(Hurry::default()),
            opened,
            aftermath,
            registration: Registration::register(database, true).await?,
            metrics: Metrics::new()?,
            clock: clock.clone(),
        },
        1,
    );
    anyhow::ensure!(
        admission
            .is_filled(tokio::time::Instant::now() + Duration::from_mins(2))
            .await,
        "the directory was not filled"
    );
    tokio::spawn(read_nodes(directory, leases, clock));
    let admission = web::Data::new(admission);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(admission.clone())
            .configure(hook::routes)
    });
    settings!(server, port).await?;
    Ok(())
}

/// What pollers do for leases: nobody ever appears, so that every login ends as a ghost.
async fn read_nodes(directory: Arc<Directory>, leases: Arc<Leases>, clock: Arc<dyn Clock>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        for node in directory.nodes() {
            let asked_at: DateTime<chrono::Utc> = clock.now();
            leases.observe(NodeNo(node.number.0), asked_at, &[]).await;
        }
    }
}
