//! `headland-peers`: Headland's sync beside other ways to do it. Writes the tables of `docs/benchmarks.md` and the plots
//! of `docs/benchmarks`.

mod compress;
mod contenders;
mod draw;
mod entropy;
mod failure;
mod headland;
mod heap;
mod measure;
mod model;
mod progress;
mod workload;

use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), failure::Failure> {
    use workload::*;
    for kind in [Kind::Lean, Kind::Rich] {
        let w = Workload::drawn(base(RECORDS), kind);
        progress::say(&format!("{kind:?} bits {:?} {:?} {:?} entropy {} / {}", w.event_bits, w.note_bits, w.single_bits, entropy::bound(&w.event_bits), entropy::bound_s(&w.event_bits)));
        let d = measure::headland::down(&w, None)?;
        progress::say(&format!("snapshot {} catch_up {} welcome {} down {} up {} single {} apply {:?} decode {:?} load {:?}", d.snapshot.catch_up(), d.sync.catch_up(), d.sync.welcome(), d.sync.down(), d.sync.up(), d.single.len(), d.apply, d.decode, d.load));
        let u = measure::headland::up(&w)?;
        progress::say(&format!("up: uploads {} all up {} down {}; live uploads {} up {} down {}; both up {} catch_up {} down {} batches {}", u.sync.uploads(), u.sync.up(), u.sync.down(), u.live.uploads(), u.live.up(), u.live.down(), u.both.up(), u.both.catch_up(), u.both.down(), u.both.batches()));
    }
    let w = Workload::drawn(base(RECORDS), Kind::Lean);
    progress::say(&format!("{:?}", measure::headland::kept(&w)?));
    Ok(())
}
