//! What the hub answers: the same whether it runs or only its store is there.

use crate::driver::Live;
use crate::read::Reader;
use crate::registry::bridge::Lsn;
use crate::store::{AgentRow, Origin, Store};
use headland_host::link::LinkCounts;
use headland_host::tables::StoreError;
use headland_shared::digest::Digest;
use headland_shared::epoch::{EpochTag, Seq};
use headland_shared::scope::{Follow, Scope};
use headland_shared::session::Now;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Models read at a time when all of them are looked at.
const WALK: usize = 1_000;

/// How the hub is.
pub(crate) fn status(
    store: &Store,
    region: &str,
    live: Option<(&Live, LinkCounts, u64)>,
    now: Now,
) -> Result<Value, StoreError> {
    let views = store.read()?;
    let numbers = views.numbers()?;
    let scopes = views.scopes()?;
    let mut digest = Digest::default();
    let mut models = 0;
    let mut rows = Vec::new();
    let epoch = views.epoch()?.unwrap_or_default();
    let (enrolled, guards, devices) = (views.agents()?, views.guards()?, views.devices()?);
    let shares = Shares::of(&enrolled, epoch.tag());
    for row in scopes.values() {
        digest.add(row.digest);
        models += row.models;
        let (followers, proven) = shares.of_scope(&row.scope);
        rows.push(json!({
            "scope": row.scope.to_string(), "models": row.models, "head": row.head.0, "floor": row.floor.0,
            "digest": hex(row.digest), "agents": followers, "agents_proven_in_sync": proven,
        }));
    }
    let agents: Vec<Value> = enrolled
        .into_iter()
        .map(|(name, row)| {
            let mut answer = agent(&name, &row, numbers.head.seq, epoch.tag(), now);
            let fenced = guards.get(&name).and_then(|guard| guard.fenced_ms);
            answer["device"] = json!(devices.get(&name).cloned().unwrap_or_default());
            answer["fenced_ms_ago"] = json!(fenced.map(|ms| now.wall_ms.saturating_sub(ms)));
            answer
        })
        .collect();
    let proven = agents.iter().filter(|agent| agent["proven"] == true).count();
    let mut answer = json!({
        "region": region, "running": live.is_some(), "version": env!("CARGO_PKG_VERSION"),
        "epoch": epoch.to_string(),
        "head": numbers.head.seq.0,
        "registry": { "life": numbers.life.number(), "revision": numbers.revision },
        "models": models, "digest": hex(digest), "scopes": rows,
        "agents": agents, "agents_proven_in_sync": proven,
        "restored_ms_ago": views.restored()?.map(|ms| now.wall_ms.saturating_sub(ms)),
    });
    if let Some((live, link, uptime_ms)) = live {
        let counts = live.counts;
        answer["broker"] = json!(live.broker);
        answer["trouble"] = json!(live.trouble);
        answer["uptime_ms"] = json!(uptime_ms);
        answer["counts"] = json!({
            "frames_refused": counts.frames_refused, "hellos": counts.hellos,
            "hellos_put_off": counts.put_off, "hellos_overtaken": counts.overtaken, "snapshots": counts.snapshots,
            "repairs": counts.repairs, "records_found_to_differ": counts.compared_records,
            "agents_went_back": counts.went_back, "names_fenced": counts.fenced, "times_restored": counts.restored,
            "writes": counts.writes, "writes_refused": counts.writes_refused, "batches": counts.batches, "urgent": counts.urgent,
            "digest_mismatches": counts.mismatches, "frames_dropped": live.frames_dropped + link.dropped_in,
        });
        if let Some(write_back) = &live.write_back {
            answer["writeback"] = write_back.borrow().described(numbers.head.seq, now.mono);
        }
        answer["link"] = json!({
            "sessions": link.sessions, "frames_in": link.frames_in, "bytes_in": link.bytes_in,
            "frames_out": link.frames_out, "bytes_out": link.bytes_out,
        });
    }
    Ok(answer)
}

/// Who follows what, and who of them is proven to hold the same as the hub. Fleets follow a few sets of patterns, so
/// that these are counted and not the agents.
struct Shares {
    sets: Vec<(Vec<Follow>, u64, u64)>,
}

impl Shares {
    fn of(agents: &BTreeMap<String, AgentRow>, epoch: EpochTag) -> Self {
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
    fn of_scope(&self, scope: &Scope) -> (u64, u64) {
        let followers = self
            .sets
            .iter()
            .filter(|(set, ..)| set.iter().any(|follow| follow.matches(scope)));
        followers.fold((0, 0), |(all, proven), (_, a, p)| (all + a, proven + p))
    }
}

/// Models that the registry holds, of all namespaces.
pub(crate) fn models_held(store: &Store) -> Result<u64, StoreError> {
    Ok(store.read()?.scopes()?.values().map(|row| row.models).sum())
}

fn agent(name: &str, row: &AgentRow, head: Seq, epoch: EpochTag, now: Now) -> Value {
    // What it acknowledged of another history means nothing in this one.
    let same = row.epoch == epoch;
    let acknowledged = if same { row.acknowledged } else { Seq::START };
    json!({
        "name": name, "acknowledged": acknowledged.0, "behind": head.0.saturating_sub(acknowledged.0),
        "proven": row.proven.filter(|_| same), "heard_ms_ago": now.wall_ms.saturating_sub(row.heard_ms), "follow": row.follow,
    })
}

fn hex(digest: Digest) -> String {
    format!("{:032x}", digest.0)
}

/// The registry's commits, the latest first.
pub(crate) fn history(store: &Store, limit: usize) -> Result<Value, StoreError> {
    let commits: Vec<Value> = store
        .read()?
        .commits(limit)?
        .into_iter()
        .map(|(seq, row)| {
            let (kind, of) = match row.origin {
                Origin::Import(files) => ("import", files),
                Origin::Revert(seq) => ("revert", seq.to_string()),
                Origin::Follow(seq) => ("follow", seq.to_string()),
                Origin::Database(at) => ("database", Lsn(at).to_string()),
            };
            json!({
                "seq": seq.0, "revision": row.revision, "at_ms": row.at_ms, "kind": kind, "of": of,
                "new": row.new, "changed": row.changed, "gone": row.gone,
            })
        })
        .collect();
    Ok(json!({ "commits": commits }))
}

/// The latest notes on all models, the latest first.
pub(crate) fn annotations(store: &Store, limit: usize) -> Result<Value, StoreError> {
    let reader = Reader::new(store.clone());
    let mut notes: Vec<(u64, Value)> = Vec::new();
    let mut after = None;
    loop {
        let (models, more) = reader.models(None, after.as_ref(), WALK, |_| true)?;
        for model in &models {
            for note in &model.annotations {
                let value = json!({
                    "namespace": model.namespace, "name": model.name, "id": note.id, "author": note.author,
                    "at_ms": note.at_ms, "subject": note.subject, "text": note.text,
                });
                notes.push((note.at_ms, value));
            }
        }
        after = models.last().and_then(crate::read::key_of);
        if !more || after.is_none() {
            break;
        }
    }
    notes.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    let notes: Vec<Value> = notes.into_iter().take(limit).map(|(_, note)| note).collect();
    Ok(json!({ "annotations": notes }))
}
