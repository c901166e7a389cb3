use super::standing;
use crate::support::{
    api::Api,
    house::House,
    people::{PASSWORD, Person},
};
use chrono::TimeDelta;
use serde_json::{Value, json};

fn token_of(link: &Value) -> String {
    let url = link["url"].as_str().unwrap();
    url.split('#').nth(1).unwrap().to_owned()
}

/// L13: nobody is there at first; the link makes one superadmin, once, within an hour; a fresh one voids the older.
#[tokio::test(flavor = "multi_thread")]
async fn l13_one_superadmin_comes_of_the_link() {
    let (house, clock) = standing(&[]).await;
    let local = Api::local(&house);
    let nobody = Api::remote(&house, None);
    for name in ["admin", "root", "sysadmin", "hywarden"] {
        let body = json!({"name": name, "password": name});
        nobody
            .post("/auth/login", body)
            .await
            .refused(401, "bad_login");
    }
    let link = async || token_of(&local.post("/auth/setup-token", json!({})).await.is(201));
    let old = link().await;
    let late = link().await;
    let body = |token: &str, n: usize| json!({"token": token, "name": format!("owner{n}"), "password": "twelve or more of them"});
    nobody
        .post("/auth/setup", body(&old, 0))
        .await
        .refused(403, "setup_token");
    clock.turn(TimeDelta::minutes(60));
    nobody
        .post("/auth/setup", body(&late, 0))
        .await
        .refused(403, "setup_token");
    let token = link().await;
    let mut weak = body(&token, 0);
    weak["password"] = json!("eleven char");
    nobody.post("/auth/setup", weak).await.wrong(&["password"]);
    clock.turn(TimeDelta::minutes(30));
    let posts = (0..10).map(|n| nobody.post("/auth/setup", body(&token, n)));
    let answers = futures_util::future::join_all(posts).await;
    let made: Vec<_> = answers.iter().filter(|a| a.status == 201).collect();
    assert_eq!(
        made.len(),
        1,
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    assert_eq!(made[0].body["role"], "superadmin");
    clock.turn(TimeDelta::minutes(10));
    nobody
        .post("/auth/setup", body(&token, 30))
        .await
        .refused(403, "setup_token");
    local
        .post("/auth/setup-token", json!({}))
        .await
        .refused(409, "state");
    let page = reqwest::get(format!("{}/setup", house.url()))
        .await
        .unwrap();
    assert_eq!(page.status(), 404);
    // guesses are few
    let mut refused = 0;
    for n in 0..20 {
        refused += usize::from(nobody.post("/auth/setup", body("guess", n)).await.status == 429);
    }
    assert!(refused >= 9, "{refused}");
}

/// A3: the last superadmin stays one; nobody gives, or takes, what stands above it.
#[tokio::test(flavor = "multi_thread")]
async fn a3_nobody_rises_by_itself() {
    let house = House::start(&[]).await;
    let owner = house.person("owner", "superadmin").await;
    let admin = house.person("admin", "admin").await;
    let readonly = house.person("reader", "readonly").await;
    house.account("anna", "user").await;
    for (path, body) in [
        ("/users/owner", json!({"role": "admin"})),
        ("/users/owner", json!({"role": "user"})),
    ] {
        owner.api.patch(path, body).await.refused(409, "state");
    }
    for path in ["/users/owner", "/users/owner?hard=true"] {
        owner.api.delete(path).await.refused(409, "state");
    }
    owner
        .api
        .post("/users/owner/suspend", json!({}))
        .await
        .refused(409, "state");
    let rank = async |by: &Person, path: &str, body: Value| {
        by.api.patch(path, body).await.refused(403, "rank");
    };
    rank(&admin, "/users/admin", json!({"role": "superadmin"})).await;
    rank(&admin, "/users/anna", json!({"role": "admin"})).await;
    rank(&admin, "/users/owner", json!({"note": "x"})).await;
    readonly
        .api
        .patch("/users/reader", json!({"role": "admin"}))
        .await
        .refused(403, "forbidden");
    admin
        .api
        .post("/users", json!({"name": "x", "role": "admin"}))
        .await
        .refused(403, "rank");
    admin.api.delete("/users/owner").await.refused(403, "rank");
    admin
        .api
        .post("/users/owner/password-link", json!({}))
        .await
        .refused(403, "rank");
    let invite = json!({"role": "admin"});
    admin
        .api
        .post("/auth/invites", invite)
        .await
        .refused(403, "rank");
    admin
        .api
        .patch("/users/anna", json!({"role": "readonly"}))
        .await
        .is(200);
    owner
        .api
        .patch("/users/admin", json!({"role": "superadmin"}))
        .await
        .is(200);
    owner
        .api
        .patch("/users/owner", json!({"role": "user"}))
        .await
        .is(200);
}

/// Who may register: nobody, whoever was invited, everybody; by an invitation once, and never more than the inviter may.
#[tokio::test(flavor = "multi_thread")]
async fn people_register_as_the_operator_lets_them() {
    let off = House::start(&[]).await;
    let nobody = Api::remote(&off, None);
    let body = json!({"name": "anna", "password": PASSWORD});
    nobody
        .post("/auth/register", body.clone())
        .await
        .refused(403, "registration_off");

    let open = House::start(&[("logins.registration", "open")]).await;
    let nobody = Api::remote(&open, None);
    let made = nobody.post("/auth/register", body.clone()).await.is(201);
    assert_eq!(
        (&made["role"], &made["quota"], &made["status"]),
        (&json!("user"), &json!(0), &json!("limited"))
    );
    open.login("anna").await;
    let bad = json!({"name": "a@b", "password": "anna"});
    nobody
        .post("/auth/register", bad.clone())
        .await
        .wrong(&["name", "password"]);
    nobody
        .post("/auth/register", bad.clone())
        .await
        .wrong(&["name", "password"]);
    nobody
        .post("/auth/register", bad)
        .await
        .refused(429, "rate_limited");

    let (house, clock) = standing(&[("logins.registration", "invite")]).await;
    let admin = house.person("admin", "admin").await;
    let nobody = Api::remote(&house, None);
    let register = async |name: &str, invite: Option<&str>| {
        let body = json!({"name": name, "password": "kites over the dunes", "invite": invite});
        nobody.post("/auth/register", body).await
    };
    register("n0", None).await.refused(403, "invite_needed");
    register("n1", Some("hywarden_inv_guess"))
        .await
        .wrong(&["invite"]);
    let admin = house.login(&admin.name).await;
    let give = json!({"role": "readonly", "quota": 5, "valid_for": 3600, "note": "for the audit"});
    let made = admin.api.post("/auth/invites", give).await.is(201);
    assert_eq!(token_of(&made), made["secret"]);
    let secret = made["secret"].as_str().unwrap();
    let user = register("n2", Some(secret)).await.is(201);
    assert_eq!(
        (&user["role"], &user["quota"]),
        (&json!("readonly"), &json!(5))
    );
    register("n3", Some(secret)).await.wrong(&["invite"]);
    let invite = async || {
        let made = house
            .login("admin")
            .await
            .api
            .post("/auth/invites", json!({}))
            .await
            .is(201);
        (
            made["id"].as_str().unwrap().to_owned(),
            made["secret"].as_str().unwrap().to_owned(),
        )
    };
    let (id, secret) = invite().await;
    let admin = house.login("admin").await;
    admin
        .api
        .delete(&format!("/auth/invites/{id}"))
        .await
        .is(200);
    admin
        .api
        .delete(&format!("/auth/invites/{id}"))
        .await
        .refused(404, "not_found");
    register("n4", Some(&secret)).await.wrong(&["invite"]);
    let (_, stale) = invite().await;
    clock.turn(TimeDelta::days(7));
    register("n5", Some(&stale)).await.wrong(&["invite"]);
    // the inviter may give it no longer
    let (_, secret) = invite().await;
    let local = Api::local(&house);
    local
        .patch("/users/admin", json!({"role": "user"}))
        .await
        .is(200);
    register("n6", Some(&secret)).await.wrong(&["invite"]);
    let listed = local.all("/auth/invites", 2).await;
    assert_eq!(listed.len(), 4);
    assert!(listed.iter().all(|i| i.get("secret").is_none()));
}

/// L2: a whole office may register by its invitations, slips and all; guessing at one is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn l2_invited_people_share_an_address() {
    let (house, _) = standing(&[("logins.registration", "invite")]).await;
    let local = Api::local(&house);
    let nobody = Api::remote(&house, None);
    let register = async |name: String, password: &str, invite: &str| {
        let body = json!({"name": name, "password": password, "invite": invite});
        nobody.post("/auth/register", body).await
    };
    for n in 0..8 {
        let made = local.post("/auth/invites", json!({})).await.is(201);
        let invite = made["secret"].as_str().unwrap();
        if n % 2 == 0 {
            register(format!("n{n}"), "short", invite)
                .await
                .wrong(&["password"]);
        }
        register(format!("n{n}"), "kites over the dunes", invite)
            .await
            .is(201);
    }
    let mut tries = 0;
    let refused = loop {
        let answer = register("x".to_owned(), "kites over the dunes", "hywarden_invite_a").await;
        if answer.status != 422 {
            break answer;
        }
        tries += 1;
        assert!(tries <= 10, "guessing goes on");
    };
    refused.refused(429, "rate_limited");
}

