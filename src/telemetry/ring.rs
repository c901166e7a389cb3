//! The last lines of the log, in memory, for admins who cannot reach the machine.
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// Lines at most, and bytes of them.
const LINES: usize = 10_000;
const BYTES: usize = 8 << 20;
/// A longer line is not kept.
const LONGEST: usize = 16 << 10;

/// The ring of this process.
pub static RING: Ring = Ring(Mutex::new(Lines {
    kept: VecDeque::new(),
    bytes: 0,
    next: 1,
}));

/// Lines by number, oldest first.
pub struct Ring(Mutex<Lines>);

struct Lines {
    kept: VecDeque<(u64, Box<str>)>,
    bytes: usize,
    next: u64,
}

/// Which lines.
#[derive(Clone, Debug, Default)]
pub struct Of {
    /// Only these levels; empty: all.
    pub levels: Vec<String>,
    /// Only of this target, or below it.
    pub target: Option<String>,
    pub request_id: Option<String>,
    /// Only lines before this number.
    pub before: Option<u64>,
    pub limit: usize,
}

impl Ring {
    /// Keeps a line.
    pub fn push(&self, line: &[u8]) {
        let Ok(text) = std::str::from_utf8(line) else {
            return;
        };
        if text.len() > LONGEST {
            return;
        }
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = lines.next;
        lines.next += 1;
        lines.bytes += text.len();
        lines.kept.push_back((number, text.trim_end().into()));
        while lines.kept.len() > LINES || lines.bytes > BYTES {
            match lines.kept.pop_front() {
                Some((_, gone)) => lines.bytes = lines.bytes.saturating_sub(gone.len() + 1),
                None => break,
            }
        }
    }

    /// The newest lines of this kind, newest first, each with its number.
    pub fn list(&self, of: &Of) -> Vec<(u64, Value)> {
        // what is looked for stands in the line as text: only few lines are parsed
        let texts = |line: &str| {
            of.request_id
                .as_ref()
                .is_none_or(|id| line.contains(id.as_str()))
                && of
                    .target
                    .as_ref()
                    .is_none_or(|target| line.contains(target.as_str()))
        };
        let before = of.before.unwrap_or(u64::MAX);
        let lines: Vec<(u64, Box<str>)> = {
            let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let fitting = all
                .kept
                .iter()
                .rev()
                .filter(|(n, line)| *n < before && texts(line));
            fitting.cloned().collect()
        };
        let parsed = lines.into_iter().filter_map(|(number, line)| {
            let line: Value = serde_json::from_str(&line).ok()?;
            fits(&line, of).then_some((number, line))
        });
        parsed.take(of.limit).collect()
    }
}

fn fits(line: &Value, of: &Of) -> bool {
    let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
    let level = of.levels.is_empty() || of.levels.iter().any(|level| level == text("level"));
    let target = of.target.as_ref().is_none_or(|target| {
        text("target") == target || text("target").starts_with(&format!("{target}::"))
    });
    let request = of
        .request_id
        .as_ref()
        .is_none_or(|id| text("request_id").contains(id.as_str()));
    level && target && request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_is_bounded_by_lines_and_bytes() {
        let ring = Ring(Mutex::new(Lines {
            kept: VecDeque::new(),
            bytes: 0,
            next: 1,
        }));
        for n in 0..30_000 {
            ring.push(format!("{{\"level\":\"info\",\"n\":{n}}}\n").as_bytes());
        }
        let of = Of {
            limit: 2,
            ..Of::default()
        };
        let newest = ring.list(&of);
        assert_eq!(newest[0].1["n"], 29_999);
        assert_eq!(ring.0.lock().unwrap().kept.len(), LINES);
        for _ in 0..2_000 {
            ring.push("x".repeat(10_000).as_bytes());
        }
        assert!(ring.0.lock().unwrap().bytes <= BYTES);
        ring.push("x".repeat(LONGEST + 1).as_bytes());
        assert!(
            ring.0
                .lock()
                .unwrap()
                .kept
                .iter()
                .all(|(_, l)| l.len() <= LONGEST)
        );
    }
}
