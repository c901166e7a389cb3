//! Aligned columns. A table is written page by page, so a million rows cost no memory:
//! the first page decides the widths.
use super::field::Field;
use serde_json::Value;
use std::fmt::Write;

/// One column: its title and where its text comes from.
#[derive(Clone, Copy)]
pub struct Column {
    title: &'static str,
    field: Field,
    right: bool,
}

impl Column {
    /// Text, to the left.
    pub const fn left(title: &'static str, field: Field) -> Self {
        Self {
            title,
            field,
            right: false,
        }
    }
    /// Numbers, to the right.
    pub const fn right(title: &'static str, field: Field) -> Self {
        Self {
            title,
            field,
            right: true,
        }
    }
}

/// A table that is being written.
pub struct Table<'a> {
    columns: &'a [Column],
    widths: Vec<usize>,
}

impl<'a> Table<'a> {
    /// An empty one.
    pub fn new(columns: &'a [Column]) -> Self {
        Self {
            columns,
            widths: Vec::new(),
        }
    }

    /// The next rows, with the titles ahead of the first.
    pub fn page(&mut self, rows: &[Value]) -> String {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                self.columns
                    .iter()
                    .map(|column| (column.field)(row))
                    .collect()
            })
            .collect();
        let mut out = String::new();
        if self.widths.is_empty() {
            let titles: Vec<String> = self.columns.iter().map(|c| c.title.to_owned()).collect();
            self.widths = (0..titles.len())
                .map(|n| {
                    cells
                        .iter()
                        .chain([&titles])
                        .filter_map(|row| row.get(n))
                        .map(|cell| cell.chars().count())
                        .max()
                        .unwrap_or(0)
                })
                .collect();
            self.line(&titles, &mut out);
        }
        for row in &cells {
            self.line(row, &mut out);
        }
        out
    }

    fn line(&self, cells: &[String], out: &mut String) {
        let start = out.len();
        for ((cell, column), width) in cells.iter().zip(self.columns).zip(&self.widths) {
            let gap = width.saturating_sub(cell.chars().count());
            let (before, after) = if column.right { (gap, 0) } else { (0, gap) };
            if out.len() > start {
                out.push_str("  ");
            }
            let _ = write!(out, "{:before$}{cell}{:after$}", "", "");
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
}

/// One object: a line for each field, the names aligned.
pub fn card(lines: &[(&str, String)]) -> String {
    let width = lines
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    lines.iter().fold(String::new(), |mut out, (name, value)| {
        let _ = writeln!(out, "{name:width$}  {value}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::{bytes, text};
    use serde_json::json;

    #[test]
    fn columns_line_up_and_later_pages_keep_the_widths() {
        let columns = [
            Column::left("NAME", |v| text(v, "name")),
            Column::right("USED", |v| bytes(v, "used")),
            Column::left("STATUS", |v| text(v, "status")),
        ];
        let mut table = Table::new(&columns);
        let page = table.page(&[
            json!({"name": "alice", "used": 1024, "status": "active"}),
            json!({"name": "بob", "used": 5, "status": "limited"}),
        ]);
        assert_eq!(
            page,
            "NAME    USED  STATUS\nalice  1 KiB  active\nبob      5 B  limited\n"
        );
        assert_eq!(
            table.page(&[json!({"name": "a-longer-name", "used": 0})]),
            "a-longer-name    0 B  -\n"
        );
    }

    #[test]
    fn cards_line_up() {
        assert_eq!(
            card(&[("name", "alice".into()), ("id", "7".into())]),
            "name  alice\nid    7\n"
        );
    }
}
