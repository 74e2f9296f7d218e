//! The power fails at every sync of a script, and what was written since the last one is lost, kept, or both.

use crate::medium::Medium;
use crate::subject::{Observation, Subject, difference, reference};
use headland_fleet::disk::Disk;
use headland_shared::session::Jitter;

/// What a crash leaves of the writes since the last sync.
#[derive(Debug, Clone, Copy)]
enum Left {
    Nothing,
    All,
    /// Some of it, drawn from this seed; and the power fails again while the store recovers.
    Some(u64),
}

/// So many draws that each of two writes is lost without the other with near certainty.
const DRAWS: u64 = 8;
/// A script with fewer syncs would not say much.
const SYNCS_MIN: u64 = 50;

/// Tries all crash points; says how many there were.
pub(crate) fn at_every_sync<S: Subject>() -> String {
    let calm = Disk::default();
    // A file is put into its place when it is whole, so no store is ever opened on one that is not.
    let database = Medium::Disk(calm.clone()).database().unwrap();
    let made = calm.syncs();
    drop(database);
    let calm = Disk::default();
    let states = reference::<S>(&Medium::Disk(calm.clone()));
    let syncs = calm.syncs();
    assert!(syncs > made + SYNCS_MIN, "{syncs} syncs only");
    let (mut points, mut unacknowledged) = (0, 0);
    for after in made..=syncs {
        for left in [Left::Nothing, Left::All].into_iter().chain((0..DRAWS).map(Left::Some)) {
            let outcome = crash_once::<S>(after, left, &states);
            points += 1;
            unacknowledged += u64::from(outcome.kept > outcome.acknowledged);
        }
    }
    let steps = S::steps();
    assert_eq!(points, (syncs + 1 - made) * (DRAWS + 2));
    format!(
        "{}: {steps} steps, {syncs} syncs, {points} crashes, {unacknowledged} kept more than was said",
        S::NAME
    )
}

struct Outcome {
    /// Steps that were said to be durable.
    acknowledged: usize,
    /// Steps that are there after the crash.
    kept: usize,
}

fn crash_once<S: Subject>(after: u64, left: Left, states: &[Observation]) -> Outcome {
    let disk = Disk::default();
    let medium = Medium::Disk(disk.clone());
    disk.die_after(after);
    let (acknowledged, begun) = run_until_it_fails::<S>(&medium);
    crash(&disk, left, 0);
    if matches!(left, Left::Some(_)) {
        disk.die_after(1);
        drop(S::open(&medium));
        crash(&disk, left, 1);
    }
    let said = format!("{} after {after} syncs, {left:?}", S::NAME);
    let mut subject = S::open(&medium).unwrap_or_else(|error| panic!("{said}: it does not open: {error}"));
    let found = subject.look().unwrap();
    let kept = (acknowledged..=begun).find(|number| states[*number] == found);
    let kept = kept.unwrap_or_else(|| {
        let there = difference(&found, &states[acknowledged]);
        panic!("{said}: a state that no step from {acknowledged} to {begun} left behind; {there}")
    });
    for number in kept..S::steps() {
        subject
            .step(number)
            .unwrap_or_else(|error| panic!("{said}: step {number}: {error}"));
    }
    let end = subject.look().unwrap();
    let wanted = states.last().unwrap();
    assert!(
        end == *wanted,
        "{said}: it does not end like a calm run; {}",
        difference(&end, wanted)
    );
    Outcome { acknowledged, kept }
}

/// Runs the script until an error: how many steps are durable for certain, and how many have at least begun.
fn run_until_it_fails<S: Subject>(medium: &Medium) -> (usize, usize) {
    let Ok(mut subject) = S::open(medium) else {
        return (0, 0);
    };
    let mut acknowledged = 0;
    for number in 0..S::steps() {
        if subject.step(number).is_err() {
            return (acknowledged, number + 1);
        }
        if !S::is_noted(number) {
            acknowledged = number + 1;
        }
    }
    (acknowledged, S::steps())
}

fn crash(disk: &Disk, left: Left, round: u64) {
    match left {
        Left::Nothing => disk.crash(|| false),
        Left::All => disk.crash(|| true),
        Left::Some(seed) => {
            let mut jitter = Jitter::seeded(seed * 2 + round);
            disk.crash(|| jitter.up_to(1) == 0);
        }
    }
}
