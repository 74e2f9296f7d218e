//! What a daemon tells the service manager that started it: that it is ready, that it lives, how it is, that it stops.
//!
//! The words are those of `sd_notify(3)`. Where no service manager listens, nothing is said.

use sd_notify::NotifyState;
use tokio::sync::watch;

/// How often a daemon shows that it lives within the time that the service manager allows: being late once or twice,
/// on a device that is busy, is not being dead.
const SIGNS_PER_PERIOD: u32 = 3;

/// The variable by which a service manager says where it listens.
const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";

/// Says that the daemon has started, and how it is.
pub fn ready(sentence: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&line(sentence))]);
}

/// Says that the daemon is about to end.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Stopping")]);
}

/// Says how the daemon is, whenever that is another sentence than before. Ends when nobody publishes any more.
pub async fn tell_status<T>(mut watched: watch::Receiver<T>, sentence: impl Fn(&T) -> String) {
    if std::env::var_os(SOCKET_VARIABLE).is_none() {
        return;
    }
    let mut told = String::new();
    loop {
        let now = line(&sentence(&watched.borrow_and_update()));
        if now != told {
            tell(&[NotifyState::Status(&now)]);
            told = now;
        }
        if watched.changed().await.is_err() {
            return;
        }
    }
}

/// Asks for a sign of life as often as the service manager's watchdog wants one; ends at once where there is none.
///
/// `ask` must be a [`Pulse::ask`] and wake the loop that answers it. So the watchdog is fed only while both the
/// runtime, which asks, and that loop go on.
pub async fn feed_watchdog(ask: impl Fn()) {
    let Some(period) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut ticks = tokio::time::interval(period / SIGNS_PER_PERIOD);
    loop {
        ticks.tick().await;
        ask();
    }
}

/// The sign of life of a loop: it is asked for, and the loop gives it when it has come round once more.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    asked: watch::Sender<bool>,
}

impl Pulse {
    /// Asks for a sign of life.
    pub fn ask(&self) {
        self.asked.send_replace(true);
    }

    /// Whether the loop has yet to answer.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until the loop has answered; not at all if nobody has asked.
    pub async fn answered(&self) {
        let answered = self.asked.subscribe().wait_for(|asked| !asked).await.is_ok();
        debug_assert!(answered, "the sender is held here");
    }

    /// Feeds the watchdog if somebody asked since the last time. Only the loop itself may call it, at the end of a
    /// round.
    pub fn answer(&self) {
        if self.asked.send_if_modified(std::mem::take) {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

/// A sentence as one line: a line break would begin another statement.
fn line(sentence: &str) -> String {
    sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn tell(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager did not take what it was told");
    }
}

#[cfg(test)]
mod tests {
    use super::{Pulse, line};

    #[test]
    fn a_sentence_cannot_begin_another_statement() {
        assert_eq!(line("lost: reset\nREADY=1"), "lost: reset READY=1");
    }

    #[test]
    fn a_pulse_is_answered_once_for_each_time_it_is_asked() {
        let pulse = Pulse::default();
        assert!(!pulse.is_asked());
        pulse.ask();
        pulse.clone().ask();
        assert!(pulse.is_asked());
        pulse.answer();
        assert!(!pulse.is_asked());
    }
}
