use super::{Settings, Sources};
use secrecy::ExposeSecret;
use std::{io::Write, time::Duration};

fn sources(env: &[(&str, &str)], flags: &[(&str, &str)]) -> Sources {
    let owned = |list: &[(&str, &str)]| {
        list.iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    };
    Sources {
        file: None,
        env: owned(env),
        flags: owned(flags),
    }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn refused(sources: &Sources) -> String {
    format!("{:#}", Settings::load(sources).unwrap_err())
}

/// No field has a default of its own: a key that is missing in the built-in file fails here.
#[test]
fn the_built_in_file_sets_every_field() {
    let settings = Settings::load(&sources(&[], &[])).unwrap();
    assert_eq!(settings.hook.start_wait, Duration::from_secs(8));
    assert_eq!(settings.accounting.dead_bytes, 4 << 20);
    assert!(settings.database.url.is_none());
}

#[test]
fn later_layers_win() {
    let file = file("[server]\nlisten = \"127.0.0.1:1\"\nworkers = 1\n[hook]\nguess_burst = 7\n");
    let mut from = sources(
        &[
            ("HYWARDEN__SERVER__LISTEN", "127.0.0.1:2"),
            ("HYWARDEN__SERVER__WORKERS", "2"),
        ],
        &[("server.workers", "3")],
    );
    from.file = Some(file.path().to_owned());
    let settings = Settings::load(&from).unwrap();
    assert_eq!(settings.hook.guess_burst, 7);
    assert_eq!(settings.server.listen.port(), 2);
    assert_eq!(settings.server.workers, 3);
    assert_eq!(settings.hook.guess_per_second, 5);
}

#[test]
fn lists_come_from_the_environment_too() {
    let from = sources(
        &[
            ("HYWARDEN__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"),
            ("HYWARDEN__ACCOUNTING__THRESHOLDS", "[50, 90]"),
        ],
        &[],
    );
    let settings = Settings::load(&from).unwrap();
    assert_eq!(settings.server.trusted_proxies.len(), 2);
    assert_eq!(settings.accounting.thresholds, [50, 90]);
}

#[test]
fn a_secret_may_lie_in_a_file() {
    let secret = file("postgres://u:canary@h/d\n");
    let path = secret.path().to_str().unwrap();
    let lower = file("[database]\nurl = \"postgres://other\"\n");
    let mut from = sources(&[("HYWARDEN__DATABASE__URL_FILE", path)], &[]);
    from.file = Some(lower.path().to_owned());
    let settings = Settings::load(&from).unwrap();
    let url = settings.database.url.as_ref().unwrap();
    assert_eq!(url.expose_secret(), "postgres://u:canary@h/d");
    assert!(!format!("{settings:?}").contains("canary"));
    let lower = file(&format!("[database]\nurl_file = \"{path}\"\n"));
    from.env = vec![(
        "HYWARDEN__DATABASE__URL".to_owned(),
        "postgres://later".to_owned(),
    )];
    from.file = Some(lower.path().to_owned());
    let settings = Settings::load(&from).unwrap();
    assert_eq!(
        settings.database.url.unwrap().expose_secret(),
        "postgres://later"
    );
}

#[test]
fn what_is_printed_holds_no_secret() {
    let from = sources(
        &[
            ("HYWARDEN__DATABASE__URL", "postgres://u:canary@h/d"),
            ("HYWARDEN__REDIS__URL", "redis://:canary@h"),
        ],
        &[],
    );
    let text = Settings::print(&from).unwrap();
    assert!(
        !text.contains("canary") && text.contains("<redacted>"),
        "{text}"
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let near = refused(&sources(&[("HYWARDEN__SERVER__LISTN", "x")], &[]));
    assert!(
        near.contains("HYWARDEN__SERVER__LISTN") && near.contains("`server.listen`"),
        "{near}"
    );
    let section = refused(&sources(&[], &[("servers.listen", "x")]));
    assert!(
        section.contains("`servers`") && section.contains("`server`"),
        "{section}"
    );
    let file = file("[hook]\nzzz = 1\n");
    let mut from = sources(&[], &[]);
    from.file = Some(file.path().to_owned());
    assert!(refused(&from).contains("unknown key `hook.zzz`"));
}

#[test]
fn a_wrong_value_names_its_key() {
    for (key, value, says) in [
        ("server.listen", "nowhere", "server.listen"),
        ("hook.start_wait", "8", "hook.start_wait"),
        ("settings.time_zone", "Mars/Olympus", "settings.time_zone"),
        ("server.workers", "many", "server.workers"),
        ("database.migrate", "sometimes", "database.migrate"),
        ("server.tls_cert", "/c.pem", "server.tls_key"),
        ("accounting.thresholds", "120", "accounting.thresholds"),
    ] {
        let text = refused(&sources(&[], &[(key, value)]));
        assert!(text.contains(says), "{key}={value}: {text}");
    }
}

#[test]
fn both_forms_of_a_secret_in_one_layer_are_refused() {
    let file = file("[redis]\nurl = \"redis://a\"\nurl_file = \"/b\"\n");
    let mut from = sources(&[], &[]);
    from.file = Some(file.path().to_owned());
    assert!(refused(&from).contains("both set"));
}

#[test]
fn a_named_file_must_exist() {
    let mut from = sources(&[], &[]);
    from.file = Some("/nowhere/config.toml".into());
    assert!(refused(&from).contains("/nowhere/config.toml"));
}
