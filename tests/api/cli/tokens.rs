//! `token`, and asking over the network with one.
use super::program::{Program, Said, has_fields, text, verb};
use std::path::Path;

fn from_afar(program: &Program, token: &str, args: &[&str]) -> Said {
    let args = [args, &["--server", &program.url]].concat();
    verb(
        Path::new("/nonexistent"),
        &args,
        "",
        &[("HYWARDEN_TOKEN", token)],
    )
}

#[test]
fn a_token_asks_from_elsewhere_as_far_as_it_may() {
    let program = Program::shared();
    let made = program.json(&[
        "token",
        "create",
        "script",
        "--scope",
        "users:read,nodes:read",
        "--expires",
        "1h",
    ]);
    has_fields(&made, &["id", "name", "scopes", "expires_at", "secret"]);
    let token = text(&made, "secret");
    assert!(token.starts_with("hywarden_pat_"));

    assert_eq!(from_afar(&program, token, &["user", "list"]).code, 0);
    let said = from_afar(&program, token, &["user", "create", "sneaky", "--json"]);
    assert_eq!(
        (said.code, said.problem()["code"].as_str()),
        (6, Some("forbidden"))
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{token}\n")).unwrap();
    let args = [
        "node",
        "list",
        "--server",
        &program.url,
        "--token-file",
        file.path().to_str().unwrap(),
    ];
    assert_eq!(verb(Path::new("/nonexistent"), &args, "", &[]).code, 0);

    assert_eq!(
        from_afar(&program, "hywarden_pat_wrong", &["user", "list"]).code,
        6
    );
    let listed = program.json(&["token", "list"]);
    let row = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "script")
        .unwrap();
    assert!(!row.to_string().contains(token));
    program.json(&["token", "revoke", text(&made, "id")]);
    assert_eq!(from_afar(&program, token, &["user", "list"]).code, 6);
    assert_eq!(program.run(&["user", "show", "sneaky"]).code, 4);
}

#[test]
fn a_wrong_scope_is_named() {
    let said = Program::shared().run(&["token", "create", "odd", "--scope", "users:rite"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("scopes"), "{said:?}");
}

#[test]
fn what_answers_there_must_be_ours() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let answer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let _ = std::io::Read::read(&mut stream, &mut request).unwrap();
        let body = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
        std::io::Write::write_all(&mut stream, body.as_bytes()).unwrap();
    });
    let args = ["user", "list", "--server", &server];
    let said = verb(
        Path::new("/nonexistent"),
        &args,
        "",
        &[("HYWARDEN_TOKEN", "hywarden_pat_x")],
    );
    answer.join().unwrap();
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("does not speak Hywarden's API"),
        "{said:?}"
    );
}

#[test]
fn a_server_that_is_away_is_code_3() {
    let server = format!("http://127.0.0.1:{}", super::program::free_port());
    let args = ["user", "list", "--server", &server];
    let said = verb(
        Path::new("/nonexistent"),
        &args,
        "",
        &[("HYWARDEN_TOKEN", "hywarden_pat_x")],
    );
    assert_eq!(said.code, 3, "{said:?}");
}
