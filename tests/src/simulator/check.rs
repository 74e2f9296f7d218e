//! What must hold, whatever happens.
//!
//! | invariant | checked by |
//! |---|---|
//! | 1. Losing, repeating, delaying or reordering a message changes no result | [`settled()`]: both hubs and all agents end with what the reference says, and each count and note is there once, although the network did its worst |
//! | 2. Nothing is acknowledged before it is durable | [`kept`]: after a power cut a hub still has up to where it acknowledged; [`read()`] after an agent's: it shows no earlier state than before, and its own notes |
//! | 3. The broker is never trusted | the network keeps nothing for anybody who is away, and [`settled()`] holds nevertheless |
//! | 4. Readers see causally closed states only | [`read()`]: of the feed an agent shows what one commit left behind, whole; [`ahead`]: before the feed nothing but urgent facts that the registry said |
//! | 5. Deleted stays deleted, and no local write is lost | [`read()`]: no earlier commit, also at another hub, and no own note that is gone or back; [`settled()`]: all notes and counts at the hubs where they must be, after wipes, restores and moves; [`Floors`]: none moves beyond what was acknowledged |
//! | 6. Merge decides alike everywhere | [`converged`](settled()): each agent's digest is its hub's; [`followed`]: the following hub shows exactly one commit; [`alike`]: scopes that show the same at both hubs have the same digest; [`proven`]: nobody acknowledged what its hub did not hold |
//! | 7. Wall clocks never decide | devices start in 1970 and their clocks jump, and all of this holds; [`stamped`]: no hub holds a note from the future |
//! | 8. A device writes only as itself | [`settled()`]: no hub holds a note that nobody wrote, and forged hellos change nothing |
//! | 9. A peer's bytes never make us store or queue without bound | [`queue`], [`frame`] and [`store`]; noise and cut frames make no replica panic |
//! | 11. An empty, lagging or mistaken upstream never wipes a fleet | [`read()`]: behind a lagging hub nobody goes back; whoever reads at a hub that has heard of no registry still shows what it had |

mod bounds;
mod durable;
mod floors;
mod read;
mod settled;

pub(super) use bounds::{frame, queue, store};
pub(super) use durable::{kept, note_acknowledged};
pub(super) use floors::Floors;
pub(super) use read::{ahead, read};
pub(super) use settled::{alike, followed, proven, settled, stamped};
