//! What Headland's agents and hubs must agree on.
//!
//! Nothing in this crate does I/O, reads a clock or spawns anything: `now` is always an argument, and the same
//! calls give the same answers on every replica. Read it in the order in which data travels:
//!
//! 1. [`name`], [`actor`], [`stamp`], [`epoch`]: who and when. Parsed once, valid ever after.
//! 2. [`value`], [`schema`], [`key`]: what a model record is made of.
//! 3. [`register`], [`rule`], [`element`]: how concurrent writes merge, and what readers see of them.
//! 4. [`blob`], [`digest`], [`scope`]: how a record is stored, summed up and divided among followers.
//! 5. [`delta`], [`upload`], [`chain`], [`urgent`], [`message`], [`frame`], [`topic`]: what travels, byte by byte.
//!    [`sketch`] and [`kept`]: how a difference is found and mended where no cursor can be used.
//! 6. [`session`]: who says what when, as state machines without sockets.
//! 7. [`view`], [`query`], [`resolve`]: a record as a reader sees it, how readers ask for records, and which version a
//!    device should use now.
//!
//! [`defect`] stands aside: what tests break to see that they notice.
#![no_std]

extern crate alloc;

pub mod actor;
pub mod blob;
pub mod bytes;
pub mod chain;
pub mod defect;
pub mod delta;
pub mod digest;
pub mod element;
pub mod epoch;
pub mod frame;
pub mod kept;
pub mod key;
pub mod message;
pub mod name;
mod packed;
pub mod query;
pub mod register;
pub mod resolve;
pub mod rule;
pub mod schema;
pub mod scope;
pub mod session;
pub mod sketch;
pub mod stamp;
pub mod stub;
pub mod topic;
pub mod upload;
pub mod urgent;
pub mod value;
pub mod view;
