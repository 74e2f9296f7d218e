//! Building answers from one store and what is known beside it.

use super::{
    AgeBasis, CountsStatus, Freshness, Hub, LinkStatus, Listing, Lost, One, PhaseName, ProofStatus, ScopeStatus,
    Status, page_token,
};
use crate::driver::Live;
use crate::read::Reader;
use crate::replica::Basis;
use crate::store::{OWN_WRITES_MAX, Store};
use headland_host::link::LinkCounts;
use headland_host::tables::StoreError;
use headland_shared::digest::Digest;
use headland_shared::key::RecordKey;
use headland_shared::name::{ModelName, NameError, Namespace};
use headland_shared::session::Ms;
use headland_shared::session::agent::Phase;
use headland_shared::view::Model;

/// Answers from one moment of the store.
#[derive(Debug)]
pub(crate) struct Answers<'a> {
    pub(crate) store: Store,
    pub(crate) live: &'a Live,
    /// The present on the monotonic clock.
    pub(crate) at: Ms,
}

/// The key of a model, by what people write.
pub(crate) fn model_key(namespace: &str, name: &str) -> Result<RecordKey, NameError> {
    Ok(RecordKey {
        namespace: Namespace::new(namespace)?,
        name: ModelName::new(name)?,
    })
}

impl Answers<'_> {
    pub(crate) fn freshness(&self) -> Freshness {
        let age = self.live.age(self.at);
        Freshness {
            age_ms: age.map(|(ms, _)| ms),
            age_basis: age.map(|(_, basis)| match basis {
                Basis::Monotonic => AgeBasis::Monotonic,
                Basis::WallClock => AgeBasis::WallClock,
            }),
            phase: match self.live.phase {
                Phase::Offline => PhaseName::Offline,
                Phase::Greeting => PhaseName::Greeting,
                Phase::CatchingUp => PhaseName::CatchingUp,
                Phase::Live => PhaseName::Live,
            },
        }
    }

    /// One model.
    pub(crate) fn model(&self, key: &RecordKey) -> Result<Option<One<Model>>, StoreError> {
        let model = Reader::new(self.store.clone()).model(key)?;
        Ok(model.map(|model| One {
            model,
            freshness: self.freshness(),
        }))
    }

    /// At most `count` models of a namespace, or of all, whose names hold `query` whatever the case.
    pub(crate) fn models(
        &self,
        namespace: Option<&Namespace>,
        after: Option<&RecordKey>,
        count: usize,
        query: Option<&str>,
    ) -> Result<Listing<Model>, StoreError> {
        let query = query.map(str::to_lowercase);
        let wanted = |model: &Model| {
            query
                .as_ref()
                .is_none_or(|query| model.name.to_lowercase().contains(query))
        };
        let reader = Reader::new(self.store.clone());
        let page = reader.models(namespace, after, count, wanted)?;
        Ok(Listing {
            next_page_token: page.next.as_ref().map(page_token),
            models: page.models,
            models_held: reader.count()?,
            freshness: self.freshness(),
        })
    }

    /// How the agent is. `running` says since when it runs and what its link has carried.
    pub(crate) fn status(&self, follow: Vec<String>, running: Option<(Ms, LinkCounts)>) -> Result<Status, StoreError> {
        let views = self.store.read()?;
        let actor = views
            .actor()?
            .ok_or_else(|| StoreError::corrupt("meta-1", "the store has no actor"))?;
        let placed = views.placed()?;
        let base = placed.as_ref().map_or(0, |placed| placed.base.0);
        let mut digest = Digest::default();
        let mut scopes = Vec::new();
        for row in views.scopes()?.into_values().filter(|row| row.followed) {
            digest.add(row.digest);
            scopes.push(ScopeStatus {
                scope: row.scope.to_string(),
                cursor: row.cursor.0.max(base),
                digest: hexadecimal(row.digest),
            });
        }
        scopes.sort_by(|a, b| a.scope.cmp(&b.scope));
        Ok(Status {
            name: actor.name.to_string(),
            actor: actor.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            running: running.is_some(),
            uptime_ms: running.map(|(since, _)| self.at.saturating_sub(since)),
            freshness: self.freshness(),
            phase_for_ms: running.map(|_| self.at.saturating_sub(self.live.phase_since)),
            settled: self.live.settled,
            proof: self.live.proven.map(|proven| ProofStatus {
                equal: proven.equal,
                ms_ago: self.at.saturating_sub(proven.at),
            }),
            fenced: self.live.fenced,
            hub: self.hub(),
            lost: self.lost(),
            trouble: self.live.trouble.clone(),
            follow,
            models: views.record_count()?,
            urgent_ahead: views.ahead_count()?,
            pending_writes: views.own_after(views.stored()?, OWN_WRITES_MAX as usize)?.len() as u64,
            digest: hexadecimal(digest),
            scopes,
            epoch: placed.as_ref().map(|placed| placed.epoch.to_string()),
            head: placed.as_ref().map(|placed| placed.head.seq.0),
            changes: self.live.changes,
            counts: self.counts(),
            link: running.map_or_else(LinkStatus::default, |(_, counts)| link(counts)),
        })
    }

    fn hub(&self) -> Option<Hub> {
        self.live.broker.as_ref().map(|broker| Hub {
            broker: broker.to_string(),
            region: broker.region().to_owned(),
        })
    }

    fn lost(&self) -> Option<Lost> {
        self.live.lost.as_ref().map(|lost| Lost {
            broker: lost.broker.to_string(),
            reason: lost.reason.clone(),
            retry_in_ms: lost.retry_at.saturating_sub(self.at),
        })
    }

    fn counts(&self) -> CountsStatus {
        let counts = self.live.counts;
        CountsStatus {
            frames_refused: counts.frames_refused,
            catch_ups: counts.catch_ups,
            snapshots: counts.snapshots,
            repairs: counts.repairs,
            digest_mismatches: counts.digest_mismatches,
            lives: counts.lives,
            live_groups: counts.live_groups,
            records_changed: counts.records_changed,
            resyncs_held: counts.resyncs_held,
            urgent: counts.urgent,
            urgent_left: counts.urgent_left,
        }
    }
}

fn link(counts: LinkCounts) -> LinkStatus {
    LinkStatus {
        sessions: counts.sessions,
        frames_in: counts.frames_in,
        bytes_in: counts.bytes_in,
        frames_out: counts.frames_out,
        bytes_out: counts.bytes_out,
        dropped_in: counts.dropped_in,
        dropped_out: counts.dropped_out,
    }
}

fn hexadecimal(digest: Digest) -> String {
    format!("{:032x}", digest.0)
}
