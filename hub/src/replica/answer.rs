//! The answer to a hello: how the agent is brought up to date.

use super::Replica;
use super::compare::{cells_first, is_worth_comparing};
use super::conversation::{Comparison, Transfer};
use super::guard::Standing;
use super::moment::Moment;
use super::sieve::Sieve;
use super::upload::Settled;
use crate::store::Views;
use headland_host::tables::StoreError;
use headland_shared::defect::{Defect, planted};
use headland_shared::delta::ScopeAlias;
use headland_shared::epoch::{Head, Mark, Seq};
use headland_shared::frame::{FRAME_BYTES_MAX, FRAME_BYTES_MIN, decode_up};
use headland_shared::message::more::{Busy, Doubts, Field, Holds, StagedUnder, UpToDate};
use headland_shared::message::{Down, Hello, Plan, Staged, Up, Welcome};
use headland_shared::name::ReplicaName;
use headland_shared::scope::{FOLLOWS_MAX, Follow};
use headland_shared::session::Now;
use headland_shared::session::transfer::Window;
use headland_shared::sketch::Sketch;
use std::collections::BTreeMap;

/// How long an agent waits that knows more of the registry than this hub, in milliseconds.
const BEHIND_RETRY_MS: u32 = 15_000;
/// How soon an agent asks again that must first become another, or show that it lives, in milliseconds.
const ANOTHER_LIFE_RETRY_MS: u32 = 1_000;

impl Replica {
    /// Answers a hello: says what comes, and sends the first parts of it.
    pub(super) fn answer(
        &mut self,
        agent: &ReplicaName,
        hello: &Hello,
        settled: Option<&Settled>,
        standing: Option<&Standing>,
        now: Now,
        views: &Views,
    ) -> Result<(), StoreError> {
        self.counts.hellos += 1;
        if self.conversation(agent).answered == Some(hello.nonce) {
            // The network has repeated it. A second answer would send other parts under the same nonce.
            return Ok(());
        }
        let follows = standing.is_none_or(Standing::may_follow);
        let moment = self.moment()?;
        let numbers = moment.numbers;
        let sieve = Sieve::of(&hello.more);
        let plan = match follows {
            true => self.plan(views, &moment, hello, sieve.as_deref())?,
            false => Plan::Behind {
                retry_ms: ANOTHER_LIFE_RETRY_MS,
            },
        };
        let snapshot = matches!(plan, Plan::Snapshot | Plan::Compare { .. });
        let place = hello.place.as_ref().filter(|_| !snapshot);
        let base = place.map_or(Seq::START, |place| place.base);
        let floor = moment.followed(&hello.follow).map(|row| row.floor).max();
        let same_run = StagedUnder::of(&hello.more) == Some(StagedUnder(self.config.boot));
        let held = hello.staged.filter(|_| same_run).filter(|staged| {
            // Below the floor nobody knows any more what left since the parts were cut.
            let known = Some(staged.started) >= floor && known(staged, numbers.head);
            staged.epoch == self.epoch.tag() && staged.snapshot == snapshot && known
        });
        // What is held of everything that was to come makes a comparison needless.
        let plan = match plan {
            Plan::Compare { .. } if held.is_some() => Plan::Snapshot,
            plan => plan,
        };
        let started = held.map_or(numbers.head.seq, |staged| staged.started);
        let resume = held.map_or(Mark::after(base), |staged| staged.to);
        let follow: Vec<Follow> = hello.follow.iter().take(FOLLOWS_MAX).cloned().collect();
        let mut transfer = Transfer {
            nonce: hello.nonce,
            snapshot,
            started,
            follow,
            sieve,
            base,
            ahead: place
                .map(|place| place.ahead.iter().copied().collect())
                .unwrap_or_default(),
            window: Window::from(resume),
            repair: None,
            kept: None,
        };
        let (through, link) = (views.seen(&hello.actor)?, views.chain(&hello.actor)?);
        let mut more = standing.map_or_else(Vec::new, |standing| standing.more(through, link));
        let up_to_date = plan == Plan::Delta && transfer.is_empty(&moment);
        if up_to_date {
            more.push(UpToDate { end: numbers.head }.to_more());
        }
        let welcome = Welcome {
            complete: numbers.revision > 0 && !moment.restored,
            plan,
            started,
            resume,
            stored: settled.map(|settled| settled.stored().clone()),
            more,
            ..self.welcome(hello.nonce, &moment, now)
        };
        let conversation = self.conversation(agent);
        conversation.answered = Some(hello.nonce);
        conversation.frame_bytes_max = frame_bytes_max(hello);
        conversation.transfer = None;
        conversation.comparison = None;
        let repair = conversation
            .repair
            .take_if(|repair| held.is_some() && repair.started == started);
        conversation.repair.clone_from(&repair);
        self.send(agent, &Down::Welcome(welcome));
        match plan {
            Plan::Behind { .. } => return Ok(()),
            Plan::Compare { .. } => {
                self.conversation(agent).comparison = Some(Comparison {
                    nonce: hello.nonce,
                    follow: transfer.follow,
                    sieve: transfer.sieve,
                    records: Holds::of(&hello.more).map_or(0, |holds| holds.records),
                    theirs: Sketch::default(),
                });
                return Ok(());
            }
            Plan::Snapshot if held.is_none() => self.counts.snapshots += 1,
            Plan::Delta | Plan::Snapshot => {}
        }
        transfer.repair = repair;
        self.conversation(agent).transfer = Some(transfer);
        if up_to_date {
            // Its only part is told in the welcome; asked for again, it is sent.
            return Ok(());
        }
        self.send_parts(agent)
    }

