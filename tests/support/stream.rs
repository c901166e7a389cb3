//! A reader of the event stream.
use super::api::Api;
use reqwest::{Method, RequestBuilder, Response};
use std::time::Duration;

pub struct Stream {
    answer: Response,
    /// What came so far.
    pub text: String,
}

impl Stream {
    /// Follows the usual topics, until it is told that it does.
    pub async fn of(api: &Api) -> Self {
        Self::open(api.request(Method::GET, "/events/stream")).await
    }

    /// By this request.
    pub async fn open(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut stream = Self {
            answer,
            text: String::new(),
        };
        stream.until("\nevent: ").await;
        stream
    }

    /// Reads until this has come.
    pub async fn until(&mut self, what: &str) {
        while !self.text.contains(what) {
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.answer.chunk());
            let chunk = chunk
                .await
                .unwrap_or_else(|_| panic!("no {what} in {}", self.text));
            match chunk.unwrap() {
                Some(chunk) => self.text += std::str::from_utf8(&chunk).unwrap(),
                None => panic!("ended without {what}: {}", self.text),
            }
        }
    }

    /// Reads until it is told that it may no longer follow, and nothing comes after that.
    pub async fn shown_out(&mut self) {
        self.until("event: end\ndata: \"unauthorised\"\n\n").await;
        assert_eq!(self.answer.chunk().await.unwrap(), None);
    }

    /// The number to go on from.
    pub fn last_id(&self) -> String {
        let mut ids = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("id: "));
        ids.next_back().unwrap().to_owned()
    }
}