/// L12: a link sets a password once, for ten minutes, for its account alone; what a request calls us is nowhere in it.
#[tokio::test(flavor = "multi_thread")]
async fn l12_a_link_is_good_once() {
    let settings = [("server.public_url", "https://panel.example/base/")];
    let (house, clock) = standing(&settings).await;
    let local = Api::local(&house);
    let nobody = Api::remote(&house, None);
    let person = house.person("anna", "user").await;
    let link = async || {
        let request = local
            .request(reqwest::Method::POST, "/users/anna/password-link")
            .header("host", "evil.example")
            .json(&json!({}));
        let made = local.answer("link", request).await.is(201);
        assert!(
            made["url"]
                .as_str()
                .unwrap()
                .starts_with("https://panel.example/base/reset-password#hywarden_pw_")
        );
        token_of(&made)
    };
    let old = link().await;
    let token = link().await;
    let set = async |token: &str, password: &str| {
        clock.turn(TimeDelta::seconds(20));
        nobody
            .post(
                "/auth/reset-password",
                json!({"token": token, "password": password}),
            )
            .await
    };
    set(&old, "hills and more hills").await.wrong(&["token"]);
    set(&token, "annaanna").await.wrong(&["password"]);
    set(&token, "hills and more hills").await.is(204);
    person
        .api
        .get("/auth/me")
        .await
        .refused(401, "unauthenticated");
    set(&token, "hills and more hills").await.wrong(&["token"]);
    let late = link().await;
    clock.turn(TimeDelta::minutes(10));
    set(&late, "hills and more hills").await.wrong(&["token"]);
    // a new password voids what was made before it
    let void = link().await;
    house.password("anna", "and now the sea again").await;
    set(&void, "hills and more hills").await.wrong(&["token"]);
    let body = json!({"name": "ANNA", "password": "and now the sea again"});
    nobody.post("/auth/login", body).await.is(200);
}

