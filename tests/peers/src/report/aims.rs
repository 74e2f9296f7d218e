//! What Headland aims at beside what it does, and where the bytes of its sessions go.

use crate::headland::Traffic;
use crate::measure::headland::All;
use crate::measure::untrusted::Identified;
use crate::table::{megabytes, micros, millis, number, table};

/// Aims, in bytes: what must be reached, and what would be better still.
struct Aim {
    what: &'static str,
    aim: u64,
    better: Option<u64>,
    measured: u64,
}

/// Aim for applying a lean catch-up, in microseconds.
const APPLY_US: u64 = 80;

pub(super) fn table_of(all: &All, identified: &[Identified]) -> String {
    let of = |what, aim, better, measured| Aim {
        what,
        aim,
        better,
        measured,
    };
    let untrusted = identified.first().map_or(0, |headland| headland.bytes);
    let aims = [
        of("lean bumps, down", 1_300, Some(1_000), all.lean.sync.catch_up()),
        of("rich bumps, down", 3_900, Some(3_400), all.rich.sync.catch_up()),
        of("20 notes, up", 700, Some(600), all.up.sync.uploads()),
        of("one change", 32, Some(24), all.lean.single.len() as u64),
        of("one change, aged document", 32, Some(24), all.aged.single.len() as u64),
        of("snapshot of 1,000 models", 170_000, None, all.lean.snapshot.catch_up()),
        of(
            "nothing trusted, 80 of 10,000 differ: to identify",
            1_200,
            None,
            untrusted,
        ),
    ];
    let said = |measured: u64, aim: u64| if measured <= aim { "yes" } else { "**no**" }.to_owned();
    let row = |aim: &Aim| {
        let better = aim.better.map(number).unwrap_or_default();
        vec![
            aim.what.to_owned(),
            number(aim.aim),
            better,
            number(aim.measured),
            said(aim.measured, aim.aim),
        ]
    };
    let mut rows: Vec<Vec<String>> = aims.iter().map(row).collect();
    let apply = |what: &str, time: crate::measure::Time| {
        let measured = time.median.as_micros() as u64;
        vec![
            what.to_owned(),
            number(APPLY_US),
            String::new(),
            micros(time),
            said(measured, APPLY_US),
        ]
    };
    rows.push(apply("lean bumps, from frames to elements, µs", all.lean.decode));
    rows.push(apply("lean bumps, applied with index and commit, µs", all.lean.apply));
    table(&["what", "aim", "better", "measured", "reached"], &rows)
}

/// Where the bytes of sessions go.
pub(super) fn detail(all: &All) -> String {
    let row = |what: &str, traffic: &Traffic| {
        let down = [
            traffic.welcome(),
            traffic.catch_up() - traffic.welcome(),
            traffic.batches(),
        ];
        let up = [traffic.hello(), traffic.up() - traffic.hello()];
        let cells = down
            .into_iter()
            .chain(up)
            .chain([traffic.down(), traffic.up()])
            .map(number);
        [what.to_owned()].into_iter().chain(cells).collect::<Vec<_>>()
    };
    let rows = [
        row("a fresh device's first catch-up", &all.lean.snapshot),
        row("60 lean changes, nothing written here", &all.lean.sync),
        row("60 rich changes, nothing written here", &all.rich.sync),
        row("20 notes written offline, nothing changed there", &all.up.sync),
        row("20 notes written with the link up", &all.up.live),
        row("60 lean changes and 20 notes at once", &all.up.both),
    ];
    let head = [
        "session",
        "welcome",
        "parts",
        "live batches",
        "hello",
        "upload, ack",
        "all down",
        "all up",
    ];
    let decode = format!(
        "\nReading the frames to elements, without a store, takes {} µs (lean) and {} µs (rich).\n",
        micros(all.lean.decode),
        micros(all.rich.decode)
    );
    table(&head, &rows) + &decode
}

/// What the agent's part of a process keeps.
pub(super) fn memory(all: &All) -> String {
    format!(
        "\nHeadland's agent: {} MB of live heap after opening its file and reading every model, of which the storage \
         engine's cache may be {} MB, whatever the catalogue's size. Its file has {} MB; opening it takes {} ms.\n",
        megabytes(all.kept.heap),
        megabytes(all.kept.cache_max),
        megabytes(all.kept.file),
        millis(all.kept.open)
    )
}
