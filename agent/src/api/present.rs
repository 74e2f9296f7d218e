//! Waiting for the present: the hub is asked now, and what it says must be applied before the answer.

use super::Local;
use super::problem::stopping;
use crate::driver::{Input, Live};
use headland_api::problem::Refusal;
use headland_host::clock::BootClock;
use headland_host::text::words::{duration, printable};
use headland_shared::session::Ms;
use headland_shared::session::agent::Phase;
use std::sync::mpsc::TrySendError;
use std::time::Duration;

/// How soon the hub is asked again when its answer was not the present yet, as when its own registry is behind.
const ASK_AGAIN_MS: u64 = 250;

/// Waits until what is held was the registry's state at the moment of this call or later. Otherwise says why it is not.
pub(super) async fn wait(local: &Local, timeout_ms: u64) -> Result<Result<(), String>, Refusal> {
    let asked = BootClock.now_ms();
    let mut live = local.live.clone();
    let end = tokio::time::sleep(Duration::from_millis(timeout_ms));
    tokio::pin!(end);
    loop {
        let now = live.borrow_and_update().clone();
        if now.as_of.is_some_and(|as_of| as_of >= asked) {
            return Ok(Ok(()));
        }
        if now.phase == Phase::Offline {
            return Ok(Err(reason(&now, asked, timeout_ms)));
        }
        match local.inlet.try_put(Input::AskHub) {
            Err(TrySendError::Disconnected(_)) => return Err(stopping("reading")),
            // A full inbox: the driver is at work, and is asked again.
            Ok(()) | Err(TrySendError::Full(_)) => {}
        }
        let again = tokio::time::sleep(Duration::from_millis(ASK_AGAIN_MS));
        tokio::select! {
            () = arrived(&mut live, asked) => {}
            () = again => {}
            () = &mut end => return Ok(Err(reason(&live.borrow(), asked, timeout_ms))),
        }
    }
}

/// Waits until the present is here, or the link is gone.
async fn arrived(live: &mut tokio::sync::watch::Receiver<Live>, asked: Ms) {
    let settled = |live: &Live| live.phase == Phase::Offline || live.as_of.is_some_and(|as_of| as_of >= asked);
    if live.wait_for(settled).await.is_err() {
        // The driver is gone, which the next question to it tells.
        std::future::pending::<()>().await;
    }
}

fn reason(live: &Live, asked: Ms, timeout_ms: u64) -> String {
    let waited = duration(timeout_ms);
    if let (Phase::Offline, Some(wakes_at)) = (live.phase, live.wakes_at) {
        return format!(
            "the device is asleep for another {}; `headland-agent sync` wakes it",
            duration(wakes_at.saturating_sub(asked))
        );
    }
    match (live.phase, &live.lost, live.as_of) {
        (Phase::Offline, Some(lost), _) => {
            format!(
                "there is no link to a hub ({}: {})",
                lost.broker,
                printable(&lost.reason)
            )
        }
        (Phase::Offline, None, _) => "there is no link to a hub".to_owned(),
        (Phase::Greeting, ..) => format!("the hub has not answered within {waited}"),
        (Phase::CatchingUp, ..) => format!("what was missed has not arrived within {waited}"),
        (Phase::Live, _, Some(as_of)) => format!(
            "the hub is behind: what it has given out was the registry's state {} before it was asked",
            duration(asked.saturating_sub(as_of))
        ),
        (Phase::Live, _, None) => format!("the hub has not said within {waited} how old what it gives out is"),
    }
}
