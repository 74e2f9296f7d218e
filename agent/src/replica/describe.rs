//! What the device says of itself, and to which run of which hub it was said.

use super::Replica;
use headland_shared::message::Welcome;
use headland_shared::message::more::{Describes, Field};
use headland_shared::resolve::Description;

/// What the device says of itself. It is said in hellos until one that holds it is answered, so that other hellos
/// stay small.
#[derive(Debug, Default)]
pub(super) struct Described {
    /// Encoded; nothing when this replica says nothing of its device.
    description: Option<Vec<u8>>,
    /// The nonce of the last hello that held it.
    said_in: Option<u64>,
    /// The run of the hub that has heard it. A hub keeps it without waiting for its disk, and so may lose it when it
    /// ends.
    heard_by: Option<u64>,
}

impl Described {
    /// What the hello with this nonce says.
    pub(super) fn say(&mut self, nonce: u64) -> Option<(u16, Vec<u8>)> {
        let description = self.description.clone().filter(|_| self.heard_by.is_none())?;
        self.said_in = Some(nonce);
        Some(Describes(description).to_more())
    }

    /// A hub has answered.
    pub(super) fn heard(&mut self, welcome: &Welcome) {
        self.heard_in(welcome.nonce, welcome.boot);
    }

    fn heard_in(&mut self, nonce: u64, boot: u64) {
        if self.said_in == Some(nonce) {
            self.heard_by = Some(boot);
        }
        self.lives(boot);
    }

    /// This run of a hub is there: another than has heard it must be told.
    pub(super) fn lives(&mut self, boot: u64) {
        self.heard_by = self.heard_by.filter(|heard_by| *heard_by == boot);
    }

    /// There may be another hub now.
    pub(super) fn forget_hub(&mut self) {
        (self.said_in, self.heard_by) = (None, None);
    }
}

impl Replica {
    /// Says this of the device from the next hello on.
    pub fn describe(&mut self, description: &Description) {
        self.described.description = Some(description.encoded());
        self.described.forget_hub();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(described: &mut Described, nonce: u64) -> bool {
        described.say(nonce).is_some()
    }

    #[test]
    fn it_is_said_until_it_is_heard_and_again_to_another_run_of_a_hub() {
        let mut described = Described::default();
        assert!(!says(&mut described, 1), "a replica that was told nothing says nothing");
        described.description = Some(Description::default().encoded());
        assert!(says(&mut described, 2) && says(&mut described, 3));
        described.heard_in(2, 7);
        assert!(
            says(&mut described, 4),
            "an answer to another hello is none to this one"
        );
        described.heard_in(4, 7);
        described.lives(7);
        assert!(!says(&mut described, 5));
        described.heard_in(5, 7);
        assert!(!says(&mut described, 6));
        described.lives(8);
        assert!(says(&mut described, 7));
        described.heard_in(7, 8);
        described.forget_hub();
        assert!(says(&mut described, 8));
    }
}
