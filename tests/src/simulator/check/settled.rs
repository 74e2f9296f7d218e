//! What must hold when all is quiet.

use crate::simulator::agent::Agent;
use crate::simulator::hub::{FOLLOWER, Hub, REGIONS};
use crate::simulator::ledger::{Due, Ledger};
use crate::simulator::reference::{Follows, HERE, Reference, lines_of_models};
use headland_shared::digest::Digest;
use headland_shared::scope::Scope;
use headland_shared::session::Now;
use headland_shared::stamp::AHEAD_MS_MAX;
use headland_shared::view::Model;
use std::collections::BTreeMap;

/// Invariants 1, 2, 5, 6 and 8: everybody holds the same, and every durable write is there once, wherever it may be.
pub(in crate::simulator) fn settled(agents: &[Agent], hubs: &[Hub; 2], reference: &Reference) -> Result<(), String> {
    for (number, hub) in hubs.iter().enumerate() {
        let models = hub.models()?;
        let (shown, wanted) = (lines_of_models(&models), reference.lines("*/*"));
        if shown != wanted {
            return Err(format!(
                "hub {number} shows\n{shown:#?}\nand not what the registry said\n{wanted:#?}"
            ));
        }
        let due = |device: usize| match &agents[device] {
            agent if agent.at == number => Due::All,
            agent if agent.roamed => Due::Some,
            _ => Due::Nothing,
        };
        reference.ledger.check_notes(&models, due)?;
        reference.ledger.check_counts(&models, REGIONS[number], due)?;
    }
    let alive = agents.iter().filter(|agent| !agent.gone);
    alive
        .into_iter()
        .try_for_each(|agent| converged(agent, hubs, reference))
}

/// Invariant 6: what the following hub holds is what the registry said with one commit, whole.
pub(in crate::simulator) fn followed(hub: &Hub, reference: &Reference) -> Result<(), String> {
    let commit = hub.holds.ok_or("the following hub has heard nothing")?;
    let (shown, wanted) = (lines_of_models(&hub.models()?), reference.lines_at(commit));
    if shown == wanted {
        return Ok(());
    }
    Err(format!(
        "hub {FOLLOWER} shows\n{shown:#?}\nand not what the registry said with commit {commit} (invariant 6)\n{wanted:#?}"
    ))
}

/// Invariant 6: scopes that hold the same at both hubs have the same digest there. Says how many there are. Where
/// something stays in its region, or was counted by a device that stays, the hubs hold different things, also when their
/// sums are the same.
pub(in crate::simulator) fn alike(hubs: &[Hub; 2], agents: &[Agent], ledger: &Ledger) -> Result<u64, String> {
    let [north, south] = [scopes(&hubs[0])?, scopes(&hubs[1])?];
    let counted = ledger.counted_in_one_place(|device| agents[device].travelled);
    let stays = |model: &Model| model.counts.contains_key(HERE) || counted.contains(model.name.as_str());
    let regional = |models: &[Model]| models.iter().any(stays);
    let mut alike = 0;
    for (scope, (models, digest)) in north.iter().filter(|(_, (models, _))| !regional(models)) {
        let Some((others, other)) = south.get(scope).filter(|(others, _)| others == models) else {
            continue;
        };
        if digest != other {
            return Err(format!(
                "scope {scope} has digests {digest:?} and {other:?} at hubs that both show {others:#?} (invariant 6)"
            ));
        }
        alike += 1;
    }
    Ok(alike)
}

/// Invariant 6: whoever acknowledged held what its hub did at that commit. Only a hub that was restored may find
/// otherwise, until somebody tells it.
pub(in crate::simulator) fn proven(agents: &[Agent], hubs: &[Hub; 2]) -> Result<(), String> {
    let hubs = hubs.iter().filter_map(|hub| hub.replica.as_ref());
    let found: u64 = hubs.map(|replica| replica.counts().mismatches).sum();
    let agents = agents.iter().filter_map(|agent| agent.replica.as_ref());
    let told: u64 = agents.map(|replica| replica.counts().digest_mismatches).sum();
    if found + told == 0 {
        return Ok(());
    }
    Err(format!(
        "hubs found {found} digests that were not theirs, and agents were told of {told} (invariant 6)"
    ))
}

/// Invariant 7: no hub has taken from a device what is from the future, whatever that device's clock says.
pub(in crate::simulator) fn stamped(hubs: &[Hub; 2], now: Now) -> Result<(), String> {
    let latest = now.wall_ms + AHEAD_MS_MAX;
    for hub in hubs {
        let notes = hub.models()?.into_iter().flat_map(|model| model.annotations);
        if let Some(note) = notes.into_iter().find(|note| note.at_ms > latest) {
            return Err(format!("a hub shows a note from the future: {note:?} (invariant 7)"));
        }
    }
    Ok(())
}

/// Scopes with what they hold, and its digest.
fn scopes(hub: &Hub) -> Result<BTreeMap<Scope, (Vec<Model>, Digest)>, String> {
    let replica = hub.replica.as_ref().ok_or("a hub is down at the end")?;
    let views = replica.store().read().map_err(|error| error.to_string())?;
    let rows = views.scopes().map_err(|error| error.to_string())?;
    let models = hub.models()?;
    let of = |scope: &Scope| {
        let task =
            |model: &&Model| model.attributes.get("task").and_then(|task| task.as_text()) == Some(scope.task.as_str());
        models.iter().filter(task).cloned().collect()
    };
    Ok(rows
        .values()
        .map(|row| (row.scope.clone(), (of(&row.scope), row.digest)))
        .collect())
}

/// Invariants 4 and 6: an agent shows what the registry says, and holds what its hub holds.
fn converged(agent: &Agent, hubs: &[Hub; 2], reference: &Reference) -> Result<(), String> {
    let (Some(replica), Some(hub)) = (&agent.replica, &hubs[agent.at].replica) else {
        return Err(format!("{} is down at the end", agent.name));
    };
    let shown = lines_of_models(&agent.models()?);
    let wanted = reference.lines(&agent.pattern);
    if shown != wanted {
        return Err(format!(
            "{} did not converge:\n{shown:#?}\nwanted\n{wanted:#?}",
            agent.name
        ));
    }
    let held = replica.store().read().and_then(|views| views.ahead_count());
    if held.map_err(|error| error.to_string())? > 0 {
        return Err(format!(
            "{}: urgent facts are left that the feed has passed",
            agent.name
        ));
    }
    let follow = Follows::of(&agent.pattern).scopes;
    let mut digest = Digest::default();
    let views = hub.store().read().map_err(|error| error.to_string())?;
    for row in views.scopes().map_err(|error| error.to_string())?.values() {
        if follow.matches(&row.scope) {
            digest.add(row.digest);
        }
    }
    let held = replica.digest().map_err(|error| error.to_string())?;
    if held != digest {
        return Err(format!(
            "{}: its digest {held:?} is not the hub's {digest:?} (invariant 6)",
            agent.name
        ));
    }
    Ok(())
}
