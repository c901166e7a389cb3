//! The one place that writes to standard output and standard error.
use super::{
    field::harmless,
    table::{Column, Table},
};
use crate::cli::failure::Failure;
use serde_json::Value;
use std::io::{self, Write};

/// Writes answers in the form that was asked for.
pub struct Printer {
    json: bool,
    out: Box<dyn Write + Send>,
    notes: Box<dyn Write + Send>,
}

impl Printer {
    /// To the terminal, or whatever stands in its place.
    pub fn standard(json: bool) -> Self {
        Self {
            json,
            out: Box::new(io::stdout()),
            notes: Box::new(io::stderr()),
        }
    }

    /// Whether JSON was asked for.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// One answer: as JSON, or in the form for people that `human` makes of it.
    pub fn answer(
        &mut self,
        answer: &Value,
        human: impl FnOnce(&Value) -> String,
    ) -> Result<(), Failure> {
        let text = if self.json {
            format!("{answer:#}\n")
        } else {
            human(answer)
        };
        self.write(&text)
    }

    /// Text as it is, whatever form was asked for.
    pub fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes())?;
        if !text.is_empty() && !text.ends_with('\n') {
            self.out.write_all(b"\n")?;
        }
        self.out.flush()?;
        Ok(())
    }

    /// A remark for people beside the answer, never part of it.
    pub fn note(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.notes, "{text}")?;
        Ok(())
    }

    /// Bytes as they are: a file that goes where standard output goes.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes)?;
        self.out.flush()?;
        Ok(())
    }

    /// What went wrong: a sentence, or with `--json` the problem as one line.
    pub fn failure(&mut self, failure: &Failure) {
        let text = match failure {
            Failure::Closed => return,
            _ if self.json => failure.problem().to_string(),
            _ => format!("hywarden: {}", harmless(&failure.to_string())),
        };
        // Nobody is left to tell when this fails too.
        let _ = writeln!(self.notes, "{text}");
    }

    /// Begins a list that is written page by page.
    pub fn list<'a>(&'a mut self, columns: &'a [Column]) -> List<'a> {
        List {
            table: Table::new(columns),
            printer: self,
            rows: 0,
        }
    }
}

/// A list that is being written: a JSON array with one element a line, or a table.
pub struct List<'a> {
    printer: &'a mut Printer,
    table: Table<'a>,
    rows: usize,
}

impl List<'_> {
    /// The next rows.
    pub fn page(&mut self, rows: &[Value]) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        let text = if self.printer.json {
            rows.iter()
                .enumerate()
                .fold(String::new(), |mut text, (n, row)| {
                    text.push_str(if self.rows + n == 0 { "[\n" } else { ",\n" });
                    text.push_str(&row.to_string());
                    text
                })
        } else {
            self.table.page(rows)
        };
        self.rows += rows.len();
        self.printer.out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// The end; `nothing` is said to people when there was no row.
    pub fn end(self, nothing: &str) -> Result<(), Failure> {
        let (json, rows) = (self.printer.json, self.rows);
        match (json, rows) {
            (true, 0) => self.printer.write("[]"),
            (true, _) => self.printer.write("\n]"),
            (false, 0) => self.printer.note(nothing),
            (false, _) => self.printer.write(""),
        }
    }
}
