//! The frame of a live batch: not compressed, with no field that says nothing.
//!
//! ```text
//! flags   u8       only in a frame of tag 28; in one of tag 27 there are none
//! first   u8       the scope in the upper half, the difference from prev to `to` in the lower; 15 is a varint of those
//!                  that follow, in this order
//! mark    4 bytes  the epoch's tag, exclusive-or the low 32 bits of the hash of the registry's life and the hub's run
//! prev    varint
//! lineage 4 bytes  of to
//! touched          if bit 1 of the flags is set: count, then (alias, seq as its difference from to, signed)*
//! after            if bit 2 is set: the same
//! delta            to the check, without its first byte, which is 5; none at all if bit 3 is set
//! ```
//!
//! Tag 26 is an earlier form, which is only read: flags, mark, scope, prev and difference as varints, lineage and the
//! rest, with a delta of form 3.

use super::FrameError;
use crate::bytes::{DecodeError, Reader, put_signed, put_varint};
use crate::delta::{FORM_DENSE_OF_PLACE, FORM_OF_PLACE, ScopeAlias};
use crate::epoch::{EpochTag, Head, Lineage, Seq};
use crate::message::{Batch, Live};
use crate::scope::SCOPES_MAX;
use alloc::vec;
use alloc::vec::Vec;

const TOUCHED: u8 = 2;
const AFTER: u8 = 4;
const NO_DELTA: u8 = 8;

/// Where a number does not fit its half of the first byte, and follows.
const FOLLOWS: u64 = 15;

/// The flags and the body of a live batch.
pub(super) fn body(live: &Live) -> (u8, Vec<u8>) {
    let batch = live.marked();
    let mut out = Vec::with_capacity(batch.delta.as_ref().map_or(0, Vec::len) + 32);
    let (scope, step) = (u64::from(batch.scope), batch.to.seq.0.wrapping_sub(batch.prev.0));
    out.push((scope.min(FOLLOWS) << 4 | step.min(FOLLOWS)) as u8);
    for number in [scope, step] {
        if number >= FOLLOWS {
            put_varint(&mut out, number);
        }
    }
    out.extend_from_slice(&batch.epoch.0.to_be_bytes());
    put_varint(&mut out, batch.prev.0);
    out.extend_from_slice(&batch.to.lineage.0.to_be_bytes());
    let mut flags = 0;
    for (flag, scopes) in [(TOUCHED, &batch.touched), (AFTER, &batch.after)] {
        if !scopes.is_empty() {
            flags |= flag;
            put_scopes(&mut out, scopes, batch.to.seq);
        }
    }
    match batch.delta.as_deref().and_then(<[u8]>::split_first) {
        Some((_, packed)) => out.extend_from_slice(packed),
        None => flags |= NO_DELTA,
    }
    (flags, out)
}

fn put_scopes(out: &mut Vec<u8>, scopes: &[(ScopeAlias, Seq)], to: Seq) {
    put_varint(out, scopes.len() as u64);
    for (alias, seq) in scopes {
        put_varint(out, u64::from(*alias));
        put_signed(out, to.0.wrapping_sub(seq.0) as i64);
    }
}

/// Reads a live batch.
pub(super) fn read(flags: u8, body: &[u8]) -> Result<Live, FrameError> {
    let mut reader = Reader::new(body);
    read_batch(flags, &mut reader)
        .map(Live::of_marked)
        .map_err(|_| FrameError::Body)
}

/// Reads one as it first was written: its numbers in another order, and its delta in the first packed form.
pub(super) fn read_earlier(flags: u8, body: &[u8]) -> Result<Live, FrameError> {
    let read = || {
        let mut reader = Reader::new(body);
        let epoch = EpochTag(reader.u32_be()?);
        let scope = reader.varint_u32()?;
        let prev = Seq(reader.varint()?);
        let step = reader.varint()?;
        read_rest(flags, &mut reader, (epoch, scope, prev, step), FORM_OF_PLACE)
    };
    read().map(Live::of_marked).map_err(|_: DecodeError| FrameError::Body)
}

fn read_batch(flags: u8, reader: &mut Reader<'_>) -> Result<Batch, DecodeError> {
    let first = u64::from(reader.byte()?);
    let mut number = |half| if half == FOLLOWS { reader.varint() } else { Ok(half) };
    let (scope, step) = (number(first >> 4)?, number(first & FOLLOWS)?);
    let scope = ScopeAlias::try_from(scope).map_err(|_| DecodeError::Invalid("scope alias"))?;
    let (epoch, prev) = (EpochTag(reader.u32_be()?), Seq(reader.varint()?));
    read_rest(flags, reader, (epoch, scope, prev, step), FORM_DENSE_OF_PLACE)
}

fn read_rest(
    flags: u8,
    reader: &mut Reader<'_>,
    (epoch, scope, prev, step): (EpochTag, ScopeAlias, Seq, u64),
    form: u8,
) -> Result<Batch, DecodeError> {
    let seq = Seq(prev.0.wrapping_add(step));
    let lineage = Lineage(reader.u32_be()?);
    let touched = read_scopes(reader, flags & TOUCHED != 0, seq)?;
    let after = read_scopes(reader, flags & AFTER != 0, seq)?;
    let delta = (flags & NO_DELTA == 0).then(|| {
        let mut delta = vec![form];
        delta.extend_from_slice(reader.rest());
        delta
    });
    Ok(Batch {
        epoch,
        scope,
        prev,
        to: Head { seq, lineage },
        touched,
        after,
        delta,
    })
}

fn read_scopes(reader: &mut Reader<'_>, are_there: bool, to: Seq) -> Result<Vec<(ScopeAlias, Seq)>, DecodeError> {
    let count = if are_there { reader.count(SCOPES_MAX)? } else { 0 };
    let mut scopes = Vec::with_capacity(count);
    for _ in 0..count {
        let alias = reader.varint_u32()?;
        scopes.push((alias, Seq(to.0.wrapping_sub(reader.signed()? as u64))));
    }
    Ok(scopes)
}
