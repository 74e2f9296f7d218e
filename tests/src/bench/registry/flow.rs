//! Commit after commit at a steady rate, and when each is visible at the agent.

use super::Options;
use super::stage::{DATABASE, Stage};
use super::watcher::{Seen, Watcher};
use crate::bench::quantile::quantile;
use crate::bench::sheet::{Sheet, Unit};
use crate::bench::{BenchError, progress};
use crate::postgres::Session;
use std::time::{Duration, Instant};

/// How many models there are; each is changed once a second at the rate that is aimed at.
pub(super) const MODELS: u64 = 200;
/// Time that is not counted, in seconds.
pub(super) const WARM_UP_S: u64 = 2;
/// Sessions that commit side by side: one alone waits for the disk too long to be this fast.
const SESSIONS: u64 = 4;
/// How long after the last commit the agent may take.
const PATIENCE: Duration = Duration::from_secs(20);
const TABLE: &str = "From the answer to a commit until it is visible at the agent";

/// What is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What must be told at once.
    Urgent,
    /// What may wait for a second.
    Ordinary,
}

impl Kind {
    pub(super) const fn row(self) -> &'static str {
        match self {
            Self::Urgent => "urgent (P0)",
            Self::Ordinary => "ordinary (P1)",
        }
    }

    const fn attribute(self) -> &'static str {
        match self {
            Self::Urgent => "status",
            Self::Ordinary => "score",
        }
    }

    /// Aims for the median and for 99 of 100, in milliseconds: what is ordinary has its second, and then the way.
    const fn aims_ms(self) -> (f64, f64) {
        match self {
            Self::Urgent => (20.0, 100.0),
            Self::Ordinary => (1_000.0, 1_000.0 + 100.0),
        }
    }
}

/// A commit: its number, and when the database had answered it.
type Committed = (u64, Instant);

/// Measures one kind. The first time it also fills the tables and starts the programs.
pub(super) fn measure(options: &Options, stage: &mut Stage, kind: Kind, sheet: &mut Sheet) -> Result<(), BenchError> {
    if stage.hub_id().is_none() {
        fill(stage)?;
        stage.start_hub()?;
        stage.start_agent()?;
    }
    let watcher = Watcher::start(&stage.programs.path("agent.sock"), kind.attribute())?;
    let begun = Instant::now();
    let commits = commit(options, stage, kind, begun)?;
    let last = commits.iter().map(|(_, at)| *at).max().unwrap_or(begun);
    let rate = commits.len() as f64 / (last - begun).as_secs_f64();
    let number = commits.iter().map(|(number, _)| *number).max().unwrap_or(0);
    let value = number.to_string();
    let target = format!("/v1/namespaces/default/models/farm%2F{}", number % MODELS);
    let waits = Instant::now();
    while stage.programs.ask("agent", &target)["model"]["attributes"][kind.attribute()] != value.as_str() {
        if waits.elapsed() > PATIENCE {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // The watch may be a little behind a read.
    std::thread::sleep(Duration::from_millis(500));
    let seen = watcher.end()?;
    put(sheet, kind, &commits, &seen, begun, rate)
}

fn fill(stage: &Stage) -> Result<(), BenchError> {
    let last = MODELS - 1;
    stage.sql(&format!(
        "INSERT INTO registered_models (name, description) SELECT 'farm/' || n, 'number ' || n FROM generate_series(0, {last}) n"
    ))?;
    for (key, value) in [("task", "detection"), ("status", "0"), ("score", "0")] {
        stage.sql(&format!(
            "INSERT INTO registered_model_tags (name, key, value) SELECT 'farm/' || n, '{key}', '{value}' FROM generate_series(0, {last}) n"
        ))?;
    }
    Ok(())
}

/// Commits at the rate that is wanted, from several sessions; gives all commits.
fn commit(options: &Options, stage: &Stage, kind: Kind, begun: Instant) -> Result<Vec<Committed>, BenchError> {
    let total = (options.rate * options.seconds) as u64;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(stage.cluster.session(DATABASE)?);
    }
    let apart = Duration::from_secs_f64(1.0 / options.rate as f64);
    let commit_all = |mut session: Session, first: u64| {
        let mut commits = Vec::new();
        for number in (first..=total).step_by(SESSIONS as usize) {
            let due = begun + apart * u32::try_from(number).unwrap_or(u32::MAX);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            session.run(&statement(kind, number))?;
            commits.push((number, Instant::now()));
        }
        Ok::<_, BenchError>(commits)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = sessions
            .into_iter()
            .zip(1..)
            .map(|(session, first)| scope.spawn(move || commit_all(session, first)))
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            let commits = thread.join();
            all.extend(commits.map_err(|_| BenchError::Void("a session with the database has failed".to_owned()))??);
        }
        Ok(all)
    })
}

fn statement(kind: Kind, number: u64) -> String {
    format!(
        "UPDATE registered_model_tags SET value = '{number}' WHERE workspace = 'default' AND key = '{}' AND name = 'farm/{}'",
        kind.attribute(),
        number % MODELS
    )
}

fn put(
    sheet: &mut Sheet,
    kind: Kind,
    commits: &[Committed],
    seen: &Seen,
    begun: Instant,
    rate: f64,
) -> Result<(), BenchError> {
    let mut times_ms = Vec::new();
    let counted_from = begun + Duration::from_secs(WARM_UP_S);
    for (number, at) in commits.iter().filter(|(_, at)| *at >= counted_from) {
        let model = format!("farm/{}", number % MODELS);
        // A later value of the same model says that the agent had gone past this one.
        let first = seen
            .get(&model)
            .and_then(|values| values.iter().find(|(value, _)| value >= number));
        let (_, read_at) = first.ok_or_else(|| {
            let text = format!("commit {number} was not visible at the agent {PATIENCE:?} after the last one");
            BenchError::Void(text)
        })?;
        times_ms.push(read_at.saturating_duration_since(*at).as_secs_f64() * 1e3);
    }
    let late = times_ms.iter().filter(|ms| **ms > kind.aims_ms().1).count();
    progress(&format!("    {late} of {} later than aimed at", times_ms.len()));
    let row = kind.row();
    for (column, share) in [("p50", 0.5), ("p99", 0.99), ("most", 1.0)] {
        sheet.put(TABLE, row, column, Unit::Millis, quantile(&mut times_ms, share));
    }
    let (p50, p99) = kind.aims_ms();
    sheet.put(TABLE, row, "aim p50", Unit::Millis, p50);
    sheet.put(TABLE, row, "aim p99", Unit::Millis, p99);
    sheet.put(TABLE, row, "commits a second", Unit::PerSecond, rate);
    sheet.put(TABLE, row, "commits", Unit::Count, times_ms.len() as f64);
    Ok(())
}
