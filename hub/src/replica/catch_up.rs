//! Catch-ups: the answer to a hello, and the parts that follow it.

use super::Replica;
use super::upload::Settled;
use crate::store::{AttributeRow, ScopeRow, Views};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use headland_shared::delta::{AttributeIntroduction, DeltaWriter, ScopeAlias, ScopeIntroduction};
use headland_shared::element;
use headland_shared::epoch::{Epoch, Head, Mark, Position, Seq};
use headland_shared::frame::{FRAME_BYTES_DEFAULT, FRAME_BYTES_MAX, FRAME_BYTES_MIN, Reassembly};
use headland_shared::key::ElementKey;
use headland_shared::message::{Down, GoOn, Hello, Part, Plan, Refusal, Refused, Staged, Welcome};
use headland_shared::name::{AttributeName, ReplicaName};
use headland_shared::scope::{FOLLOWS_MAX, Follow};
use headland_shared::session::Now;
use headland_shared::session::transfer::Window;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::ControlFlow;

/// A part is cut before compression at this many times the agent's frame: text shrinks at least so much.
const PART_TIMES_FRAME: usize = 3;
/// The longest part before compression, in bytes: with one record of the greatest length it still fits a body.
const PART_BYTES_MAX: usize = 512 * 1024;
/// How many rows of the index are read ahead for each scope.
const ROWS_AHEAD: usize = 64;
/// How long an agent waits that knows more of the registry than this hub, in milliseconds.
const BEHIND_RETRY_MS: u32 = 15_000;

/// What the hub knows of a conversation. Losing it costs the agent one hello.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) reassembly: Reassembly,
    frame_bytes_max: usize,
    transfer: Option<Transfer>,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            reassembly: Reassembly::default(),
            frame_bytes_max: FRAME_BYTES_DEFAULT,
            transfer: None,
        }
    }
}

impl Conversation {
    pub(super) fn frame_bytes_max(&self) -> usize {
        self.frame_bytes_max
    }
}

#[derive(Debug, Clone)]
struct Transfer {
    nonce: u64,
    snapshot: bool,
    started: Seq,
    follow: Vec<Follow>,
    base: Seq,
    ahead: BTreeMap<ScopeAlias, Seq>,
    window: Window,
}

impl Transfer {
    /// Whether something was forgotten that the agent would have to be told.
    fn is_below_floor(&self, views: &Views) -> Result<bool, StoreError> {
        let scopes = views.scopes()?;
        let followed = scopes
            .values()
            .filter(|row| self.follow.iter().any(|follow| follow.matches(&row.scope)));
        let known = |alias| {
            if self.snapshot {
                self.started
            } else {
                self.cursor(alias)
            }
        };
        Ok(followed.into_iter().any(|row| row.floor > known(row.alias)))
    }

    /// Up to where the agent has a scope.
    fn cursor(&self, alias: ScopeAlias) -> Seq {
        if self.snapshot {
            return Seq::START;
        }
        self.ahead.get(&alias).copied().unwrap_or(self.base).max(self.base)
    }
}