    /// Turns a hello away: more agents greet than can be answered soon. Nothing of it is looked at.
    pub fn put_off(&mut self, agent: &ReplicaName, frame: &[u8], retry_ms: u32, now: Now) -> Result<(), StoreError> {
        let Ok(Up::Hello(hello)) = decode_up(frame) else {
            self.counts.frames_refused += 1;
            return Ok(());
        };
        let moment = self.moment()?;
        let welcome = Welcome {
            plan: Plan::Behind { retry_ms },
            more: vec![Busy.to_more()],
            ..self.welcome(hello.nonce, &moment, now)
        };
        self.counts.put_off += 1;
        self.conversation(agent).frame_bytes_max = frame_bytes_max(&hello);
        self.send(agent, &Down::Welcome(welcome));
        Ok(())
    }

    /// What every welcome says.
    fn welcome(&self, nonce: u64, moment: &Moment, now: Now) -> Welcome {
        Welcome {
            nonce,
            epoch: self.epoch,
            boot: self.config.boot,
            hub_ms: now.mono,
            as_of_ms: self.registry_as_of(now),
            region: self.config.region.clone(),
            registry: moment.numbers.registry(),
            complete: false,
            heartbeat_ms: self.config.heartbeat_ms,
            live_bytes_max: self.config.live_bytes_max as u32,
            plan: Plan::Delta,
            started: moment.numbers.head.seq,
            resume: Mark::default(),
            stored: None,
            more: Vec::new(),
        }
    }

    fn plan(&self, views: &Views, moment: &Moment, hello: &Hello, sieve: Option<&Sieve>) -> Result<Plan, StoreError> {
        let (seen, registry) = (hello.registry, moment.numbers.registry());
        let behind = if seen.life == registry.life {
            registry.number < seen.number
        } else {
            // Another registry, or another life of it: whole as soon as it has anything to say. But one that follows
            // will yet hear of the later life that its leading hub is in.
            let hears_later = registry.life.number() < seen.life.number() && !self.owns_registry(views)?;
            seen.number > 0 && (registry.number == 0 || hears_later)
        };
        if behind && !planted(Defect::ResyncFromEmptyHub) {
            let retry_ms = BEHIND_RETRY_MS;
            return Ok(Plan::Behind { retry_ms });
        }
        let here = hello.place.as_ref().filter(|place| place.epoch == self.epoch);
        if let (Some(place), Some(sieve)) = (here, sieve)
            && sieve.is_read_otherwise(moment, place.base)
        {
            // Nor would a comparison find which stubs should be whole by now.
            return Ok(Plan::Snapshot);
        }
        if self.is_usable(views, moment, hello)? {
            return Ok(Plan::Delta);
        }
        let wanted = moment.followed(&hello.follow).map(|row| row.models).sum();
        Ok(match Holds::of(&hello.more) {
            Some(Holds { records }) if is_worth_comparing(records, wanted) => Plan::Compare {
                salt: self.salt.0,
                cells: cells_first(records.max(wanted)),
            },
            Some(_) | None => Plan::Snapshot,
        })
    }

    /// Whether the agent's cursors are of this history, and nothing beyond them was forgotten.
    pub(super) fn is_usable(&self, views: &Views, moment: &Moment, hello: &Hello) -> Result<bool, StoreError> {
        let sure = Doubts::of(&hello.more).is_none();
        let Some(place) = hello.place.as_ref().filter(|place| sure && place.epoch == self.epoch) else {
            return Ok(false);
        };
        if views.lineage(place.head.seq)? != Some(place.head.lineage) {
            return Ok(false);
        }
        let ahead: BTreeMap<ScopeAlias, Seq> = place.ahead.iter().copied().collect();
        let mut followed = moment.followed(&hello.follow);
        Ok(followed.all(|row| ahead.get(&row.alias).copied().unwrap_or(place.base) >= row.floor))
    }
}

/// Whether what is staged was cut from this history.
fn known(staged: &Staged, head: Head) -> bool {
    staged.started <= head.seq && staged.to.seq <= head.seq
}

/// The longest frame that the agent takes, within what is sensible.
pub(super) fn frame_bytes_max(hello: &Hello) -> usize {
    (hello.frame_bytes_max as usize).clamp(FRAME_BYTES_MIN, FRAME_BYTES_MAX)
}
