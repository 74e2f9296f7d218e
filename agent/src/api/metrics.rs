//! The agent in numbers, in the text format of Prometheus.

use super::Local;
use crate::answer::{Allows, Answers, BudgetStatus, PhaseName, Status};
use axum::extract::State;
use axum::http::{HeaderName, header};
use headland_api::numbers::{FORMAT, Kind, Lines};
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use headland_host::clock::BootClock;
use headland_host::link::LinkCounts;
use std::sync::Arc;

/// `GET /metrics`
pub(super) async fn metrics(
    State(local): State<Arc<Local>>,
) -> Result<([(HeaderName, &'static str); 1], String), Refusal> {
    let text = on_a_reader(move || {
        let live = local.live.borrow().clone();
        let answers = Answers::new(local.store.clone(), &live, BootClock.now_ms())?;
        let running = (local.started, local.link.counts());
        Ok(text(&answers.status(Vec::new(), Some(running))?))
    });
    Ok(([(header::CONTENT_TYPE, FORMAT)], text.await?))
}

/// The lines of all numbers.
fn text(status: &Status) -> String {
    let mut lines = Lines::new("headland_agent");
    times(&mut lines, status);
    now(&mut lines, status);
    replica(&mut lines, status);
    link(&mut lines, status);
    if let Some(budget) = &status.budget {
        within_budget(&mut lines, budget);
    }
    lines.into_text()
}

fn times(lines: &mut Lines, status: &Status) {
    let seconds = |ms: u64| ms as f64 / 1_000.0;
    lines.head("build_info", Kind::Gauge, "Which version runs: the number is always 1.");
    lines.sample("build_info", &[("version", &status.version)], 1.0);
    let phases = [
        (PhaseName::Offline, "offline"),
        (PhaseName::Greeting, "greeting"),
        (PhaseName::CatchingUp, "catching-up"),
        (PhaseName::Live, "live"),
    ];
    let present = phases.iter().find(|(phase, _)| *phase == status.freshness.phase);
    lines.states(
        "phase",
        "phase",
        "Where the session with the hub stands: 1 at one of them.",
        &phases.map(|(_, word)| word),
        present.map_or("", |(_, word)| word),
    );
    if let Some(ms) = status.uptime_ms {
        lines.gauge("uptime_seconds", "Time since the agent started.", seconds(ms));
    }
    // Absent while it is not known: no number would be true.
    if let Some(ms) = status.freshness.age_ms {
        lines.gauge(
            "catalogue_age_seconds",
            "Time since what is held was last known to be the registry's state.",
            seconds(ms),
        );
    }
    if let Some(proof) = status.proof {
        lines.gauge(
            "proof_equal",
            "Whether the hub found the state here to be its own when it last compared.",
            f64::from(u8::from(proof.equal)),
        );
        lines.gauge(
            "proof_age_seconds",
            "Time since the hub last compared.",
            seconds(proof.ms_ago),
        );
    }
    // Absent while the device is awake.
    if let Some(ms) = status.wakes_in_ms {
        lines.gauge(
            "wakes_seconds",
            "Time until the device wakes for its next contact.",
            seconds(ms),
        );
    }
}

fn now(lines: &mut Lines, status: &Status) {
    let flag = |yes: bool| f64::from(u8::from(yes));
    for (name, help, value) in [
        (
            "link_up",
            "Whether there is a link to a hub.",
            flag(status.hub.is_some()),
        ),
        (
            "settled",
            "Whether everything known of is here, and everything written here is there.",
            flag(status.settled),
        ),
        (
            "fenced",
            "Whether the hub takes no writes from this name, since two stores speak under it.",
            flag(status.fenced),
        ),
        ("models", "Models held.", status.models as f64),
        (
            "urgent_ahead",
            "Urgent facts held ahead of the feed.",
            status.urgent_ahead as f64,
        ),
        (
            "pending_writes",
            "Elements written here that the hub has not stored yet.",
            status.pending_writes as f64,
        ),
    ] {
        lines.gauge(name, help, value);
    }
}

fn replica(lines: &mut Lines, status: &Status) {
    let counts = status.counts;
    for (name, help, value) in [
        ("changes_total", "Times the catalogue has changed.", status.changes),
        (
            "records_changed_total",
            "Records that changed, came or went.",
            counts.records_changed,
        ),
        (
            "live_groups_total",
            "Groups of live changes that were applied.",
            counts.live_groups,
        ),
        ("catch_ups_total", "Catch-ups that were applied.", counts.catch_ups),
        (
            "snapshots_total",
            "Catch-ups that brought everything.",
            counts.snapshots,
        ),
        (
            "repairs_total",
            "Catch-ups that sent only what a comparison found to differ.",
            counts.repairs,
        ),
        (
            "resyncs_held_total",
            "Resyncs put off since they would have deleted much.",
            counts.resyncs_held,
        ),
        (
            "digest_mismatches_total",
            "Times the hub held something else where it should hold the same.",
            counts.digest_mismatches,
        ),
        (
            "lives_total",
            "Times this store went back in time, or was a copy.",
            counts.lives,
        ),
        (
            "frames_refused_total",
            "Messages that could not be used.",
            counts.frames_refused,
        ),
        (
            "urgent_total",
            "Urgent facts that were known ahead of the feed.",
            counts.urgent,
        ),
        (
            "urgent_left_total",
            "Urgent facts that were left to the feed for want of room.",
            counts.urgent_left,
        ),
    ] {
        lines.counter(name, help, value);
    }
}

fn link(lines: &mut Lines, status: &Status) {
    let link = status.link;
    lines.link(&LinkCounts {
        sessions: link.sessions,
        frames_in: link.frames_in,
        bytes_in: link.bytes_in,
        frames_out: link.frames_out,
        bytes_out: link.bytes_out,
        ..LinkCounts::default()
    });
    for (name, help, value) in [
        (
            "received_dropped_frames_total",
            "Frames that arrived and found no room.",
            link.dropped_in,
        ),
        (
            "sent_dropped_frames_total",
            "Frames that could not be sent.",
            link.dropped_out,
        ),
        (
            "wire_bytes_total",
            "Bytes both ways with all that MQTT, TCP and IP add, as far as the agent can know them.",
            link.wire_bytes,
        ),
    ] {
        lines.counter(name, help, value);
    }
}

fn within_budget(lines: &mut Lines, budget: &BudgetStatus) {
    for (name, help, bytes) in [
        (
            "budget_bytes",
            "Bytes that any 24 hours may carry, both ways.",
            budget.bytes_per_day,
        ),
        (
            "budget_carried_bytes",
            "Bytes that the last 24 hours of running time have carried, rounded up to hours.",
            budget.carried_bytes,
        ),
    ] {
        lines.gauge(name, help, bytes as f64);
    }
    let allows = match budget.allows {
        Allows::Everything => "everything",
        Allows::NotNotes => "not-notes",
        Allows::UrgentOnly => "urgent-only",
    };
    lines.states(
        "budget_allows",
        "what",
        "What the budget has enough for: 1 at one of them.",
        &["everything", "not-notes", "urgent-only"],
        allows,
    );
    lines.counter(
        "budget_held_total",
        "Times something was held back for want of a budget.",
        budget.held,
    );
}
