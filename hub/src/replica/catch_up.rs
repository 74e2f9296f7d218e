//! The parts of a catch-up: cut from the index of changes, each in one read transaction.

use super::Replica;
use super::conversation::Transfer;
use super::merge::Merge;
use super::moment::Moment;
use super::sealed::Cut;
use super::sieve::Sieve;
use crate::store::{AttributeRow, ChangeRow, ScopeRow, Views};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use headland_shared::delta::{AttributeIntroduction, DeltaWriter, ScopeAlias, ScopeIntroduction};
use headland_shared::element;
use headland_shared::epoch::{Head, Mark, Seq};
use headland_shared::frame::SharedPart;
use headland_shared::key::ElementKey;
use headland_shared::message::{Down, GoOn, Part, Refusal, Refused};
use headland_shared::name::{AttributeName, ReplicaName};
use headland_shared::session::transfer::Round;
use headland_shared::stub::Stub;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A part is cut when all but so many bytes of the agent's frame are full: room for the heads of frame and part, and for
/// a usual record, since the one with which it is cut goes in whole. Pieces of a frame must arrive in order, so a part
/// that fits one frame is worth more than a full one.
const PART_SPARE_BYTES: usize = 192;
/// The most bytes that one part tells, unpacked: what a light agent can hold beside what it has.
const PART_BYTES_MAX: usize = 512 * 1024;

impl Replica {
    /// The agent holds parts up to here, or misses some.
    pub(super) fn go_on(&mut self, agent: &ReplicaName, go_on: GoOn) -> Result<(), StoreError> {
        let transfer = self.conversation(agent).transfer.as_mut();
        let Some(transfer) = transfer else {
            self.refuse_transfer(agent);
            return Ok(());
        };
        match (Round::of(go_on.nonce, transfer.nonce), go_on.again) {
            (Round::Later, true) => transfer.nonce = go_on.nonce,
            (Round::Present, false) => {}
            // It was done when it came first, or it is overtaken.
            (Round::Present | Round::Earlier, _) => return Ok(()),
            (Round::Later, false) | (Round::OfAnother, _) => {
                self.refuse_transfer(agent);
                return Ok(());
            }
        }
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
    pub(super) fn send_parts(&mut self, agent: &ReplicaName) -> Result<(), StoreError> {
        loop {
            let conversation = self.conversation(agent);
            let frame_bytes_max = conversation.frame_bytes_max;
            let bytes_max = frame_bytes_max.saturating_sub(PART_SPARE_BYTES).max(1);
            let Some(transfer) = conversation.transfer.clone() else {
                return Ok(());
            };
            let Some(from) = transfer.window.next() else {
                return Ok(());
            };
            let moment = self.moment()?;
            if transfer.is_below_floor(&moment) {
                // What left meanwhile is forgotten: the agent must begin anew.
                self.conversation(agent).transfer = None;
                self.refuse_transfer(agent);
                return Ok(());
            }
            let cut = Cut::of(&moment, &transfer, from, bytes_max);
            let (to, last) = match cut {
                Some(cut) => {
                    let part = self.shared_part(&moment, &transfer, from, cut)?;
                    self.send_frame(agent, part.frame(transfer.nonce));
                    (part.to(), part.is_last())
                }
                None => {
                    let part = match &transfer.kept {
                        Some(kept) if from == Mark::default() => first_of_repair(&transfer, kept),
                        _ => cut_part(&*self.store.read()?, &moment, &transfer, from, bytes_max)?,
                    };
                    let (to, last) = (part.to, part.end.is_some());
                    self.send(agent, &Down::Part(part));
                    (to, last)
                }
            };
            if let Some(transfer) = &mut self.conversation(agent).transfer {
                transfer.window.sent(to, last);
            }
        }
    }

    /// A part for all who have the same cursors.
    fn shared_part(
        &mut self,
        moment: &Moment,
        transfer: &Transfer,
        from: Mark,
        cut: Cut,
    ) -> Result<Arc<SharedPart>, StoreError> {
        if let Some(part) = self.sealed.get(moment, &cut) {
            return Ok(part);
        }
        let part = cut_part(&*self.store.read()?, moment, transfer, from, cut.bytes_max())?;
        let part = Arc::new(SharedPart::seal(part));
        self.sealed.keep(cut, &part);
        Ok(part)
    }
}

/// Cuts the next part in one read transaction. It is the last one if the scan reaches the head within it.
fn cut_part(
    views: &Views,
    moment: &Moment,
    transfer: &Transfer,
    from: Mark,
    bytes_max: usize,
) -> Result<Part, StoreError> {
    let Moment {
        numbers,
        scopes,
        attributes,
        ..
    } = moment;
    let head = numbers.head;
    // What was introduced up to the head may be used by any of the records; the first part of a seq carries it.
    let (new_scopes, new_attributes) = introductions(scopes, attributes, from.seq, head.seq);
    let mut writer = DeltaWriter::in_its_own_life(numbers.life, &new_scopes, &new_attributes);
    let mut merge = Merge::new(views, scopes, transfer, from, head.seq)?;
    while let Some(row) = merge.next()? {
        let cursor = transfer.cursor(row.mark.scope);
        if row.left && transfer.snapshot && row.mark.seq <= transfer.started {
            continue;
        }
        if transfer.is_kept(row.mark.seq, row.mark.handle) {
            continue;
        }
        write_row(views, &mut writer, row, cursor, attributes, transfer.sieve.as_deref())?;
        if writer.len() >= bytes_max || writer.told() >= PART_BYTES_MAX {
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

fn first_of_repair(transfer: &Transfer, kept: &[u8]) -> Part {
    Part {
        nonce: transfer.nonce,
        from: Mark::default(),
        to: Mark::after(Seq::START),
        end: None,
        delta: kept.to_vec(),
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

/// Writes what a row of the index says to a receiver who has its scope up to `cursor`, or what its filter leaves of it.
pub(super) fn write_row(
    views: &Views,
    writer: &mut DeltaWriter,
    row: ChangeRow,
    cursor: Seq,
    attributes: &BTreeMap<AttributeName, AttributeRow>,
    sieve: Option<&Sieve>,
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
    let mut whole = blob.head.entered > cursor;
    if let Some(sieve) = sieve {
        // Whether the receiver has it whole or as a stub depends on what the filter looks at, and on nothing else.
        whole = whole || sieve.may_have_turned(&blob, cursor).map_err(corrupt)?;
        if let Some(stub) = sieve.stub(&key, &bytes, attributes)? {
            let element = (&*Stub::key(), None, &*stub.state());
            writer.record(scope, handle, key.name.as_str(), whole, &[element]);
            return Ok(());
        }
    }
    let mut elements = Vec::new();
    for entry in blob.entries() {
        let entry = entry.map_err(corrupt)?;
        let wanted = if whole {
            !element::is_void(entry.state)
        } else {
            entry.seq > cursor
        };
        if wanted {
            let alias = ElementKey::names_attribute(entry.key)
                .and_then(|name| std::str::from_utf8(name).ok())
                .and_then(|name| AttributeName::new(name).ok())
                .and_then(|name| attributes.get(&name))
                .map(|row| row.alias);
            elements.push((entry.key, alias, entry.state));
        }
    }
    writer.record(scope, handle, key.name.as_str(), whole, &elements);
    Ok(())
}
