//! The last lines of the log, in memory, for admins who cannot reach the machine. Whoever logs waits for this: its lock is
//! held to add a line or to copy handles, never to search.
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tracing::Level;

/// Lines at most, and bytes of them.
const LINES: usize = 10_000;
const BYTES: usize = 8 << 20;
/// A longer line is not kept.
const LONGEST: usize = 16 << 10;

/// The ring of this process.
pub static RING: Ring = Ring::new();

/// Lines by number, oldest first.
pub struct Ring(Mutex<Lines>);

struct Lines {
    kept: VecDeque<Line>,
    bytes: usize,
    next: u64,
}

#[derive(Clone)]
struct Line {
    number: u64,
    level: Level,
    text: Arc<str>,
}

/// Which lines.
#[derive(Clone, Debug)]
pub struct Of {
    /// This level and graver ones.
    pub level: Level,
    /// Only of this target, or below it.
    pub target: Option<String>,
    pub request_id: Option<String>,
    /// Only lines before this number.
    pub before: Option<u64>,
    pub limit: usize,
}

impl Ring {
    const fn new() -> Self {
        Self(Mutex::new(Lines {
            kept: VecDeque::new(),
            bytes: 0,
            next: 1,
        }))
    }

    /// Keeps a line.
    pub fn push(&self, level: Level, line: &[u8]) {
        let Ok(text) = std::str::from_utf8(line) else {
            return;
        };
        if text.len() > LONGEST {
            return;
        }
        let text: Arc<str> = text.trim_end().into();
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = lines.next;
        lines.next += 1;
        lines.bytes += text.len();
        lines.kept.push_back(Line {
            number,
            level,
            text,
        });
        while lines.kept.len() > LINES || lines.bytes > BYTES {
            match lines.kept.pop_front() {
                Some(gone) => lines.bytes = lines.bytes.saturating_sub(gone.text.len()),
                None => break,
            }
        }
    }

    /// The newest lines of this kind, newest first, each with its number.
    pub fn list(&self, of: &Of) -> Vec<(u64, Value)> {
        let before = of.before.unwrap_or(u64::MAX);
        let lines: Vec<Line> = {
            let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let newest = all.kept.iter().rev();
            let fitting = newest.filter(|line| line.number < before && line.level <= of.level);
            fitting.cloned().collect()
        };
        let found = lines.into_iter().filter_map(|line| {
            // what is looked for stands in the line as text: only few lines are parsed
            let mut sought = of.request_id.iter().chain(&of.target);
            if !sought.all(|word| line.text.contains(word)) {
                return None;
            }
            let value: Value = serde_json::from_str(&line.text).ok()?;
            fits(&value, of).then_some((line.number, value))
        });
        found.take(of.limit).collect()
    }
}

fn fits(line: &Value, of: &Of) -> bool {
    let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
    let target = of.target.as_ref().is_none_or(|target| {
        let rest = text("target").strip_prefix(target);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    });
    let request = of.request_id.as_ref();
    target && request.is_none_or(|id| text("request_id") == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(level: Level, limit: usize) -> Of {
        Of {
            level,
            target: None,
            request_id: None,
            before: None,
            limit,
        }
    }

    #[test]
    fn the_ring_is_bounded_by_lines_and_bytes() {
        let ring = Ring::new();
        for n in 0..30_000 {
            ring.push(
                Level::INFO,
                format!("{{\"level\":\"info\",\"n\":{n}}}\n").as_bytes(),
            );
        }
        let newest = ring.list(&all(Level::TRACE, 2));
        assert_eq!(newest.len(), 2);
        assert_eq!(newest[0].1["n"], 29_999);
        assert_eq!(ring.0.lock().unwrap().kept.len(), LINES);
        for _ in 0..2_000 {
            ring.push(Level::INFO, "x".repeat(10_000).as_bytes());
        }
        assert!(ring.0.lock().unwrap().bytes <= BYTES);
        ring.push(Level::INFO, "x".repeat(LONGEST + 1).as_bytes());
        let lines = ring.0.lock().unwrap();
        assert!(lines.kept.iter().all(|line| line.text.len() <= LONGEST));
        let bytes: usize = lines.kept.iter().map(|line| line.text.len()).sum();
        assert_eq!(lines.bytes, bytes);
    }

    #[test]
    fn lines_are_found_by_level_target_request_and_place() {
        let ring = Ring::new();
        let lines = [
            (Level::INFO, r#"{"target":"a::b","request_id":"r1"}"#),
            (Level::ERROR, r#"{"target":"a::bc","request_id":"r12"}"#),
            (Level::WARN, r#"{"target":"a","msg":"r1 a::b"}"#),
        ];
        for (level, line) in lines {
            ring.push(level, line.as_bytes());
        }
        let numbers = |of: &Of| -> Vec<u64> { ring.list(of).iter().map(|line| line.0).collect() };
        assert_eq!(numbers(&all(Level::TRACE, 9)), [3, 2, 1]);
        assert_eq!(numbers(&all(Level::WARN, 9)), [3, 2]);
        assert_eq!(numbers(&all(Level::WARN, 1)), [3]);
        let of = |target: Option<&str>, request: Option<&str>, before| Of {
            target: target.map(str::to_owned),
            request_id: request.map(str::to_owned),
            before,
            ..all(Level::TRACE, 9)
        };
        assert_eq!(numbers(&of(Some("a::b"), None, None)), [1]);
        assert_eq!(numbers(&of(Some("a"), None, None)), [3, 2, 1]);
        assert_eq!(numbers(&of(None, Some("r1"), None)), [1]);
        assert_eq!(numbers(&of(None, None, Some(2))), [1]);
    }
}
