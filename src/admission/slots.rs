//! A bounded table for what may be forgotten: 8 places a set, the one that matters least gives way.
//!
//! A flood of 10^6 addresses costs what 65,536 do, and the seed keeps an outsider from choosing whom to push out.
use std::sync::{Mutex, PoisonError};

const WAYS: usize = 8;

#[derive(Clone, Copy, Default)]
struct Slot<V> {
    tag: u64,
    value: V,
}

/// `sets` × 8 places, keyed by 64 bits.
pub struct Slots<V> {
    sets: Box<[Mutex<[Slot<V>; WAYS]>]>,
    seed: u64,
}

impl<V: Copy + Default + Ord> Slots<V> {
    /// Room for `entries` (rounded up to a power of two of sets). Entries with the smallest value give way first.
    pub fn new(entries: usize, seed: u64) -> Self {
        let sets = (entries / WAYS).max(1).next_power_of_two();
        let sets = (0..sets)
            .map(|_| Mutex::new([Slot::default(); WAYS]))
            .collect();
        Self { sets, seed }
    }

    /// Runs `f` on the key's value, which starts as the default when the key is new.
    pub fn with<R>(&self, key: u64, f: impl FnOnce(&mut V) -> R) -> Option<R> {
        let tag = self.mix(key);
        let set = usize::try_from(tag).ok()? & (self.sets.len() - 1);
        let mut slots = self
            .sets
            .get(set)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let place = match slots.iter().position(|s| s.tag == tag) {
            Some(place) => place,
            None => slots.iter().enumerate().min_by_key(|(_, s)| s.value)?.0,
        };
        let slot = slots.get_mut(place)?;
        if slot.tag != tag {
            *slot = Slot {
                tag,
                value: V::default(),
            };
        }
        Some(f(&mut slot.value))
    }

    /// The key's value, if it is there.
    pub fn get(&self, key: u64) -> Option<V> {
        let tag = self.mix(key);
        let set = usize::try_from(tag).ok()? & (self.sets.len() - 1);
        let slots = self
            .sets
            .get(set)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        slots.iter().find(|s| s.tag == tag).map(|s| s.value)
    }

    /// The finaliser of `splitmix64` (Steele et al. 2014) over key and seed; 0 is kept for empty places.
    fn mix(&self, key: u64) -> u64 {
        let mut z = key ^ self.seed;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31).max(1)
    }
}
