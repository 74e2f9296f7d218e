//! What is said of agents.

use crate::answer::{Agent, Agents};
use crate::store::{AgentRow, Guard, Store, Views};
use headland_host::tables::StoreError;
use headland_shared::epoch::{EpochTag, Seq};
use headland_shared::name::ReplicaName;
use headland_shared::resolve::Description;
use headland_shared::scope::{Follow, Scope};
use headland_shared::session::Now;
use std::collections::BTreeMap;

/// Who follows what, and who of them is proven to hold the same as the hub. Fleets follow a few sets of patterns, so
/// that these are counted and not the agents.
pub(super) struct Shares {
    sets: Vec<(Vec<Follow>, u64, u64)>,
}

impl Shares {
    pub(super) fn of(agents: &BTreeMap<String, AgentRow>, epoch: EpochTag) -> Self {
        let mut counted: BTreeMap<&[String], (u64, u64)> = BTreeMap::new();
        for row in agents.values() {
            let (all, proven) = counted.entry(&row.follow).or_default();
            *all += 1;
            *proven += u64::from(row.epoch == epoch && row.proven == Some(true));
        }
        let parse = |set: &[String]| set.iter().filter_map(|text| text.parse().ok()).collect();
        let sets = counted
            .into_iter()
            .map(|(set, (all, proven))| (parse(set), all, proven));
        Self { sets: sets.collect() }
    }

    /// How many agents follow a scope, and how many of them are proven in sync.
    pub(super) fn of_scope(&self, scope: &Scope) -> (u64, u64) {
        let followers = self
            .sets
            .iter()
            .filter(|(set, ..)| set.iter().any(|follow| follow.matches(scope)));
        followers.fold((0, 0), |(all, proven), (_, a, p)| (all + a, proven + p))
    }
}

/// What agents are measured by.
struct Measure {
    head: Seq,
    epoch: EpochTag,
    now: Now,
}

impl Measure {
    fn of(views: &Views, now: Now) -> Result<Self, StoreError> {
        Ok(Self {
            head: views.numbers()?.head.seq,
            epoch: views.epoch()?.unwrap_or_default().tag(),
            now,
        })
    }

    fn agent(&self, name: String, row: AgentRow, guard: Option<&Guard>, device: Description) -> Agent {
        // What it acknowledged of another history means nothing in this one.
        let same = row.epoch == self.epoch;
        let acknowledged = if same { row.acknowledged } else { Seq::START };
        let ago = |ms| self.now.wall_ms.saturating_sub(ms);
        Agent {
            name,
            acknowledged: acknowledged.0,
            behind: self.head.0.saturating_sub(acknowledged.0),
            proven: row.proven.filter(|_| same),
            heard_ms_ago: ago(row.heard_ms),
            follow: row.follow,
            device: serde_json::to_value(device).unwrap_or_default(),
            fenced_ms_ago: guard.and_then(|guard| guard.fenced_ms).map(ago),
        }
    }
}

/// All agents.
pub(super) fn all(views: &Views, rows: BTreeMap<String, AgentRow>, now: Now) -> Result<Vec<Agent>, StoreError> {
    let measure = Measure::of(views, now)?;
    let (guards, mut devices) = (views.guards()?, views.devices()?);
    let agents = rows.into_iter().map(|(name, row)| {
        let (guard, device) = (guards.get(&name), devices.remove(&name).unwrap_or_default());
        measure.agent(name, row, guard, device)
    });
    Ok(agents.collect())
}

/// Agents in the order of their names, after `after`, at most `count`.
pub(crate) fn agents(store: &Store, after: Option<&str>, count: usize, now: Now) -> Result<Agents, StoreError> {
    let views = store.read()?;
    let measure = Measure::of(&views, now)?;
    let mut rows = views.agents_after(after, count.saturating_add(1))?;
    let more = rows.len() > count;
    rows.truncate(count);
    let mut agents = Vec::new();
    for (name, row) in rows {
        agents.push(described(&views, &measure, name, row)?);
    }
    let last = agents.last().filter(|_| more);
    Ok(Agents {
        next_page_token: last.map(|agent| agent.name.clone()),
        agents,
        enrolled: views.agent_count()?,
    })
}

/// One agent; nothing when the hub has never heard of it.
pub(crate) fn agent(store: &Store, name: &ReplicaName, now: Now) -> Result<Option<Agent>, StoreError> {
    let views = store.read()?;
    let Some(row) = views.agent(name)? else {
        return Ok(None);
    };
    let measure = Measure::of(&views, now)?;
    described(&views, &measure, name.to_string(), row).map(Some)
}

fn described(views: &Views, measure: &Measure, name: String, row: AgentRow) -> Result<Agent, StoreError> {
    let (guard, device) = match ReplicaName::parse(&name) {
        Ok(name) => (views.guard(&name)?, views.device(&name)?.unwrap_or_default()),
        // It was such a name when it was written.
        Err(error) => return Err(StoreError::corrupt("agents-1", error)),
    };
    Ok(measure.agent(name, row, guard.as_ref(), device))
}
