//! Uploads: what agents write, checked, merged and stored.

use super::Replica;
use super::admission::{Admission, may_write, put};
use super::commit::{Commit, CommitError};
use super::guard::Standing;
use headland_host::tables::StoreError;
use headland_shared::actor::ActorId;
use headland_shared::chain::Link;
use headland_shared::defect::{Defect, planted};
use headland_shared::element::{Remark, State};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::message::more::{Doubts, Field, Links, Reincarnate, StoredLink};
use headland_shared::message::{Down, Refusal, Refused, Stored, Up, Upload};
use headland_shared::name::ReplicaName;
use headland_shared::session::Now;
use headland_shared::upload::{RecordRef, Written, read};
use std::collections::BTreeMap;

/// The most refused dots that one acknowledgement lists; the rest is counted only.
const REFUSED_MAX: usize = 64;

/// What became of an agent's uploads in one flush.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settled {
    stored: Stored,
    gap: bool,
}

impl Settled {
    pub(super) fn stored(&self) -> &Stored {
        &self.stored
    }
}

impl Replica {
    /// Stores all uploads of an inbox in one transaction; says for each agent what is stored of it now.
    pub(super) fn store_uploads(
        &mut self,
        inbox: &[(ReplicaName, Up)],
        standings: &BTreeMap<ReplicaName, Standing>,
        now: Now,
    ) -> Result<BTreeMap<ReplicaName, Settled>, CommitError> {
        let mut uploads: Vec<Incoming<'_>> = Vec::new();
        let mut actors: Vec<ActorId> = Vec::new();
        for (agent, message) in inbox {
            if standings.get(agent).is_some_and(|standing| !standing.may_write()) {
                continue;
            }
            let mut numbered = self
                .conversations
                .get(agent)
                .is_some_and(|known| known.answered.is_some());
            let (upload, more) = match message {
                Up::Hello(hello) => {
                    actors.push(hello.actor.clone());
                    // Whoever does not say where it stands may hold numbers of a life that is lost.
                    numbered = hello.place.is_some() && Doubts::of(&hello.more).is_none();
                    (hello.upload.as_ref(), Some(&hello.more))
                }
                Up::Upload(upload) => (Some(upload), None),
                Up::Chained(chained) => (Some(&chained.upload), Some(&chained.more)),
                Up::Applied(_) | Up::GoOn(_) | Up::Cells(_) => (None, None),
            };
            if let Some(upload) = upload {
                let actor = ActorId {
                    name: agent.clone(),
                    incarnation: upload.incarnation,
                };
                actors.push(actor.clone());
                let links = more.and_then(Links::of);
                numbered &= upload.epoch == self.epoch.tag();
                uploads.push(Incoming {
                    actor,
                    upload,
                    links,
                    numbered,
                });
            }
        }
        let mut settled = BTreeMap::new();
        if !uploads.is_empty() {
            let ((outcome, written), _) = self.commit(now, |commit| store_all(commit, &uploads, now))?;
            self.counts.writes += written;
            for one in outcome.values() {
                self.counts.writes_refused += one.stored.refused.len() as u64;
            }
            settled = outcome;
        }
        let views = self.store.read()?;
        for actor in actors {
            if !settled.contains_key(&actor.name) {
                let one = plain(&actor, views.seen(&actor)?, views.chain(&actor)?);
                settled.insert(actor.name.clone(), one);
            }
        }
        Ok(settled)
    }

    /// Tells an agent what is stored.
    pub(super) fn confirm(&mut self, agent: &ReplicaName, settled: Option<&Settled>) {
        let Some(settled) = settled else {
            return;
        };
        let message = if settled.gap {
            Down::Refused(Refused {
                refusal: match self.conversation(agent).answered.is_some() {
                    true => Refusal::UploadGap,
                    // It must greet before anything else.
                    false => Refusal::UnknownTransfer,
                },
                through: settled.stored.through,
            })
        } else {
            Down::Stored(settled.stored.clone())
        };
        self.send(agent, &message);
    }
}

fn plain(actor: &ActorId, through: u64, chain: Option<Link>) -> Settled {
    Settled {
        stored: Stored {
            incarnation: actor.incarnation,
            through,
            refused: Vec::new(),
            more: chain.map(|link| StoredLink(link).to_more()).into_iter().collect(),
        },
        gap: false,
    }
}

/// An upload that has come in.
struct Incoming<'a> {
    actor: ActorId,
    upload: &'a Upload,
    links: Option<Links>,
    /// Whether the handles in it mean the same here.
    numbered: bool,
}

/// Whether an upload goes on from what is stored.
enum Follows {
    /// It does, with what is new in it.
    On,
    /// All of it is stored already.
    Repeats,
    /// It does not: the agent goes back to what is stored.
    Gap,
    /// It is of another history under the same name: the agent's store went back in time.
    Forked,
}

