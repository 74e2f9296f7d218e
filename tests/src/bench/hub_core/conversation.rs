//! What the parts of a conversation cost: hellos, uploads, acknowledgements.

use super::super::process::thread_cpu_s;
use super::super::sheet::{Sheet, Unit};
use super::super::{BenchError, progress};
use super::crowd::{Said, applied, hello, upload};
use super::subject::{Drained, Subject};
use std::time::Instant;

/// Agents that speak.
const AGENTS: usize = 1_024;
/// Frames worked off together, as the hub's driver does under load.
pub(super) const BATCH: usize = 64;
/// The batch sizes with which uploads are measured: alone, as the driver gathers them, and as many as fit.
const UPLOAD_BATCHES: [usize; 3] = [1, BATCH, AGENTS];
/// Frames of each kind.
const FRAMES: usize = 2_048;
/// Frames of the kinds that each wait for the disk, or bring a whole catalogue.
const FRAMES_SLOW: usize = 256;

const HELLOS: &str = "One hello, worked off in flushes of 64";
const WRITES: &str = "Uploads and acknowledgements";

/// What working off many frames took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Worked {
    pub(super) frames: usize,
    pub(super) wall_s: f64,
    pub(super) cpu_s: f64,
    pub(super) drained: Drained,
}

/// Works frames off, so many in one flush.
pub(super) fn work_off(subject: &mut Subject, mut said: Vec<Said>, batch: usize) -> Result<Worked, BenchError> {
    let mut worked = Worked {
        frames: said.len(),
        ..Worked::default()
    };
    while !said.is_empty() {
        let rest = said.split_off(batch.min(said.len()));
        let (wall, cpu) = (Instant::now(), thread_cpu_s());
        let drained = subject.flush(said)?;
        worked.wall_s += wall.elapsed().as_secs_f64();
        worked.cpu_s += thread_cpu_s() - cpu;
        worked.drained.frames += drained.frames;
        worked.drained.bytes += drained.bytes;
        said = rest;
    }
    Ok(worked)
}

/// Measures all parts.
pub(super) fn measure(sheet: &mut Sheet) -> Result<(), BenchError> {
    let mut subject = Subject::open()?;
    let before = subject.place()?;
    let [small, release] = [0, 1].map(|nth| subject.catalogue.releases[nth].clone());
    subject.import_release(&release)?;
    subject.publish()?;
    let between = subject.place()?;
    subject.import_release(&small)?;
    subject.publish()?;
    let head = subject.place()?;
    progress("  hellos");
    let kinds = [
        ("nothing changed", FRAMES, Some(head)),
        ("behind by timm's release", FRAMES_SLOW, Some(between)),
        ("behind by LiteLLM's, too", FRAMES_SLOW, Some(before)),
        ("fresh: everything", FRAMES_SLOW, None),
    ];
    for (row, frames, place) in kinds {
        let said = (0..frames)
            .map(|nth| hello(&mut subject, nth % AGENTS, place.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let worked = work_off(&mut subject, said, BATCH)?;
        put_hello(sheet, row, &worked);
    }
    check_plans(&subject)?;
    progress("  acknowledgements");
    let said = (0..FRAMES)
        .map(|nth| applied(&subject, nth % AGENTS))
        .collect::<Result<Vec<_>, _>>()?;
    let worked = work_off(&mut subject, said, BATCH)?;
    put_rate(sheet, format!("acknowledgements, {BATCH} a flush"), &worked);
    progress("  uploads");
    let mut dot = 0;
    for batch in UPLOAD_BATCHES {
        let rounds = if batch == 1 { FRAMES_SLOW } else { FRAMES }.div_ceil(AGENTS);
        let frames = if batch == 1 { FRAMES_SLOW } else { AGENTS };
        for round in 0..rounds {
            dot += 1;
            // Every agent's dots are one row, so all of them write in every round.
            let said = (0..AGENTS)
                .map(|nth| upload(&mut subject, nth, dot, &release))
                .collect::<Result<Vec<_>, _>>()?;
            let (measured, rest) = said.split_at(frames);
            let worked = work_off(&mut subject, measured.to_vec(), batch)?;
            work_off(&mut subject, rest.to_vec(), AGENTS)?;
            if round + 1 == rounds {
                put_rate(sheet, format!("uploads of one note, {batch} a flush"), &worked);
            }
        }
    }
    let (stored, wanted) = (subject.replica.counts().writes, dot * AGENTS as u64);
    if stored != wanted {
        return Err(BenchError::Void(format!("{stored} of {wanted} writes were stored")));
    }
    Ok(())
}

/// Only the fresh ones may have been sent everything.
fn check_plans(subject: &Subject) -> Result<(), BenchError> {
    let snapshots = subject.replica.counts().snapshots;
    if snapshots != FRAMES_SLOW as u64 {
        return Err(BenchError::Void(format!(
            "{snapshots} agents were sent everything, not {FRAMES_SLOW}"
        )));
    }
    Ok(())
}

fn put_hello(sheet: &mut Sheet, row: &str, worked: &Worked) {
    let each = |value: f64| value / worked.frames as f64;
    sheet.put(HELLOS, row, "time", Unit::Micros, each(worked.wall_s * 1e6));
    sheet.put(HELLOS, row, "processor", Unit::Micros, each(worked.cpu_s * 1e6));
    sheet.put(
        HELLOS,
        row,
        "frames down",
        Unit::Count,
        each(worked.drained.frames as f64),
    );
    sheet.put(
        HELLOS,
        row,
        "bytes down",
        Unit::Bytes,
        each(worked.drained.bytes as f64),
    );
}

fn put_rate(sheet: &mut Sheet, row: String, worked: &Worked) {
    let frames = worked.frames as f64;
    sheet.put(WRITES, row.clone(), "rate", Unit::PerSecond, frames / worked.wall_s);
    sheet.put(
        WRITES,
        row.clone(),
        "per processor second",
        Unit::PerSecond,
        frames / worked.cpu_s,
    );
    sheet.put(WRITES, row, "processor each", Unit::Micros, worked.cpu_s * 1e6 / frames);
}
