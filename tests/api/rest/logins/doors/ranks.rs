//! Who may give which role.
use crate::support::{house::House, people::Person};
use serde_json::{Value, json};

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
