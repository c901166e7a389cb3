use crate::support::{api::Api, house::House, people::PASSWORD, stream::Stream};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// A browser that is logged in: its cookies, and what its pages send beside them.
struct Browser {
    http: reqwest::Client,
    base: String,
    cookie: String,
    csrf: String,
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
    async fn login(house: &House, name: &str) -> (Self, Vec<String>) {
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

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.http
            .request(method, url)
            .header("cookie", &self.cookie)
    }

    async fn status(&self, request: RequestBuilder) -> (u16, String) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// S9: the cookies are of this host, over TLS, not for other sites; no script reads the one that logs in. S7: a new proof
/// makes a new one. C6: logging out clears what pages kept.
#[tokio::test(flavor = "multi_thread")]
async fn s9_cookies_are_kept_as_they_should() {
    let house = House::start(&[]).await;
    house.account("anna", "user").await;
    let (mut browser, set) = Browser::login(&house, "anna").await;
    for cookie in &set {
        for needed in ["; Path=/", "; Secure", "; SameSite=Strict", "; Max-Age="] {
            assert!(cookie.contains(needed), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        assert_eq!(
            cookie.contains("; HttpOnly"),
            !cookie.starts_with("__Host-hywarden_csrf"),
            "{cookie}"
        );
    }
    assert_eq!(
        browser
            .status(browser.request(Method::GET, "/auth/me"))
            .await
            .0,
        200
    );
    let (other, _) = Browser::login(&house, "anna").await;
    assert_ne!(other.cookie, browser.cookie);
    // fixation: what a browser brings is never taken over
    let body = json!({"name": "anna", "password": PASSWORD, "session": "cookie"});
    let answer = browser
        .request(Method::POST, "/auth/login")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_ne!(
        format!(
            "__Host-hywarden={}",
            value(&cookies(&answer), "__Host-hywarden")
        ),
        browser.cookie
    );
    let proof = browser
        .request(Method::POST, "/auth/confirm")
        .header("x-csrf-token", &browser.csrf)
        .json(&json!({"password": PASSWORD}));
    let answer = proof.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let fresh = cookies(&answer);
    assert_eq!(
        browser
            .status(browser.request(Method::GET, "/auth/me"))
            .await
            .0,
        401,
        "the old cookie"
    );
    browser.cookie = format!("__Host-hywarden={}", value(&fresh, "__Host-hywarden"));
    browser.csrf = value(&fresh, "__Host-hywarden_csrf");
    assert_eq!(
        browser
            .status(browser.request(Method::GET, "/auth/me"))
            .await
            .0,
        200
    );
    // in a URL, or as a Bearer, it is nothing
    let bare = browser.cookie.trim_start_matches("__Host-hywarden=");
    assert_eq!(
        Api::remote(&house, Some(bare)).get("/auth/me").await.status,
        401
    );
    let out = browser
        .request(Method::POST, "/auth/logout")
        .header("x-csrf-token", &browser.csrf)
        .json(&json!({}));
    let answer = out.send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(
        answer.headers()["clear-site-data"],
        "\"cookies\", \"storage\""
    );
    assert!(cookies(&answer).iter().all(|c| c.contains("Max-Age=0")));
    assert_eq!(
        browser
            .status(browser.request(Method::GET, "/auth/me"))
            .await
            .0,
        401
    );
}

/// C1: with a cookie, what changes something needs the token of that very login, and comes from our own pages.
#[tokio::test(flavor = "multi_thread")]
async fn c1_another_sites_page_changes_nothing() {
    let house = House::start(&[]).await;
    house.account("anna", "user").await;
    house.account("berta", "user").await;
    let (anna, _) = Browser::login(&house, "anna").await;
    let (berta, _) = Browser::login(&house, "berta").await;
    let edit = || anna.request(Method::PATCH, "/auth/me").json(&json!({}));
    let refused = (403, "csrf".to_owned());
    assert_eq!(anna.status(edit()).await, refused);
    for wrong in ["", "x", &berta.csrf, &anna.cookie] {
        assert_eq!(
            anna.status(edit().header("x-csrf-token", wrong)).await,
            refused,
            "{wrong}"
        );
    }
    let with = || edit().header("x-csrf-token", &anna.csrf);
    assert_eq!(anna.status(with()).await.0, 200);
    let foreign = (403, "cross_origin".to_owned());
    let host = house.url();
    for origin in [
        "https://evil.example",
        "null",
        &format!("{host}.evil.example"),
        "http://127.0.0.1",
        "http://evil-127.0.0.1",
    ] {
        assert_eq!(
            anna.status(with().header("origin", origin)).await,
            foreign,
            "{origin}"
        );
    }
    for site in ["cross-site", "same-site", "nonsense"] {
        assert_eq!(
            anna.status(with().header("sec-fetch-site", site)).await,
            foreign,
            "{site}"
        );
    }
    let own = with()
        .header("origin", &host)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(anna.status(own).await.0, 200);
    // logging somebody in from elsewhere, too
    let body = json!({"name": "anna", "password": PASSWORD, "session": "cookie"});
    let login = anna
        .request(Method::POST, "/auth/login")
        .header("origin", "https://evil.example")
        .json(&body);
    assert_eq!(anna.status(login).await, foreign);
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let login = anna
            .request(Method::POST, "/auth/login")
            .header("content-type", kind)
            .body(body.to_string());
        assert_eq!(anna.status(login).await.0, 415, "{kind}");
    }
    // a Bearer is nothing that a browser sends by itself
    let person = house.login("anna").await;
    person.api.patch("/auth/me", json!({})).await.is(200);
}

/// C3: pages of origins that the operator named may read answers, nobody else's; never `*`.
#[tokio::test(flavor = "multi_thread")]
async fn c3_only_named_origins_read_answers() {
    let house = House::start(&[("server.allowed_origins", "https://panel.example")]).await;
    let http = reqwest::Client::new();
    let url = format!("{}/api/v1/auth/jwks", house.url());
    let ask = async |origin: &str| {
        http.get(&url)
            .header("origin", origin)
            .send()
            .await
            .unwrap()
    };
    for origin in [
        "https://evil.example",
        "null",
        "https://panel.example.evil.example",
        "https://evilpanel.example",
        "http://panel.example",
        "https://panel.example:8443",
        "https://PANEL.example",
        "*",
    ] {
        let answer = ask(origin).await;
        assert!(
            answer
                .headers()
                .get("access-control-allow-origin")
                .is_none(),
            "{origin}"
        );
    }
    let answer = ask("https://panel.example").await;
    assert_eq!(
        answer.headers()["access-control-allow-origin"],
        "https://panel.example"
    );
    assert_eq!(answer.headers()["vary"], "Origin");
    let preflight = async |origin: &str| {
        let request = http.request(Method::OPTIONS, &url).header("origin", origin);
        request
            .header("access-control-request-method", "PATCH")
            .send()
            .await
            .unwrap()
    };
    let yes = preflight("https://panel.example").await;
    assert_eq!(yes.status(), 204);
    assert!(
        yes.headers()["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("PATCH")
    );
    let no = preflight("https://evil.example").await;
    assert!(no.headers().get("access-control-allow-methods").is_none());
    assert!(no.headers().get("access-control-allow-origin").is_none());
}

/// C4: every answer says what it is not for, also those that say no, and those of no route at all.
#[tokio::test(flavor = "multi_thread")]
async fn c4_every_answer_is_hardened() {
    let proxies = [("server.trusted_proxies", "127.0.0.0/8")];
    let house = House::start(&proxies).await;
    let http = reqwest::Client::new();
    for (path, status) in [
        ("/api/v1/users", 401),
        ("/api/v1/auth/jwks", 200),
        ("/api/v1/nothing", 404),
        ("/nothing", 404),
        ("/users/me", 401),
        ("/setup", 200),
        ("/pages.js", 200),
        ("/reset-password", 200),
    ] {
        let url = format!("{}{path}", house.url());
        let answer = http
            .get(url)
            .header("x-forwarded-proto", "https")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let said = |name: &str| {
            answer
                .headers()
                .get(name)
                .map_or("", |v| v.to_str().unwrap())
                .to_owned()
        };
        assert_eq!(said("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(said("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(said("cross-origin-opener-policy"), "same-origin", "{path}");
        let age = said("strict-transport-security");
        assert!(
            age.strip_prefix("max-age=")
                .unwrap()
                .parse::<u64>()
                .unwrap()
                >= 31_536_000
        );
        let policy = said("content-security-policy");
        for needed in [
            "default-src 'none'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(needed), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
    }
}

/// Over plain HTTP from elsewhere no secret is taken, and the answer says why; a trusted proxy's word is enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_readable_way_is_refused() {
    let house = House::start(&[("server.trusted_proxies", "127.0.0.0/8")]).await;
    house.account("anna", "user").await;
    let http = reqwest::Client::new();
    let body = json!({"name": "anna", "password": PASSWORD, "session": "cookie"});
    let login = || {
        http.post(format!("{}/api/v1/auth/login", house.url()))
            .json(&body)
            .header("host", "panel.example")
    };
    for request in [login(), login().header("x-forwarded-proto", "http")] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 403);
        assert_eq!(
            answer.json::<Value>().await.unwrap()["code"],
            "insecure_origin"
        );
    }
    let answer = login()
        .header("x-forwarded-proto", "https")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let page = http
        .get(format!("{}/setup", house.url()))
        .header("host", "panel.example")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 403);
    let strangers = House::start(&[]).await;
    let answer = http
        .post(format!("{}/api/v1/auth/login", strangers.url()))
        .json(&body)
        .header("host", "panel.example")
        .header("x-forwarded-proto", "https")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403, "nobody said that this one is a proxy");
}

/// C5: nothing of ours sends a browser elsewhere, whatever it is asked to come back to.
#[tokio::test(flavor = "multi_thread")]
async fn c5_nobody_is_sent_elsewhere() {
    let house = House::start(&[]).await;
    house.account("anna", "user").await;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let (browser, _) = Browser::login(&house, "anna").await;
    for path in [
        "/setup",
        "/register",
        "/reset-password",
        "/",
        "/livez",
        "/api/v1/auth/me",
    ] {
        for next in [
            "//evil.example",
            "/%5Cevil.example",
            "%09//evil.example",
            "https://evil.example",
        ] {
            for name in ["next", "redirect", "return_to", "url"] {
                let url = format!("{}{path}?{name}={next}", house.url());
                let answer = http.get(&url).header("cookie", &browser.cookie);
                let answer = answer.send().await.unwrap();
                assert!(!answer.status().is_redirection(), "{url}");
                for header in ["location", "refresh", "link"] {
                    assert!(answer.headers().get(header).is_none(), "{url}: {header}");
                }
                assert!(
                    !answer.text().await.unwrap().contains("<meta http-equiv"),
                    "{url}"
                );
            }
        }
    }
    let answer = http.get(format!("{}//evil.example/%2e%2e", house.url()));
    assert_eq!(answer.send().await.unwrap().status(), 404);
}

/// W1: a browser follows the event stream by its cookie, and is shown out with its login.
#[tokio::test(flavor = "multi_thread")]
async fn w1_a_browser_follows_by_its_cookie() {
    let house = House::start(&[]).await;
    house.account("anna", "user").await;
    let (anna, _) = Browser::login(&house, "anna").await;
    let mut stream = Stream::open(anna.request(Method::GET, "/events/stream")).await;
    stream.until("event: subscribed").await;
    let logout = anna
        .request(Method::POST, "/auth/logout")
        .header("x-csrf-token", &anna.csrf);
    assert_eq!(anna.status(logout).await.0, 204);
    stream.shown_out().await;
}
