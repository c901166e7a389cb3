use crate::support::{
    api::Api,
    house::House,
    program::{open_dir, until},
};
use serde_json::json;
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

/// aiosmtpd, which writes what it takes into a folder. Ends with the test.
pub(super) struct MailServer {
    child: Child,
    dir: tempfile::TempDir,
    port: u16,
}

impl MailServer {
    pub(super) fn start() -> Self {
        let dir = open_dir();
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv/bin/python");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/mail_server.py");
        let child = Command::new(python)
            .arg(script)
            .arg(dir.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let port = dir.path().join("port");
        until("the mail server listens", || port.exists());
        let port = fs::read_to_string(port).unwrap().parse().unwrap();
        Self { child, dir, port }
    }

    pub(super) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Until so many of these arrived; all that did.
    pub(super) fn arrived(&self, count: usize, is_one: impl Fn(&str) -> bool) -> Vec<String> {
        let of = || self.letters().iter().filter(|l| is_one(l)).count();
        until("a letter arrives", || of() >= count);
        self.letters()
    }

    pub(super) fn letters(&self) -> Vec<String> {
        let files = fs::read_dir(self.dir.path()).unwrap();
        let mut letters: Vec<_> = files
            .map(|f| f.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "eml"))
            .collect();
        letters.sort();
        letters
            .iter()
            .map(|p| fs::read_to_string(p).unwrap())
            .collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// L12: who asks learns nothing; who is there gets a link that works. L15: a new place and a new password are told.
#[tokio::test(flavor = "multi_thread")]
async fn l12_a_lost_password_is_mended_by_mail() {
    let server = MailServer::start();
    let url = server.url();
    let settings = [
        ("mail.smtp_url", url.as_str()),
        ("mail.from", "Hywarden <noreply@panel.example>"),
        ("server.public_url", "https://panel.example"),
        ("server.trusted_proxies", "127.0.0.0/8"),
    ];
    let house = House::start(&settings).await;
    let nobody = Api::remote(&house, None);
    house.account("anna", "user").await;
    let ask = async |who: &str| {
        let request = nobody
            .request(reqwest::Method::POST, "/auth/forgot-password")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-for", "192.0.2.9")
            .header("host", "evil.example")
            .json(&json!({"email": who}));
        nobody.answer("forgot", request).await
    };
    let there = ask("Anna@mail.example").await;
    let missing = ask("nobody@mail.example").await;
    assert_eq!((there.status, &there.text), (202, &missing.text));
    assert_eq!(missing.status, 202);
    let set = |n: usize| move |l: &Vec<String>| l.len() >= n;
    let arrived = |n: usize| {
        until("a letter arrives", || set(n)(&server.letters()));
        server.letters()
    };
    // the first tells that the test set a password
    let letters = arrived(2);
    let link = letters
        .iter()
        .find(|l| l.contains("Set a new password"))
        .unwrap();
    assert!(
        link.contains("To: anna@mail.example") && !link.contains("evil.example"),
        "{link}"
    );
    let text = link.replace("=\n", "").replace("=3D", "=");
    let token = text
        .split("https://panel.example/reset-password#")
        .nth(1)
        .unwrap();
    let token = token.split_whitespace().next().unwrap();
    let request = nobody
        .request(reqwest::Method::POST, "/auth/reset-password")
        .header("x-forwarded-proto", "https")
        .json(&json!({"token": token, "password": "hills and more hills"}));
    nobody.answer("reset", request).await.is(204);
    let letters = arrived(3);
    assert_eq!(
        letters
            .iter()
            .filter(|l| l.contains("Your password was changed"))
            .count(),
        2
    );
    for (addr, more) in [("192.0.2.1", 0), ("192.0.2.1", 0), ("192.0.2.2", 1)] {
        let before = server.letters().len();
        let request = nobody
            .request(reqwest::Method::POST, "/auth/login")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-for", addr)
            .json(&json!({"name": "anna", "password": "hills and more hills"}));
        nobody.answer("login", request).await.is(200);
        if more > 0 {
            let letters = arrived(before + 1);
            assert!(
                letters
                    .iter()
                    .any(|l| l.contains("New login to your account"))
            );
        }
    }
    // three of one address an hour
    ask("berta").await.is(202);
    ask("carla").await.refused(429, "rate_limited");
}
