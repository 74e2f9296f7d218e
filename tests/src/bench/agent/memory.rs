//! Memory and processor time, looked at again and again.

use super::Options;
use super::device::Device;
use crate::bench::BenchError;
use crate::bench::process::Usage;
use crate::bench::programs::until;
use crate::bench::quantile::quantile;
use crate::bench::sheet::{Sheet, Unit};
use std::time::{Duration, Instant};

const MEMORY: &str = "Memory";
const PROCESSOR: &str = "Processor time";
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What follows on being in step is over by then: acknowledgements, and memory that is given back.
const SETTLE: Duration = Duration::from_secs(5);
const MIB: f64 = 1024.0 * 1024.0;
pub(super) const IDLE_AIM_MIB: f64 = 8.0;
pub(super) const AFTER_AIM_MIB: f64 = 12.0;
const PROCESSOR_AIM_PERCENT: f64 = 0.1;

/// What was seen of memory.
#[derive(Debug, Default)]
struct Seen {
    pss: Vec<f64>,
    rss: Vec<f64>,
}

impl Seen {
    fn look(&mut self, pid: u32) -> Result<(), BenchError> {
        let usage = Usage::of(pid)?;
        self.pss.push(usage.pss);
        self.rss.push(usage.rss);
        Ok(())
    }

    fn put(mut self, sheet: &mut Sheet, row: &'static str, aim_mib: f64) {
        let mut put = |column, unit, value| sheet.put(MEMORY, row, column, unit, value);
        put("PSS least", Unit::Bytes, quantile(&mut self.pss, 0.0));
        put("PSS median", Unit::Bytes, quantile(&mut self.pss, 0.5));
        put("PSS most", Unit::Bytes, quantile(&mut self.pss, 1.0));
        put("aim for PSS", Unit::Bytes, aim_mib * MIB);
        put("RSS median", Unit::Bytes, quantile(&mut self.rss, 0.5));
        put("RSS most", Unit::Bytes, quantile(&mut self.rss, 1.0));
        put("samples", Unit::Count, self.pss.len() as f64);
    }
}

/// Starts the agent with an empty store, and looks at it until it is in step.
pub(super) fn of_catch_up(device: &mut Device, sheet: &mut Sheet) -> Result<(), BenchError> {
    let begun = Instant::now();
    device.start()?;
    let pid = device.agent_id()?;
    let mut seen = Seen::default();
    let mut failed = None;
    let programs = &device.programs;
    let digest = programs.status("hub")["digest"].clone();
    until("the agent to be in step", || {
        // Looked at more often than asked: an answer costs memory too.
        for _ in 0..10 {
            failed = seen.look(pid).err().or(failed.take());
        }
        let agent = programs.status("agent");
        failed.is_some() || agent["phase"] == "live" && agent["digest"] == digest
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    seen.put(sheet, "in a full catch-up", AFTER_AIM_MIB);
    let took = begun.elapsed().as_secs_f64();
    sheet.put(
        super::STARTING,
        "start to all models held",
        "measured",
        Unit::Seconds,
        took,
    );
    Ok(())
}

/// Looks at it while it has nothing to do.
pub(super) fn of_idling(
    options: &Options,
    device: &Device,
    row: &'static str,
    aim_mib: f64,
    sheet: &mut Sheet,
) -> Result<(), BenchError> {
    std::thread::sleep(SETTLE);
    let pid = device.agent_id()?;
    let (begun, before) = (Instant::now(), Usage::of(pid)?.cpu_s);
    let lasts = Duration::from_secs_f64(options.minutes * 60.0);
    let mut seen = Seen::default();
    while begun.elapsed() < lasts {
        seen.look(pid)?;
        std::thread::sleep(LOOK_EVERY);
    }
    let share = (Usage::of(pid)?.cpu_s - before) / begun.elapsed().as_secs_f64();
    seen.put(sheet, row, aim_mib);
    sheet.put(PROCESSOR, row, "of a core", Unit::Percent, share * 100.0);
    sheet.put(PROCESSOR, row, "aim", Unit::Percent, PROCESSOR_AIM_PERCENT);
    Ok(())
}
