//! One round: get in step with the hub, say what that brought, and end.

use crate::answer::{Answers, Status, Synced};
use crate::cli::{as_json, synced_line};
use crate::driver::{Driver, Live};
use crate::opening::{Opening, OpeningError, now};
use crate::program::runtime;
use crate::running::{Running, Signals};
use crate::settings::Settings;
use headland_host::exit::Failure;
use headland_host::link::LinkCounts;
use headland_host::store_file::OpenError;
use headland_host::text::print;
use headland_shared::session::Ms;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use tokio::sync::watch;

/// Syncs once.
pub(crate) fn run(settings: &Settings, json: bool) -> Result<(), Failure> {
    let opening = Opening::new(settings, settings.timing().hurried());
    let driver = Driver::open(&opening, &settings.name).map_err(|error| explain(error, settings))?;
    let runtime = runtime()?;
    let synced = runtime.block_on(sync(settings, driver))?;
    if json {
        return print(&as_json(&synced)?);
    }
    print(&synced_line(&synced))
}

/// A running agent needs no help.
fn explain(error: OpeningError, settings: &Settings) -> Failure {
    let in_use = matches!(error, OpeningError::File(OpenError::InUse { .. }));
    if in_use && UnixStream::connect(&settings.socket).is_ok() {
        return Failure::bad_input(
            "syncing: the agent runs, and gets in step by itself; `headland-agent status` says how it is",
        );
    }
    error.into()
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
            look(&live, Some((started, link.counts())))
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

async fn settled(live: &mut watch::Receiver<Live>) {
    if live.wait_for(|live| live.settled).await.is_err() {
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
