//! Frames that wait to be worked off: what is quick goes first, and each agent's hello waits once.
//!
//! A hello may cost a whole catch-up; an acknowledgement, an upload or the next window of a catch-up costs little, and
//! others wait for what it says. What an agent says after a hello stays behind that hello, so that the frames of one
//! agent are never out of order. A later hello takes the place of an earlier one in the queue: the agent asks the same,
//! and waits for the answer to the last.

use headland_shared::frame::is_hello;
use headland_shared::name::ReplicaName;
use std::collections::{BTreeMap, VecDeque};

/// Of so many frames that are worked off together, one is the turn of those who greet, however much else there is.
const TURN_OF_HELLOS: usize = 4;

/// The frames that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    quick: VecDeque<(ReplicaName, Vec<u8>)>,
    /// Who greets, in turn.
    turns: VecDeque<ReplicaName>,
    /// Of each who greets, the hello and what came after it.
    greeting: BTreeMap<ReplicaName, Vec<Vec<u8>>>,
    len: usize,
}

impl Waiting {
    /// Puts a frame in; gives back the hello that it overtakes.
    pub(super) fn put(&mut self, agent: ReplicaName, frame: Vec<u8>) -> Option<Vec<u8>> {
        let is_hello = is_hello(&frame);
        self.len += 1;
        match self.greeting.get_mut(&agent) {
            Some(frames) => {
                frames.push(frame);
                let earlier = frames.iter().position(|frame| is_hello && self::is_hello(frame))?;
                // The frame itself is the last one.
                if earlier + 1 == frames.len() {
                    return None;
                }
                self.len -= 1;
                Some(frames.remove(earlier))
            }
            None if is_hello => {
                self.turns.push_back(agent.clone());
                self.greeting.insert(agent, vec![frame]);
                None
            }
            None => {
                self.quick.push_back((agent, frame));
                None
            }
        }
    }

    /// How many frames wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many agents wait for the answer to a hello.
    pub(super) fn greeting(&self) -> usize {
        self.turns.len()
    }

    /// Takes about `max` frames that are to be worked off together; what an agent said together stays together.
    pub(super) fn take(&mut self, max: usize) -> Vec<(ReplicaName, Vec<u8>)> {
        let others = match self.turns.is_empty() {
            true => max,
            false => max - max / TURN_OF_HELLOS,
        };
        let mut taken: Vec<_> = self.quick.drain(..self.quick.len().min(others)).collect();
        while taken.len() < max
            && let Some(agent) = self.turns.pop_front()
        {
            let frames = self.greeting.remove(&agent).unwrap_or_default();
            taken.extend(frames.into_iter().map(|frame| (agent.clone(), frame)));
        }
        self.len -= taken.len();
        taken
    }

    /// Takes the hello of whoever greeted last; what else that agent said goes with what is quick.
    pub(super) fn take_last_hello(&mut self) -> Option<(ReplicaName, Vec<u8>)> {
        let agent = self.turns.pop_back()?;
        let mut hello = None;
        for frame in self.greeting.remove(&agent).unwrap_or_default() {
            match is_hello(&frame) {
                true => hello = Some(frame),
                false => self.quick.push_back((agent.clone(), frame)),
            }
        }
        self.len -= 1;
        hello.map(|hello| (agent, hello))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of this tag: all that is looked at.
    fn frame(tag: u8, nth: u8) -> Vec<u8> {
        vec![1, tag, 0, nth]
    }

    fn name(nth: u8) -> ReplicaName {
        ReplicaName::parse(&format!("agent-{nth}")).unwrap()
    }

    fn tags(taken: &[(ReplicaName, Vec<u8>)]) -> Vec<(u8, u8)> {
        taken.iter().map(|(_, frame)| (frame[1], frame[3])).collect()
    }

    #[test]
    fn a_later_hello_takes_the_place_of_the_earlier_and_the_order_of_one_agent_stays() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.put(name(1), frame(1, 0)), None);
        assert_eq!(waiting.put(name(2), frame(1, 1)), None);
        assert_eq!(waiting.put(name(1), frame(3, 2)), None);
        assert_eq!(waiting.put(name(1), frame(1, 3)), Some(frame(1, 0)));
        assert_eq!(waiting.put(name(3), frame(3, 4)), None);
        assert_eq!((waiting.len(), waiting.greeting()), (4, 2));
        assert_eq!(tags(&waiting.take(64)), [(3, 4), (3, 2), (1, 3), (1, 1)]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn what_is_quick_goes_first_and_hellos_have_their_turn() {
        let mut waiting = Waiting::default();
        for nth in 0..8 {
            waiting.put(name(nth), frame(1, nth));
        }
        for nth in 8..40 {
            waiting.put(name(nth), frame(3, nth));
        }
        let taken = tags(&waiting.take(8));
        assert_eq!(taken.iter().filter(|(tag, _)| *tag == 1).count(), 2);
        assert_eq!(taken[0], (3, 8));
        assert_eq!(waiting.len(), 32);
    }

    #[test]
    fn whoever_greeted_last_is_put_off_first() {
        let mut waiting = Waiting::default();
        waiting.put(name(1), frame(1, 1));
        waiting.put(name(2), frame(1, 2));
        waiting.put(name(2), frame(3, 3));
        assert_eq!(waiting.take_last_hello(), Some((name(2), frame(1, 2))));
        assert_eq!(tags(&waiting.take(8)), [(3, 3), (1, 1)]);
        assert_eq!(waiting.take_last_hello(), None);
    }
}
