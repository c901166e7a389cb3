//! The addresses it listens on: free before a start, ours while it runs.
use super::{finding::Finding, program::Program};
use crate::config::Settings;
use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Looks at every address that is set.
pub async fn look(settings: &Settings, program: &Program) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, address) in [
        ("listen", Some(settings.server.listen)),
        ("hook listen", settings.server.hook_listen),
        ("metrics listen", settings.metrics.listen),
    ] {
        if let Some(address) = address.filter(|address| address.port() != 0) {
            found.push(if program.is_running() {
                open(name, address).await
            } else {
                free(name, address).await
            });
        }
    }
    found
}

async fn open(check: &'static str, address: SocketAddr) -> Finding {
    let to = SocketAddr::new(reached_at(address.ip()), address.port());
    match timeout(Duration::from_secs(3), TcpStream::connect(to)).await {
        Ok(Ok(_)) => Finding::pass(check, format!("{address} is open")),
        Ok(Err(why)) => Finding::fail(check, format!("it runs, but {to} does not answer: {why}")),
        Err(_) => Finding::fail(check, format!("it runs, but {to} does not answer")),
    }
}

async fn free(check: &'static str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address).await {
        Ok(_) => Finding::pass(check, format!("{address} is free")),
        Err(why) if why.kind() == ErrorKind::AddrInUse => Finding::fail(
            check,
            format!("{address} is taken by another program (`ss -ltnp` names it)"),
        ),
        Err(why) => Finding::fail(check, format!("{address}: {why}")),
    }
}

/// An address to connect to where all of the machine's are listened on.
fn reached_at(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}
