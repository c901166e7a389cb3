//! A client of the API, over the local socket or with a token; it checks what every answer must have.
use super::house::House;
use reqwest::Method;
use serde_json::Value;
use std::sync::Mutex;

pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    /// Every answer, for those who look for what must not be in them.
    pub recorded: Mutex<Vec<Recorded>>,
}

pub struct Recorded {
    pub what: String,
    pub status: u16,
    pub text: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }
    /// A problem with this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.text
        );
        self.body
    }
    /// A 422 that names exactly these fields, in whatever order.
    #[track_caller]
    pub fn wrong(self, fields: &[&str]) -> Value {
        let body = self.refused(422, "invalid");
        let mut named: Vec<&str> = body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["field"].as_str().unwrap())
            .collect();
        let mut fields = fields.to_vec();
        named.sort_unstable();
        fields.sort_unstable();
        assert_eq!(named, fields, "{body}");
        body
    }
}

impl Api {
    /// Over the local socket: may do everything.
    pub fn local(house: &House) -> Self {
        let socket = house.app.addresses.socket.clone();
        let http = reqwest::Client::builder().unix_socket(socket).no_proxy();
        Self {
            http: http.build().unwrap(),
            base: "http://local/api/v1".to_owned(),
            token: None,
            recorded: Mutex::default(),
        }
    }

    /// Over TCP, with a token or without.
    pub fn remote(house: &House, token: Option<&str>) -> Self {
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            base: format!("{}/api/v1", house.url()),
            token: token.map(str::to_owned),
            recorded: Mutex::default(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }
    pub async fn put(&self, path: &str, body: Option<Value>) -> Answer {
        self.send(Method::PUT, path, body).await
    }
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method.clone(), path);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        self.answer(&format!("{method} {path}"), request).await
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends, and checks that errors, and only errors, are problems, and that the ids agree.
    pub async fn answer(&self, what: &str, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        let (kind, id) = (header("content-type"), header("x-request-id"));
        let text = answer.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let is_problem = kind.as_deref() == Some("application/problem+json");
        assert_eq!(is_problem, status >= 400, "{what}: {status} {kind:?}");
        if is_problem {
            assert_eq!(body["request_id"].as_str(), id.as_deref(), "{what}");
            assert_eq!(body["status"], status, "{what}");
        }
        assert!(id.is_some() || status < 400, "{what}: no request id");
        self.recorded.lock().unwrap().push(Recorded {
            what: what.to_owned(),
            status,
            text: text.clone(),
        });
        Answer { status, body, text }
    }

    /// Every item of a list, page by page, in pages of `limit`.
    pub async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let join = if path.contains('?') { '&' } else { '?' };
        let mut next = format!("{path}{join}limit={limit}");
        let mut items = Vec::new();
        loop {
            let page = self.get(&next).await.is(200);
            let part = page["items"].as_array().unwrap().clone();
            assert!(part.len() <= limit);
            items.extend(part);
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("{path}{join}limit={limit}&cursor={cursor}"),
                None => return items,
            }
        }
    }
}
