//! What the figures are taken over: 300,000 users with a million devices, and the bodies that clients send.
use anyhow::Result;
use futures_util::SinkExt;
use hywarden::{
    admission::{CredentialKeys, own_secret},
    models::CredentialKind,
};
use secrecy::ExposeSecret;
use std::{fmt::Write as _, path::Path};
use tokio_postgres::Client;

pub const USERS: u64 = 300_000;
pub const DEVICES: u64 = 1_000_000;
/// Devices that log in during a run, spread over all.
pub const ACTIVE: u64 = 120_000;
/// The last devices are blocked.
pub const BLOCKED: u64 = 20_000;

/// A node as the load sees it.
pub struct Caller {
    pub name: String,
    pub secret: String,
}

/// The secret of device `n`, which need not exist.
pub fn secret(n: u64) -> String {
    let hash = blake3::hash(&n.to_le_bytes());
    let mut random = [0; 16];
    random.copy_from_slice(&hash.as_bytes()[..16]);
    own_secret(random).expose_secret().to_owned()
}

/// Whose device `n` is, both from 1: the first 100,000 users have four, the others three.
pub fn owner(n: u64) -> u64 {
    let four = 4 * (DEVICES - 3 * USERS);
    if n <= four {
        (n - 1) / 4 + 1
    } else {
        four / 4 + (n - 1 - four) / 3 + 1
    }
}

/// Fills a migrated database. Rows are written as the program would, without its services: a million calls take too long.
pub async fn seed(db: &mut Client, keys: &CredentialKeys) -> Result<()> {
    db.batch_execute("SET session_replication_role = replica; SET synchronous_commit = off")
        .await?;
    db.batch_execute(&format!(
        "INSERT INTO users (id, number, name, window_started_at, activated_at, created_at, updated_at)
         OVERRIDING SYSTEM VALUE
         SELECT gen_random_uuid(), n, 'user' || n, now(), now(), now() - n * interval '1 second', now()
         FROM generate_series(1, {USERS}) n;
         SELECT setval(pg_get_serial_sequence('users', 'number'), {USERS});
         INSERT INTO group_users (group_no, user_no)
         SELECT (SELECT number FROM groups WHERE name = 'default'), n FROM generate_series(1, {USERS}) n;"
    ))
    .await?;
    copy(
        db,
        "devices (id, number, user_no, name, blocked_at, created_at, updated_at)",
        |n| {
            let blocked = if n > DEVICES - BLOCKED {
                "2026-01-01"
            } else {
                "\\N"
            };
            let (id, user) = (uuid::Uuid::from_u128(u128::from(n) << 64), owner(n));
            format!("{id}\t{n}\t{user}\tdevice{n}\t{blocked}\t2026-01-01\t2026-01-01\n")
        },
    )
    .await?;
    copy(
        db,
        "credentials (device_no, version, kind, pepper_id, hash, created_at)",
        |n| {
            let (pepper, hash) = keys
                .newest(CredentialKind::Own, &secret(n))
                .unwrap_or_default();
            let mut hex = String::with_capacity(64);
            for byte in hash {
                let _ = write!(hex, "{byte:02x}");
            }
            format!("{n}\t1\town\t{pepper}\t\\\\x{hex}\t2026-01-01\n")
        },
    )
    .await?;
    db.batch_execute(&format!(
        "SELECT setval(pg_get_serial_sequence('devices', 'number'), {DEVICES});
         SET session_replication_role = origin; ANALYZE; CHECKPOINT"
    ))
    .await?;
    Ok(())
}

async fn copy(db: &mut Client, into: &str, line: impl Fn(u64) -> String) -> Result<()> {
    let sink = db.copy_in(&format!("COPY {into} FROM STDIN")).await?;
    let mut sink = Box::pin(sink);
    let mut chunk = String::new();
    for n in 1..=DEVICES {
        chunk.push_str(&line(n));
        if chunk.len() > 256 * 1024 || n == DEVICES {
            sink.send(bytes(std::mem::take(&mut chunk))).await?;
        }
    }
    sink.close().await?;
    Ok(())
}

fn bytes(text: String) -> actix_web::web::Bytes {
    text.into()
}

/// Logins of devices that are let in, each always from its own address.
pub fn known(path: &Path, nodes: &[Caller]) -> Result<()> {
    let step = (DEVICES - BLOCKED) / ACTIVE;
    write(path, nodes, (0..ACTIVE).map(|i| (i * step + 1, i)))
}

/// Logins of blocked devices.
pub fn blocked(path: &Path, nodes: &[Caller]) -> Result<()> {
    write(
        path,
        nodes,
        (0..BLOCKED).map(|i| (DEVICES - BLOCKED + 1 + i, i)),
    )
}

/// Guesses: well-formed secrets that nobody has, from 60,000 addresses.
pub fn unknown(path: &Path, nodes: &[Caller]) -> Result<()> {
    write(
        path,
        nodes,
        (0..ACTIVE).map(|i| (DEVICES * 10 + i, i % 60_000)),
    )
}

/// (device, which address) for each line.
fn write(path: &Path, nodes: &[Caller], who: impl Iterator<Item = (u64, u64)>) -> Result<()> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let mut text = String::new();
    for (n, (device, address)) in who.enumerate() {
        let node = &nodes[n % nodes.len()];
        let basic = BASE64_STANDARD.encode(format!("{}:{}", node.name, node.secret));
        let (high, low) = (64 + address / 65_536, address % 65_536);
        let addr = format!(
            "100.{high}.{}.{}:{}",
            low / 256,
            low % 256,
            20_000 + address % 30_000
        );
        let auth = secret(device);
        writeln!(
            text,
            "/hook/v1/{} {basic} {{\"addr\":\"{addr}\",\"auth\":\"{auth}\",\"tx\":0}}",
            node.name
        )?;
    }
    std::fs::write(path, text)?;
    Ok(())
}
