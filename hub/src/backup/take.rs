//! Taking a backup.

use super::About;
use super::block::{BLOCK_BYTES, Sealer, begin_rows, put_row};
use crate::store::Snapshot;
use headland_host::tables::StoreError;

/// Gives the pieces of a backup of one moment of a store, in order, to `put`. Each is about as long as a block; what is
/// held at a time is one block.
pub(crate) fn take<E: From<StoreError>>(
    snapshot: &Snapshot,
    region: &str,
    taken_ms: u64,
    mut put: impl FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<About, E> {
    let about = about(snapshot, region, taken_ms)?;
    let text = serde_json::to_vec(&about).expect("plain data always serialises");
    let (mut sealer, line) = Sealer::begin();
    put(line)?;
    put(sealer.seal(&text))?;
    let mut body = Vec::new();
    snapshot.each_row(|table, row| {
        if row.is_none() || body.len() >= BLOCK_BYTES {
            if !body.is_empty() {
                put(sealer.seal(&body))?;
            }
            body = begin_rows(table);
        }
        if let Some((key, value)) = row {
            put_row(&mut body, key, value);
        }
        Ok::<_, E>(())
    })?;
    if !body.is_empty() {
        put(sealer.seal(&body))?;
    }
    put(sealer.seal(&[]))?;
    Ok(about)
}

fn about(snapshot: &Snapshot, region: &str, taken_ms: u64) -> Result<About, StoreError> {
    let views = snapshot.views()?;
    Ok(About {
        region: region.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        taken_ms,
        epoch: views.epoch()?.unwrap_or_default().to_string(),
        head: views.numbers()?.head.seq.0,
        models: views.scopes()?.values().map(|row| row.models).sum(),
        agents: views.agent_count()?,
    })
}
