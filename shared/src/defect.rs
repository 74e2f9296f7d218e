//! Deliberate defects: each takes one invariant out at the place where it is kept.
//!
//! A simulator that never fails proves nothing until it has been seen to fail. So at these places the code asks
//! [`planted`], and a test that plants a defect there must notice. Programs have none: without the feature `defects`,
//! for which only the fleet's tests ask, the answer is a constant, and a release build holds nothing of them.

/// What a test may break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// A hub says that it has stored an upload before the disk has.
    AcknowledgedBeforeSync,
    /// A middle part of a catch-up moves the agent's cursor.
    CursorAmidCatchUp,
    /// A record that leaves a scope leaves no entry there.
    ForgottenLeft,
    /// An approval goes to the version that is current, not to the one that it names.
    ApprovalByLastWriter,
    /// A store that went back in time or is a copy goes on as the same writer.
    ReusedActor,
    /// The floor moves with time, whatever agents have acknowledged.
    FloorByTime,
    /// A hub takes a device's stamp as it is.
    DeviceOrderKey,
    /// An urgent fact moves the cursor of its scope.
    OverlayMovesCursor,
    /// An agent's digest has its own pending writes in it.
    DigestWithPendingWrites,
    /// What was counted in one region is counted again in the next.
    CountsAddedAgain,
    /// An agent lets a hub that has nothing take away what it holds.
    ResyncFromEmptyHub,
    /// An agent takes what is said in another epoch, into which no hello of its own has led it.
    StaleEpochAccepted,
}

/// Whether a test has planted this defect.
#[cfg(not(feature = "defects"))]
#[must_use]
pub const fn planted(_: Defect) -> bool {
    false
}

#[cfg(feature = "defects")]
pub use planting::{Planted, plant, planted};

#[cfg(feature = "defects")]
mod planting {
    use super::Defect;
    use core::cell::Cell;

    extern crate std;

    std::thread_local! {
        static PLANTED: Cell<Option<Defect>> = const { Cell::new(None) };
    }

    /// Whether a test has planted this defect in this thread.
    #[must_use]
    pub fn planted(defect: Defect) -> bool {
        PLANTED.get() == Some(defect)
    }

    /// A defect that is there as long as this lives.
    #[derive(Debug)]
    #[must_use = "dropped, it takes the defect away"]
    pub struct Planted(());

    /// Plants a defect in this thread, in the place of an earlier one.
    pub fn plant(defect: Defect) -> Planted {
        PLANTED.set(Some(defect));
        Planted(())
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }
}
