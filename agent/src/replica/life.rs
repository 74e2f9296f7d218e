//! The lives of this store: a store that went back in time, or is a copy, begins a new one.

use super::Replica;
use crate::store::{OwnWrite, Standing, Tables, Views};
use headland_host::tables::StoreError;
use headland_shared::actor::{ActorId, Dot, Incarnation};
use headland_shared::chain::Link;
use headland_shared::defect::{Defect, planted};
use headland_shared::element::{Remark, State, Tally};
use headland_shared::key::ElementKey;
use headland_shared::message::more::{Challenge, Fenced, Field, Links, Reincarnate, SessionToken, StoredLink};
use headland_shared::message::{More, Stored, Welcome};
use headland_shared::register::{Register, Writer};
use headland_shared::session::Now;
use headland_shared::stamp::HybridClock;

/// How often a fenced agent asks whether it still is, in milliseconds: a person decides that.
const FENCED_GREET_MS: u64 = 60_000;

impl Replica {
    /// What a welcome says of this store, before anything else is made of it.
    pub(super) fn heed(&mut self, welcome: &Welcome, now: Now) -> Result<(), StoreError> {
        if !self.session.awaits(welcome.nonce) {
            return Ok(());
        }
        self.fenced = Fenced::of(&welcome.more).is_some();
        if self.fenced {
            self.session.greet_again(now.mono, FENCED_GREET_MS);
        }
        if let Some(Reincarnate { through, link }) = Reincarnate::of(&welcome.more) {
            return self.begin_life(through, link, now);
        }
        // Shown before it is durable, a token would be missed after a power cut.
        self.offered = SessionToken::of(&welcome.more);
        self.challenge = Challenge::of(&welcome.more).map(|Challenge(token)| token);
        Ok(())
    }

    /// Whether what the hub has stored shows that this store went back in time: more than it ever wrote, or another
    /// history.
    pub(super) fn went_back(&self, views: &Views, stored: &Stored) -> Result<bool, StoreError> {
        if planted(Defect::ReusedActor) {
            return Ok(false);
        }
        if stored.through > views.last_dot()? || Reincarnate::of(&stored.more).is_some() {
            return Ok(true);
        }
        let theirs = StoredLink::of(&stored.more).map(|StoredLink(link)| link);
        let ours = views.link(stored.through)?;
        Ok(ours.zip(theirs).is_some_and(|(ours, theirs)| ours != theirs))
    }

    /// What a hello or an upload shows of the chain of own writes.
    pub(super) fn links(&self, views: &Views, prev: u64, to: u64) -> Result<Option<Links>, StoreError> {
        let Some(link) = views.link(to)? else {
            // Written before chains were kept: nothing can be shown.
            return Ok(None);
        };
        Ok(Some(Links {
            prev: views.link(prev)?,
            to: link,
            last_dot: views.last_dot()?,
        }))
    }

    /// The token and the chain for a hello.
    pub(super) fn credentials(&self, views: &Views, upload: Option<(u64, u64)>) -> Result<More, StoreError> {
        let shown = self.challenge.or(self.token);
        let mut more: More = shown.map(|token| token.to_more()).into_iter().collect();
        if let Some((prev, to)) = upload
            && let Some(links) = self.links(views, prev, to)?
        {
            more.push(links.to_more());
        }
        Ok(more)
    }

    /// Begins a new life: a new incarnation, under which everything is said again. What the hub has stored of the life
    /// before, up to `through`, keeps its name, so that saying it again changes nothing there.
    pub(super) fn begin_life(&mut self, through: u64, link: Option<Link>, now: Now) -> Result<(), StoreError> {
        let actor = ActorId {
            name: self.actor.name.clone(),
            incarnation: Incarnation(self.jitter.next_u64()),
        };
        let views = self.store.read()?;
        // With the same chain all of it is this store's own, whether or not it was ever told so.
        let same = views
            .link(through)?
            .zip(link)
            .is_some_and(|(ours, theirs)| ours == theirs);
        let stored = if same { through } else { views.stored()?.min(through) };
        let clock = HybridClock::after(views.last_stamp()?);
        let old = self.actor.clone();
        let written = self.store.write(|tables| {
            let mut writes = tables.own_all()?;
            writes.retain(|write| write.standing == Standing::Taken);
            writes.sort_by_key(|write| write.dot);
            let mut counted = Vec::new();
            for write in &writes {
                counted.push(views.counted(&write.record.encoded(), &write.element.encoded())?);
            }
            tables.begin_life(&actor, &writes)?;
            let mut rewriting = Rewriting {
                tables,
                old: &old,
                new: &actor,
                clock,
                now,
                dot: 0,
            };
            for (write, counted) in writes.iter().zip(counted) {
                match write.dot <= stored {
                    true => rewriting.say_again(write, &write.element, &write.state)?,
                    false => rewriting.write_anew(write, counted)?,
                }
            }
            Ok::<_, StoreError>(rewriting.dot)
        })?;
        tracing::warn!(
            "this store went back in time or is a copy of another: it goes on as a new writer, and says {written} things again"
        );
        self.counts.lives += 1;
        self.session.question_changed();
        self.actor = actor;
        (self.token, self.offered, self.challenge) = (None, None, None);
        self.counts.changes += 1;
        self.refresh_pending()
    }
}

struct Rewriting<'a, 'tx> {
    tables: &'a mut Tables<'tx>,
    old: &'a ActorId,
    new: &'a ActorId,
    clock: HybridClock,
    now: Now,
    dot: u64,
}

impl Rewriting<'_, '_> {
    /// Writes something that only this store has under the new actor. Of a count, what the hub has stays with the old
    /// one, and what came since is the new one's.
    fn write_anew(&mut self, write: &OwnWrite, counted: Tally) -> Result<(), StoreError> {
        let (element, state) = match (&write.element, &write.state) {
            (ElementKey::Annotation(dot), State::Remark(Remark::Written(_))) if dot.actor == *self.old => {
                let (actor, counter) = (self.new.clone(), self.dot + 1);
                (ElementKey::Annotation(Dot { actor, counter }), write.state.clone())
            }
            (ElementKey::Count(name, actor, region), State::Tally(tally)) if actor == self.old => {
                self.say_again(write, &write.element, &State::Tally(counted))?;
                let since = Tally {
                    added: tally.added.saturating_sub(counted.added),
                    removed: tally.removed.saturating_sub(counted.removed),
                };
                let element = ElementKey::Count(name.clone(), self.new.clone(), region.clone());
                (element, State::Tally(since))
            }
            (element, State::Register(register)) => match self.rewritten(register, self.dot + 1) {
                Some(register) => (element.clone(), State::Register(register)),
                None => return Ok(()),
            },
            // A removal, or what a life before the last one wrote: it keeps its name.
            (element, state) => (element.clone(), state.clone()),
        };
        self.say_again(write, &element, &state)
    }

    fn say_again(&mut self, write: &OwnWrite, element: &ElementKey, state: &State) -> Result<(), StoreError> {
        self.dot += 1;
        let at = self.clock.tick(self.now.wall_ms);
        let record = write.record.encoded();
        self.tables.put_own(&record, &element.encoded(), state, self.dot, at)
    }

    fn rewritten(&self, register: &Register, dot: u64) -> Option<Register> {
        register.writes().find_map(|(writer, held)| match writer {
            Writer::Edge(rank, actor) if actor == self.old => {
                let mut held = held.clone();
                held.position.number = dot;
                Some(Register::of(Writer::Edge(*rank, self.new.clone()), held))
            }
            Writer::Edge(..) | Writer::Central => None,
        })
    }
}
