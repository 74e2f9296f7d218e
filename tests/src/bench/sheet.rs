//! Sheets: what one run measured, as cells of named tables, and the summary of several runs.

mod unit;

pub(super) use unit::Unit;

use super::quantile::quantile;
use headland_host::text::table::{Side, table};
use serde_json::{Value, json};

/// One measured value.
#[derive(Debug, Clone)]
struct Cell {
    table: &'static str,
    row: String,
    column: &'static str,
    unit: Unit,
    value: f64,
}

/// What one run measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Sheet {
    cells: Vec<Cell>,
}

impl Sheet {
    /// Notes a value. Tables, rows and columns appear in the order in which they are first named.
    pub(super) fn put(
        &mut self,
        table: &'static str,
        row: impl Into<String>,
        column: &'static str,
        unit: Unit,
        value: f64,
    ) {
        let row = row.into();
        self.cells.push(Cell {
            table,
            row,
            column,
            unit,
            value,
        });
    }
}

/// One value over all runs.
#[derive(Debug, Clone)]
struct Spread {
    cell: Cell,
    values: Vec<f64>,
}

impl Spread {
    fn of(&self, share: f64) -> f64 {
        quantile(&mut self.values.clone(), share)
    }

    /// The median, with the least and the greatest when they say something else.
    fn text(&self) -> String {
        let show = |share| self.cell.unit.show(self.of(share));
        let (least, median, most) = (show(0.0), show(0.5), show(1.0));
        if least == most {
            median
        } else {
            format!("{median} ({least} to {most})")
        }
    }
}

/// All runs together.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    runs: usize,
    spreads: Vec<Spread>,
}

impl Summary {
    /// The summary of sheets of one form.
    pub(super) fn of(sheets: &[Sheet]) -> Self {
        let mut spreads: Vec<Spread> = Vec::new();
        for cell in sheets.iter().flat_map(|sheet| &sheet.cells) {
            let same = |spread: &&mut Spread| {
                let known = &spread.cell;
                (known.table, &known.row, known.column) == (cell.table, &cell.row, cell.column)
            };
            match spreads.iter_mut().find(same) {
                Some(spread) => spread.values.push(cell.value),
                None => spreads.push(Spread {
                    cell: cell.clone(),
                    values: vec![cell.value],
                }),
            }
        }
        Self {
            runs: sheets.len(),
            spreads,
        }
    }

    /// For a terminal.
    pub(super) fn plain(&self, notes: &[String]) -> String {
        let mut out = String::new();
        for name in self.tables() {
            let (columns, rows) = self.grid(name);
            let header: Vec<(&str, Side)> = columns
                .iter()
                .enumerate()
                .map(|(index, column)| (*column, if index == 0 { Side::Left } else { Side::Right }))
                .collect();
            out.push_str(&format!("{name}\n\n{}\n", table(&header, &rows)));
        }
        out.push_str(&self.all_notes(notes).join("\n"));
        out.push('\n');
        out
    }

    /// For a document.
    pub(super) fn markdown(&self, notes: &[String]) -> String {
        let mut out = String::new();
        for name in self.tables() {
            let (columns, rows) = self.grid(name);
            out.push_str(&format!("### {name}\n\n| {} |\n", columns.join(" | ")));
            out.push_str(&format!("|{}\n", "---|".repeat(columns.len())));
            for row in rows {
                out.push_str(&format!("| {} |\n", row.join(" | ")));
            }
            out.push('\n');
        }
        for note in self.all_notes(notes) {
            out.push_str(&format!("* {note}\n"));
        }
        out
    }

    /// For programs.
    pub(super) fn json(&self, notes: &[String]) -> Value {
        let figure = |spread: &Spread| {
            json!({
                "table": spread.cell.table, "row": spread.cell.row, "column": spread.cell.column,
                "unit": spread.cell.unit.name(), "median": spread.of(0.5), "least": spread.of(0.0),
                "most": spread.of(1.0), "runs": spread.values,
            })
        };
        let figures: Vec<Value> = self.spreads.iter().map(figure).collect();
        json!({ "runs": self.runs, "figures": figures, "notes": notes })
    }

    fn all_notes(&self, notes: &[String]) -> Vec<String> {
        let mut all = notes.to_vec();
        all.push(match self.runs {
            1 => "One run.".to_owned(),
            runs => format!("{runs} runs: the median, and in brackets the least and the greatest."),
        });
        all
    }

    fn tables(&self) -> Vec<&'static str> {
        distinct(self.spreads.iter().map(|spread| spread.cell.table))
    }

    fn grid(&self, name: &str) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let own: Vec<&Spread> = self.spreads.iter().filter(|spread| spread.cell.table == name).collect();
        let columns = distinct(own.iter().map(|spread| spread.cell.column));
        let row = |row: &str| {
            let cell = |column: &&str| {
                let spread = own
                    .iter()
                    .find(|spread| spread.cell.row == row && spread.cell.column == *column);
                spread.map_or_else(String::new, |spread| spread.text())
            };
            std::iter::once(row.to_owned())
                .chain(columns.iter().map(cell))
                .collect()
        };
        let rows = distinct(own.iter().map(|spread| spread.cell.row.as_str()));
        let rows = rows.into_iter().map(row).collect();
        (std::iter::once("").chain(columns.iter().copied()).collect(), rows)
    }
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_runs_become_a_median_with_its_spread() {
        let sheet = |value| {
            let mut sheet = Sheet::default();
            sheet.put("costs", "one hello", "time", Unit::Micros, value);
            sheet.put("costs", "one hello", "frames", Unit::Count, 2.0);
            sheet
        };
        let summary = Summary::of(&[sheet(3.0), sheet(1.0), sheet(2.0)]);
        let text = summary.markdown(&["A note.".to_owned()]);
        assert!(text.contains("|  | time | frames |"), "{text}");
        assert!(text.contains("| one hello | 2.0 µs (1.0 µs to 3.0 µs) | 2 |"), "{text}");
        assert!(text.contains("* A note.\n* 3 runs"), "{text}");
        assert_eq!(summary.json(&[])["figures"][0]["median"], 2.0);
    }
}
