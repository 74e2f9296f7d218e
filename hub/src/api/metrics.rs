//! The hub in numbers, in the text format of Prometheus.

mod registry;

use super::Local;
use crate::answer::{Running, Status};
use axum::extract::State;
use axum::http::{HeaderName, header};
use headland_api::numbers::{FORMAT, Kind, Lines};
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use headland_host::link::LinkCounts;
use std::sync::Arc;

/// `GET /metrics`
pub(super) async fn metrics(
    State(local): State<Arc<Local>>,
) -> Result<([(HeaderName, &'static str); 1], String), Refusal> {
    let text = on_a_reader(move || Ok(text(&local.status()?)));
    Ok(([(header::CONTENT_TYPE, FORMAT)], text.await?))
}

/// The lines of all numbers.
fn text(status: &Status) -> String {
    let mut lines = Lines::new("headland_hub");
    lines.head("build_info", Kind::Gauge, "Which version runs: the number is always 1.");
    lines.sample("build_info", &[("version", &status.version)], 1.0);
    catalogue(&mut lines, status);
    agents(&mut lines, status);
    registry::lines(&mut lines, status);
    if let Some(live) = &status.live {
        running(&mut lines, live);
        counted(&mut lines, live);
        registry::asked(&mut lines, live);
    }
    lines.into_text()
}

fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

fn catalogue(lines: &mut Lines, status: &Status) {
    for (name, help, value) in [
        ("models", "Models held.", status.models as f64),
        (
            "head_seq",
            "The latest change, in the hub's order of changes.",
            status.head as f64,
        ),
        (
            "registry_life",
            "Which life of the registry.",
            f64::from(status.registry.life),
        ),
        (
            "registry_revision",
            "The registry's latest revision.",
            status.registry.revision as f64,
        ),
        (
            "restored",
            "Whether this hub went back in time and nobody has confirmed what it holds.",
            flag(status.restored_ms_ago.is_some()),
        ),
    ] {
        lines.gauge(name, help, value);
    }
}

fn agents(lines: &mut Lines, status: &Status) {
    let all = status.agents.len();
    let fenced = status.agents.iter().filter(|agent| agent.fenced_ms_ago.is_some());
    let unequal = status.agents.iter().filter(|agent| agent.proven == Some(false));
    lines.gauge("agents", "Agents that this hub has heard of.", all as f64);
    lines.gauge(
        "agents_proven_in_sync",
        "Agents that are proven to hold what the hub holds.",
        status.agents_proven_in_sync as f64,
    );
    // Absent while there is nobody to have a share of.
    if all > 0 {
        lines.gauge(
            "agents_proven_in_sync_ratio",
            "The share of agents that are proven to hold what the hub holds, from 0 to 1.",
            status.agents_proven_in_sync as f64 / all as f64,
        );
    }
    lines.gauge(
        "agents_proven_unequal",
        "Agents that were found to hold something else.",
        unequal.count() as f64,
    );
    lines.gauge(
        "agents_fenced",
        "Agents from which no writes are taken, since two stores speak under their name.",
        fenced.count() as f64,
    );
    if let Some(behind) = status.agents.iter().map(|agent| agent.behind).max() {
        lines.gauge(
            "agents_behind_max",
            "Changes that the agent has still to acknowledge that has most of them.",
            behind as f64,
        );
    }
}

fn running(lines: &mut Lines, live: &Running) {
    for (name, help, value) in [
        ("uptime_seconds", "Time since the hub started.", seconds(live.uptime_ms)),
        (
            "link_up",
            "Whether there is a link to the broker.",
            flag(live.broker.is_some()),
        ),
        (
            "store_trouble",
            "Whether the store failed and has not worked since.",
            flag(live.trouble.is_some()),
        ),
        (
            "queue_frames",
            "Frames of agents that wait for the replica.",
            live.queue.frames as f64,
        ),
        (
            "queue_bytes",
            "Bytes in frames of agents that wait for the replica.",
            live.queue.bytes as f64,
        ),
    ] {
        lines.gauge(name, help, value);
    }
}

fn counted(lines: &mut Lines, live: &Running) {
    let (counts, link) = (live.counts, live.link);
    for (name, help, value) in [
        ("hellos_total", "Greetings of agents that were answered.", counts.hellos),
        (
            "hellos_put_off_total",
            "Greetings that were put off, since more agents greeted than could be answered soon.",
            counts.hellos_put_off,
        ),
        (
            "hellos_present_total",
            "Greetings that wanted the registry's present state and were answered with it.",
            counts.hellos_present,
        ),
        (
            "hellos_present_late_total",
            "Greetings that wanted it and were answered without, since it could not be had in time.",
            counts.hellos_present_late,
        ),
        ("snapshots_total", "Catch-ups that bring everything.", counts.snapshots),
        (
            "repairs_total",
            "Catch-ups that sent only what a comparison found to differ.",
            counts.repairs,
        ),
        ("writes_total", "Writes of agents that were stored.", counts.writes),
        (
            "writes_refused_total",
            "Writes of agents that the schema or a limit forbade.",
            counts.writes_refused,
        ),
        ("batches_total", "Live batches that were published.", counts.batches),
        (
            "urgent_total",
            "Messages of urgent facts that were published.",
            counts.urgent,
        ),
        (
            "digest_mismatches_total",
            "Times an agent held something else where it should hold the same.",
            counts.digest_mismatches,
        ),
        (
            "frames_refused_total",
            "Messages that could not be used.",
            counts.frames_refused,
        ),
        (
            "frames_dropped_total",
            "Messages that found no room, on their way in or out.",
            counts.frames_dropped,
        ),
    ] {
        lines.counter(name, help, value);
    }
    lines.link(&LinkCounts {
        sessions: link.sessions,
        frames_in: link.frames_in,
        bytes_in: link.bytes_in,
        frames_out: link.frames_out,
        bytes_out: link.bytes_out,
        ..LinkCounts::default()
    });
}
