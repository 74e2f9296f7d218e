//! Getting in step with the hub now: a device that sleeps wakes for it, and a link that waits is tried.

use super::Local;
use super::problem::{not_in_step, over_budget, stopping};
use crate::answer::{Answers, Status, Synced};
use crate::driver::{Input, Live};
use axum::Json;
use axum::extract::State;
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use headland_host::clock::BootClock;
use headland_host::text::words::{duration, printable, whole};
use std::sync::Arc;
use std::sync::mpsc::TrySendError;
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// How soon a driver whose inbox is full is asked again.
const ASK_AGAIN_MS: u64 = 20;

/// `POST /v1/sync`
pub(super) async fn sync(State(local): State<Arc<Local>>) -> Result<Json<Synced>, Refusal> {
    let started = BootClock.now_ms();
    let before = look(&local).await?;
    let mut live = local.live.clone();
    let catch_ups = live.borrow().counts.catch_ups;
    if let Some(held) = held_back(&live.borrow()) {
        return Err(over_budget(held));
    }
    let end = tokio::time::sleep(Duration::from_secs(local.sync_s_max));
    tokio::pin!(end);
    while let Err(refused) = local.inlet.try_put(Input::Sync) {
        match refused {
            TrySendError::Disconnected(_) => return Err(stopping("syncing")),
            TrySendError::Full(_) => tokio::time::sleep(Duration::from_millis(ASK_AGAIN_MS)).await,
        }
    }
    tokio::select! {
        () = in_step(&mut live, catch_ups) => {}
        () = &mut end => return Err(late(&live.borrow(), local.sync_s_max)),
    }
    let hub = live.borrow().broker.as_ref().map(ToString::to_string);
    let after = look(&local).await?;
    Ok(Json(Synced {
        hub: hub
            .or_else(|| before.hub.as_ref().map(|hub| hub.broker.clone()))
            .unwrap_or_default(),
        records_changed: after.counts.records_changed - before.counts.records_changed,
        models: after.models,
        writes_delivered: before.pending_writes.saturating_sub(after.pending_writes),
        bytes_in: after.link.bytes_in - before.link.bytes_in,
        bytes_out: after.link.bytes_out - before.link.bytes_out,
        freshness: after.freshness,
        took_ms: BootClock.now_ms().saturating_sub(started),
    }))
}

async fn look(local: &Arc<Local>) -> Result<Status, Refusal> {
    let local = Arc::clone(local);
    on_a_reader(move || {
        let live = local.live.borrow().clone();
        let answers = Answers::new(local.store.clone(), &live, BootClock.now_ms())?;
        Ok(answers.status(Vec::new(), Some((local.started, local.link.counts())))?)
    })
    .await
}

/// Waits until the hub has answered since, and all that follows from its answer is done.
async fn in_step(live: &mut Receiver<Live>, catch_ups: u64) {
    if live.wait_for(|live| live.in_step_at > catch_ups).await.is_err() {
        // The driver is gone, which ends the program.
        std::future::pending::<()>().await;
    }
}

/// What a budget that is spent says to whoever wants to sync.
pub(crate) fn held_back(live: &Live) -> Option<String> {
    let budget = live.budget?;
    let wait_ms = budget.rest_wait_ms?;
    Some(format!(
        "syncing: the budget of {} bytes a day holds it back: {} were carried in the last 24 hours; wait for {}, or raise \
         link.budget_bytes_per_day and start the agent again. What is urgent still comes",
        whole(budget.bytes_per_day),
        whole(budget.carried_bytes),
        duration(wait_ms)
    ))
}

fn late(live: &Live, seconds: u64) -> Refusal {
    let reason = match (&live.trouble, &live.lost, &live.broker) {
        (Some(trouble), _, _) => printable(trouble),
        (None, Some(lost), _) => format!("{}: {}", lost.broker, printable(&lost.reason)),
        (None, None, Some(broker)) => format!("{broker} is there, and the hub does not answer in time"),
        (None, None, None) => "no hub could be reached".to_owned(),
    };
    not_in_step(format!(
        "syncing: not in step after {seconds} s: {reason}; check the hub, or raise sync.timeout_s"
    ))
}
