//! A process that is gone when the test is.
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Instant,
};

use super::PATIENCE;

/// A running program and every line that it wrote.
pub struct Process {
    name: String,
    child: Child,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Lines>,
    more: Condvar,
}

#[derive(Default)]
struct Lines {
    all: Vec<String>,
    ended: usize,
}

impl Process {
    pub fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|err| panic!("{name}: {command:?}: {err}"));
        let log = Arc::new(Log::default());
        collect(child.stdout.take().unwrap(), log.clone());
        collect(child.stderr.take().unwrap(), log.clone());
        Self {
            name: name.to_owned(),
            child,
            log,
        }
    }

    /// Waits for a line, old or new, of which `find` makes something.
    #[track_caller]
    pub fn line<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        self.line_after(0, what, find)
    }

    /// The same among those after the first `seen`.
    #[track_caller]
    pub fn line_after<T>(&self, seen: usize, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut looked = seen;
        let mut lines = self.log.lines.lock().unwrap();
        loop {
            if let Some(found) = lines.all.iter().skip(looked).find_map(|line| find(line)) {
                return found;
            }
            looked = looked.max(lines.all.len());
            let left = end.checked_duration_since(Instant::now());
            let (Some(left), true) = (left, lines.ended < 2) else {
                let log = lines.all.join("\n");
                drop(lines);
                panic!("{} did not say: {what}\n{log}", self.name);
            };
            lines = self.log.more.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// How many lines there are.
    pub fn seen(&self) -> usize {
        self.log.lines.lock().unwrap().all.len()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and its end.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        if let Ok(Some(status)) = self.child.try_wait() {
            return status;
        }
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.end()
    }

    /// Waits until it ends by itself: its two pipes close then.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        let mut lines = self.log.lines.lock().unwrap();
        while lines.ended < 2 {
            let left = end.checked_duration_since(Instant::now());
            let left = left
                .unwrap_or_else(|| panic!("{} does not end\n{}", self.name, lines.all.join("\n")));
            lines = self.log.more.wait_timeout(lines, left).unwrap().0;
        }
        drop(lines);
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let lines = self
                .log
                .lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let last = &lines.all[lines.all.len().saturating_sub(60)..];
            eprintln!(
                "--- {}
{}",
                self.name,
                last.join(
                    "
"
                )
            );
        }
    }
}

fn collect(pipe: impl Read + Send + 'static, log: Arc<Log>) {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            log.lines.lock().unwrap().all.push(text);
            log.more.notify_all();
            line.clear();
        }
        log.lines.lock().unwrap().ended += 1;
        log.more.notify_all();
    });
}
