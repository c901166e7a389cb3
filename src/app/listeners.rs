//! The doors: the API and the hook over TCP, the API over the local socket, the figures on an address of their own.
use super::{Parts, figures};
use crate::{
    config::Settings,
    handlers::{client, hook, line::Line},
    jobs::Crew,
    router,
    telemetry::listener,
    tls::Certificate,
};
use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    web::{Data, ServiceConfig},
};
use anyhow::{Context, Result};
use std::{
    fs::{self, Permissions},
    net::{SocketAddr, TcpListener},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Hysteria's client keeps idle connections for 90 s (reference, 1.4): ours stay longer, or a login runs into a closing one.
const KEEP_ALIVE: Duration = Duration::from_mins(2);
/// How long running requests may take once told to stop.
const DRAIN_SECONDS: u64 = 10;

/// Where the program listens.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub api: SocketAddr,
    /// The hook's own port; `None`: it is at the API's.
    pub hook: Option<SocketAddr>,
    pub metrics: Option<SocketAddr>,
    pub socket: PathBuf,
    /// Over TLS.
    pub secure: bool,
}

/// All open doors.
pub struct Listeners {
    handles: Vec<ServerHandle>,
    socket: PathBuf,
}

/// Ports that are ours, before anything answers at them: what nodes are told depends on where they are.
pub struct Bound {
    api: TcpListener,
    hook: Option<TcpListener>,
    certificate: Option<Arc<Certificate>>,
}

impl Bound {
    /// Takes the ports and reads the certificate.
    pub fn take(settings: &Settings) -> Result<Self> {
        let server = &settings.server;
        let certificate = match (&server.tls_cert, &server.tls_key) {
            (Some(cert), Some(key)) => Some(Certificate::open(cert, key)?),
            _ => None,
        };
        let bind = |at: SocketAddr, key| {
            TcpListener::bind(at).with_context(|| format!("cannot listen on {at} ({key})"))
        };
        let api = bind(server.listen, "server.listen")?;
        let hook = server
            .hook_listen
            .map(|at| bind(at, "server.hook_listen"))
            .transpose()?;
        Ok(Self {
            api,
            hook,
            certificate,
        })
    }

    /// Where the API answers, and whether over TLS.
    pub fn api(&self) -> Result<(SocketAddr, bool)> {
        Ok((self.api.local_addr()?, self.certificate.is_some()))
    }

    /// Where the hook answers, and whether over TLS.
    pub fn hook(&self) -> Result<(SocketAddr, bool)> {
        let listener = self.hook.as_ref().unwrap_or(&self.api);
        Ok((listener.local_addr()?, self.certificate.is_some()))
    }
}

impl Listeners {
    /// Opens all doors.
    pub fn open(
        bound: Bound,
        settings: &Settings,
        parts: &Parts,
        crew: &mut Crew,
    ) -> Result<(Self, Addresses)> {
        let Bound {
            api,
            hook,
            certificate,
        } = bound;
        let workers = settings.server.workers;
        let mut opening = Opening {
            crew,
            handles: Vec::new(),
            workers,
            head_timeout: settings.server.head_timeout,
            certificate,
        };
        let (api_parts, separate) = (parts.clone(), hook.is_some());
        let api = opening.tcp("api", api, move |cfg| {
            // the hook first: the API takes every path that is left
            if !separate {
                api_parts.serve_hook(cfg);
            }
            api_parts.serve(cfg);
        })?;
        let hook = match hook {
            Some(listener) => {
                let parts = parts.clone();
                Some(opening.tcp("hook", listener, move |cfg| parts.serve_hook(cfg))?)
            }
            None => None,
        };
        let local_parts = parts.clone();
        let socket = settings.api_socket();
        opening.local(&socket, move |cfg| local_parts.serve(cfg))?;
        let metrics = match settings.metrics.listen {
            Some(at) => {
                let refresh = figures::refresh(parts, opening.certificate.clone());
                let (running, bound) = listener::listen(at, parts.metrics.clone(), refresh)?;
                opening.start("metrics", running);
                Some(bound)
            }
            None => None,
        };
        let (handles, secure) = (opening.handles, opening.certificate.is_some());
        if let Some(certificate) = opening.certificate {
            crew.start("certificate", certificate.follow(crew.stop()));
        }
        Ok((
            Self {
                handles,
                socket: socket.clone(),
            },
            Addresses {
                api,
                hook,
                metrics,
                socket,
                secure,
            },
        ))
    }

