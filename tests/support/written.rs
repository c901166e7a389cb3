//! Files of the project that a test can write.
use std::{fs, path::Path};

/// The file must say this; with `HYWARDEN_WRITE=1` it is made so instead.
pub fn written(file: &str, text: &str, command: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("HYWARDEN_WRITE").is_some() {
        return fs::write(path, text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    let differs = there.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert!(
        there == text,
        "{file} is not up to date (from line {}): run `{command}`",
        differs.map_or(0, |line| line + 1)
    );
}
