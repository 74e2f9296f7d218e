//! What the session asks of its replica, and where it stands.

use crate::message::{Batch, GoOn, Part, Stored, Welcome};
use alloc::vec::Vec;

/// What the replica must do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a hello with this nonce, made from the store.
    Hello {
        /// What the answer must carry.
        nonce: u64,
    },
    /// A catch-up begins: make ready for its parts.
    Begin(Welcome),
    /// Hold this part durably.
    Stage(Part),
    /// The last part: apply it and all that is staged, in one transaction, and set the cursors.
    Finish(Part),
    /// Apply these live batches in one transaction, and set their cursors.
    Apply(Vec<Batch>),
    /// Ask for the next parts.
    GoOn(GoOn),
    /// Upload what is not stored at the hub yet.
    Upload,
    /// The hub has stored writes.
    Settle(Stored),
    /// The hub has stored less than was thought: all after this dot must go again.
    Rewind {
        /// What it has stored.
        through: u64,
    },
    /// Send cells `from` to `cells` of the sketch of what is held.
    Sketch {
        /// What the message must carry.
        nonce: u64,
        /// With which positions and hashes are computed.
        salt: u64,
        /// Cells that went before.
        from: u32,
        /// Cells altogether.
        cells: u32,
    },
    /// The hub holds something else at the same place: the cursors are not to be trusted any more.
    Doubt,
    /// Acknowledge what is applied.
    Acknowledge {
        /// Whether the hub is asked to say whether it holds the same.
        wants_proof: bool,
    },
}

/// Whose link is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkedTo {
    /// That of the hub with which the session was before.
    TheSame,
    /// That of another hub, or of the first one.
    Another,
}

/// Where the session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No link.
    Offline,
    /// A link, and no answer yet.
    Greeting,
    /// Parts are coming.
    CatchingUp,
    /// In step with the hub, as far as is known.
    Live,
}
