//! Fields that were added to released messages: each a tag and bytes, which older versions pass over.

use super::More;
use crate::epoch::Head;
use alloc::vec::Vec;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A field of some message's `more`.
pub trait Field: Serialize + DeserializeOwned {
    /// Its tag among the fields of that message.
    const TAG: u16;

    /// The field as it travels.
    fn to_more(&self) -> (u16, Vec<u8>) {
        let bytes = postcard::to_allocvec(self).expect("plain data always serialises");
        (Self::TAG, bytes)
    }

    /// The field of a message, if it is there and can be read.
    fn of(more: &More) -> Option<Self> {
        let (_, bytes) = more.iter().find(|(tag, _)| *tag == Self::TAG)?;
        postcard::from_bytes(bytes).ok()
    }
}

/// In a hello: the agent can compare what it holds, and so many records that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// Records held.
    pub records: u64,
}

impl Field for Holds {
    const TAG: u16 = 1;
}

/// In a hello: what the agent holds is not to be relied on, although it says where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubts;

impl Field for Doubts {
    const TAG: u16 = 8;
}

/// In an acknowledgement: the agent wants to know whether it holds the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantsProof;

impl Field for WantsProof {
    const TAG: u16 = 1;
}

/// In hello, welcome and acknowledgement: which session between a hub and a life of an agent's store this is. The hub gives a new one
/// with each welcome; an agent that shows an older one than it has confirmed is a copy of it, or was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct SessionToken {
    /// Counts the sessions.
    pub number: u64,
    /// Tells two sessions of one number apart.
    pub random: u32,
}

impl Field for SessionToken {
    const TAG: u16 = 2;
}

/// In hello and upload: hashes over the agent's own writes (see [`crate::chain`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// Over all writes up to the upload's `prev`; nothing where that is not known any more.
    pub prev: Option<crate::chain::Link>,
    /// Over all writes up to its `to`.
    pub to: crate::chain::Link,
    /// The last write that this life of the store has made.
    pub last_dot: u64,
}

impl Field for Links {
    const TAG: u16 = 3;
}

/// In a welcome: by showing this in its next hello, an incarnation that is over shows that it lives all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge(pub SessionToken);

impl Field for Challenge {
    const TAG: u16 = 7;
}

/// In a hello: the run of the hub in which the parts were cut that are staged. One that began since may have been
/// restored, and what was cut from a history that is lost must not be gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedUnder(pub u64);

impl Field for StagedUnder {
    const TAG: u16 = 11;
}

/// In a hello: what the device says of itself, as [`crate::resolve::Description`] encodes it. In the first hello of a
/// link and while no hub has answered one that holds it; absent from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Describes(pub Vec<u8>);

impl Field for Describes {
    const TAG: u16 = 12;
}

/// In a hello: the agent wants whole only those records for which this filter holds, in the language of
/// [`crate::query`], and of the others a [stub](crate::stub). A hub that cannot read it sends everything whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnlyWhere(pub alloc::string::String);

impl Field for OnlyWhere {
    const TAG: u16 = 13;
}

/// In a hello: somebody at the agent wants the registry's present state. A hub whose registry is elsewhere looks at it
/// before it answers, for a moment; one that cannot read this answers with what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantsPresent;

impl Field for WantsPresent {
    const TAG: u16 = 14;
}

/// In a hello: the agent can afford nothing now but what is urgent. The hub answers with what is urgent of all that has
/// changed since the agent's cursors, as urgent facts to this agent alone, and with nothing else; it looks at nothing else
/// of the hello but frame limit, patterns and place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrgentAlone;

impl Field for UrgentAlone {
    const TAG: u16 = 15;
}

/// In a confirmation: the chain of the agent's writes up to what is stored. A copy that hears what was meant for
/// another finds another chain there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLink(pub crate::chain::Link);

impl Field for StoredLink {
    const TAG: u16 = 6;
}

/// In welcome and confirmation: this agent's store was restored or copied, and must write under a new incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reincarnate {
    /// Up to here the hub holds writes of the incarnation that is over.
    pub through: u64,
    /// The chain of those writes, where it is known: a store that has the same chain there knows that they are its own.
    pub link: Option<crate::chain::Link>,
}

impl Field for Reincarnate {
    const TAG: u16 = 4;
}

/// In a welcome: two stores have spoken under this agent's name; the hub takes nothing from it until a person has
/// decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fenced;

impl Field for Fenced {
    const TAG: u16 = 5;
}

/// In a welcome: nothing has changed since the agent's cursors. The catch-up is empty and ends here; no part follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpToDate {
    /// Where the catch-up ends.
    pub end: Head,
}

impl Field for UpToDate {
    const TAG: u16 = 9;
}

/// In a welcome that says *behind*: the hub is not behind, but more agents greet than it can answer soon. It has looked
/// at nothing of the hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Busy;

impl Field for Busy {
    const TAG: u16 = 10;
}
