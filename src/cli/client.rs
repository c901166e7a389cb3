//! The client of the API: the unix socket on the machine itself, a URL and a token elsewhere.
use super::{failure::Failure, path::Path, target::Target};
use reqwest::{Method, RequestBuilder, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{path::PathBuf, time::Duration};
use url::Url;

/// The longest a verb waits for its answer: a node's test read has 30 s, a long poll up to 60.
const PATIENCE: Duration = Duration::from_mins(2);
/// The longest an export may take.
const LONGEST_STREAM: Duration = Duration::from_hours(12);
/// Answers above this are not ours.
const LONGEST_ANSWER: u64 = 64 << 20;

/// A connection to the API.
pub struct Client {
    http: reqwest::Client,
    server: Url,
    token: Option<SecretString>,
    /// The place in words, for messages.
    place: String,
}

impl Client {
    /// Prepares a client; nothing is asked yet. `socket` says where this machine's program listens.
    pub fn new(
        target: &Target,
        socket: impl FnOnce() -> Result<PathBuf, Failure>,
    ) -> Result<Self, Failure> {
        let builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(PATIENCE)
            .user_agent(concat!("hywarden/", env!("CARGO_PKG_VERSION")));
        let (builder, server, token, place) = if let Some(server) = &target.server {
            target.checked(server)?;
            let token = target.token()?.ok_or_else(|| {
                Failure::usage("--server needs an API token: set HYWARDEN_TOKEN or --token-file (a token comes from `hywarden token create` on the machine itself)")
            })?;
            (builder, server.clone(), Some(token), server.to_string())
        } else {
            let socket = socket()?;
            let place = socket.display().to_string();
            // The host is never resolved: everything goes through the socket.
            let server =
                Url::parse("http://hywarden").map_err(|why| Failure::failed(why.to_string()))?;
            (builder.unix_socket(socket).no_proxy(), server, None, place)
        };
        let http = builder
            .build()
            .map_err(|why| Failure::failed(why.to_string()))?;
        Ok(Self {
            http,
            server,
            token,
            place,
        })
    }

    /// Reads.
    pub async fn get(&self, path: &Path) -> Result<Value, Failure> {
        self.ask(Method::GET, path, None).await
    }
    /// Does or creates.
    pub async fn post(&self, path: &Path, body: Option<&Value>) -> Result<Value, Failure> {
        self.ask(Method::POST, path, body).await
    }
    /// Changes the fields that the body names.
    pub async fn patch(&self, path: &Path, body: &Value) -> Result<Value, Failure> {
        self.ask(Method::PATCH, path, Some(body)).await
    }
    /// Puts into place.
    pub async fn put(&self, path: &Path, body: Option<&Value>) -> Result<Value, Failure> {
        self.ask(Method::PUT, path, body).await
    }
    /// Removes.
    pub async fn delete(&self, path: &Path) -> Result<Value, Failure> {
        self.ask(Method::DELETE, path, None).await
    }

    /// Reads an answer that is printed as it is, and what its reader must be told besides.
    pub async fn get_text(&self, path: &Path) -> Result<(String, Option<String>), Failure> {
        let (bytes, warning) = self.answer(self.request(Method::GET, path)).await?;
        let text = String::from_utf8(bytes).map_err(|_| self.garbled())?;
        Ok((text, warning))
    }

    /// Hands over an answer of any length as it comes.
    pub async fn stream(
        &self,
        path: &Path,
        mut on_part: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let request = self.request(Method::GET, path).timeout(LONGEST_STREAM);
        let mut response = request.send().await.map_err(|why| self.lost(&why))?;
        if !response.status().is_success() {
            return self.read(response).await.map(drop);
        }
        while let Some(part) = response.chunk().await.map_err(|why| self.lost(&why))? {
            on_part(&part)?;
        }
        Ok(())
    }

    /// Whether one of the open places beside the API, such as `readyz`, answers well.
    pub async fn probe(&self, place: &str) -> Result<(), Failure> {
        let mut url = self.server.clone();
        url.set_path(place);
        self.bytes(self.http.get(url)).await.map(drop)
    }

    async fn ask(
        &self,
        method: Method,
        path: &Path,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let bytes = self.bytes(request).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| self.garbled())
    }

    fn request(&self, method: Method, path: &Path) -> RequestBuilder {
        let request = self.http.request(method, path.on(&self.server));
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    async fn bytes(&self, request: RequestBuilder) -> Result<Vec<u8>, Failure> {
        let (bytes, _) = self.answer(request).await?;
        Ok(bytes)
    }

    /// The body of a good answer, and its warning.
    async fn answer(&self, request: RequestBuilder) -> Result<(Vec<u8>, Option<String>), Failure> {
        let response = request.send().await.map_err(|why| self.lost(&why))?;
        let warning = response.headers().get("x-hywarden-warning");
        let warning = warning.and_then(|text| Some(text.to_str().ok()?.to_owned()));
        Ok((self.read(response).await?, warning))
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|why| self.lost(&why))? {
            bytes.extend_from_slice(&chunk);
            if u64::try_from(bytes.len()).is_ok_and(|len| len > LONGEST_ANSWER) {
                return Err(self.garbled());
            }
        }
        let status = response.status();
        if status.is_success() {
            return Ok(bytes);
        }
        let problem = serde_json::from_slice::<Value>(&bytes).unwrap_or(Value::Null);
        if !problem.is_object() && !status.is_server_error() && status.as_u16() != 401 {
            return Err(self.garbled());
        }
        Err(Failure::Answer {
            status: status.as_u16(),
            problem,
        })
    }

    fn garbled(&self) -> Failure {
        Failure::failed(format!(
            "what answers at {} does not speak Hywarden's API",
            self.place
        ))
    }

    fn lost(&self, why: &reqwest::Error) -> Failure {
        if why.is_timeout() && !why.is_connect() {
            return Failure::failed(format!(
                "no answer from {} within {} s; whether the change was made is not known",
                self.place,
                PATIENCE.as_secs()
            ));
        }
        if !why.is_connect() {
            return Failure::not_running(format!(
                "the connection to {} broke before the answer came; whether the change was made is not known",
                self.place
            ));
        }
        let reason = root(why);
        if self.token.is_some() {
            return Failure::not_running(format!(
                "it cannot be reached at {}: {reason}",
                self.place
            ));
        }
        if reason.kind == Some(std::io::ErrorKind::PermissionDenied) {
            return Failure::not_running(format!(
                "this account may not open {}: run the command as the service's user or as root, or ask with --server and a token",
                self.place
            ));
        }
        Failure::not_running(format!(
            "it is not running: nobody listens on {}. Start it with `hywarden serve`, or name another place by --data-dir or --server",
            self.place
        ))
    }
}

/// The innermost reason of a chain of errors.
struct Root {
    kind: Option<std::io::ErrorKind>,
    text: String,
}

impl std::fmt::Display for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn root(error: &(dyn std::error::Error + 'static)) -> Root {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Root {
        kind: innermost
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind),
        text: innermost.to_string(),
    }
}
