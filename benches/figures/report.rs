//! The figures as lines, and as JSON for whoever compares two runs.
use serde::Serialize;
use std::path::Path;

/// One figure. Without a goal it is a note.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub goal: Option<String>,
    pub ok: Option<bool>,
}

#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// A ratio or count that should not be below the goal.
    pub fn at_least(&mut self, name: &str, value: f64, goal: f64) {
        self.add(name, value, Some(format!(">= {goal}")), Some(value >= goal));
    }

    /// A figure that should not be above the goal.
    pub fn at_most(&mut self, name: &str, value: f64, goal: f64) {
        self.add(name, value, Some(format!("<= {goal}")), Some(value <= goal));
    }

    /// A figure to be read beside the others.
    pub fn note(&mut self, name: &str, value: f64) {
        self.add(name, value, None, None);
    }

    fn add(&mut self, name: &str, value: f64, goal: Option<String>, ok: Option<bool>) {
        let verdict = match ok {
            Some(true) => "ok",
            Some(false) => "short",
            None => "-",
        };
        println!(
            "{name} {value:.3} {} {verdict}",
            goal.as_deref().unwrap_or("-")
        );
        self.figures.push(Figure {
            name: name.into(),
            value,
            goal,
            ok,
        });
    }

    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        std::fs::write(path, serde_json::to_string_pretty(&self.figures)?)?;
        Ok(())
    }
}

/// What this ran on: figures of different machines are not comparable.
pub fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map_or("unknown processor", |m| {
            m.trim_start_matches([' ', '\t', ':'])
        });
    let memory = read("/proc/meminfo");
    let gib = memory
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<f64>().ok())
        .map_or(0.0, |kib| kib / 1024.0 / 1024.0);
    let kernel = read("/proc/sys/kernel/osrelease");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} x {model}, {gib:.0} GiB, Linux {}", kernel.trim())
}
