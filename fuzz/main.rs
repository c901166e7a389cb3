//! One target of `targets.rs`, named by `FUZZ_TARGET`, under libFuzzer.
#![no_main]
mod targets;

use std::sync::LazyLock;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    targets::named(&name).expect("FUZZ_TARGET is one of targets.rs")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (*TARGET)(data));
