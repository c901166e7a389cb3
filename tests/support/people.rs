//! People who log in, through the program's own doors.
use super::{api::Api, house::House};
use hywarden::{models::Named, services::callers::Caller};
use secrecy::SecretString;
use serde_json::{Value, json};

/// What everybody's password is unless a test is about it.
pub const PASSWORD: &str = "a long walk by the sea";

/// Somebody who is logged in, with tokens.
pub struct Person {
    pub name: String,
    pub id: String,
    pub session: String,
    pub access: String,
    pub refresh: String,
    pub api: Api,
}

impl House {
    /// An account that can log in.
    pub async fn account(&self, name: &str, role: &str) -> String {
        let local = Api::local(self);
        let body = json!({"name": name, "role": role, "email": format!("{name}@mail.example")});
        let made = local.post("/users", body).await.is(201);
        self.password(name, PASSWORD).await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// Gives somebody a password, as the machine's own command line may.
    pub async fn password(&self, name: &str, password: &str) {
        let (by, new) = (Caller::trusted("test"), SecretString::from(password));
        let who = Named::from(name);
        let set = self.services().logins.set_password(&by, &who, &new).await;
        set.unwrap();
    }

    /// Somebody new, logged in.
    pub async fn person(&self, name: &str, role: &str) -> Person {
        self.account(name, role).await;
        self.login(name).await
    }

    /// Logs somebody in.
    pub async fn login(&self, name: &str) -> Person {
        let nobody = Api::remote(self, None);
        let body = json!({"name": name, "password": PASSWORD});
        let made = nobody.post("/auth/login", body).await.is(200);
        Person::of(self, &made)
    }
}

impl Person {
    /// Out of the answer to a login.
    pub fn of(house: &House, made: &Value) -> Self {
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        Self {
            name: text("name"),
            id: text("user"),
            session: text("session"),
            access: text("access_token"),
            refresh: text("refresh_token"),
            api: Api::remote(house, Some(&text("access_token"))),
        }
    }
}

/// The code of a seed as an app would show it, `steps` of 30 s from `at`.
pub fn totp(secret: &str, at: i64, steps: i64) -> String {
    use std::process::Command;
    // an implementation that is not ours
    let script = "import base64,hashlib,hmac,struct,sys\n\
        k=base64.b32decode(sys.argv[1]);d=hmac.new(k,struct.pack('>q',int(sys.argv[2])//30+int(sys.argv[3])),hashlib.sha1).digest()\n\
        o=d[-1]&15;print('%06d'%((struct.unpack('>I',d[o:o+4])[0]&0x7fffffff)%1000000))";
    let out = Command::new("python3")
        .args(["-c", script, secret, &at.to_string(), &steps.to_string()])
        .output()
        .unwrap();
    let code = String::from_utf8(out.stdout).unwrap();
    code.trim().to_owned()
}
