//! How far ahead of an agent the hub sends the parts of a catch-up.

use crate::epoch::Mark;

/// Parts that the hub sends before it hears from the agent: enough to keep a link busy for one round trip, few enough
/// for a broker's queue.
pub const WINDOW: u32 = 8;
/// After this many parts an agent asks for more, so that the window never runs dry.
pub const GO_ON_EVERY: u32 = 4;

/// How often an agent asks for parts again within one catch-up, at most, before what it says is taken for something else.
const ROUNDS_MAX: u64 = 1_024;

/// The nonce of the parts that an agent asks for when it misses some: the next number. So those that were sent before,
/// and may have been overtaken by changes since, are not mixed with those that are sent now.
#[must_use]
pub const fn next_round(nonce: u64) -> u64 {
    nonce.wrapping_add(1)
}

/// What an agent's wish to go on is to a hub that sends the parts of this nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// It is of these parts.
    Present,
    /// It is the first wish for parts of a later nonce.
    Later,
    /// It is of parts that were sent before.
    Earlier,
    /// It is of another catch-up.
    OfAnother,
}

impl Round {
    /// Compares the nonce of a wish with that of what is sent.
    #[must_use]
    pub const fn of(wish: u64, sent: u64) -> Self {
        match (wish.wrapping_sub(sent), sent.wrapping_sub(wish)) {
            (0, _) => Self::Present,
            (1..=ROUNDS_MAX, _) => Self::Later,
            (_, 1..=ROUNDS_MAX) => Self::Earlier,
            _ => Self::OfAnother,
        }
    }
}

/// One catch-up that the hub is sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    sent_to: Mark,
    credit: u32,
    done: bool,
}

impl Window {
    /// Begins after what the agent holds.
    #[must_use]
    pub const fn from(resume: Mark) -> Self {
        Self {
            sent_to: resume,
            credit: WINDOW,
            done: false,
        }
    }

    /// From where the next part goes on, if one may be sent.
    #[must_use]
    pub const fn next(&self) -> Option<Mark> {
        if self.done || self.credit == 0 {
            return None;
        }
        Some(self.sent_to)
    }

    /// A part up to `to` was sent.
    pub fn sent(&mut self, to: Mark, last: bool) {
        self.sent_to = to;
        self.credit = self.credit.saturating_sub(1);
        self.done = last;
    }

    /// The agent holds parts up to `staged_to`; `again` when it misses those that were sent after.
    pub fn go_on(&mut self, staged_to: Mark, again: bool) {
        if again {
            *self = Self::from(staged_to);
        } else {
            self.credit = (self.credit + GO_ON_EVERY).min(WINDOW);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::Seq;

    fn mark(seq: u64) -> Mark {
        Mark::after(Seq(seq))
    }

    #[test]
    fn a_wish_is_told_from_those_of_earlier_rounds_and_of_other_catch_ups() {
        for sent in [7, u64::MAX, u64::MAX - 1, 0] {
            let next = next_round(sent);
            assert_eq!(Round::of(sent, sent), Round::Present);
            assert_eq!(Round::of(next, sent), Round::Later);
            assert_eq!(Round::of(next_round(next), sent), Round::Later);
            assert_eq!(Round::of(sent, next), Round::Earlier);
            assert_eq!(Round::of(sent ^ 1 << 40, sent), Round::OfAnother);
        }
    }

    #[test]
    fn the_window_holds_the_hub_back_and_a_loss_rewinds_it() {
        let mut window = Window::from(mark(5));
        for part in 0..WINDOW {
            assert!(window.next().is_some());
            window.sent(mark(6 + u64::from(part)), false);
        }
        assert_eq!(window.next(), None);
        window.go_on(mark(9), false);
        assert_eq!(window.next(), Some(mark(13)));
        window.go_on(mark(7), true);
        assert_eq!(window.next(), Some(mark(7)));
        window.sent(mark(20), true);
        assert_eq!(window.next(), None);
    }
}
