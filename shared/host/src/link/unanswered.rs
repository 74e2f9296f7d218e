//! What the broker was asked and has not answered: by that a link that is half dead is known, long before its keep-alive
//! is over.

use std::collections::VecDeque;
use std::time::Duration;

use rumqttc::{Event, Outgoing, Packet};
use tokio::time::Instant;

/// What a broker answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// A frame to acknowledge, or a change of subscriptions, by its packet identifier.
    Packet(u16),
    /// A sign of life.
    Ping,
}

/// What is unanswered of one connection. As many as are in flight at most, and a few beside.
#[derive(Debug)]
pub(super) struct Unanswered {
    /// The oldest first.
    asked: VecDeque<(Asked, Instant)>,
    heard: Instant,
}

impl Unanswered {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            asked: VecDeque::new(),
            heard: now,
        }
    }

    /// Takes note of what the connection did.
    pub(super) fn note(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Outgoing(outgoing) => self.asked.extend(question(outgoing).map(|asked| (asked, now))),
            Event::Incoming(incoming) => {
                self.heard = now;
                let answered = answer(incoming);
                self.asked.retain(|(asked, _)| Some(*asked) != answered);
            }
        }
    }

    /// When the connection counts as lost unless something is heard: so long after the oldest question, and after the
    /// last that was heard, since a slow line may bring something else first.
    pub(super) fn due(&self, patience: Duration) -> Option<Instant> {
        let (_, at) = self.asked.front()?;
        Some((*at).max(self.heard) + patience)
    }
}

fn question(outgoing: &Outgoing) -> Option<Asked> {
    match outgoing {
        // A frame without an identifier is not acknowledged.
        Outgoing::Publish(0) => None,
        Outgoing::Publish(id) | Outgoing::Subscribe(id) | Outgoing::Unsubscribe(id) => Some(Asked::Packet(*id)),
        Outgoing::PingReq => Some(Asked::Ping),
        _ => None,
    }
}

fn answer(incoming: &Packet) -> Option<Asked> {
    match incoming {
        Packet::PubAck(answer) => Some(Asked::Packet(answer.pkid)),
        Packet::SubAck(answer) => Some(Asked::Packet(answer.pkid)),
        Packet::UnsubAck(answer) => Some(Asked::Packet(answer.pkid)),
        Packet::PingResp => Some(Asked::Ping),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rumqttc::PubAck;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_not_answered_is_due_a_while_after_the_last_that_was_heard() {
        let begun = Instant::now();
        let at = |s: u64| begun + Duration::from_secs(s);
        let mut unanswered = Unanswered::new(begun);
        unanswered.note(&Event::Outgoing(Outgoing::Publish(0)), at(1));
        assert_eq!(unanswered.due(PATIENCE), None);
        unanswered.note(&Event::Outgoing(Outgoing::Publish(7)), at(2));
        unanswered.note(&Event::Outgoing(Outgoing::PingReq), at(3));
        assert_eq!(unanswered.due(PATIENCE), Some(at(62)));
        unanswered.note(&Event::Incoming(Packet::PubAck(PubAck::new(8))), at(10));
        assert_eq!(unanswered.due(PATIENCE), Some(at(70)));
        unanswered.note(&Event::Incoming(Packet::PubAck(PubAck::new(7))), at(20));
        assert_eq!(unanswered.due(PATIENCE), Some(at(80)));
        unanswered.note(&Event::Incoming(Packet::PingResp), at(30));
        assert_eq!(unanswered.due(PATIENCE), None);
    }
}