    /// Takes no new connections, lets running requests end.
    pub async fn close(self) {
        let closing = self.handles.iter().map(|handle| handle.stop(true));
        futures_util::future::join_all(closing).await;
        // gone already, or replaced by a successor's: both are fine
        let _ = fs::remove_file(self.socket);
    }
}

struct Opening<'a> {
    crew: &'a mut Crew,
    handles: Vec<ServerHandle>,
    workers: usize,
    head_timeout: Duration,
    certificate: Option<Arc<Certificate>>,
}

impl Opening<'_> {
    fn tcp(
        &mut self,
        name: &'static str,
        listener: TcpListener,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Result<SocketAddr> {
        let bound = listener.local_addr()?;
        let server = HttpServer::new(move || App::new().configure(routes.clone()))
            .on_connect(Line::note)
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(self.head_timeout)
            .disable_signals()
            .shutdown_timeout(DRAIN_SECONDS);
        let server = if self.workers == 0 {
            server
        } else {
            server.workers(self.workers)
        };
        let server = match &self.certificate {
            Some(certificate) => {
                server.listen_rustls_0_23(listener, certificate.server_config()?)?
            }
            None => server.listen(listener)?,
        };
        self.start(name, server.run());
        Ok(bound)
    }

    /// The socket file of a program that was killed is in the way; the data directory is ours alone by now.
    fn local(
        &mut self,
        path: &Path,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Result<()> {
        let _ = fs::remove_file(path);
        let cannot = || format!("cannot listen on {}", path.display());
        let listener = UnixListener::bind(path).with_context(cannot)?;
        fs::set_permissions(path, Permissions::from_mode(0o600)).with_context(cannot)?;
        // `bind_uds` would not call `on_connect`, which is how a peer is known
        let server = HttpServer::new(move || App::new().configure(routes.clone()))
            .on_connect(|connection, data| {
                client::on_connect(connection, data);
                Line::note(connection, data);
            })
            .workers(1)
            .disable_signals()
            .shutdown_timeout(DRAIN_SECONDS)
            .listen_uds(listener)
            .with_context(cannot)?;
        self.start("local api", server.run());
        Ok(())
    }

    fn start(&mut self, name: &'static str, server: actix_web::dev::Server) {
        self.handles.push(server.handle());
        self.crew.start(name, async move {
            if let Err(why) = server.await {
                tracing::error!(name, %why, "a listener ended");
            }
        });
    }
}

impl Parts {
    fn serve_hook(&self, cfg: &mut ServiceConfig) {
        cfg.app_data(Data::from(self.services.admission.clone()))
            .configure(hook::routes);
    }

    fn serve(&self, cfg: &mut ServiceConfig) {
        cfg.app_data(Data::from(self.clock.clone()))
            .app_data(Data::new(self.services.clone()))
            .app_data(Data::new(self.proxies.clone()))
            .app_data(Data::new(self.metrics.clone()))
            .app_data(Data::new(self.origins.clone()))
            .app_data(Data::new(self.docs.clone()))
            .app_data(Data::new(self.methods.clone()))
            .app_data(Data::new(self.deadlines))
            .configure(router::routes);
    }
}

impl Addresses {
    /// What a terminal shows once the doors are open; with the first steps where there is nobody yet.
    pub fn welcome(&self, is_new: bool) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        let mut lines = vec![format!("hywarden listens on {scheme}://{}", self.api)];
        lines.extend(
            self.hook
                .map(|hook| format!("auth hook: {scheme}://{hook}")),
        );
        lines.extend(
            self.metrics
                .map(|metrics| format!("metrics: http://{metrics}/metrics")),
        );
        if is_new {
            let hywarden = self.command();
            lines.push(format!(
                "\nNext, in another terminal:\n  {hywarden} node add fra1 --address HOST:443 --stats-url http://127.0.0.1:9999 --stats-secret SECRET\n  {hywarden} user create alice\n  {hywarden} device add alice phone"
            ));
        }
        lines.join("\n")
    }

    /// How this program is called from the same folder, for the same data.
    fn command(&self) -> String {
        let program = std::env::args().next();
        let program = program.unwrap_or_else(|| "hywarden".to_owned());
        match self.socket.parent() {
            Some(dir) if dir != Settings::usual_data_dir() => {
                format!("{program} --data-dir {}", dir.display())
            }
            _ => program,
        }
    }
}
