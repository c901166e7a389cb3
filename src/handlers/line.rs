//! The connection that a request came by. The HTTP library waits for ever for a reader that takes nothing, and tells nobody:
//! whoever keeps something for a reader holds the line, hears when it is gone, and cuts it when it must be.
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{
    HttpRequest,
    dev::Extensions,
    rt::net::{TcpStream, UnixStream},
};
use nix::sys::socket::{Shutdown, shutdown};
use std::{
    any::Any,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::Arc,
    time::Duration,
};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// A connection.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// A second handle, for the first is the HTTP library's own; none where there are no more: then it is never cut.
    socket: Option<Arc<OwnedFd>>,
    gone: CancellationToken,
}

/// What lies beside a connection as long as there is one.
struct Noted {
    line: Line,
    _gone: DropGuard,
}

impl Line {
    /// To be given to `HttpServer::on_connect`.
    pub fn note(connection: &dyn Any, data: &mut Extensions) {
        let plain = |it: &TcpStream| it.as_fd().try_clone_to_owned();
        let local = |it: &UnixStream| it.as_fd().try_clone_to_owned();
        let secure = |it: &TlsStream<TcpStream>| plain(it.get_ref().0);
        let socket = connection.downcast_ref().map(plain);
        let socket = socket.or_else(|| connection.downcast_ref().map(secure));
        let socket = socket.or_else(|| connection.downcast_ref().map(local));
        let line = Self {
            socket: socket.and_then(Result::ok).map(Arc::new),
            gone: CancellationToken::new(),
        };
        data.insert(Noted {
            _gone: line.gone.clone().drop_guard(),
            line,
        });
    }

    /// The one that this request came by.
    pub fn of(req: &HttpRequest) -> Self {
        let noted = req.conn_data::<Noted>();
        noted.map(|noted| noted.line.clone()).unwrap_or_default()
    }

    /// Ends it in both directions: the HTTP library finds it broken, whatever it waits for.
    pub fn cut(&self) {
        if let Some(socket) = &self.socket {
            // one that has ended already needs no cut
            let _ = shutdown(socket.as_raw_fd(), Shutdown::Both);
        }
    }

    /// Returns when it is gone: by itself after a goodbye, for which there is a moment, else cut.
    pub async fn end(&self, goodbye: impl Future) {
        let polite = async {
            goodbye.await;
            self.gone.cancelled().await;
        };
        if timeout(GOODBYE, polite).await.is_err() {
            self.cut();
        }
    }
}
