//! The end of a catch-up: all of it becomes visible at once.

use super::{ApplyError, Applying, continues};
use crate::replica::seen::Seen;
use crate::replica::{Replica, Trust, freshness, overlay};
use crate::store::Placed;
use headland_shared::epoch::{Head, Seq};
use headland_shared::kept::Kept;
use headland_shared::message::more::SessionToken;
use headland_shared::message::{Part, Plan, Welcome};
use headland_shared::name::AttributeName;
use headland_shared::session::Now;
use std::collections::{BTreeMap, BTreeSet};

/// A catch-up of which everything is here.
struct Arrived {
    welcome: Welcome,
    end: Head,
    /// The parts before the last one.
    staged: Vec<Vec<u8>>,
    /// Whether anything was staged, of this catch-up or of another one.
    had_staged: bool,
}

/// What applying it came to.
struct Applied {
    placed: Placed,
    attributes: BTreeMap<u32, AttributeName>,
    touched: u64,
}

impl Arrived {
    /// Whether it brings everything, with numbers of its own.
    fn is_snapshot(&self) -> bool {
        self.welcome.plan == Plan::Snapshot
    }

    /// Whether it sends only what a comparison found to differ.
    fn is_repair(&self) -> bool {
        self.is_snapshot() && self.staged.first().is_some_and(|first| Kept::is_kept(first))
    }

    fn placed(&self) -> Placed {
        Placed {
            epoch: self.welcome.epoch,
            head: self.end,
            base: self.end.seq,
            registry: self.welcome.registry,
            region: self.welcome.region.as_str().to_owned(),
        }
    }
}

impl Replica {
    /// Applies all that is staged, and the last part, in one transaction that also sets the cursors.
    pub(in crate::replica) fn finish(&mut self, part: &Part, now: Now) -> Result<(), ApplyError> {
        let (Some((welcome, head)), Some(end)) = (self.begun.take(), part.end) else {
            return Ok(());
        };
        let views = self.store.read()?;
        let held = views.staged()?;
        let arrived = Arrived {
            welcome,
            end,
            had_staged: held.is_some(),
            staged: match held.filter(|staged| continues(staged, &head, part.from)) {
                Some(_) => views.staged_parts()?,
                None => Vec::new(),
            },
        };
        let token = self.offered.or(self.token);
        let applied = self.apply_arrived(&arrived, part, token, now);
        self.counts.resyncs_held += u64::from(matches!(applied, Err(ApplyError::Held { .. })));
        if arrived.is_snapshot() && applied.as_ref().is_err_and(ApplyError::is_distrust) {
            self.lose_trust(Trust::Nothing)?;
        }
        self.caught_up(&arrived, applied?, token)?;
        self.ahead_unsure = Seq::START;
        self.session.finished(now.mono);
        Ok(())
    }

    fn apply_arrived(
        &self,
        arrived: &Arrived,
        last: &Part,
        token: Option<SessionToken>,
        now: Now,
    ) -> Result<Applied, ApplyError> {
        let welcome = &arrived.welcome;
        let mut placed = arrived.placed();
        let same_epoch = self.placed.as_ref().is_some_and(|held| held.epoch == placed.epoch);
        let (scopes, attributes) = match arrived.is_snapshot() {
            true => Default::default(),
            false => (self.store.read()?.scopes()?, self.attributes.clone()),
        };
        let as_of = self.session.as_of_coming().unwrap_or(now.mono);
        let as_of = freshness::encoded(self.config.boot, as_of, now);
        self.store.write(|tables| {
            if arrived.is_snapshot() {
                tables.forget_numbers()?;
            }
            if !same_epoch {
                tables.clear_ahead()?;
            }
            let mut applying = Applying {
                tables,
                scopes,
                attributes,
                follow: self.config.follow.as_slice(),
                epoch: welcome.epoch,
                life: welcome.registry.life,
                replaced: arrived.is_snapshot().then(BTreeSet::new),
                touched: 0,
                seen: Seen::at(welcome.registry),
            };
            applying.parts(&arrived.staged, &last.delta)?;
            applying.drop_the_rest(welcome.complete)?;
            applying.settle_scopes(arrived.end.seq)?;
            overlay::settle(applying.tables, arrived.end.seq, &applying.scopes)?;
            overlay::forget_lost(applying.tables, arrived.end.seq, self.ahead_unsure)?;
            placed.registry = applying.seen.position();
            let (attributes, touched) = (applying.attributes, applying.touched);
            if arrived.had_staged {
                tables.clear_staging()?;
            }
            tables.set_placed(&placed)?;
            tables.set_filter(self.config.filter.as_deref())?;
            tables.set_as_of(&as_of)?;
            if let Some(token) = token {
                tables.set_token(token)?;
            }
            Ok(Applied {
                placed,
                attributes,
                touched,
            })
        })
    }

    /// Takes over what was applied.
    fn caught_up(
        &mut self,
        arrived: &Arrived,
        applied: Applied,
        token: Option<SessionToken>,
    ) -> Result<(), ApplyError> {
        self.attributes = applied.attributes;
        self.placed = Some(applied.placed);
        self.trust = Trust::Full;
        self.token = token;
        self.counts.records_changed += applied.touched;
        self.counts.catch_ups += 1;
        if arrived.is_snapshot() {
            self.repaired = arrived.is_repair();
            self.counts.repairs += u64::from(self.repaired);
            self.counts.snapshots += u64::from(!self.repaired);
        }
        self.reload_scopes()?;
        self.counts.changes += 1;
        Ok(())
    }
}
