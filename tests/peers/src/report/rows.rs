//! The rows of the main table: each contender, and each thing that can be done to its bytes.

use crate::compress;
use crate::contenders::json::whole_records;
use crate::failure::Failure;
use crate::measure::Time;
use crate::measure::automerge::Ways;
use crate::measure::headland::All;
use crate::measure::library::{Figures, Inputs};
use crate::model::{Catalogue, apply_all, catalogue_json};
use crate::workload::{Bits, Workload};

/// One contender. What was not measured, or makes no sense, is nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) lean: Option<u64>,
    pub(crate) rich: Option<u64>,
    pub(crate) up: Option<u64>,
    pub(crate) single: Option<u64>,
    pub(crate) single_aged: Option<u64>,
    pub(crate) apply_lean: Option<Time>,
    pub(crate) apply_rich: Option<Time>,
    pub(crate) load: Option<Time>,
    pub(crate) snapshot: Option<u64>,
    pub(crate) heap: Option<u64>,
    pub(crate) aged: Option<Aged>,
    pub(crate) plotted: bool,
}

/// The same on an aged document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aged {
    pub(crate) snapshot: Option<u64>,
    pub(crate) lean: u64,
    pub(crate) heap: Option<u64>,
}

fn length(bytes: &[u8]) -> Option<u64> {
    Some(bytes.len() as u64)
}

impl Row {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            plotted: true,
            ..Self::default()
        }
    }

    /// The name without the marks of Markdown.
    pub(crate) fn plain_name(&self) -> String {
        self.name.replace(['*', '`'], "")
    }
}

/// Headland's own row: whole frames.
pub(crate) fn headland(all: &All) -> Row {
    Row {
        name: "**Headland**".to_owned(),
        lean: Some(all.lean.sync.catch_up()),
        rich: Some(all.rich.sync.catch_up()),
        up: Some(all.up.sync.uploads()),
        single: length(&all.lean.single),
        single_aged: length(&all.aged.single),
        apply_lean: Some(all.lean.apply),
        apply_rich: Some(all.rich.apply),
        load: Some(all.lean.load),
        snapshot: Some(all.lean.snapshot.catch_up()),
        heap: None,
        aged: Some(Aged {
            snapshot: Some(all.aged.snapshot.catch_up()),
            lean: all.aged.sync.catch_up(),
            heap: None,
        }),
        plotted: true,
    }
}

/// A library's own bytes, and the same through zstd.
pub(crate) fn library(name: &str, figures: &Figures) -> Result<[Row; 2], Failure> {
    let aged = &figures.aged;
    let row = Row {
        lean: length(&figures.lean.down),
        rich: length(&figures.rich.down),
        up: length(&figures.lean.up),
        single: length(&figures.lean.single),
        single_aged: length(&aged.sent.single),
        apply_lean: Some(figures.apply_lean),
        apply_rich: Some(figures.apply_rich),
        load: Some(figures.load),
        snapshot: length(&figures.snapshot),
        heap: Some(figures.heap),
        aged: Some(Aged {
            snapshot: length(&aged.snapshot),
            lean: aged.sent.down.len() as u64,
            heap: Some(aged.heap),
        }),
        ..Row::named(name)
    };
    let (lean, rich, up) = (&figures.lean.down, &figures.rich.down, &figures.lean.up);
    let mut pressed = compressed(&format!("{name} + zstd"), [lean, rich, up], &[])?;
    pressed.snapshot = length(&compress::zstd(&figures.snapshot)?);
    Ok([row, pressed])
}

/// Bytes down, lean and rich, and up, through zstd with or without a dictionary.
fn compressed(name: &str, bytes: [&Vec<u8>; 3], dictionary: &[u8]) -> Result<Row, Failure> {
    let pressed = |bytes: &[u8]| Ok::<_, Failure>(length(&compress::with(bytes, dictionary)?));
    let [lean, rich, up] = bytes;
    Ok(Row {
        lean: pressed(lean)?,
        rich: pressed(rich)?,
        up: pressed(up)?,
        ..Row::named(name)
    })
}

/// automerge's other ways.
pub(crate) fn automerge(ways: &[Ways; 3]) -> Vec<Row> {
    let [lean, rich, aged] = ways;
    let sync = Row {
        lean: Some(lean.sync.down),
        rich: Some(rich.sync.down),
        up: Some(lean.sync.up),
        single: Some(lean.sync_single.down),
        single_aged: Some(aged.sync_single.down),
        aged: Some(Aged {
            snapshot: None,
            lean: aged.sync.down,
            heap: None,
        }),
        ..Row::named(&format!("automerge sync ({} messages)", lean.sync.messages))
    };
    let of = |name: &str, lean: &(Vec<u8>, Vec<u8>), rich: &(Vec<u8>, Vec<u8>)| Row {
        lean: length(&lean.0),
        rich: length(&rich.0),
        up: length(&lean.1),
        ..Row::named(name)
    };
    let joined = of("automerge `save_after`, one commit", &lean.joined, &rich.joined);
    let bundle = of("automerge bundle (experimental)", &lean.bundle, &rich.bundle);
    vec![sync, joined, bundle]
}

/// JSON: whole records, and merge patches with a dictionary.
pub(crate) fn json(inputs: &Inputs, patches: &Figures) -> Result<Vec<Row>, Failure> {
    let whole = |workload: &Workload, events| {
        let mut after: Catalogue = workload.base.clone();
        apply_all(&mut after, events);
        whole_records(&catalogue_json(&workload.base), &catalogue_json(&after))
    };
    let lean = whole(&inputs.lean, &inputs.lean.events)?;
    let rich = whole(&inputs.rich, &inputs.rich.events)?;
    let up = whole(&inputs.lean, &inputs.lean.notes)?;
    let single = whole(&inputs.lean, std::slice::from_ref(&inputs.lean.single))?;
    let plain = Row {
        lean: length(&lean),
        rich: length(&rich),
        up: length(&up),
        single: length(&single),
        // Would dwarf all others in a plot.
        plotted: false,
        ..Row::named("JSON, whole records")
    };
    let pressed = compressed("JSON, whole records + zstd", [&lean, &rich, &up], &[])?;
    let dictionary = compress::dictionary(&crate::measure::library::samples(&inputs.lean.base)?)?;
    let patch = [&patches.lean.down, &patches.rich.down, &patches.lean.up];
    let with = compressed("JSON merge patch + zstd + 16 KiB dictionary", patch, &dictionary)?;
    Ok(vec![plain, pressed, with])
}

/// The bound of the same changes, with times to the millisecond or to the second.
pub(crate) fn bounds(inputs: &Inputs) -> [Row; 2] {
    let row = |name: &str, of: fn(&Bits) -> u64| Row {
        lean: Some(of(&inputs.lean.event_bits)),
        rich: Some(of(&inputs.rich.event_bits)),
        up: Some(of(&inputs.lean.note_bits)),
        single: Some(of(&inputs.lean.single_bits)),
        single_aged: Some(of(&inputs.aged.single_bits)),
        ..Row::named(name)
    };
    let ms = row("*entropy, times to 1 ms*", crate::entropy::bound);
    let mut seconds = row("*entropy, times to 1 s*", crate::entropy::bound_s);
    seconds.plotted = false;
    [ms, seconds]
}
