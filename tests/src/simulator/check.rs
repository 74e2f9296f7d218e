//! What must hold, whatever happens.

use super::agent::Agent;
use super::hub::Hub;
use super::reference::{Reference, hash_of_models, lines_of_models, take_urgent, urgent_of_entry};
use headland_shared::digest::Digest;
use headland_shared::scope::Follow;
use headland_shared::session::Now;
use headland_shared::stamp::AHEAD_MS_MAX;
use std::collections::BTreeSet;

/// Invariants 4, 5 and 11, at every read: of the feed an agent shows the registry's state after one commit, whole,
/// never an earlier one than before, and its own notes.
pub(super) fn read(agent: &mut Agent, reference: &Reference) -> Result<(), String> {
    let models = agent.models_of_the_feed()?;
    if models.is_empty() && agent.shown.is_none() {
        return Ok(());
    }
    let hash = hash_of_models(&models);
    let from = agent.shown.unwrap_or(0);
    let Some(commit) = reference.commit_with(&agent.pattern, hash, from) else {
        return Err(format!(
            "{} shows what no commit from {from} on left behind (invariant 4 or 5):\n{:#?}\nthe registry now:\n{:#?}",
            agent.name,
            lines_of_models(&models),
            reference.lines(&agent.pattern),
        ));
    };
    agent.shown = Some(commit);
    agent.shows = models.len();
    let own = reference.ledger.check_own(agent.device, &models);
    own.map_err(|what| format!("{}: its own {what}", agent.name))
}

/// Invariant 4, of urgent facts: what is shown ahead of the feed differs from it in nothing but these, and each is what
/// the registry said at that commit or a later one. Says whether anything is.
pub(super) fn ahead(agent: &Agent, reference: &Reference) -> Result<bool, String> {
    let (shown, feed) = (agent.models()?, agent.models_of_the_feed()?);
    let (from, mut any) = (agent.shown.unwrap_or(0), false);
    if shown.len() != feed.len() {
        return Err(format!("{}: models come or go ahead of the feed", agent.name));
    }
    for (mut shown, mut feed) in shown.into_iter().zip(feed) {
        let (urgent, before) = (take_urgent(&mut shown), take_urgent(&mut feed));
        if shown != feed {
            return Err(format!(
                "{} shows ahead of the feed what is not urgent (invariant 4):\n{shown:#?}\nand not\n{feed:#?}",
                agent.name
            ));
        }
        let names: BTreeSet<&String> = urgent.keys().chain(before.keys()).collect();
        for name in names.into_iter().filter(|name| urgent.get(*name) != before.get(*name)) {
            any = true;
            let said = |now: Option<&String>| {
                reference.said_since(from, &shown.name, |entry| urgent_of_entry(entry).get(name) == now)
            };
            if !said(urgent.get(name)) {
                return Err(format!(
                    "{} shows {name} of {} as {:?}, which the registry did not say from commit {from} on (invariant 4)",
                    agent.name,
                    shown.name,
                    urgent.get(name)
                ));
            }
        }
    }
    Ok(any)
}

/// Invariants 1, 2, 5, 6 and 8, when all is quiet again: everybody holds the same, and every durable write is there
/// once.
pub(super) fn settled(agents: &[Agent], hub: &Hub, reference: &Reference) -> Result<(), String> {
    let models = hub.models()?;
    let (shown, wanted) = (lines_of_models(&models), reference.lines("*/*"));
    if shown != wanted {
        return Err(format!(
            "the hub shows\n{shown:#?}\nand not what the registry said\n{wanted:#?}"
        ));
    }
    for agent in agents.iter().filter(|agent| !agent.gone) {
        converged(agent, hub, reference)?;
    }
    reference.ledger.check_notes(&models)?;
    reference.ledger.check_counts(&models)
}

/// Invariant 7: nothing that the hub has taken from a device is from the future, whatever that device's clock says.
pub(super) fn stamps(hub: &Hub, now: Now) -> Result<(), String> {
    let latest = now.wall_ms + AHEAD_MS_MAX;
    let notes = hub.models()?.into_iter().flat_map(|model| model.annotations);
    match notes.into_iter().find(|note| note.at_ms > latest) {
        Some(note) => Err(format!("the hub shows a note from the future: {note:?} (invariant 7)")),
        None => Ok(()),
    }
}

/// Invariant 6: whoever acknowledged held what the hub did at that commit. Only a hub that was restored may say
/// otherwise, as long as nobody has told it.
pub(super) fn proofs(agents: &[Agent], hub: &Hub) -> Result<(), String> {
    let found = hub.replica.as_ref().map_or(0, |replica| replica.counts().mismatches);
    let told = agents.iter().filter_map(|agent| agent.replica.as_ref());
    let told: u64 = told.map(|replica| replica.counts().digest_mismatches).sum();
    if found + told > 0 {
        return Err(format!(
            "the hub found {found} digests that are not its own, and agents were told of {told} (invariant 6)"
        ));
    }
    Ok(())
}

fn converged(agent: &Agent, hub: &Hub, reference: &Reference) -> Result<(), String> {
    let (Some(replica), Some(hub)) = (&agent.replica, &hub.replica) else {
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
    let follow: Follow = agent.pattern.parse().map_err(|error| format!("{error}"))?;
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
