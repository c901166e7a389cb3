use super::standing;
use crate::support::{api::Api, house::House};
use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use hywarden::clock::Clock;
use serde_json::{Value, json};
use sha2::Sha256;

fn part(value: &Value) -> String {
    B64.encode(value.to_string())
}

fn opened(token: &str) -> (Value, Value, String) {
    let parts: Vec<&str> = token.split('.').collect();
    let json = |part: &str| serde_json::from_slice(&B64.decode(part).unwrap()).unwrap();
    (json(parts[0]), json(parts[1]), parts[2].to_owned())
}

/// S1: only what one of our keys signed, in the way that is that key's, for us, and now.
#[tokio::test(flavor = "multi_thread")]
async fn s1_two_hundred_bent_tokens_open_nothing() {
    let (house, clock) = standing(&[]).await;
    let person = house.person("anna", "superadmin").await;
    let (header, claims, signature) = opened(&person.access);
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("EdDSA"), &json!("at+jwt"))
    );
    let keys = Api::remote(&house, None).get("/auth/jwks").await.is(200);
    assert_eq!(keys["keys"][0]["kid"], header["kid"]);
    let root = reqwest::get(format!("{}/.well-known/jwks.json", house.url()))
        .await
        .unwrap();
    assert_eq!(root.json::<Value>().await.unwrap(), keys);
    let public = keys["keys"][0]["x"].as_str().unwrap();
    let parts = house.parts();
    let (_, seed) = parts.keyring.signing_keys()[0];
    let ours = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let strange = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let sign = |pair: &Ed25519KeyPair, header: &Value, claims: &Value| {
        let text = format!("{}.{}", part(header), part(claims));
        let signature = B64.encode(pair.sign(text.as_bytes()));
        format!("{text}.{signature}")
    };
    let hs256 = |key: &[u8], header: &Value| {
        let text = format!("{}.{}", part(header), part(&claims));
        let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        let mac = mac.chain_update(&text).finalize().into_bytes();
        format!("{text}.{}", B64.encode(mac))
    };
    let opens = async |token: &str| {
        let api = Api::remote(&house, Some(token));
        api.get("/auth/me").await.status
    };
    assert_eq!(
        opens(&sign(&ours, &header, &claims)).await,
        200,
        "the signer of this test is right"
    );
    let with = |value: &Value, field: &str, new: Value| {
        let mut value = value.clone();
        value[field] = new;
        value
    };
    let mut bent = vec![
        sign(&strange, &header, &claims),
        format!(
            "{}.{}.",
            part(&with(&header, "alg", json!("none"))),
            part(&claims)
        ),
        format!(
            "{}.{}.{signature}",
            part(&with(&header, "alg", json!("none"))),
            part(&claims)
        ),
        hs256(
            &B64.decode(public).unwrap(),
            &with(&header, "alg", json!("HS256")),
        ),
        hs256(public.as_bytes(), &with(&header, "alg", json!("HS256"))),
        hs256(b"", &with(&header, "alg", json!("HS256"))),
        format!("{}.{}.", part(&header), part(&claims)),
        format!("{}.{}", part(&header), part(&claims)),
        format!("..{signature}"),
        format!(
            "{}.{}.{signature}.{signature}",
            part(&header),
            part(&claims)
        ),
        "a.b.c".to_owned(),
        "..".to_owned(),
        "x".repeat(10_000) + ".a.b",
    ];
    let headers = [
        ("alg", json!("RS256")),
        ("alg", json!("ES256")),
        ("alg", json!("PS256")),
        ("alg", json!("eddsa")),
        ("alg", Value::Null),
        ("alg", json!(["EdDSA"])),
        ("kid", json!("hywarden-2")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("x' UNION SELECT '")),
        ("kid", json!("")),
        ("kid", Value::Null),
        ("kid", json!(1)),
        ("typ", json!("JWT")),
        ("typ", Value::Null),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": public})),
        ("crit", json!(["exp"])),
    ];
    bent.extend(headers.map(|(field, value)| sign(&ours, &with(&header, field, value), &claims)));
    let (iat, exp) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    let values = [
        ("iss", json!("somebody")),
        ("iss", Value::Null),
        ("aud", json!("hywarden")),
        ("aud", json!(["hywarden-api", "other"])),
        ("aud", Value::Null),
        ("sub", json!("01990000-0000-7000-8000-000000000000")),
        ("sub", json!("")),
        ("sid", json!("01990000-0000-7000-8000-000000000000")),
        ("sid", Value::Null),
        ("exp", json!(iat - 600)),
        ("exp", json!(exp + 1)),
        ("exp", json!(exp + 86_400 * 365)),
        ("exp", json!("4102444800")),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("exp", Value::Null),
        ("iat", json!(iat + 600)),
        ("iat", Value::Null),
        ("nbf", json!(iat + 300)),
        ("nbf", json!("x")),
        ("role", json!("superadmin")),
        ("scope", json!("*")),
    ];
    bent.extend(values.map(|(field, value)| sign(&ours, &header, &with(&claims, field, value))));
    let bytes = person.access.as_bytes();
    // one bit of each kind of place; the very last letter holds bits that base64 drops, and those must be zero, too
    for n in 0..160 {
        let at = n * (bytes.len() - 1) / 159;
        let mut one = bytes.to_vec();
        one[at] ^= 1 << (n % 5);
        if let Ok(text) = String::from_utf8(one) {
            let plain = text.bytes().all(|b| b.is_ascii_graphic());
            if plain && text != person.access {
                bent.push(text);
            }
        }
    }
    assert!(bent.len() >= 200, "{}", bent.len());
    for token in &bent {
        assert_eq!(opens(token).await, 401, "{token}");
    }
    // S12: thirty seconds of skew are forgiven, five minutes are not
    let shift = |by: i64| {
        let moved = with(&claims, "iat", json!(iat + by));
        sign(&ours, &header, &with(&moved, "exp", json!(exp + by)))
    };
    assert_eq!(opens(&shift(30)).await, 200);
    assert_eq!(opens(&shift(300)).await, 401);
    assert_eq!(opens(&shift(-600 - 300)).await, 401);
    let now = clock.now().timestamp();
    assert!(now - iat < 30);
    clock.turn(TimeDelta::seconds(600 + 29));
    assert_eq!(opens(&person.access).await, 200, "the edge");
    clock.turn(TimeDelta::seconds(2));
    assert_eq!(opens(&person.access).await, 401);
}