impl Replica {
    /// Answers a hello: says what comes, and sends the first parts of it.
    pub(super) fn answer(
        &mut self,
        agent: &ReplicaName,
        hello: &Hello,
        settled: Option<&Settled>,
        now: Now,
    ) -> Result<(), StoreError> {
        self.counts.hellos += 1;
        let frame_bytes_max = (hello.frame_bytes_max as usize).clamp(FRAME_BYTES_MIN, FRAME_BYTES_MAX);
        if self.went_back(hello)? {
            self.begin_epoch(hello.place.as_ref().map_or(0, |place| place.epoch.number))?;
        }
        let views = self.store.read()?;
        let numbers = views.numbers()?;
        let plan = self.plan(&views, hello, numbers.registry())?;
        let snapshot = plan == Plan::Snapshot;
        let place = hello.place.as_ref().filter(|_| !snapshot);
        let base = place.map_or(Seq::START, |place| place.base);
        let floor = floor(&views, &hello.follow)?;
        let held = hello.staged.filter(|staged| {
            // Below the floor nobody knows any more what left since the parts were cut.
            let known = staged.started >= floor && known(staged, numbers.head);
            staged.epoch == self.epoch.tag() && staged.snapshot == snapshot && known
        });
        let started = held.map_or(numbers.head.seq, |staged| staged.started);
        let resume = held.map_or(Mark::after(base), |staged| staged.to);
        let welcome = Welcome {
            nonce: hello.nonce,
            epoch: self.epoch,
            boot: self.config.boot,
            hub_ms: now.mono,
            as_of_ms: self.registry_as_of(now),
            region: self.config.region.clone(),
            registry: numbers.registry(),
            complete: numbers.revision > 0,
            heartbeat_ms: self.config.heartbeat_ms,
            live_bytes_max: self.config.live_bytes_max as u32,
            plan,
            started,
            resume,
            stored: settled.map(|settled| settled.stored().clone()),
            more: Vec::new(),
        };
        let conversation = self.conversation(agent);
        conversation.frame_bytes_max = frame_bytes_max;
        conversation.transfer = None;
        self.send(agent, &Down::Welcome(welcome));
        if matches!(plan, Plan::Behind { .. }) {
            return Ok(());
        }
        self.counts.snapshots += u64::from(snapshot);
        self.conversation(agent).transfer = Some(Transfer {
            nonce: hello.nonce,
            snapshot,
            started,
            follow: hello.follow.iter().take(FOLLOWS_MAX).cloned().collect(),
            base,
            ahead: place
                .map(|place| place.ahead.iter().copied().collect())
                .unwrap_or_default(),
            window: Window::from(resume),
        });
        self.send_parts(agent)
    }

    /// Whether the agent has seen a later state of this hub's epoch than the hub has: the hub was restored.
    fn went_back(&self, hello: &Hello) -> Result<bool, StoreError> {
        let Some(place) = hello.place.as_ref().filter(|place| place.epoch == self.epoch) else {
            // A later life of this hub was seen than the one that it is in.
            return Ok(hello.place.as_ref().is_some_and(|place| {
                place.epoch.hub == self.epoch.hub
                    && place.epoch.number >= self.epoch.number
                    && place.epoch.number < u32::MAX
            }));
        };
        let views = self.store.read()?;
        let numbers = views.numbers()?;
        if place.head.seq > numbers.head.seq {
            return Ok(true);
        }
        let known = views.lineage(place.head.seq)?;
        Ok(known.is_some_and(|lineage| lineage != place.head.lineage))
    }

    /// Begins another life: numbers and cursors of the one before mean nothing any more.
    fn begin_epoch(&mut self, seen: u32) -> Result<(), StoreError> {
        let number = self.epoch.number.max(seen).saturating_add(1);
        let epoch = Epoch {
            hub: self.epoch.hub,
            number,
            nonce: self.jitter.next_u64() as u32,
        };
        self.store.write(|tables| tables.set_epoch(&epoch))?;
        self.epoch = epoch;
        for conversation in self.conversations.values_mut() {
            conversation.transfer = None;
        }
        Ok(())
    }

    fn plan(&self, views: &Views, hello: &Hello, registry: Position) -> Result<Plan, StoreError> {
        let seen = hello.registry;
        let behind = if seen.life == registry.life {
            registry.number < seen.number
        } else {
            // Another registry, or another life of it: whole as soon as it has anything to say.
            seen.number > 0 && registry.number == 0
        };
        if behind {
            let retry_ms = BEHIND_RETRY_MS;
            return Ok(Plan::Behind { retry_ms });
        }
        let Some(place) = hello.place.as_ref().filter(|place| place.epoch == self.epoch) else {
            return Ok(Plan::Snapshot);
        };
        if views.lineage(place.head.seq)? != Some(place.head.lineage) {
            return Ok(Plan::Snapshot);
        }
        let ahead: BTreeMap<ScopeAlias, Seq> = place.ahead.iter().copied().collect();
        let below = views.scopes()?.values().any(|row| {
            let followed = hello.follow.iter().any(|follow| follow.matches(&row.scope));
            followed && ahead.get(&row.alias).copied().unwrap_or(place.base) < row.floor
        });
        Ok(if below { Plan::Snapshot } else { Plan::Delta })
    }

