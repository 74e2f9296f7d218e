//! The present of a registry that is elsewhere: who needs it asks, and all who ask at once are answered by one look.

use super::{Standing, State};
use crate::opening::now;
use headland_host::text::words::duration;
use headland_shared::session::Ms;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How soon the registry is asked again, when the answer has not come.
const ASK_AGAIN_MS: u64 = 500;

/// Whoever follows looks when somebody has asked: many before that are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<Asking>);

#[derive(Debug, Default)]
struct Asking {
    notify: Notify,
    in_vain: AtomicBool,
}

impl Asked {
    /// Has whoever follows look at the registry.
    pub(crate) fn ask(&self) {
        self.0.notify.notify_one();
    }

    /// Whether asking is in vain: the registry is known to be out of reach.
    pub(crate) fn is_in_vain(&self) -> bool {
        self.0.in_vain.load(Ordering::Relaxed)
    }

    /// Notes whether it can be looked at in this state.
    pub(super) fn note(&self, state: &State) {
        self.0.in_vain.store(out_of_reach(state).is_some(), Ordering::Relaxed);
    }

    /// Waits until somebody has asked.
    pub(crate) async fn asked(&self) {
        self.0.notify.notified().await;
    }
}

/// Tells when what is held here is the registry's present state.
#[derive(Debug, Clone)]
pub(crate) struct Presence {
    asked: Asked,
    standing: watch::Receiver<Standing>,
}

/// Why the present cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", .age_ms.map_or_else(|| "; it was not heard since the hub was started".to_owned(), |ms| format!("; what is held here was its state {} ago", duration(ms))))]
pub(crate) struct Absent {
    /// Why, without how old what is held here is.
    pub(crate) reason: String,
    /// Milliseconds since what is held here was the registry's state; nothing before that was heard once.
    pub(crate) age_ms: Option<u64>,
}

impl Presence {
    pub(super) const fn new(asked: Asked, standing: watch::Receiver<Standing>) -> Self {
        Self { asked, standing }
    }

    /// Waits until what is held here was the registry's state at the moment of this call or later; at most `patience`.
    pub(crate) async fn wait(&self, patience: Duration) -> Result<(), Absent> {
        let since = now().mono;
        let mut standing = self.standing.clone();
        let waiting = async {
            loop {
                self.asked.ask();
                let settled = standing
                    .wait_for(|standing| standing.is_known_since(since) || out_of_reach(&standing.state).is_some());
                match tokio::time::timeout(Duration::from_millis(ASK_AGAIN_MS), settled).await {
                    Ok(Ok(standing)) if standing.is_known_since(since) => return Ok(()),
                    Ok(Ok(standing)) => return Err(out_of_reach(&standing.state).unwrap_or_default()),
                    Ok(Err(_)) => return Err("the hub is stopping".to_owned()),
                    Err(_) => {}
                }
            }
        };
        let reason = match tokio::time::timeout(patience, waiting).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => reason,
            Err(_) => self.still_waiting(patience),
        };
        Err(self.absent(reason))
    }

    /// Why the present cannot be had, with how old what is held here is.
    pub(crate) fn absent(&self, reason: String) -> Absent {
        let as_of = self.standing.borrow().as_of;
        let age_ms = as_of.map(|as_of| now().mono.saturating_sub(as_of));
        Absent { reason, age_ms }
    }

    fn still_waiting(&self, patience: Duration) -> String {
        let waited = duration(patience.as_millis() as u64);
        match &self.standing.borrow().state {
            State::Connecting => format!("the registry has not answered within {waited}"),
            State::Copying { rows } => format!("everything is read anew, and {rows} rows are read so far"),
            State::Unconfirmed => "the standbys of the database have not confirmed its last commit".to_owned(),
            _ => format!("what the registry says has not arrived within {waited}"),
        }
    }
}

/// Why nothing can be heard of the registry for now; nothing while it is only to be waited for.
fn out_of_reach(state: &State) -> Option<String> {
    match state {
        State::Connecting | State::Copying { .. } | State::Following | State::Unconfirmed => None,
        State::Held(held) => Some(format!("what the registry says is held: {held}")),
        State::Behind(behind) => Some(format!("the leading hub is behind: {behind}")),
        State::Halted { reason } | State::BackingOff { reason, .. } => Some(reason.clone()),
    }
}

impl Standing {
    fn is_known_since(&self, since: Ms) -> bool {
        // The clock counts milliseconds: what was asked in the same one may have been asked before.
        self.as_of.is_some_and(|as_of| as_of > since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(standing: Standing) -> (watch::Sender<Standing>, Presence) {
        let (sender, standing) = watch::channel(standing);
        (sender, Presence::new(Asked::default(), standing))
    }

    fn standing(state: State, as_of: Option<Ms>) -> Standing {
        Standing {
            state,
            as_of,
            ..Standing::new()
        }
    }

    #[tokio::test]
    async fn what_is_known_since_the_question_is_the_present_and_what_was_known_before_is_not() {
        let (sender, presence) = presence(standing(State::Following, Some(now().mono)));
        let early = presence.wait(Duration::from_millis(20)).await.unwrap_err();
        assert!(early.reason.contains("has not arrived"), "{early}");
        assert!(early.age_ms.is_some());
        let waiting = presence.wait(Duration::from_secs(60));
        let knowing = async {
            presence.asked.asked().await;
            sender.send_modify(|standing| standing.as_of = Some(now().mono + 1));
        };
        let (waited, ()) = tokio::join!(waiting, knowing);
        assert_eq!(waited, Ok(()));
    }

    #[tokio::test]
    async fn a_registry_that_is_out_of_reach_is_said_at_once_with_its_reason_and_age() {
        let reason = "nobody answers".to_owned();
        let (_sender, presence) = presence(standing(State::Halted { reason }, None));
        let absent = presence.wait(Duration::from_secs(60)).await.unwrap_err();
        assert_eq!(
            absent.to_string(),
            "nobody answers; it was not heard since the hub was started"
        );
    }
}
