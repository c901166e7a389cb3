//! A receiver of webhooks over TLS, with a certificate of an authority of its own. It answers as told and keeps what it got.
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use futures_util::{StreamExt, stream};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

/// Instead of a status: 200, and a body without end.
pub const ENDLESS: u16 = 1;
/// Instead of a status: 200, and a body that does not go on.
pub const UNFINISHED: u16 = 2;
/// Instead of a status: none before it is told another one, and then that.
pub const HELD: u16 = 3;

#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    status: AtomicU16,
    arrived: tokio::sync::Notify,
    told: tokio::sync::Notify,
}

pub struct Receiver {
    pub port: u16,
    pub ca: PathBuf,
    shared: Arc<Shared>,
    handle: ServerHandle,
    _dir: TempDir,
}

impl Receiver {
    pub fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_cert = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "hooks.example.com".to_owned()];
        let leaf = CertificateParams::new(names).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, ca_cert.pem()).unwrap();
        let tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        shared.status.store(200, Ordering::SeqCst);
        let data = web::Data::from(shared.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .default_service(web::to(receive))
        })
        .workers(1)
        .disable_signals()
        .listen_rustls_0_23(listener, tls)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            port,
            ca: path,
            shared,
            handle,
            _dir: dir,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// From now on it answers with this status; 0: not at all. Below `/status/` it is the one that stands there.
    pub fn answers(&self, status: u16) {
        self.shared.status.store(status, Ordering::SeqCst);
        self.shared.told.notify_waiters();
    }

    /// What it has got, once there are so many.
    pub async fn got(&self, count: usize) -> Vec<Received> {
        let wait = async {
            loop {
                let arrived = self.shared.arrived.notified();
                let received = self.shared.received.lock().unwrap().clone();
                if received.len() >= count {
                    return received;
                }
                arrived.await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), wait).await {
            Ok(received) => received,
            Err(elapsed) => panic!(
                "{elapsed}: {count} wanted, got {:?}",
                self.shared.received.lock().unwrap()
            ),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn receive(req: HttpRequest, body: web::Bytes, shared: web::Data<Shared>) -> HttpResponse {
    let headers = req.headers().iter();
    let headers = headers.map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned()));
    // what is told from now on is for the next one
    let mut status = shared.status.load(Ordering::SeqCst);
    shared.received.lock().unwrap().push(Received {
        path: req.path().to_owned(),
        headers: headers.collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    shared.arrived.notify_waiters();
    while status == HELD {
        let told = shared.told.notified();
        status = shared.status.load(Ordering::SeqCst);
        if status == HELD {
            told.await;
        }
    }
    let own = req.path().strip_prefix("/status/");
    match own.map_or(status, |own| own.parse().unwrap()) {
        0 => std::future::pending().await,
        ENDLESS => HttpResponse::Ok().streaming(stream::repeat_with(|| {
            Ok::<_, actix_web::Error>(web::Bytes::from_static(&[b'x'; 4096]))
        })),
        UNFINISHED => {
            let begun = stream::once(async { Ok(web::Bytes::from_static(b"begun")) });
            HttpResponse::Ok()
                .streaming(begun.chain(stream::pending::<Result<_, actix_web::Error>>()))
        }
        302 => HttpResponse::Found()
            .insert_header(("location", "http://169.254.169.254/latest"))
            .finish(),
        status => HttpResponse::build(status.try_into().unwrap())
            .body("a secret answer that nobody must be shown"),
    }
}
