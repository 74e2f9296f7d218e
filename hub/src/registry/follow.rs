//! Following: the registry that is embedded in another hub, over that hub's API.
//!
//! What travels is state, not a log: all that the registry said and that changed since a seq of the leading hub's
//! order, each thing once, with the registry's own positions and stamps. The follower makes one commit of it. So both
//! hubs hold the same bytes of what the registry said, and the same digests.
//!
//! All of this is synchronous and belongs to the replica ring; [`changes_since`] and [`apply()`] are its two ends.

mod apply;
mod changes;
mod encoding;

pub use apply::{Applied, Behind, FollowError, Held, apply};
pub use changes::{ChangesError, changes_since, has_news};
pub use encoding::{CHANGES_BYTES_MAX, Changes, EncodingError, Said, SaidRecord};

use crate::store::Followed;
use headland_shared::epoch::{Epoch, Head, Life, Lineage, Position, Seq};

/// What a follower says when it asks, as the query of a request: where it stands in the leading hub's order, which
/// [`position_of`] reads, and how much of the registry it holds, for [`held_of`].
#[must_use]
pub fn query_of(from: Option<&Followed>, held: Position) -> String {
    let mut query = format!("life={:016x}&revision={}", held.life.0, held.number);
    if let Some(from) = from {
        let Epoch { hub, number, nonce } = from.epoch;
        let (seq, lineage) = (from.head.seq, from.head.lineage.0);
        query.push_str(&format!(
            "&after={seq}&epoch={hub:016x}{number:08x}{nonce:08x}&lineage={lineage:08x}"
        ));
    }
    query
}

/// How much of the registry a follower says that it holds; nothing when it has heard nothing, or does not say.
#[must_use]
pub fn held_of(life: &str, revision: u64) -> Option<Position> {
    let life = Life(hex(life, 16)?);
    (revision > 0).then_some(Position { life, number: revision })
}

/// The position that a request names; nothing when its epoch or lineage is none, so that the answer is whole.
#[must_use]
pub fn position_of(after: u64, epoch: &str, lineage: &str) -> Option<Followed> {
    let epoch = Epoch {
        hub: hex(epoch.get(..16)?, 16)?,
        number: u32::try_from(hex(epoch.get(16..24)?, 8)?).ok()?,
        nonce: u32::try_from(hex(epoch.get(24..)?, 8)?).ok()?,
    };
    let head = Head {
        seq: Seq(after),
        lineage: Lineage(u32::try_from(hex(lineage, 8)?).ok()?),
    };
    Some(Followed { epoch, head })
}

fn hex(text: &str, digits: usize) -> Option<u64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_from_its_query() {
        let from = Followed {
            epoch: Epoch {
                hub: u64::MAX - 5,
                number: 3,
                nonce: 0x0a,
            },
            head: Head {
                seq: Seq(77),
                lineage: Lineage(0xb0),
            },
        };
        let held = Position {
            life: Life(0x0f),
            number: 12,
        };
        let query = query_of(Some(&from), held);
        let parts: Vec<&str> = query.split('&').map(|part| part.split_once('=').unwrap().1).collect();
        assert_eq!(held_of(parts[0], parts[1].parse().unwrap()), Some(held));
        assert_eq!(position_of(parts[2].parse().unwrap(), parts[3], parts[4]), Some(from));
    }

    #[test]
    fn what_is_no_position_asks_for_everything() {
        for (epoch, lineage) in [
            ("", ""),
            ("+f", "00000000"),
            ("0123456789abcdef0123456789abcdefé", "00000000"),
        ] {
            assert_eq!(position_of(1, epoch, lineage), None);
            assert_eq!(held_of(epoch, 1), None);
        }
    }
}
