//! Building answers from one store and what is known beside it.

use super::question::Listed;
use super::{
    AgeBasis, Allows, Availability, BudgetStatus, Consistency, CountsStatus, Demand, Facts, Freshness, Hub, LinkStatus,
    Listing, Lost, OnStale, One, PhaseName, ProofStatus, RescuedStatus, ScopeStatus, Stale, Status, Usage, Why, token,
    why,
};
use crate::driver::Live;
use crate::read::{Moment, Reader};
use crate::replica::{Basis, BudgetStanding};
use crate::store::{OWN_WRITES_MAX, Position, Store};
use headland_host::clock::wall_ms;
use headland_host::link::LinkCounts;
use headland_host::tables::StoreError;
use headland_shared::digest::Digest;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::{ModelName, NameError, Namespace};
use headland_shared::session::Ms;
use headland_shared::session::agent::Phase;
use headland_shared::session::budget::Band;
use headland_shared::stamp::utc;
use headland_shared::view::Model;

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

/// The key of a model, by what people write.
pub(crate) fn model_key(namespace: &str, name: &str) -> Result<RecordKey, NameError> {
    Ok(RecordKey {
        namespace: Namespace::new(namespace)?,
        name: ModelName::new(name)?,
    })
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
        let Some(reason) = demand.shortfall(self.live.age(self.at), absent) else {
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

    /// One model.
    pub(crate) fn model(&self, key: &RecordKey) -> Result<Option<One<Model>>, StoreError> {
        let model = self.moment.model(key)?;
        Ok(model.map(|model| One {
            model,
            freshness: self.freshness.clone(),
        }))
    }

    /// A page of models.
    pub(crate) fn models(&self, listed: &Listed) -> Result<Listing<Model>, StoreError> {
        let mut page = self.moment.models(&listed.wanted)?;
        if let Some(mask) = &listed.mask {
            page.models.iter_mut().for_each(|model| mask.apply(model));
        }
        Ok(Listing {
            next_page_token: page.next.as_ref().map(|place| token::token(listed.listing, place)),
            models: page.models,
            position: self.position.to_string(),
            models_held: self.moment.count()?,
            freshness: self.freshness.clone(),
        })
    }

    /// A part of one model; nothing when the model is not held.
    pub(crate) fn part<P>(
        &self,
        key: &RecordKey,
        part: impl FnOnce(&Model) -> P,
    ) -> Result<Option<Facts<P>>, StoreError> {
        let model = self.moment.model(key)?;
        Ok(model.map(|model| self.facts(key, part(&model))))
    }

    fn facts<P>(&self, key: &RecordKey, part: P) -> Facts<P> {
        Facts {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            part,
            freshness: self.freshness.clone(),
        }
    }

    /// Uses of a model; nothing when it is not held.
    pub(crate) fn usage(&self, key: &RecordKey) -> Result<Option<Facts<Usage>>, StoreError> {
        let moment = &self.moment;
        let Some(elements) = moment.elements(key)? else {
            return Ok(None);
        };
        let actor = moment.actor()?;
        let own = elements.iter().filter_map(|(element, state)| match (element, state) {
            (ElementKey::Count(name, who, _), State::Tally(tally))
                if name.as_str() == "usage" && Some(who) == actor.as_ref() =>
            {
                Some(i128::from(tally.added) - i128::from(tally.removed))
            }
            _ => None,
        });
        let own: i128 = own.sum();
        let counts = moment.read(key, &elements).counts;
        let usage = Usage {
            usage: counts.get("usage").copied().unwrap_or(0),
            device: i64::try_from(own).unwrap_or(i64::MAX),
            counts,
        };
        Ok(Some(self.facts(key, usage)))
    }

    /// Why an attribute of a model shows what it shows; nothing when the model is not held, and nothing within when
    /// nobody has ever written the attribute.
    pub(crate) fn why(&self, key: &RecordKey, attribute: &str) -> Result<Option<Option<Facts<Why>>>, StoreError> {
        let moment = &self.moment;
        let elements = moment.elements(key)?;
        let story = elements.map(|elements| why::why(moment, &elements, attribute));
        Ok(story.map(|story| story.map(|story| self.facts(key, story))))
    }

    /// Whether a model may be used and can be reached; nothing when it is not held.
    pub(crate) fn availability(&self, key: &RecordKey) -> Result<Option<Facts<Availability>>, StoreError> {
        let moment = &self.moment;
        let Some(elements) = moment.elements(key)? else {
            return Ok(None);
        };
        let told = |attribute| why::why(moment, &elements, attribute);
        let rule = || {
            moment
                .declaration("availability")
                .map(|declared| declared.rule.to_string())
        };
        let status = told("status").and_then(|story| story.value);
        let availability = match told("availability") {
            Some(story) => Availability {
                availability: story.value,
                status,
                rule: story.rule,
                by: story.won.into_iter().next(),
                against: story.against,
            },
            None => Availability {
                availability: None,
                status,
                rule: rule().unwrap_or_default(),
                by: None,
                against: Vec::new(),
            },
        };
        Ok(Some(self.facts(key, availability)))
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
