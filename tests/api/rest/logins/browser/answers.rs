//! What each answer tells a browser.
use super::Browser;
use crate::support::house::House;

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
