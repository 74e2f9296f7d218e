//! What depends on how many agents are enrolled, and what does not.

use super::super::quantile::quantile;
use super::super::sheet::{Sheet, Unit};
use super::super::{BenchError, progress};
use super::conversation::{BATCH, Worked, work_off};
use super::crowd::{applied, hello};
use super::subject::{Subject, refused};
use std::time::Instant;

/// How many agents are enrolled when it is measured.
const LEVELS: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];
/// Changes of the registry that are timed.
const CHANGES: usize = 200;
/// Hellos that are timed.
const HELLOS: usize = 1_024;
/// Sweeps that find nothing to forget.
const IDLE_SWEEPS: usize = 5;
/// How often the hub moves the floor, and a little more.
const SWEEP_MS: u64 = 61_000;
/// Between two slices of a sweep the hub waits less than this.
const SLICE_MS: u64 = 100;
/// More slices than any sweep has.
const SLICES_MAX: usize = 1_000;
/// Frames that are made before they are worked off, so that memory is the hub's alone.
const CHUNK: usize = 1_024;

const CHANGE: &str = "One urgent change of the registry: diff, commit with sync, publish, drain";
const SWEEP: &str = "The floor sweep, once a minute";
const ENROLLED: &str = "Processor time of one frame, by the number of enrolled agents";

/// Measures at each level up to `agents_max`.
pub(super) fn measure(sheet: &mut Sheet, agents_max: usize) -> Result<(), BenchError> {
    let mut subject = Subject::open()?;
    let mut enrolled = 0;
    for level in LEVELS.into_iter().filter(|level| *level <= agents_max) {
        progress(&format!("  {level} agents enrolled"));
        let row = Unit::Count.show(level as f64);
        let worked = enrol(&mut subject, enrolled..level)?;
        enrolled = level;
        let seconds = worked.cpu_s / worked.frames as f64;
        sheet.put(ENROLLED, &row, "to enrol one more", Unit::Micros, seconds * 1e6);
        changes(sheet, &mut subject, &row)?;
        let again = say_all(&mut subject, 0..HELLOS.min(level), hello_at_head)?;
        let each = again.cpu_s * 1e6 / again.frames as f64;
        sheet.put(ENROLLED, &row, "hello, nothing changed", Unit::Micros, each);
        sweeps(sheet, &mut subject, level, &row)?;
    }
    Ok(())
}

/// Enrols agents by their hellos; they stand at the head, so that nothing else is measured with it.
pub(super) fn enrol(subject: &mut Subject, agents: std::ops::Range<usize>) -> Result<Worked, BenchError> {
    say_all(subject, agents, hello_at_head)
}

fn hello_at_head(subject: &mut Subject, nth: usize) -> Result<super::crowd::Said, BenchError> {
    let place = subject.place()?;
    hello(subject, nth, Some(place))
}

/// Has agents say something, in flushes as the driver makes them.
fn say_all(
    subject: &mut Subject,
    agents: std::ops::Range<usize>,
    say: impl Fn(&mut Subject, usize) -> Result<super::crowd::Said, BenchError>,
) -> Result<Worked, BenchError> {
    let mut sum = Worked::default();
    let mut from = agents.start;
    while from < agents.end {
        let to = (from + CHUNK).min(agents.end);
        let said = (from..to).map(|nth| say(subject, nth)).collect::<Result<Vec<_>, _>>()?;
        let worked = work_off(subject, said, BATCH)?;
        sum.frames += worked.frames;
        sum.wall_s += worked.wall_s;
        sum.cpu_s += worked.cpu_s;
        from = to;
    }
    Ok(sum)
}

fn changes(sheet: &mut Sheet, subject: &mut Subject, row: &str) -> Result<(), BenchError> {
    let (mut times, mut bytes) = (Vec::new(), 0);
    for _ in 0..CHANGES {
        let begun = Instant::now();
        subject.next_probe()?;
        let drained = subject.publish()?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
        bytes += drained.bytes;
    }
    sheet.put(CHANGE, row, "median", Unit::Micros, quantile(&mut times, 0.5));
    sheet.put(CHANGE, row, "p99", Unit::Micros, quantile(&mut times, 0.99));
    sheet.put(CHANGE, row, "bytes", Unit::Bytes, bytes as f64 / CHANGES as f64);
    Ok(())
}

fn sweeps(sheet: &mut Sheet, subject: &mut Subject, level: usize, row: &str) -> Result<(), BenchError> {
    let record = |id: &str| format!("{{\"id\": \"{id}\", \"attributes\": {{\"task\": \"sweep\"}}}}\n");
    subject.import_text(
        "sweep",
        &format!("{}{}", record("stays"), record(&format!("goes-{level}"))),
    )?;
    subject.import_text("sweep", &record("stays"))?;
    subject.publish()?;
    let acknowledged = say_all(subject, 0..level, |subject, nth| applied(subject, nth))?;
    let floor = |subject: &Subject| -> Result<u64, BenchError> {
        let views = subject.replica.store().read().map_err(refused("reading the store"))?;
        let scopes = views.scopes().map_err(refused("reading scopes"))?;
        Ok(scopes.values().map(|row| row.floor.0).max().unwrap_or(0))
    };
    let before = floor(subject)?;
    let moving = sweep(subject)?;
    if floor(subject)? <= before {
        return Err(BenchError::Void("the sweep did not move the floor".to_owned()));
    }
    let mut idle = (0..IDLE_SWEEPS)
        .map(|_| sweep(subject).map(|swept| swept.sum))
        .collect::<Result<Vec<f64>, _>>()?;
    sheet.put(SWEEP, row, "that moves the floor", Unit::Micros, moving.sum);
    sheet.put(SWEEP, row, "of it at a time", Unit::Micros, moving.longest);
    sheet.put(SWEEP, row, "that finds nothing", Unit::Micros, quantile(&mut idle, 0.5));
    let each = acknowledged.cpu_s * 1e6 / acknowledged.frames as f64;
    sheet.put(ENROLLED, row, "acknowledgement", Unit::Micros, each);
    Ok(())
}

/// What a sweep cost, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Swept {
    sum: f64,
    /// How long the hub did nothing else at a time.
    longest: f64,
}

/// One minute passes, and the hub does what is due: at once, or in slices.
fn sweep(subject: &mut Subject) -> Result<Swept, BenchError> {
    let mut swept = Swept::default();
    subject.pass_ms(SWEEP_MS);
    for _ in 0..SLICES_MAX {
        let begun = Instant::now();
        subject.handle_timeout()?;
        let took = begun.elapsed().as_secs_f64() * 1e6;
        swept.sum += took;
        swept.longest = swept.longest.max(took);
        subject.drain();
        let wait = subject.replica.deadline().saturating_sub(subject.now().mono);
        if wait > SLICE_MS {
            return Ok(swept);
        }
        subject.pass_ms(wait);
    }
    Err(BenchError::Void("the sweep did not end".to_owned()))
}
