//! `hywarden doctor`: looks at everything the program needs on this machine and says what it found.
//! Each room looks at one thing and changes nothing; what it has to start for a look, it stops again.
mod certificate;
mod clock;
mod database;
mod files;
mod finding;
mod ports;
mod program;
mod redis;

use super::{
    Place,
    failure::{Exit, Failure},
    output::Printer,
};
use crate::clock::SystemClock;
use clap::Args;
use finding::Finding;
use program::Program;
use serde_json::json;
use std::process::ExitCode;

/// How the findings are printed.
#[derive(Args, Debug)]
pub struct Doctor {
    /// Print a list of findings: check, result (pass, warn, fail), detail
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Looks at everything; fails when a finding does.
    pub async fn run(self, place: &Place) -> ExitCode {
        let findings = look(place).await;
        let mut out = Printer::standard(self.json);
        match print(&findings, &mut out) {
            Ok(()) if findings.iter().any(Finding::is_bad) => Exit::Failed.into(),
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.exit(),
        }
    }
}

async fn look(place: &Place) -> Vec<Finding> {
    let settings = match place.settings() {
        Ok(settings) => settings,
        // Without settings it is not known where to look.
        Err(why) => return vec![Finding::fail("settings", format!("{why:#}"))],
    };
    let mut found = vec![Finding::pass("settings", "can be read and fit together")];
    found.extend(files::look(&settings));
    found.extend(certificate::look(&settings));
    let program = Program::ask(settings.api_socket()).await;
    found.push(program.finding());
    found.extend(ports::look(&settings, &program).await);
    let (database, now) = database::look(&settings).await;
    found.extend(database);
    found.push(clock::look(&SystemClock, now));
    found.push(redis::look(&settings).await);
    found.extend(program.nodes().await);
    found
}

fn print(findings: &[Finding], out: &mut Printer) -> Result<(), Failure> {
    let answer = json!(findings);
    out.answer(&answer, |_| {
        let width = findings.iter().map(|f| f.check.len()).max().unwrap_or(0);
        findings.iter().fold(String::new(), |text, f| {
            format!(
                "{text}{}  {:width$}  {}\n",
                f.result.as_str(),
                f.check,
                f.detail
            )
        })
    })
}
