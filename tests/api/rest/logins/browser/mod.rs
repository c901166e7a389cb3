//! Logins from a browser.
mod answers;
mod cookies;
mod origins;

use crate::support::{house::House, people::PASSWORD};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// A browser that is logged in: its cookies, and what its pages send beside them.
pub(super) struct Browser {
    http: reqwest::Client,
    base: String,
    pub(super) cookie: String,
    pub(super) csrf: String,
}

fn cookies(answer: &Response) -> Vec<String> {
    let all = answer.headers().get_all("set-cookie").iter();
    all.map(|c| c.to_str().unwrap().to_owned()).collect()
}

fn value(cookies: &[String], name: &str) -> String {
    let start = format!("{name}=");
    let found = cookies.iter().find_map(|c| c.strip_prefix(&start)).unwrap();
    found.split(';').next().unwrap().to_owned()
}

impl Browser {
    pub(super) async fn login(house: &House, name: &str) -> (Self, Vec<String>) {
        let http = reqwest::Client::new();
        let base = format!("{}/api/v1", house.url());
        let body = json!({"name": name, "password": PASSWORD, "session": "cookie"});
        let answer = http
            .post(format!("{base}/auth/login"))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let set = cookies(&answer);
        let text: Value = answer.json().await.unwrap();
        assert!(text.get("access_token").is_none() && text.get("refresh_token").is_none());
        let csrf = value(&set, "__Host-hywarden_csrf");
        assert_eq!(text["csrf_token"], csrf.as_str());
        let browser = Self {
            http,
            base,
            cookie: format!("__Host-hywarden={}", value(&set, "__Host-hywarden")),
            csrf,
        };
        (browser, set)
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.http
            .request(method, url)
            .header("cookie", &self.cookie)
    }

    pub(super) async fn status(&self, request: RequestBuilder) -> (u16, String) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    }

    /// What it is answered when it asks who it is.
    async fn me(&self) -> u16 {
        self.status(self.request(Method::GET, "/auth/me")).await.0
    }
}
