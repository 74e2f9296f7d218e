//! What the hub reports: the same whether it runs or only its store is there.

mod agents;

pub(crate) use agents::{agent, agents};

use crate::answer::{Commit, Follow, Freshness, History, Note, Notes, Registry, Running, Scope, Status, WriteBacks};
use crate::read::{Moment, Reader};
use crate::registry::bridge::Lsn;
use crate::store::{Origin, Store, Views};
use agents::Shares;
use headland_api::demand::Consistency;
use headland_host::tables::StoreError;
use headland_shared::digest::Digest;
use headland_shared::key::RecordKey;
use headland_shared::query::{Catalogue, Narrowed, Words};
use headland_shared::session::Now;
use headland_shared::view::Model;
use std::cmp::Reverse;
use std::ops::ControlFlow;

/// How the hub is. `follow`, `written` and `live` are what is known beside the store.
pub(crate) fn status(
    store: &Store,
    region: &str,
    follow: Option<Follow>,
    written: WriteBacks,
    live: Option<Running>,
    now: Now,
) -> Result<Status, StoreError> {
    let views = store.read()?;
    let numbers = views.numbers()?;
    let epoch = views.epoch()?.unwrap_or_default();
    let enrolled = views.agents()?;
    let shares = Shares::of(&enrolled, epoch.tag());
    let mut digest = Digest::default();
    let mut scopes = Vec::new();
    for row in views.scopes()?.into_values() {
        digest.add(row.digest);
        let (followers, proven) = shares.of_scope(&row.scope);
        scopes.push(Scope {
            scope: row.scope.to_string(),
            models: row.models,
            head: row.head.0,
            floor: row.floor.0,
            digest: hex(row.digest),
            agents: followers,
            agents_proven_in_sync: proven,
        });
    }
    let agents = agents::all(&views, enrolled, now)?;
    Ok(Status {
        region: region.to_owned(),
        running: live.is_some(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: epoch.to_string(),
        head: numbers.head.seq.0,
        registry: Registry {
            life: numbers.life.number(),
            revision: numbers.revision,
        },
        follow,
        writeback: written.mlflow,
        tables: written.tables,
        models: scopes.iter().map(|scope| scope.models).sum(),
        digest: hex(digest),
        scopes,
        agents_proven_in_sync: agents.iter().filter(|agent| agent.proven == Some(true)).count() as u64,
        agents,
        restored_ms_ago: views.restored()?.map(|ms| now.wall_ms.saturating_sub(ms)),
        live,
    })
}

/// How fresh what is read at a moment is. `age_ms` is known beside the store.
pub(crate) fn freshness(views: &Views, region: &str, age_ms: Option<u64>) -> Result<Freshness, StoreError> {
    Ok(Freshness {
        age_ms,
        source: region.to_owned(),
        epoch: views.epoch()?.unwrap_or_default().to_string(),
        head: views.numbers()?.head.seq.0,
        consistency: Consistency::Eventual,
        bound_holds: true,
        warning: None,
    })
}

/// Models that the registry holds, of all namespaces.
pub(crate) fn models_held(store: &Store) -> Result<u64, StoreError> {
    Reader::new(store.clone()).moment()?.count()
}

fn hex(digest: Digest) -> String {
    format!("{:032x}", digest.0)
}

/// The registry's commits, the latest first.
pub(crate) fn history(store: &Store, limit: usize) -> Result<History, StoreError> {
    let commits = store.read()?.commits(limit)?.into_iter().map(|(seq, row)| {
        let (kind, of) = match row.origin {
            Origin::Import(files) => ("import", files),
            Origin::Revert(seq) => ("revert", seq.to_string()),
            Origin::Follow(seq) => ("follow", seq.to_string()),
            Origin::Database(at) => ("database", Lsn(at).to_string()),
            Origin::Put(what) => ("put", what),
        };
        Commit {
            seq: seq.0,
            revision: row.revision,
            at_ms: row.at_ms,
            kind: kind.to_owned(),
            of,
            new: row.new,
            changed: row.changed,
            gone: row.gone,
        }
    });
    Ok(History {
        commits: commits.collect(),
    })
}

/// The latest notes on all models, the latest first.
pub(crate) fn annotations(moment: &Moment, limit: usize) -> Result<Notes, StoreError> {
    let all = Narrowed {
        prefix: Vec::new(),
        after: None,
        task: None,
        words: &Words::default(),
    };
    let mut notes: Vec<Note> = Vec::new();
    moment.each_candidate(&all, &mut |_: RecordKey, model: Model| {
        let Model {
            namespace,
            name,
            annotations,
            ..
        } = model;
        notes.extend(annotations.into_iter().map(|note| Note {
            namespace: namespace.clone(),
            name: name.clone(),
            id: note.id,
            author: note.author,
            at_ms: note.at_ms,
            subject: note.subject,
            text: note.text,
        }));
        // Never more than twice what is wanted is held.
        if notes.len() >= limit.saturating_mul(2) {
            keep_latest(&mut notes, limit);
        }
        ControlFlow::Continue(())
    })?;
    keep_latest(&mut notes, limit);
    Ok(Notes { annotations: notes })
}

fn keep_latest(notes: &mut Vec<Note>, limit: usize) {
    notes.sort_by_key(|note| Reverse(note.at_ms));
    notes.truncate(limit);
}
