use super::{Keyring, Place, Purpose, added, removed};
use crate::clock::SystemClock;
use secrecy::ExposeSecret;
use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

const PLACE: Place<'static> = Place {
    table: "nodes",
    column: "stats_secret_sealed",
    row: "a",
};

fn fresh() -> Keyring {
    Keyring::generate(Arc::new(SystemClock))
}

#[test]
fn what_is_sealed_opens_at_its_place_only() {
    let keys = fresh();
    let sealed = keys.seal(&PLACE, "geheim").unwrap();
    assert_eq!(
        keys.open(&PLACE, &sealed).unwrap().expose_secret(),
        "geheim"
    );
    for other in [
        Place {
            table: "users",
            ..PLACE
        },
        Place {
            column: "hook_secret_sealed",
            ..PLACE
        },
        Place { row: "b", ..PLACE },
    ] {
        assert!(keys.open(&other, &sealed).is_err());
    }
    let mut bent = sealed.clone();
    *bent.last_mut().unwrap() ^= 1;
    assert!(keys.open(&PLACE, &bent).is_err());
    assert!(keys.open(&PLACE, &sealed[..10]).is_err());
    assert!(fresh().open(&PLACE, &sealed).is_err());
    assert_ne!(sealed, keys.seal(&PLACE, "geheim").unwrap());
}

#[test]
fn the_file_is_for_its_owner_and_brings_the_same_keys_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.toml");
    assert!(
        Keyring::read(&path, Arc::new(SystemClock))
            .unwrap()
            .is_none()
    );
    let keys = fresh();
    keys.write_new(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let read = Keyring::read(&path, Arc::new(SystemClock))
        .unwrap()
        .unwrap();
    assert_eq!(read.fingerprints(), keys.fingerprints());
    assert_eq!(read.fingerprints().len(), Purpose::ALL.len());
    let sealed = keys.seal(&PLACE, "x").unwrap();
    assert_eq!(read.open(&PLACE, &sealed).unwrap().expose_secret(), "x");
    assert!(fresh().write_new(&path).is_err(), "keys are never replaced");
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        2,
        "the refused draft only"
    );
}

#[test]
fn the_newest_key_mints_and_old_ones_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.toml");
    let keys = fresh();
    let sealed = keys.seal(&PLACE, "old").unwrap();
    keys.write_new(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let purposes = Purpose::ALL.into_iter().enumerate();
    let text = purposes.fold(text, |text, (at, purpose)| {
        let head = format!("[{}]\n", purpose.as_str());
        let next = format!("10 = \"{at}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n");
        text.replace(&head, &format!("{head}{next}"))
    });
    fs::write(&path, text).unwrap();
    let both = Keyring::read(&path, Arc::new(SystemClock))
        .unwrap()
        .unwrap();
    assert_eq!(both.peppers()[0].0, 10);
    assert_eq!(both.connection_id_keys()[0].0, 10);
    assert_eq!(both.open(&PLACE, &sealed).unwrap().expose_secret(), "old");
    assert_eq!(both.seal(&PLACE, "new").unwrap()[..2], [0, 10]);
}

#[test]
fn a_wrong_file_is_refused_without_telling_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.toml");
    fresh().write_new(&path).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let key = good.split('"').nth(1).unwrap().to_owned();
    for (bad, says) in [
        (good.replace("[audit]", "[audits]"), "[audits]"),
        (good.replace(&key, &key[4..]), "32 bytes"),
        (good.replace("[pepper]\n1 =", "[pepper]\n0 ="), "begin at 1"),
        (
            good.replace(
                "[connection_id]\n",
                "[connection_id]\n36 = \"1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n",
            ),
            "36 and 1 would have the same letter",
        ),
        (
            good.replace("[pepper]\n1 =", "[pepper]\n#1 ="),
            "no key under [pepper]",
        ),
        (good.replace("[pepper]\n1 =", "[pepper]\n1 1 ="), "TOML"),
    ] {
        fs::write(&path, bad).unwrap();
        let text = format!(
            "{:#}",
            Keyring::read(&path, Arc::new(SystemClock)).unwrap_err()
        );
        assert!(text.contains(says), "{text}");
        assert!(!text.contains(&key[4..]), "{text}");
    }
    fs::write(&path, good).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let text = format!(
        "{:#}",
        Keyring::read(&path, Arc::new(SystemClock)).unwrap_err()
    );
    assert!(text.contains("chmod 600"), "{text}");
}

/// S3: keys are random, and each serves one purpose.
#[test]
fn a_weak_or_shared_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.toml");
    fresh().write_new(&path).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let keys: Vec<&str> = good.split('"').skip(1).step_by(2).collect();
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (bad, says) in [
        (good.replace(keys[0], keys[4]), "the same key"),
        (good.replace(keys[4], zeros), "no random key"),
    ] {
        fs::write(&path, bad).unwrap();
        let why = Keyring::read(&path, Arc::new(SystemClock)).unwrap_err();
        assert!(format!("{why:#}").contains(says), "{why:#}");
    }
}

/// A purpose is rotated as often as somebody wants; of connection ids 35 keys live at once.
#[test]
fn a_purpose_does_not_run_out_of_numbers() {
    let clock = Arc::new(SystemClock);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.toml");
    fresh().write_new(&path).unwrap();
    let add = |purpose, used: &[i16]| {
        let key = crate::clock::random(&SystemClock);
        let text = fs::read_to_string(&path).unwrap();
        let (text, number) = added(&text, purpose, used, &key, None).unwrap();
        Keyring::rewrite(&path, &text, clock.clone()).map(|()| number)
    };
    for purpose in Purpose::ALL {
        let numbers: Vec<i16> = (2..=35).map(|_| add(purpose, &[]).unwrap()).collect();
        assert_eq!(numbers, (2..=35).collect::<Vec<_>>());
        if purpose == Purpose::ConnectionId {
            let why = add(purpose, &[]).unwrap_err().to_string();
            assert!(why.contains("36 and 1 would have the same letter"), "{why}");
            let text = removed(&fs::read_to_string(&path).unwrap(), purpose, 1);
            fs::write(&path, text).unwrap();
        }
        assert_eq!(add(purpose, &[]).unwrap(), 36);
    }
    let keys = Keyring::read(&path, clock.clone()).unwrap().unwrap();
    let letters: Vec<u8> = keys.connection_id_keys().iter().map(|(l, _)| *l).collect();
    assert_eq!(letters[..2], [1, 35], "the newest mints");
    assert_eq!(letters.len(), 35);
    assert_eq!(add(Purpose::Signing, &[i16::MAX - 1]).unwrap(), i16::MAX);
    let text = fs::read_to_string(&path).unwrap();
    let key = crate::clock::random(&SystemClock);
    assert!(added(&text, Purpose::Signing, &[], &key, None).is_err());
}
