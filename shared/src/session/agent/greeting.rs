//! Hellos that wait for an answer.
//!
//! An unanswered hello is repeated with another nonce. As long as what it says is the same, an answer to any of them
//! is as good as one to the last: all that an answer depends on is in the question. The place is compared; what is
//! staged changes in a catch-up alone, and none is under way while one greets; the patterns are the session's. What
//! was written since goes up later, and a repeat shows the token that the first one showed. So under load a late
//! answer is not computed in vain. Its parts carry the nonce that it answers, and parts of other answers are passed
//! over.

use super::{AgentSession, Phase};
use crate::delta::DeltaWriter;
use crate::epoch::{Head, Mark};
use crate::message::{Part, Welcome};
use crate::session::Ms;
use alloc::vec::Vec;

/// Hellos of one question whose answers are waited for: as the waits double, the first of so many is an hour old.
const ASKED_MAX: usize = 16;

/// A hello as it was sent.
#[derive(Debug, Clone, Copy)]
struct Asked {
    nonce: u64,
    sent: Ms,
}

/// A question that waits for its answer.
#[derive(Debug)]
pub(super) struct Greeting {
    /// Hellos that asked the same before the last one.
    earlier: Vec<Asked>,
    last: Asked,
    /// Whether a hello made now would say something else.
    changed: bool,
    pub(super) retry_at: Ms,
}

impl Greeting {
    /// A hello is sent, perhaps as a repeat.
    pub(super) fn after(before: Option<Self>, nonce: u64, now: Ms, retry_at: Ms) -> Self {
        let mut earlier = match before {
            Some(mut before) if !before.changed => {
                before.earlier.push(before.last);
                before.earlier
            }
            Some(_) | None => Vec::new(),
        };
        if earlier.len() == ASKED_MAX {
            earlier.remove(0);
        }
        Self {
            earlier,
            last: Asked { nonce, sent: now },
            changed: false,
            retry_at,
        }
    }

    /// When the hello was sent that this nonce answers, if it answers this question.
    fn sent(&self, nonce: u64) -> Option<Ms> {
        let earlier = self.earlier.iter().filter(|_| !self.changed);
        let mut asked = earlier.chain([&self.last]);
        asked.find(|asked| asked.nonce == nonce).map(|asked| asked.sent)
    }
}

impl AgentSession {
    /// Whether an answer with this nonce is waited for.
    #[must_use]
    pub fn awaits(&self, nonce: u64) -> bool {
        self.greeting
            .as_ref()
            .is_some_and(|greeting| greeting.sent(nonce).is_some())
    }

    /// Greets at this moment, for somebody who wants to know whether what is here is the present. Not if something is
    /// being asked or fetched, and not before a hello that was put off: a hub that is busy or behind has said when.
    pub fn greet_if_live(&mut self, at: Ms) {
        if self.phase() == Phase::Live && self.greet_at.is_none() {
            self.greet_at = Some(at);
        }
    }

    /// What a hello says is not what the last one said: answers to earlier ones do not count any more.
    pub fn question_changed(&mut self) {
        if let Some(greeting) = &mut self.greeting {
            greeting.changed = true;
        }
    }

    /// Takes the question that this nonce answers; when that was asked.
    pub(super) fn answered(&mut self, nonce: u64) -> Option<Ms> {
        let sent = self.greeting.as_ref()?.sent(nonce)?;
        self.greeting = None;
        Some(sent)
    }
}

/// The only part of a catch-up that brings nothing and ends here.
pub(super) fn nothing_since(welcome: &Welcome, end: Head) -> Part {
    Part {
        nonce: welcome.nonce,
        from: welcome.resume,
        to: Mark::after(end.seq),
        end: Some(end),
        delta: DeltaWriter::new(welcome.registry.life, &[], &[]).finish(),
    }
}
