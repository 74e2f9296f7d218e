//! What `status` and `sync` print.

use super::age::as_of;
use crate::answer::{PhaseName, Status, Synced};
use headland_host::text::table::pairs;
use headland_host::text::words::{bytes, counted, duration, printable, whole};

/// The most scopes that are named: a line each is for people to read.
const SCOPES_SHOWN_MAX: usize = 12;

/// How the agent is, in plain words.
pub(super) fn text(status: &Status) -> String {
    let models = match &status.filter {
        Some(filter) => {
            let (held, left_out) = (whole(status.models), whole(status.left_out));
            format!("{held} for which {}; {left_out} left out", printable(filter))
        }
        None => whole(status.models),
    };
    let mut rows = vec![("models", models), ("own writes", own_writes(status))];
    if status.urgent_ahead > 0 {
        let facts = counted(status.urgent_ahead, "fact", "facts");
        rows.push(("urgent", format!("{facts} known ahead of the feed")));
    }
    rows.push((
        "follows",
        status
            .follow
            .iter()
            .map(|follow| printable(follow))
            .collect::<Vec<_>>()
            .join(", "),
    ));
    rows.push(("scopes", scopes(status)));
    if let (Some(epoch), Some(head)) = (&status.epoch, status.head) {
        rows.push(("history", format!("{epoch}, change {}", whole(head))));
    }
    rows.push(("digest", status.digest.clone()));
    rows.extend(proof(status));
    if status.running {
        let link = &status.link;
        let received = format!(
            "{} in {}",
            bytes(link.bytes_in),
            counted(link.frames_in, "frame", "frames")
        );
        let sent = format!(
            "{} in {}",
            bytes(link.bytes_out),
            counted(link.frames_out, "frame", "frames")
        );
        rows.push((
            "link",
            format!(
                "{received} received, {sent} sent, {}",
                counted(link.sessions, "session", "sessions")
            ),
        ));
        if link.dropped_in + link.dropped_out + status.counts.frames_refused > 0 {
            let (dropped_in, dropped_out) = (whole(link.dropped_in), whole(link.dropped_out));
            let refused = whole(status.counts.frames_refused);
            rows.push((
                "lost",
                format!(
                    "{dropped_in} frames found no room, {dropped_out} could not be sent, {refused} could not be used"
                ),
            ));
        }
    }
    if let Some(trouble) = &status.trouble {
        rows.push(("trouble", printable(trouble)));
    }
    if let Some(ms) = status.uptime_ms {
        rows.push(("running for", duration(ms)));
    }
    format!(
        "{}: {}\n\n{}",
        printable(&status.name),
        headline(status),
        pairs("", rows)
    )
}

fn proof(status: &Status) -> Option<(&'static str, String)> {
    if status.fenced {
        let text = "FENCED: two stores speak under this name, and the hub takes no writes from either; give one of them \
                    another name and a new store, then say `headland-hub unfence` at the hub";
        return Some(("proof", text.to_owned()));
    }
    let proof = status.proof?;
    let ago = duration(proof.ms_ago);
    Some((
        "proof",
        match proof.equal {
            true => format!("the hub held exactly this {ago} ago"),
            false => format!("the hub held SOMETHING ELSE {ago} ago; comparing and mending"),
        },
    ))
}

fn headline(status: &Status) -> String {
    let hub = status.hub.as_ref().map_or("its hub", |hub| hub.broker.as_str());
    let age = as_of(&status.freshness, status.models > 0);
    match (status.running, status.freshness.phase) {
        (false, _) => format!("not running, {}", old(status)),
        (true, PhaseName::Live) if status.trouble.is_some() => format!("held up in following {hub}, {}", old(status)),
        (true, PhaseName::Live) if status.pending_writes > 0 => format!("in step with {hub} but for own writes, {age}"),
        (true, PhaseName::Live) => format!("in step with {hub}, {age}"),
        (true, PhaseName::CatchingUp) => format!("catching up with {hub}, {}", old(status)),
        (true, PhaseName::Greeting) => format!("connected to {hub}, which has not answered yet, {}", old(status)),
        (true, PhaseName::Offline) => {
            let since = status
                .phase_for_ms
                .map_or_else(String::new, |ms| format!(" for {}", duration(ms)));
            let why = status.lost.as_ref().map_or_else(String::new, |lost| {
                let again = duration(lost.retry_in_ms);
                format!(
                    " ({}: {}; next attempt in {again})",
                    lost.broker,
                    printable(&lost.reason)
                )
            });
            format!("offline{since}, {}{why}", old(status))
        }
    }
}

fn old(status: &Status) -> String {
    match status.freshness.age_ms {
        Some(_) => format!("data {}", as_of(&status.freshness, true)),
        None if status.models == 0 => "no data yet".to_owned(),
        None => "data of unknown age".to_owned(),
    }
}

fn own_writes(status: &Status) -> String {
    match status.pending_writes {
        0 => "none waiting for the hub".to_owned(),
        waiting => format!("{} waiting for the hub", whole(waiting)),
    }
}

fn scopes(status: &Status) -> String {
    let names: Vec<_> = status
        .scopes
        .iter()
        .take(SCOPES_SHOWN_MAX)
        .map(|scope| printable(&scope.scope))
        .collect();
    let more = status.scopes.len().saturating_sub(SCOPES_SHOWN_MAX);
    let rest = if more > 0 {
        format!(", and {more} more")
    } else {
        String::new()
    };
    if names.is_empty() {
        "none known yet".to_owned()
    } else {
        format!("{}{rest}", names.join(", "))
    }
}

/// What one round brought, on one line.
pub(crate) fn synced_line(synced: &Synced) -> String {
    let delivered = match synced.writes_delivered {
        0 => String::new(),
        writes => format!(", {} delivered", counted(writes, "own write", "own writes")),
    };
    format!(
        "in step with {}: {} changed, {} held{delivered}, {} received, {} sent, {}, in {:.1} s\n",
        synced.hub,
        counted(synced.records_changed, "model", "models"),
        whole(synced.models),
        bytes(synced.bytes_in),
        bytes(synced.bytes_out),
        as_of(&synced.freshness, synced.models > 0),
        synced.took_ms as f64 / 1_000.0,
    )
}