/// L5: any characters, exactly as they are.
#[tokio::test(flavor = "multi_thread")]
async fn l5_a_password_is_its_very_characters() {
    let house = House::start(&[("logins.tries", "1000")]).await;
    house.account("anna", "user").await;
    let nobody = Api::remote(&house, None);
    let login = async |password: &str| {
        let body = json!({"name": "anna", "password": password});
        nobody.post("/auth/login", body).await.status
    };
    let long = "ab".repeat(60) + "z";
    for (right, wrong) in [
        (" spaces at both ends ", "spaces at both ends"),
        ("\u{1F40B} whales \u{1F40B}", "\u{1F40B} whales"),
        ("e\u{301}clairs for all", "\u{e9}clairs for all"),
        ("MiXeD letters here", "mixed letters here"),
        (long.as_str(), &long[..72]),
    ] {
        house.password("anna", right).await;
        assert_eq!(login(wrong).await, 401, "{right}");
        assert_eq!(login(right).await, 200, "{right}");
    }
}

/// The paths of other panels lead to the same; what is secret is refused in a URL.
#[tokio::test(flavor = "multi_thread")]
async fn other_panels_paths_lead_here() {
    let house = House::start(&[]).await;
    let person = house.person("anna", "user").await;
    let admin = house.person("admin", "admin").await;
    let http = reqwest::Client::new();
    let at = |path: &str| format!("{}{path}", house.url());
    let form = "grant_type=password&username=anna&password=a+long+walk+by+the+sea&scope=";
    let post = |body: &str| {
        http.post(at("/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.to_owned())
            .send()
    };
    let answer = post(form).await.unwrap();
    assert_eq!(answer.status(), 200);
    let made: Value = answer.json().await.unwrap();
    assert_eq!(made["token_type"], "Bearer");
    let bearer = made["access_token"].as_str().unwrap().to_owned();
    assert_eq!(
        post("grant_type=client_credentials")
            .await
            .unwrap()
            .status(),
        422
    );
    assert_eq!(
        post("username=anna&password=x&evil=1")
            .await
            .unwrap()
            .status(),
        422
    );
    assert_eq!(
        http.post(at("/token"))
            .json(&json!({}))
            .send()
            .await
            .unwrap()
            .status(),
        415
    );
    let me: Value = http
        .get(at("/users/me"))
        .bearer_auth(&bearer)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(me["name"], "anna");
    let change = |query: &str| {
        http.post(at(&format!("/users/change-password{query}")))
            .bearer_auth(&person.access)
    };
    let answer = change("?new_password=x")
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "password_in_url");
    let body = json!({"current_password": PASSWORD, "new_password": "hills and more hills"});
    assert_eq!(change("").json(&body).send().await.unwrap().status(), 204);
    let set = |by: &Person, query: &str| {
        http.post(at(&format!("/users/anna/reset-password{query}")))
            .bearer_auth(&by.access)
    };
    assert_eq!(
        set(&admin, "?new_password=x")
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    let body = json!({"new_password": PASSWORD});
    assert_eq!(
        set(&admin, "").json(&body).send().await.unwrap().status(),
        204
    );
    let again = house.login("anna").await;
    assert_eq!(
        set(&again, "").json(&body).send().await.unwrap().status(),
        403
    );
}

/// K4: what was refused to somebody known leaves a row each, sixty a minute and the rest counted in one; strangers leave
/// none, but a figure and one event a minute.
#[tokio::test(flavor = "multi_thread")]
async fn k4_refused_attempts_are_written_down() {
    use diesel::prelude::*;
    use diesel_async::RunQueryDsl;
    use hywarden::schema::audit;
    let (house, clock) = standing(&[]).await;
    let person = house.person("anna", "user").await;
    let rows = async || {
        let mut conn = house.test.connect().await;
        let rows: Vec<(String, String, Value)> = audit::table
            .filter(audit::action.like("request.refused%"))
            .order(audit::number)
            .select((audit::principal, audit::action, audit::detail))
            .load(&mut conn)
            .await
            .unwrap();
        rows
    };
    Api::remote(&house, None)
        .get("/users")
        .await
        .refused(401, "unauthenticated");
    assert!(rows().await.is_empty());
    person.api.get("/users").await.refused(403, "forbidden");
    let first = rows().await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].0, format!("user:{}", person.id));
    assert_eq!(
        first[0].2,
        json!({"method": "GET", "route": "/api/v1/users", "code": "forbidden"})
    );
    for _ in 0..99 {
        person.api.get("/users").await.refused(403, "forbidden");
    }
    assert_eq!(rows().await.len(), 60);
    clock.turn(TimeDelta::minutes(1));
    house.services().refusals.close().await.unwrap();
    let all = rows().await;
    assert_eq!(all.len(), 61);
    assert_eq!(
        (all[60].1.as_str(), &all[60].2["more"]),
        ("request.refused_more", &json!(40))
    );
    let told = async || {
        let events = Api::local(&house)
            .get("/events?after=start&limit=100")
            .await;
        let events = events.is(200)["items"].as_array().unwrap().clone();
        let of_strangers = events
            .into_iter()
            .filter(|e| e["kind"] == "request.unauthenticated");
        let counts = of_strangers.map(|e| e["data"]["requests"].as_u64().unwrap());
        counts.collect::<Vec<_>>()
    };
    assert_eq!(told().await, [1]);
    for _ in 0..100 {
        let stranger = Api::remote(&house, None);
        stranger.get("/users").await.refused(401, "unauthenticated");
    }
    house.services().refusals.close().await.unwrap();
    assert_eq!(told().await, [1], "the minute is not over");
    clock.turn(TimeDelta::minutes(1));
    house.services().refusals.close().await.unwrap();
    assert_eq!(told().await, [1, 100]);
    assert_eq!(house.parts().metrics.unauthenticated.get(), 101);
    assert_eq!(rows().await.len(), 61);
}