impl Incoming<'_> {
    /// `seen` is the counter up to which all is stored, `chain` what the agent's chain was there.
    fn follows(&self, seen: u64, chain: Option<Link>) -> Follows {
        let (prev, to) = (self.upload.prev, self.upload.to);
        let differs = |link: Option<Link>| chain.zip(link).is_some_and(|(ours, theirs)| ours != theirs);
        match self.links.filter(|_| !planted(Defect::ReusedActor)) {
            _ if prev > seen => Follows::Gap,
            Some(links) if prev == seen && differs(links.prev) => Follows::Forked,
            Some(links) if to == seen && differs(Some(links.to)) => Follows::Forked,
            _ if to <= seen => Follows::Repeats,
            // Only from the very place where the chain is known can it be checked.
            Some(_) if prev < seen && chain.is_some() => Follows::Gap,
            Some(_) | None => Follows::On,
        }
    }
}

fn store_all(
    commit: &mut Commit<'_, '_>,
    uploads: &[Incoming<'_>],
    now: Now,
) -> Result<(BTreeMap<ReplicaName, Settled>, u64), CommitError> {
    let mut settled: BTreeMap<ReplicaName, Settled> = BTreeMap::new();
    let mut written = 0;
    for incoming in uploads {
        let Incoming {
            actor, upload, links, ..
        } = incoming;
        let seen = commit.tables.seen(actor)?;
        let chain = commit.tables.chain(actor)?;
        let mut one = plain(actor, seen, chain);
        match (incoming.follows(seen, chain), read(upload.prev, &upload.body)) {
            (Follows::Forked, _) => {
                one.stored.more = vec![
                    Reincarnate {
                        through: seen,
                        link: chain,
                    }
                    .to_more(),
                ]
            }
            (Follows::Repeats, Ok(_)) => {}
            (Follows::On, Ok(entries)) if incoming.numbered || entries.iter().all(|entry| by_key(&entry.record)) => {
                for entry in entries.into_iter().filter(|entry| entry.dot > seen) {
                    match store_one(commit, actor, entry.dot, &entry.record, entry.written, now)? {
                        Admission::Stored | Admission::Held => written += 1,
                        Admission::Refused if one.stored.refused.len() < REFUSED_MAX => {
                            one.stored.refused.push(entry.dot);
                        }
                        Admission::Refused => {}
                    }
                }
                one.stored.through = upload.to;
                commit.set_seen(actor, upload.to)?;
                if let Some(links) = links {
                    commit.tables.set_chain(actor, links.to)?;
                    one.stored.more = vec![StoredLink(links.to).to_more()];
                }
            }
            // A gap, or numbers that mean something else here: the agent goes back to what is stored.
            (Follows::Gap | Follows::Repeats | Follows::On, _) => one.gap = true,
        }
        settled.insert(actor.name.clone(), one);
    }
    Ok((settled, written))
}

fn by_key(record: &RecordRef) -> bool {
    matches!(record, RecordRef::Key(_))
}

fn store_one(
    commit: &mut Commit<'_, '_>,
    actor: &ActorId,
    dot: u64,
    record: &RecordRef,
    mut written: Written,
    now: Now,
) -> Result<Admission, CommitError> {
    let Some(record) = resolve(commit, record)? else {
        return Ok(Admission::Refused);
    };
    match &mut written {
        Written::Earlier(key, state) if !is_earlier(actor, key, state) => return Ok(Admission::Refused),
        Written::Note(note) if note.text.trim().is_empty() => return Ok(Admission::Refused),
        // Notes and counts are their own actor's, whose name only their own kinds of write imply.
        Written::Value(ElementKey::Annotation(_) | ElementKey::Count(..), ..) => return Ok(Admission::Refused),
        Written::Note(note) | Written::Earlier(_, State::Remark(Remark::Written(note))) => {
            note.at = note.at.bounded(now.wall_ms);
        }
        Written::Value(_, _, write) => write.at = write.at.bounded(now.wall_ms),
        Written::Removal(_) | Written::Count(..) | Written::Earlier(..) => {}
    }
    let (key, state) = written.into_element(actor, dot);
    if !may_write(commit, &key) {
        return Ok(Admission::Refused);
    }
    put(commit, &record, key, state)
}

/// Whether this can be what an earlier life of the agent's store wrote: a device writes only as itself.
fn is_earlier(actor: &ActorId, key: &ElementKey, state: &State) -> bool {
    match (key, state) {
        (ElementKey::Annotation(dot), State::Remark(_)) => dot.actor.name == actor.name,
        (ElementKey::Count(_, earlier, _), State::Tally(_)) => earlier.name == actor.name,
        _ => false,
    }
}

fn resolve(commit: &Commit<'_, '_>, record: &RecordRef) -> Result<Option<RecordKey>, StoreError> {
    Ok(match record {
        RecordRef::Handle(handle) => commit.tables.record(*handle)?.map(|(key, _)| key),
        RecordRef::Key(key) => Some(key.clone()),
    })
}
