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
use headland_shared::epoch::{Epoch, Head, Lineage, Seq};

/// A position as the query of a request: what [`position_of`] reads.
#[must_use]
pub fn query_of(from: &Followed) -> String {
    let Epoch { hub, number, nonce } = from.epoch;
    format!(
        "after={}&epoch={hub:016x}{number:08x}{nonce:08x}&lineage={:08x}",
        from.head.seq, from.head.lineage.0
    )
}

/// The position that a request names; nothing when its epoch or lineage is none, so that the answer is whole.
#[must_use]
pub fn position_of(after: u64, epoch: &str, lineage: &str) -> Option<Followed> {
    let hex = |text: &str, digits: usize| {
        let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| u64::from_str_radix(text, 16).ok()).flatten()
    };
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
        let query = query_of(&from);
        let parts: Vec<&str> = query.split('&').map(|part| part.split_once('=').unwrap().1).collect();
        assert_eq!(position_of(parts[0].parse().unwrap(), parts[1], parts[2]), Some(from));
    }

    #[test]
    fn what_is_no_position_asks_for_everything() {
        for (epoch, lineage) in [
            ("", ""),
            ("+f", "00000000"),
            ("0123456789abcdef0123456789abcdefé", "00000000"),
        ] {
            assert_eq!(position_of(1, epoch, lineage), None);
        }
    }
}