/// RS256 is taken from a key that the operator trusts, and from no other; it is shown with ours.
#[tokio::test(flavor = "multi_thread")]
async fn s1_a_trusted_rsa_key_opens_by_rs256() {
    let dir = tempfile::tempdir().unwrap();
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
    let jwk = json!({"kty": "RSA", "kid": "theirs", "alg": "RS256", "use": "sig",
        "n": B64.encode(n.big_endian_without_leading_zero()), "e": B64.encode(e.big_endian_without_leading_zero())});
    let file = dir.path().join("keys.json");
    std::fs::write(&file, json!({"keys": [jwk]}).to_string()).unwrap();
    let house = House::start(&[("logins.trusted_keys", file.to_str().unwrap())]).await;
    let person = house.person("anna", "user").await;
    let (_, claims, _) = opened(&person.access);
    let sign = |header: &Value| {
        let text = format!("{}.{}", part(header), part(&claims));
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            text.as_bytes(),
            &mut signature,
        )
        .unwrap();
        format!("{text}.{}", B64.encode(signature))
    };
    let header = json!({"alg": "RS256", "kid": "theirs", "typ": "at+jwt"});
    let opens = async |token: String| {
        let api = Api::remote(&house, Some(&token));
        api.get("/auth/me").await.status
    };
    assert_eq!(opens(sign(&header)).await, 200);
    let der = pair.public_key().as_der().unwrap();
    let hs256 = json!({"alg": "HS256", "kid": "theirs", "typ": "at+jwt"});
    let text = format!("{}.{}", part(&hs256), part(&claims));
    let mac = Hmac::<Sha256>::new_from_slice(der.as_ref()).unwrap();
    let mac = mac.chain_update(&text).finalize().into_bytes();
    assert_eq!(opens(format!("{text}.{}", B64.encode(mac))).await, 401);
    for bad in [
        json!({"alg": "EdDSA", "kid": "theirs", "typ": "at+jwt"}),
        json!({"alg": "RS512", "kid": "theirs", "typ": "at+jwt"}),
        json!({"alg": "RS256", "kid": "hywarden-1", "typ": "at+jwt"}),
    ] {
        assert_eq!(opens(sign(&bad)).await, 401, "{bad}");
    }
    let keys = Api::remote(&house, None).get("/auth/jwks").await.is(200);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    let _ = Ed25519KeyPair::from_seed_unchecked(&[1; 32])
        .unwrap()
        .public_key();
}

/// A new signing key mints, the old one still verifies: nobody is logged out by a rotation.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_signs_and_the_old_one_still_opens() {
    let house = House::start(&[]).await;
    let person = house.person("anna", "user").await;
    let House { app, test, dir } = house;
    app.stop().await.unwrap();
    let keys = dir.path().join("keys.toml");
    let text = std::fs::read_to_string(&keys).unwrap();
    let fresh = B64.encode([9; 31]);
    let next = base64::prelude::BASE64_STANDARD.encode(
        B64.decode(fresh)
            .unwrap()
            .iter()
            .copied()
            .chain([1])
            .collect::<Vec<u8>>(),
    );
    let text = text.replace("[signing]\n", &format!("[signing]\n2 = \"{next}\"\n"));
    std::fs::write(&keys, text).unwrap();
    let clock = std::sync::Arc::new(hywarden::clock::SystemClock);
    let house = House::on(test, clock, &[("keys.file", keys.to_str().unwrap())]).await;
    let old = Api::remote(&house, Some(&person.access));
    old.get("/auth/me").await.is(200);
    let newer = house.login("anna").await;
    assert_eq!(opened(&newer.access).0["kid"], "hywarden-2");
    newer.api.get("/auth/me").await.is(200);
}
