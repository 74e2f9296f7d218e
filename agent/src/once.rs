//! One round: get in step with the hub, say what that brought, and end. An agent that runs does it by itself when it
//! is asked.

use crate::answer::{Answers, Status, Synced};
use crate::api::held_back;
use crate::cli::{self, as_json, synced_line};
use crate::driver::{Driver, Live};
use crate::opening::{Opening, now};
use crate::program::runtime;
use crate::running::{Running, Signals};
use crate::settings::Settings;
use headland_host::exit::Failure;
use headland_host::link::LinkCounts;
use headland_host::text::print;
use headland_shared::session::Ms;
use std::time::Duration;
use tokio::sync::watch;

/// Syncs once.
pub(crate) fn run(settings: &Settings, json: bool) -> Result<(), Failure> {
    let synced = match cli::sync_by_agent(settings)? {
        Some(synced) => synced,
        None => by_itself(settings)?,
    };
    if json {
        return print(&as_json(&synced)?);
    }
    print(&synced_line(&synced))
}

/// Where no agent runs, this process does it.
fn by_itself(settings: &Settings) -> Result<Synced, Failure> {
    let opening = Opening::new(settings, settings.timing().hurried());
    let driver = Driver::open(&opening, settings)?;
    runtime()?.block_on(sync(settings, driver))
}

async fn sync(settings: &Settings, driver: Driver) -> Result<Synced, Failure> {
    let mut signals = Signals::listen()?;
    let started = now().mono;
    let (store, mut live) = (driver.store(), driver.live());
    let look = |live: &Live, running: Option<(Ms, LinkCounts)>| -> Result<Status, Failure> {
        let answers = Answers::new(store.clone(), live, now().mono).map_err(Failure::failed)?;
        answers.status(Vec::new(), running).map_err(Failure::failed)
    };
    let pending = look(&live.borrow().clone(), None)?.pending_writes;
    let mut running = Running::start(settings, driver)?;
    let link = running.link();
    let timeout = Duration::from_secs(settings.sync.timeout_s);
    let outcome = tokio::select! {
        () = settled(&mut live) => {
            let live = live.borrow().clone();
            match held_back(&live).filter(|_| !live.settled) {
                Some(held) => Err(Failure::failed(held)),
                None => look(&live, Some((started, link.counts()))),
            }
        }
        () = tokio::time::sleep(timeout) => Err(Failure::failed(not_settled(settings, &live.borrow()))),
        signal = signals.next() => Err(Failure::failed(format!("syncing: stopped by {signal}"))),
        failure = running.failed() => return Err(failure),
    };
    running.stop().await;
    let status = outcome?;
    Ok(Synced {
        hub: status.hub.map_or_else(String::new, |hub| hub.broker),
        records_changed: status.counts.records_changed,
        models: status.models,
        writes_delivered: pending,
        bytes_in: link.counts().bytes_in,
        bytes_out: link.counts().bytes_out,
        freshness: status.freshness,
        took_ms: now().mono.saturating_sub(started),
    })
}

/// Waits until all is done, or the budget holds back what is left.
async fn settled(live: &mut watch::Receiver<Live>) {
    if live
        .wait_for(|live| live.settled || held_back(live).is_some())
        .await
        .is_err()
    {
        // The driver is gone, which its owner learns by itself.
        std::future::pending::<()>().await;
    }
}

fn not_settled(settings: &Settings, live: &Live) -> String {
    let seconds = settings.sync.timeout_s;
    let reason = match (&live.trouble, &live.lost, &live.broker) {
        (Some(trouble), _, _) => trouble.clone(),
        (None, Some(lost), _) => format!("{}: {}", lost.broker, lost.reason),
        (None, None, Some(broker)) => format!("{broker} is there, and the hub does not answer in time"),
        (None, None, None) => "no hub could be reached".to_owned(),
    };
    format!("syncing: not in step after {seconds} s: {reason}; check the hub, or raise sync.timeout_s")
}