    /// The agent holds parts up to here, or misses some.
    pub(super) fn go_on(&mut self, agent: &ReplicaName, go_on: GoOn) -> Result<(), StoreError> {
        let transfer = self.conversation(agent).transfer.as_mut();
        let Some(transfer) = transfer.filter(|transfer| transfer.nonce == go_on.nonce) else {
            self.refuse_transfer(agent);
            return Ok(());
        };
        transfer.window.go_on(go_on.staged_to, go_on.again);
        self.send_parts(agent)
    }

    fn refuse_transfer(&mut self, agent: &ReplicaName) {
        let refused = Refused {
            refusal: Refusal::UnknownTransfer,
            through: 0,
        };
        self.send(agent, &Down::Refused(refused));
    }

    /// Sends parts as long as the window allows.
    fn send_parts(&mut self, agent: &ReplicaName) -> Result<(), StoreError> {
        loop {
            let conversation = self.conversation(agent);
            let bytes_max = (conversation.frame_bytes_max * PART_TIMES_FRAME).min(PART_BYTES_MAX);
            let Some(transfer) = conversation.transfer.clone() else {
                return Ok(());
            };
            let Some(from) = transfer.window.next() else {
                return Ok(());
            };
            let views = self.store.read()?;
            if transfer.is_below_floor(&views)? {
                // What left meanwhile is forgotten: the agent must begin anew.
                self.conversation(agent).transfer = None;
                self.refuse_transfer(agent);
                return Ok(());
            }
            let part = cut_part(&views, &transfer, from, bytes_max)?;
            let (to, last) = (part.to, part.end.is_some());
            if let Some(transfer) = &mut self.conversation(agent).transfer {
                transfer.window.sent(to, last);
            }
            self.send(agent, &Down::Part(part));
        }
    }
}

/// Whether what is staged was cut from this history.
fn known(staged: &Staged, head: Head) -> bool {
    staged.started <= head.seq && staged.to.seq <= head.seq
}

/// The highest floor of all scopes that are followed.
fn floor(views: &Views, follow: &[Follow]) -> Result<Seq, StoreError> {
    let scopes = views.scopes()?;
    let followed = scopes
        .values()
        .filter(|row| follow.iter().any(|follow| follow.matches(&row.scope)));
    Ok(followed.map(|row| row.floor).max().unwrap_or(Seq::START))
}

/// Cuts the next part in one read transaction. It is the last one if the scan reaches the head within it.
fn cut_part(views: &Views, transfer: &Transfer, from: Mark, bytes_max: usize) -> Result<Part, StoreError> {
    let numbers = views.numbers()?;
    let scopes = views.scopes()?;
    let attributes = views.attributes()?;
    let head = numbers.head;
    // What was introduced up to the head may be used by any of the records; the first part of a seq carries it.
    let (new_scopes, new_attributes) = introductions(&scopes, &attributes, from.seq, head.seq);
    let mut writer = DeltaWriter::new(numbers.life, &new_scopes, &new_attributes);
    let mut merge = Merge::new(views, &scopes, transfer, from, head.seq)?;
    while let Some(row) = merge.next()? {
        let cursor = transfer.cursor(row.mark.scope);
        if row.left && transfer.snapshot && row.mark.seq <= transfer.started {
            continue;
        }
        write_row(views, &mut writer, row, cursor, &attributes)?;
        if writer.len() >= bytes_max {
            return Ok(part(transfer, from, row.mark, None, writer));
        }
    }
    Ok(part(transfer, from, Mark::after(head.seq), Some(head), writer))
}

fn part(transfer: &Transfer, from: Mark, to: Mark, end: Option<Head>, writer: DeltaWriter) -> Part {
    Part {
        nonce: transfer.nonce,
        from,
        to,
        end,
        delta: writer.finish(),
    }
}

/// What began to exist after `from` and not after `to`.
pub(super) fn introductions(
    scopes: &BTreeMap<ScopeAlias, ScopeRow>,
    attributes: &BTreeMap<AttributeName, AttributeRow>,
    from: Seq,
    to: Seq,
) -> (Vec<ScopeIntroduction>, Vec<AttributeIntroduction>) {
    let new = |introduced: Seq| introduced > from && introduced <= to;
    let scopes = scopes
        .values()
        .filter(|row| new(row.introduced))
        .map(|row| ScopeIntroduction {
            alias: row.alias,
            scope: row.scope.clone(),
        });
    let attributes = attributes
        .iter()
        .filter(|(_, row)| new(row.introduced))
        .map(|(name, row)| AttributeIntroduction {
            alias: row.alias,
            name: name.clone(),
            declaration: row.declaration,
        });
    (scopes.collect(), attributes.collect())
}

