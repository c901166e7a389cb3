//! I11: readers of strangers' bytes take what fuzzing found, and what is near it. `fuzz/run` looks for more (`make soak`).
#[path = "../../fuzz/targets.rs"]
mod targets;

use crate::accounting::model::{self, Dice};
use std::{fs, path::Path};

/// Bytes near the corpus that each run tries beside it.
const NEAR: u64 = 20_000;

/// What makes readers stumble.
const WORDS: &[&[u8]] = &[
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b".",
    b"-",
    b"1e999",
    b"18446744073709551616",
    b"null",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"//",
    b"@",
    b"%00",
    b"[::1]",
    b"127.1",
    b"0x7f.1",
    b"=",
    b"",
];

fn replay(name: &str) {
    let target = targets::named(name).unwrap();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(corpus.len() >= 4, "{name}");
    for data in &corpus {
        target(data);
    }
    let mut dice = Dice::new(model::seed());
    for _ in 0..NEAR {
        let mut data = dice.pick(&corpus).unwrap().clone();
        for _ in 0..=dice.below(4) {
            let at = usize::try_from(dice.below(data.len() as u64 + 1)).unwrap();
            let to = (at + usize::try_from(dice.below(4)).unwrap()).min(data.len());
            let word = dice.pick(WORDS).unwrap();
            match dice.below(3) {
                0 => drop(data.splice(at..to, word.iter().copied())),
                1 => data[at..to]
                    .iter_mut()
                    .for_each(|byte| *byte ^= 1 << (word.len() % 8)),
                _ => data.extend_from_within(at..to),
            }
        }
        target(&data);
    }
}

macro_rules! replays {
    ($($name:ident),+ $(,)?) => {
        $(#[test] fn $name() { replay(stringify!($name)); })+
        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($name)),+];
            assert!(targets::TARGETS.iter().map(|(name, _)| *name).eq(replayed));
        }
    };
}
replays!(
    auth_json,
    report_json,
    connection_id,
    jwt,
    url_guard,
    live_op,
    cursor
);
