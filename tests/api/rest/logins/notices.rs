//! Who is told of what, by mail.
use super::{doors::token_of, mail::MailServer};
use crate::support::{
    api::Api,
    house::House,
    people::{PASSWORD, totp},
};
use reqwest::Method;
use serde_json::json;

async fn house(server: &MailServer) -> House {
    let settings = [
        ("mail.smtp_url", server.url()),
        ("mail.from", "Hywarden <noreply@panel.example>".to_owned()),
        ("server.public_url", "https://panel.example".to_owned()),
        ("server.trusted_proxies", "127.0.0.0/8".to_owned()),
    ];
    House::start(&settings.each_ref().map(|(k, v)| (*k, v.as_str()))).await
}

fn to<'a>(addr: &'a str, subject: &'a str) -> impl Fn(&str) -> bool {
    move |letter| {
        letter.contains(&format!("To: {addr}")) && letter.contains(&format!("Subject: {subject}"))
    }
}

/// L15: a second factor that is set up, whose codes are replaced, that is given up.
#[tokio::test(flavor = "multi_thread")]
async fn l15_a_changed_factor_is_told() {
    let server = MailServer::start();
    let house = house(&server).await;
    let anna = house.person("anna", "user").await;
    let told = to("anna@mail.example", "Your second factor was changed");
    let made = anna.api.post("/auth/totp", json!({})).await.is(200);
    let code = |steps: i64| {
        let now = chrono::Utc::now().timestamp();
        json!({"code": totp(made["secret"].as_str().unwrap(), now, steps)})
    };
    let codes = anna.api.post("/auth/totp/confirm", code(-1)).await.is(200);
    server.arrived(1, &told);
    let path = "/auth/totp/recovery-codes";
    let recovery = json!({"code": codes["recovery_codes"][0]});
    anna.api.post(path, recovery).await.is(200);
    server.arrived(2, &told);
    anna.api.post("/auth/totp/disable", code(1)).await.is(204);
    let letters = server.arrived(3, &told);
    assert_eq!(letters.iter().filter(|l| told(l)).count(), 3);
}

/// L15: of a new address the old one hears: whoever took the account over reads the new one.
#[tokio::test(flavor = "multi_thread")]
async fn l15_the_old_address_hears_of_the_new_one() {
    let server = MailServer::start();
    let house = house(&server).await;
    let anna = house.person("anna", "user").await;
    let local = Api::local(&house);
    let subject = "Your e-mail address was changed";
    let new = json!({"email": "anna@other.example"});
    anna.api.patch("/auth/me", new).await.is(200);
    server.arrived(1, to("anna@mail.example", subject));
    let none = json!({"email": null});
    local.patch("/users/anna", none).await.is(200);
    let letters = server.arrived(1, to("anna@other.example", subject));
    let of_it = letters.iter().filter(|l| l.contains(subject));
    assert_eq!(of_it.count(), 2);
}

/// S4: who is logged out because a copy was used is told why, and those who look after the house, too.
#[tokio::test(flavor = "multi_thread")]
async fn s4_a_used_copy_is_told() {
    let server = MailServer::start();
    let house = house(&server).await;
    let anna = house.person("anna", "user").await;
    let nobody = Api::remote(&house, None);
    let refresh = async |token: &str| {
        let body = json!({"refresh_token": token});
        let request = nobody.request(Method::POST, "/auth/refresh");
        let request = request.header("x-forwarded-proto", "https").json(&body);
        nobody.answer("POST /auth/refresh", request).await
    };
    let next = refresh(&anna.refresh).await.is(200);
    refresh(next["refresh_token"].as_str().unwrap())
        .await
        .is(200);
    let copy = refresh(&anna.refresh).await;
    copy.refused(401, "unauthenticated");
    let subject = "A copy of your login was used";
    server.arrived(1, to("anna@mail.example", subject));
    let local = Api::local(&house);
    let events = local.get("/events?after=start&limit=100").await.is(200);
    let mut events = events["items"].as_array().unwrap().iter();
    let reused = events.find(|e| e["kind"] == "auth.refresh_reused").unwrap();
    assert_eq!(reused["severity"], "alarm");
}

/// L12: however an account is spelled, and from wherever, it is written to as often; nobody who asks for a letter voids
/// the link that an admin made.
#[tokio::test(flavor = "multi_thread")]
async fn l12_spellings_share_one_allowance_and_void_no_link_of_an_admin() {
    let server = MailServer::start();
    let house = house(&server).await;
    let nobody = Api::remote(&house, None);
    house.account("anna", "user").await;
    house.account("berta", "user").await;
    let path = "/users/anna/password-link";
    let made = Api::local(&house).post(path, json!({})).await;
    let link = token_of(&made.is(201));
    let spelled = [
        "anna",
        "anna@mail.example",
        "ANNA",
        "Anna@Mail.Example",
        "berta",
    ];
    for (n, who) in spelled.into_iter().enumerate() {
        let request = nobody.request(Method::POST, "/auth/forgot-password");
        let request = request
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-for", format!("192.0.2.{n}"))
            .json(&json!({"email": who}));
        nobody.answer("forgot", request).await.is(202);
    }
    let subject = "Set a new password";
    // letters are written one after the other
    let letters = server.arrived(1, to("berta@mail.example", subject));
    let of_anna = to("anna@mail.example", subject);
    assert_eq!(letters.iter().filter(|l| of_anna(l)).count(), 2);
    let request = nobody.request(Method::POST, "/auth/reset-password");
    let body = json!({"token": link, "password": PASSWORD});
    let request = request.header("x-forwarded-proto", "https").json(&body);
    nobody.answer("reset", request).await.is(204);
}

/// A letter that the server takes later holds up no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_letter_holds_up_no_other() {
    let server = MailServer::start();
    let house = house(&server).await;
    // the server refuses the first letter to whoever is called so, for now
    house.account("later", "user").await;
    house.account("anna", "user").await;
    let subject = "Your password was changed";
    let letters = server.arrived(1, to("later@mail.example", subject));
    assert!(to("anna@mail.example", subject)(&letters[0]), "{letters:?}");
    assert_eq!(letters.len(), 2);
}