/// Writes what a row of the index says to a receiver who has its scope up to `cursor`.
pub(super) fn write_row(
    views: &Views,
    writer: &mut DeltaWriter,
    row: crate::store::ChangeRow,
    cursor: Seq,
    attributes: &BTreeMap<AttributeName, AttributeRow>,
) -> Result<(), StoreError> {
    let Mark { scope, handle, .. } = row.mark;
    if row.left {
        writer.left(scope, handle);
        return Ok(());
    }
    let corrupt = |error: DecodeError| StoreError::corrupt("records-1", error);
    let Some((key, bytes)) = views.record(handle)? else {
        return Err(StoreError::corrupt(
            "changes-1",
            "a change of a record that is not there",
        ));
    };
    let blob = Blob::parse(&bytes).map_err(corrupt)?;
    let whole = blob.head.entered > cursor;
    let mut elements = Vec::new();
    for entry in blob.entries() {
        let entry = entry.map_err(corrupt)?;
        let wanted = if whole {
            !element::is_void(entry.state)
        } else {
            entry.seq > cursor
        };
        if wanted {
            let alias = ElementKey::attribute_of(entry.key)
                .and_then(|name| std::str::from_utf8(name).ok())
                .and_then(|name| AttributeName::new(name).ok())
                .and_then(|name| attributes.get(&name))
                .map(|row| row.alias);
            elements.push((entry.key, alias, entry.state));
        }
    }
    writer.record(scope, handle, whole.then(|| key.name.as_str()), &elements);
    Ok(())
}

/// Rows of all followed scopes, merged by their marks. Reads a few rows of each scope at a time.
struct Merge<'a> {
    views: &'a Views,
    to: Seq,
    heap: BinaryHeap<Reverse<(crate::store::ChangeRow, usize)>>,
    sources: Vec<Source>,
}

struct Source {
    alias: ScopeAlias,
    rows: std::collections::VecDeque<crate::store::ChangeRow>,
    read_to: Mark,
    exhausted: bool,
}

impl<'a> Merge<'a> {
    fn new(
        views: &'a Views,
        scopes: &BTreeMap<ScopeAlias, ScopeRow>,
        transfer: &Transfer,
        from: Mark,
        to: Seq,
    ) -> Result<Self, StoreError> {
        let mut merge = Self {
            views,
            to,
            heap: BinaryHeap::new(),
            sources: Vec::new(),
        };
        for row in scopes.values() {
            if !transfer.follow.iter().any(|follow| follow.matches(&row.scope)) {
                continue;
            }
            let read_to = from.max(Mark::after(transfer.cursor(row.alias)));
            merge.sources.push(Source {
                alias: row.alias,
                rows: std::collections::VecDeque::new(),
                read_to,
                exhausted: false,
            });
            merge.refill(merge.sources.len() - 1)?;
        }
        Ok(merge)
    }

    fn refill(&mut self, index: usize) -> Result<(), StoreError> {
        let source = &mut self.sources[index];
        if source.rows.is_empty() && !source.exhausted {
            let rows = &mut source.rows;
            self.views.each_change(source.alias, source.read_to, self.to, |row| {
                rows.push_back(row);
                let go_on = rows.len() < ROWS_AHEAD;
                Ok::<_, StoreError>(if go_on {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })?;
            source.exhausted = source.rows.len() < ROWS_AHEAD;
            if let Some(last) = source.rows.back() {
                source.read_to = last.mark;
            }
        }
        if let Some(row) = source.rows.pop_front() {
            self.heap.push(Reverse((row, index)));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<crate::store::ChangeRow>, StoreError> {
        let Some(Reverse((row, index))) = self.heap.pop() else {
            return Ok(None);
        };
        self.refill(index)?;
        Ok(Some(row))
    }
}
