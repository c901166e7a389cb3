//! One log line a second for each (code, node, address), with the number of those that were left out: a flood costs a
//! line, not a disk.
use crate::{
    admission::{AddrKey, Code, slots::Slots},
    models::NodeNo,
};
use chrono::{DateTime, Utc};

/// Kinds of lines that are remembered.
const KINDS: usize = 4096;

pub struct LogGate {
    /// The second of the last line, and how many were left out since.
    kinds: Slots<(i64, u64)>,
}

impl LogGate {
    pub fn new(seed: u64) -> Self {
        Self {
            kinds: Slots::new(KINDS, seed),
        }
    }

    /// `Some(n)`: write a line, it stands for `n` refusals.
    pub fn passes(
        &self,
        code: Code,
        node: NodeNo,
        addr: Option<AddrKey>,
        now: DateTime<Utc>,
    ) -> Option<u64> {
        let place = Code::ALL
            .iter()
            .position(|c| *c == code)
            .and_then(|at| u64::try_from(at).ok());
        let key = addr.map_or(0, |a| a.0)
            ^ node.0.cast_unsigned().rotate_left(20)
            ^ place.unwrap_or(0).rotate_left(56);
        self.kinds.with(key, |(second, left_out)| {
            let this = now.timestamp();
            if *second == this {
                *left_out += 1;
                return None;
            }
            let stands_for = *left_out + 1;
            (*second, *left_out) = (this, 0);
            Some(stands_for)
        })?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_says_how_many() {
        let gate = LogGate::new(1);
        let at = |ms: i64| DateTime::from_timestamp_millis(1_900_000_000_000 + ms).unwrap();
        let pass =
            |code, node, addr, ms| gate.passes(code, NodeNo(node), Some(AddrKey(addr)), at(ms));
        let code = Code::UnknownCredential;
        assert_eq!(pass(code, 1, 1, 0), Some(1));
        assert_eq!((pass(code, 1, 1, 1), pass(code, 1, 1, 999)), (None, None));
        assert_eq!(pass(Code::BadSecret, 1, 1, 1), Some(1), "another code");
        assert_eq!(pass(code, 2, 1, 1), Some(1), "another node");
        assert_eq!(pass(code, 1, 2, 1), Some(1), "another address");
        assert_eq!(pass(code, 1, 1, 1000), Some(3));
    }
}
