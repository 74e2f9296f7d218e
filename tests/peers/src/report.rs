//! The report: everything measured, as tables and plots.

mod aims;
pub(crate) mod rows;

use crate::document::{commit, machine, write, write_plot};
use crate::failure::Failure;
use crate::measure::history::Step;
use crate::measure::untrusted::Identified;
use crate::plot::{Chart, Group};
use crate::table::{maybe, megabytes, millis, number, table};
use rows::Row;

const COMMAND: &str = "cargo run --release --manifest-path tests/peers/Cargo.toml";
const MAIN_HEAD: [&str; 10] = [
    "contender",
    "lean down",
    "rich down",
    "20 notes up",
    "one change",
    "one change, aged",
    "apply lean, µs",
    "apply rich, µs",
    "load, ms",
    "snapshot",
];

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Leaf values of a model, and bytes of the catalogue as JSON.
    pub(crate) extent: (f64, usize),
    pub(crate) headland: crate::measure::headland::All,
    pub(crate) rows: Vec<Row>,
    pub(crate) steps: Vec<Step>,
    pub(crate) identified: Vec<Identified>,
}

/// Writes tables and plots.
pub(crate) fn written(measured: &Measured) -> Result<(), Failure> {
    write_plot("down.svg", &down_chart(&measured.rows).drawn())?;
    write_plot("single.svg", &single_chart(&measured.rows).drawn())?;
    write_plot("history.svg", &history_chart(&measured.steps).drawn())?;
    write(&text(measured))
}

fn text(measured: &Measured) -> String {
    let Measured {
        extent,
        headland,
        rows,
        steps,
        identified,
    } = measured;
    let aims = aims::table_of(headland, identified);
    let detail = aims::detail(headland);
    let main = rows.iter().map(Row::cells).collect::<Vec<_>>();
    let aged: Vec<Vec<String>> = rows.iter().filter_map(Row::aged_cells).collect();
    let heap: Vec<Vec<String>> = rows.iter().filter_map(Row::heap_cells).collect();
    [
        format!("Measured by `{COMMAND}` at commit {}, on {}.\n", commit(), machine()),
        format!("### Aims\n\n{aims}"),
        format!(
            "### A thousand models, three days apart\n\n{:.1} leaf values a model; {} bytes as JSON. Bytes, if nothing else is \
             said.\n\n{}",
            extent.0,
            number(extent.1 as u64),
            table(&MAIN_HEAD, &main)
        ),
        "![Bytes down](benchmarks/down.svg)\n\n![Bytes for one change](benchmarks/single.svg)\n".to_owned(),
        format!("### What a Headland session sends\n\n{detail}"),
        format!(
            "### An aged document\n\n{}",
            table(&["contender", "snapshot", "lean down", "one change", "heap, MB"], &aged)
        ),
        format!(
            "### Memory\n\n{}{}",
            table(&["contender", "heap, MB"], &heap),
            aims::memory(headland)
        ),
        format!("### Real catalogues, release by release\n\n{}", history_table(steps)),
        "![Bytes for each release](benchmarks/history.svg)\n".to_owned(),
        format!("### Nothing trusted\n\n{}", identified_table(identified)),
    ]
    .join("\n")
}

fn history_table(steps: &[Step]) -> String {
    let names = steps
        .first()
        .map(|step| step.bytes.iter().map(|(name, _)| *name).collect())
        .unwrap_or_default();
    let head: Vec<&str> = [vec!["release", "models that differ"], names].concat();
    let row = |step: &Step| {
        let bytes = step.bytes.iter().map(|(_, bytes)| number(*bytes));
        [step.release.clone(), number(step.models as u64)]
            .into_iter()
            .chain(bytes)
            .collect()
    };
    table(&head, &steps.iter().map(row).collect::<Vec<_>>())
}

fn identified_table(identified: &[Identified]) -> String {
    let row = |one: &Identified| vec![one.name.to_owned(), number(one.bytes), maybe(one.round_trips)];
    table(
        &["protocol", "bytes, both ways", "round trips"],
        &identified.iter().map(row).collect::<Vec<_>>(),
    )
}

fn down_chart(rows: &[Row]) -> Chart<'_> {
    let group = |row: &Row| Group {
        label: row.plain_name(),
        values: vec![row.lean, row.rich],
    };
    let series = vec!["lean bumps", "rich bumps"];
    let groups = rows.iter().filter(|row| row.plotted).map(group).collect();
    Chart {
        title: "60 changes of 1,000 models, hub to device",
        series,
        groups,
        logarithmic: false,
    }
}

fn single_chart(rows: &[Row]) -> Chart<'_> {
    let group = |row: &Row| Group {
        label: row.plain_name(),
        values: vec![row.single, row.single_aged],
    };
    let series = vec!["fresh", "every model bumped ten times before"];
    let groups = rows.iter().filter(|row| row.single.is_some()).map(group).collect();
    Chart {
        title: "One attribute of one model",
        series,
        groups,
        logarithmic: true,
    }
}

fn history_chart(steps: &[Step]) -> Chart<'_> {
    let group = |step: &Step| Group {
        label: step.release.clone(),
        values: step.bytes.iter().map(|(_, bytes)| Some(*bytes)).collect(),
    };
    let series = steps
        .first()
        .map(|step| step.bytes.iter().map(|(name, _)| *name).collect())
        .unwrap_or_default();
    Chart {
        title: "From one release to the next",
        series,
        groups: steps.iter().map(group).collect(),
        logarithmic: true,
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let numbers = [self.lean, self.rich, self.up, self.single, self.single_aged].map(maybe);
        let times = [self.apply_lean, self.apply_rich].map(|time| time.map(crate::table::micros).unwrap_or_default());
        let rest = [self.load.map(millis).unwrap_or_default(), maybe(self.snapshot)];
        [self.name.clone()]
            .into_iter()
            .chain(numbers)
            .chain(times)
            .chain(rest)
            .collect()
    }

    fn aged_cells(&self) -> Option<Vec<String>> {
        let aged = self.aged?;
        let heap = aged.heap.map(megabytes).unwrap_or_default();
        Some(vec![
            self.name.clone(),
            maybe(aged.snapshot),
            number(aged.lean),
            maybe(self.single_aged),
            heap,
        ])
    }

    fn heap_cells(&self) -> Option<Vec<String>> {
        Some(vec![self.name.clone(), megabytes(self.heap?)])
    }
}
