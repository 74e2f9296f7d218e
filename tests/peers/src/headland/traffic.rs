//! The frames that went between a hub and one device.

use headland_shared::frame::{decode_down, decode_up};
use headland_shared::kept::Kept;
use headland_shared::message::{Down, Up};

/// Tags of frames, as `docs/wire.md` lists them.
mod tag {
    pub(super) const HELLO: u8 = 1;
    pub(super) const WELCOME: u8 = 16;
    pub(super) const PART: u8 = 17;
    pub(super) const HEARTBEAT: u8 = 20;
    pub(super) const SHARED_PART: u8 = 24;
    pub(super) const BATCH: u8 = 27;
    pub(super) const BATCH_FLAGGED: u8 = 28;
}

fn is_batch(tag: u8) -> bool {
    matches!(tag, tag::BATCH | tag::BATCH_FLAGGED)
}

fn is_of_catch_up(tag: u8) -> bool {
    matches!(tag, tag::WELCOME | tag::PART | tag::SHARED_PART)
}

/// All frames of a session, whole as they would be published: head, body and check.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traffic {
    pub(crate) up: Vec<Vec<u8>>,
    pub(crate) down: Vec<Vec<u8>>,
}

fn bytes(frames: &[Vec<u8>], wanted: impl Fn(u8) -> bool) -> u64 {
    let wanted = frames.iter().filter(|frame| frame.get(1).copied().is_some_and(&wanted));
    wanted.map(|frame| frame.len() as u64).sum()
}

impl Traffic {
    /// Bytes of the answer to the hello and of all parts.
    pub(crate) fn catch_up(&self) -> u64 {
        bytes(&self.down, is_of_catch_up)
    }

    /// Bytes of the answer to the hello alone.
    pub(crate) fn welcome(&self) -> u64 {
        bytes(&self.down, |tag| tag == tag::WELCOME)
    }

    /// Bytes of live batches.
    pub(crate) fn batches(&self) -> u64 {
        bytes(&self.down, is_batch)
    }

    /// All bytes down except heartbeats, which come whether something changes or not.
    pub(crate) fn down(&self) -> u64 {
        bytes(&self.down, |tag| tag != tag::HEARTBEAT)
    }

    /// All bytes up.
    pub(crate) fn up(&self) -> u64 {
        bytes(&self.up, |_| true)
    }

    /// Bytes of hellos, with the uploads in them.
    pub(crate) fn hello(&self) -> u64 {
        bytes(&self.up, |tag| tag == tag::HELLO)
    }

    /// Bytes both ways until both sides know which records differ, and how many round trips they take: hellos and what
    /// is held here, up; the answers to them, down, with the part that says what is kept, but no record.
    pub(crate) fn identifying(&self) -> (u64, u64) {
        let asks = |frame: &&Vec<u8>| matches!(decode_up(frame), Ok(Up::Hello(_) | Up::Cells(_)));
        let answers = |frame: &&Vec<u8>| match decode_down(frame) {
            Ok(Down::Welcome(_) | Down::Compared(_)) => true,
            Ok(Down::Part(part)) => Kept::is_kept(&part.delta),
            _ => false,
        };
        let asked: Vec<u64> = self.up.iter().filter(asks).map(|frame| frame.len() as u64).collect();
        let answered: u64 = self.down.iter().filter(answers).map(|frame| frame.len() as u64).sum();
        (asked.iter().sum::<u64>() + answered, asked.len() as u64)
    }

    /// Round trips until a device has all: those of asking, and those of going on.
    pub(crate) fn round_trips(&self) -> u64 {
        let asks = |frame: &&Vec<u8>| matches!(decode_up(frame), Ok(Up::Hello(_) | Up::Cells(_) | Up::GoOn(_)));
        self.up.iter().filter(asks).count() as u64
    }

    /// Bytes of frames that carry the device's own writes: hellos with an upload, and uploads.
    pub(crate) fn uploads(&self) -> u64 {
        let carries = |frame: &&Vec<u8>| match decode_up(frame) {
            Ok(Up::Hello(hello)) => hello.upload.is_some(),
            Ok(Up::Upload(_) | Up::Chained(_)) => true,
            _ => false,
        };
        self.up.iter().filter(carries).map(|frame| frame.len() as u64).sum()
    }

    /// The live batches.
    pub(crate) fn batch_frames(&self) -> Vec<Vec<u8>> {
        self.down
            .iter()
            .filter(|frame| frame.get(1).copied().is_some_and(is_batch))
            .cloned()
            .collect()
    }

    /// The frames that a device must take to be up to date.
    pub(crate) fn catch_up_frames(&self) -> Vec<Vec<u8>> {
        let wanted = |frame: &&Vec<u8>| frame.get(1).copied().is_some_and(is_of_catch_up);
        self.down.iter().filter(wanted).cloned().collect()
    }
}
