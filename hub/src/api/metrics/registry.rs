//! The registry in numbers: whose it is, how far a followed one is known, and how what devices wrote reaches it.

use super::{flag, seconds};
use crate::answer::{DatabaseStanding, Follow, FollowState, Running, Status, WriteBack};
use crate::writeback::STATES;
use headland_api::numbers::{Kind, Lines};

/// What `headland_hub_registry_state` says of a hub whose registry is its own.
const OWN: &str = "own";

/// All of them.
pub(super) fn lines(lines: &mut Lines, status: &Status) {
    let mut states = vec![OWN];
    states.extend(FollowState::ALL.map(FollowState::name));
    let present = status.follow.as_ref().map_or(OWN, |follow| follow.state.name());
    lines.states(
        "registry_state",
        "state",
        "How the hub comes by the registry, its own or another's: 1 at one of them.",
        &states,
        present,
    );
    if let Some(follow) = &status.follow {
        following(lines, follow);
        if let Some(database) = &follow.database {
            standing(lines, database);
            counted(lines, database);
        }
    }
    written_back(lines, status);
}

fn following(lines: &mut Lines, follow: &Follow) {
    if let Some(ms) = follow.heard_ms_ago {
        lines.gauge(
            "registry_age_seconds",
            "Time since what is held was last known to be the leading registry's state.",
            seconds(ms),
        );
    }
    lines.gauge(
        "registry_brake_held",
        "Whether what the registry says would withdraw so much that it waits for a person.",
        flag(follow.state == FollowState::Held),
    );
}

/// What is known of a database. What is not known is absent.
fn standing(lines: &mut Lines, database: &DatabaseStanding) {
    let position = database.durable.as_deref().and_then(|text| text.parse().ok());
    let position = position.map(|crate::registry::bridge::Lsn(bytes)| bytes as f64);
    for (name, help, value) in [
        (
            "registry_position_bytes",
            "The position in the database's log up to which everything is held.",
            position,
        ),
        (
            "registry_behind_bytes",
            "How far the hub is behind the database's log.",
            database.behind_bytes.map(|bytes| bytes as f64),
        ),
        (
            "registry_kept_bytes",
            "How much log the database keeps for this hub.",
            database.kept_bytes.map(|bytes| bytes as f64),
        ),
        (
            "registry_safe_bytes",
            "How much more log the database may write before the hub's slot is lost; absent for no limit.",
            database.safe_wal_bytes.map(|bytes| bytes as f64),
        ),
        (
            "registry_message_age_seconds",
            "Time since the database last said anything.",
            database.message_ms_ago.map(seconds),
        ),
        (
            "registry_copying_rows",
            "Rows read so far, while everything is read anew.",
            database.copying_rows.map(|rows| rows as f64),
        ),
    ] {
        if let Some(value) = value {
            lines.gauge(name, help, value);
        }
    }
}

/// What was set, and how often the registry's present state was wanted.
pub(super) fn asked(lines: &mut Lines, live: &Running) {
    lines.head(
        "puts_total",
        Kind::Counter,
        "Requests to set an element, by what came of them: done, accepted, or the kind of the problem.",
    );
    for (outcome, count) in &live.puts {
        lines.sample("puts_total", &[("outcome", outcome)], *count as f64);
    }
    lines.head(
        "put_seconds_total",
        Kind::Counter,
        "How long all requests to set an element took.",
    );
    lines.sample("put_seconds_total", &[], seconds(live.puts_ms));
    lines.head(
        "present_total",
        Kind::Counter,
        "Times the registry's present state was wanted: for strong reads, to set an element in a database, by hubs that follow.",
    );
    for waits in &live.present {
        for (outcome, count) in [("had", waits.had), ("refused", waits.refused)] {
            let labels = [("for", waits.wanted_for.as_str()), ("outcome", outcome)];
            lines.sample("present_total", &labels, count as f64);
        }
    }
    lines.head(
        "present_seconds_total",
        Kind::Counter,
        "How long those waited who had it.",
    );
    for waits in &live.present {
        let labels = [("for", waits.wanted_for.as_str())];
        lines.sample("present_seconds_total", &labels, seconds(waits.had_ms));
    }
}

fn counted(lines: &mut Lines, database: &DatabaseStanding) {
    lines.head(
        "registry_barrier_seconds_total",
        Kind::Counter,
        "How long all barriers took.",
    );
    lines.sample("registry_barrier_seconds_total", &[], seconds(database.barriers_ms));
    for (name, help, value) in [
        (
            "registry_sessions_total",
            "Sessions with the database that were begun: each but the first is a reconnect.",
            database.sessions,
        ),
        (
            "registry_commits_total",
            "Commits of the database that were taken over.",
            database.commits,
        ),
        (
            "registry_rows_total",
            "Rows of the database that were taken over.",
            database.rows,
        ),
        (
            "registry_copies_total",
            "Times everything was read anew.",
            database.copies,
        ),
        (
            "registry_barriers_total",
            "Barriers in the database's log that came back.",
            database.barriers,
        ),
        (
            "registry_left_out_total",
            "What the catalogue could not hold.",
            database.left_out,
        ),
    ] {
        lines.counter(name, help, value);
    }
}

/// A number of the writing back, told apart by the way on which it is written.
type OfWriting = (&'static str, Kind, &'static str, fn(&WriteBack) -> Option<f64>);

fn written_back(lines: &mut Lines, status: &Status) {
    let ways = [("mlflow", &status.writeback), ("tables", &status.tables)];
    let ways = ways.into_iter().filter_map(|(to, way)| Some((to, way.as_ref()?)));
    let ways: Vec<_> = ways.collect();
    if ways.is_empty() {
        return;
    }
    lines.head(
        "writeback_state",
        Kind::Gauge,
        "What the writing to the registry is at: its circuit breaker, or stopped; 1 at one of them.",
    );
    for (to, way) in &ways {
        for state in STATES {
            let labels = [("to", *to), ("state", state)];
            lines.sample("writeback_state", &labels, flag(way.state == state));
        }
    }
    let numbers: [OfWriting; 3] = [
        (
            "writeback_behind",
            Kind::Gauge,
            "Changes of the hub that were not yet looked at for what is to be written to the registry.",
            |way| Some(way.behind as f64),
        ),
        (
            "writeback_written_total",
            Kind::Counter,
            "Writes that the registry has taken.",
            |way| way.written.map(|count| count as f64),
        ),
        (
            "writeback_passed_over_total",
            Kind::Counter,
            "Writes that the registry has no place for.",
            |way| way.passed_over.map(|count| count as f64),
        ),
    ];
    for (name, kind, help, number) in numbers {
        let mut samples = ways.iter().filter_map(|(to, way)| Some((to, number(way)?))).peekable();
        if samples.peek().is_some() {
            lines.head(name, kind, help);
        }
        for (to, value) in samples {
            lines.sample(name, &[("to", to)], value);
        }
    }
}
