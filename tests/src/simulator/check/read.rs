//! What must hold at every read of an agent.

use crate::simulator::agent::Agent;
use crate::simulator::reference::{Reference, hash_of_models, lines_of_models, take_urgent, urgent_of_entry};
use std::collections::BTreeSet;

/// Invariants 4, 5 and 11, at every read: of the feed an agent shows the registry's state after one commit, whole,
/// never an earlier one than before, and its own notes.
pub(in crate::simulator) fn read(agent: &mut Agent, reference: &Reference) -> Result<(), String> {
    let models = agent.models_of_the_feed()?;
    if models.is_empty() && agent.shown.is_none() {
        return Ok(());
    }
    let hash = hash_of_models(&models);
    let from = agent.shown.unwrap_or(0);
    let commit = reference.commit_with(&agent.pattern, hash, from).or_else(|| {
        // A withdrawal that was seen, and not yet heard of with where the registry stands, may be undone by a move.
        let moved = std::mem::take(&mut agent.moved);
        moved.then(|| reference.commit_before_departures(&agent.pattern, hash, from))?
    });
    let Some(commit) = commit else {
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
pub(in crate::simulator) fn ahead(agent: &Agent, reference: &Reference) -> Result<bool, String> {
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
