//! The frame of a live batch: not compressed, with no field that says nothing.
//!
//! ```text
//! mark    4 bytes  the epoch's tag, exclusive-or the low 32 bits of the hash of the registry's life
//! scope   varint
//! prev    varint
//! to      varint   as the difference from prev
//! lineage 4 bytes
//! touched          if bit 1 of the flags is set: count, then (alias, seq as its difference from to, signed)*
//! after            if bit 2 is set: the same
//! delta            to the check, without its first byte; none at all if bit 3 is set
//! ```

use super::FrameError;
use crate::bytes::{DecodeError, Reader, put_signed, put_varint};
use crate::delta::{FORM_OF_PLACE, ScopeAlias};
use crate::epoch::{EpochTag, Head, Lineage, Seq};
use crate::message::{Batch, Live};
use crate::scope::SCOPES_MAX;
use alloc::vec;
use alloc::vec::Vec;

const TOUCHED: u8 = 2;
const AFTER: u8 = 4;
const NO_DELTA: u8 = 8;

/// The flags and the body of a live batch.
pub(super) fn body(live: &Live) -> (u8, Vec<u8>) {
    let batch = live.marked();
    let mut out = Vec::with_capacity(batch.delta.as_ref().map_or(0, Vec::len) + 32);
    out.extend_from_slice(&batch.epoch.0.to_be_bytes());
    put_varint(&mut out, u64::from(batch.scope));
    put_varint(&mut out, batch.prev.0);
    put_varint(&mut out, batch.to.seq.0.wrapping_sub(batch.prev.0));
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
    read_batch(flags, body)
        .map(Live::of_marked)
        .map_err(|_| FrameError::Body)
}

fn read_batch(flags: u8, body: &[u8]) -> Result<Batch, DecodeError> {
    let mut reader = Reader::new(body);
    let epoch = EpochTag(reader.u32_be()?);
    let scope = reader.varint_u32()?;
    let prev = Seq(reader.varint()?);
    let seq = Seq(prev.0.wrapping_add(reader.varint()?));
    let lineage = Lineage(reader.u32_be()?);
    let touched = read_scopes(&mut reader, flags & TOUCHED != 0, seq)?;
    let after = read_scopes(&mut reader, flags & AFTER != 0, seq)?;
    let delta = (flags & NO_DELTA == 0).then(|| {
        let mut delta = vec![FORM_OF_PLACE];
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
