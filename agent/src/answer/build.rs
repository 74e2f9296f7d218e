//! Building answers from one store and what is known beside it.

use super::{
    AgeBasis, Allows, BudgetStatus, Consistency, CountsStatus, Demand, Freshness, Hub, LinkStatus, Lost, OnStale,
    PhaseName, ProofStatus, RescuedStatus, ScopeStatus, Stale, Status,
};
use crate::driver::Live;
use crate::read::{Moment, Reader};
use crate::replica::{Basis, BudgetStanding};
use crate::store::{OWN_WRITES_MAX, Position, Store};
use headland_api::telling::Telling;
use headland_host::clock::wall_ms;
use headland_host::link::LinkCounts;
use headland_host::tables::StoreError;
use headland_shared::digest::Digest;
use headland_shared::session::Ms;
use headland_shared::session::agent::Phase;
use headland_shared::session::budget::Band;
use headland_shared::stamp::utc;

/// A wall clock before this has not been set: devices without a battery wake in 1970. The first day of 2020.
pub(crate) const WALL_CLOCK_SET_MS: u64 = 1_577_836_800_000;

/// Answers from one moment of the store.
#[derive(Debug)]
pub(crate) struct Answers<'a> {
    store: Store,
    pub(crate) moment: Moment,
    /// Where the changes stood before the moment, which holds all of them up to there.
    position: Position,
    live: &'a Live,
    /// The present on the monotonic clock.
    at: Ms,
    freshness: Freshness,
}

impl<'a> Answers<'a> {
    /// Answers at a moment of the monotonic clock, however old what is held may be.
    pub(crate) fn new(store: Store, live: &'a Live, at: Ms) -> Result<Self, StoreError> {
        let position = store.position();
        let moment = Reader::new(store.clone()).moment()?;
        Ok(Self {
            store,
            position,
            freshness: freshness(live, at, moment.region()?),
            moment,
            live,
            at,
        })
    }

    /// The same answers, if they are as fresh as is demanded. `absent` says why the present could not be had.
    pub(crate) fn demanded(mut self, demand: &Demand, absent: Option<&str>) -> Result<Self, Stale> {
        self.freshness.consistency = demand.consistency;
        self.freshness.max_staleness_ms = demand.max_staleness_ms;
        let Some(reason) = demand.shortfall(self.live.age(self.at).map(|(ms, _)| ms), absent) else {
            return Ok(self);
        };
        if demand.on_stale == OnStale::Refuse {
            return Err(Stale {
                consistency: demand.consistency,
                reason,
                age_ms: self.freshness.age_ms,
                max_staleness_ms: demand.max_staleness_ms,
            });
        }
        self.freshness.bound_holds = false;
        self.freshness.warning = Some(reason);
        Ok(self)
    }

    /// The store whose moment it is.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Where the changes stood before the moment, which holds all of them up to there.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// How fresh these answers are.
    pub(crate) fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// What they say of models.
    pub(crate) fn telling(&self) -> Telling<'_, Moment, Freshness> {
        Telling {
            catalogue: &self.moment,
            freshness: &self.freshness,
            position: Some(self.position.to_string()),
        }
    }

    /// How the agent is. `running` says since when it runs and what its link has carried.
    pub(crate) fn status(&self, follow: Vec<String>, running: Option<(Ms, LinkCounts)>) -> Result<Status, StoreError> {
        let views = self.moment.views();
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
            freshness: self.freshness.clone(),
            phase_for_ms: running.map(|_| self.at.saturating_sub(self.live.phase_since)),
            settled: self.live.settled,
            proof: self.live.proven.map(|proven| ProofStatus {
                equal: proven.equal,
                ms_ago: self.at.saturating_sub(proven.at),
            }),
            fenced: self.live.fenced,
            rescued: views.rescued()?.map(|rescued| RescuedStatus {
                at_ms: rescued.at_ms,
                file: rescued.file,
                writes: rescued.writes,
                unreadable: rescued.unreadable,
            }),
            hub: self.hub(),
            lost: self.lost(),
            profile: None,
            wakes_in_ms: self.live.wakes_at.map(|at| at.saturating_sub(self.at)),
            budget: self.live.budget.map(budget),
            trouble: self.live.trouble.clone(),
            follow,
            filter: views
                .filter()?
                .map(|filter| String::from_utf8_lossy(&filter).into_owned()),
            models: views.record_count()?,
            left_out: views.stub_count()?,
            urgent_ahead: views.ahead_count()?,
            pending_writes: views.own_after(views.stored()?, OWN_WRITES_MAX as usize)?.len() as u64,
            digest: hexadecimal(digest),
            scopes,
            epoch: placed.as_ref().map(|placed| placed.epoch.to_string()),
            head: placed.as_ref().map(|placed| placed.head.seq.0),
            changes: self.live.counts.changes,
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
        wire_bytes: counts.wire_bytes,
    }
}

fn budget(standing: BudgetStanding) -> BudgetStatus {
    BudgetStatus {
        bytes_per_day: standing.bytes_per_day,
        carried_bytes: standing.carried_bytes,
        allows: match standing.band {
            Band::Ample => Allows::Everything,
            Band::Short => Allows::NotNotes,
            Band::Spent => Allows::UrgentOnly,
        },
        notes_wait_ms: standing.documentation_wait_ms,
        rest_wait_ms: standing.rest_wait_ms,
        held: standing.held,
    }
}

fn freshness(live: &Live, at: Ms, source: Option<String>) -> Freshness {
    let age = live.age(at);
    let now_ms = wall_ms();
    let moment_ms = age.and_then(|(ms, _)| now_ms.checked_sub(ms));
    Freshness {
        age_ms: age.map(|(ms, _)| ms),
        age_basis: age.map(|(_, basis)| match basis {
            Basis::Monotonic => AgeBasis::Monotonic,
            Basis::WallClock => AgeBasis::WallClock,
        }),
        phase: match live.phase {
            Phase::Offline => PhaseName::Offline,
            Phase::Greeting => PhaseName::Greeting,
            Phase::CatchingUp => PhaseName::CatchingUp,
            Phase::Live => PhaseName::Live,
        },
        as_of: moment_ms.filter(|_| now_ms >= WALL_CLOCK_SET_MS).and_then(utc),
        source,
        consistency: Consistency::Eventual,
        max_staleness_ms: None,
        bound_holds: true,
        warning: None,
    }
}

fn hexadecimal(digest: Digest) -> String {
    format!("{:032x}", digest.0)
}
