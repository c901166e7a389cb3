//! Hashers for keys that need no protection: numbers of ours, hashes that are keyed already, and ids that end in a MAC.
use std::hash::{BuildHasher, Hasher};

/// Builds [`NumberHasher`]s.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numbers;

impl BuildHasher for Numbers {
    type Hasher = NumberHasher;
    fn build_hasher(&self) -> NumberHasher {
        NumberHasher(0)
    }
}

/// One multiplication and a shift: spreads consecutive numbers over all bits. Outsiders choose none of them.
pub struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }
    fn write_u128(&mut self, number: u128) {
        // the upper half of a keyed BLAKE3: uniform as it is
        self.0 = u64::try_from(number >> 64).unwrap_or(0);
    }
}

/// For connection ids that were minted or verified here: their last letters are a MAC, uniform as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ids;

impl BuildHasher for Ids {
    type Hasher = IdHasher;
    fn build_hasher(&self) -> IdHasher {
        IdHasher(NumberHasher(0))
    }
}

/// The last 8 letters, mixed: 40 bits of the MAC.
pub struct IdHasher(NumberHasher);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0.finish()
    }
    fn write(&mut self, bytes: &[u8]) {
        match bytes.last_chunk() {
            Some(last) => self.0.write_u64(u64::from_le_bytes(*last)),
            None => self.0.write(bytes),
        }
    }
}
