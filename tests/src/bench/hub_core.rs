//! The hub's core by itself: the shipped replica on a real file, real frames in and out, no sockets and no broker.

mod conversation;
mod crowd;
pub(crate) mod memory;
mod scale;
mod subject;

use super::sheet::{Sheet, Summary};
use super::{BenchError, Wish, deliver, progress};

/// How the hub's core is to be measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every benchmark is told.
    pub wish: Wish,
    /// The most agents that are enrolled.
    pub agents_max: usize,
}

/// Measures, and delivers the result.
pub fn run(options: &Options) -> Result<(), BenchError> {
    let mut sheets = Vec::new();
    for run in 1..=options.wish.runs {
        progress(&format!("run {run} of {}", options.wish.runs));
        let mut sheet = Sheet::default();
        conversation::measure(&mut sheet)?;
        memory::measure(&mut sheet, options.agents_max)?;
        scale::measure(&mut sheet, options.agents_max)?;
        sheets.push(sheet);
    }
    let notes = [
        "The replica alone, on a redb file on this machine's disk with the hub's default cache of 64 MiB; frames are \
         decoded, worked off and answered, and the answers are drained and dropped. No sockets, no broker."
            .to_owned(),
        "The catalogue is the shipped one: the first release of timm and of LiteLLM. The next one of timm changes \
         almost nothing, the next one of LiteLLM much. Memory is that of a process of its own with an almost empty \
         catalogue, the pages of the store that it holds included; a hub keeps track of at most 20,000 conversations."
            .to_owned(),
        "Times are wall time; \"processor\" is processor time of the replica's one thread, so \"per processor second\" \
         is the rate of one core that never waits for the disk."
            .to_owned(),
    ];
    deliver(&options.wish, "hub", "The hub's core", &notes, &Summary::of(&sheets))
}
