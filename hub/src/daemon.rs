//! The daemon: broker, replica, link and control socket, until a signal comes.

use crate::api::{self, Local};
use crate::bridging::Bridge;
use crate::driver::{Driver, Inlet, Live};
use crate::following::{Asked, Follower, Task, Waits};
use crate::opening::{self, now};
use crate::program::runtime;
use crate::registrar::{Ledger, Registrar};
use crate::settings::{RegistrySource, Settings};
use crate::status_line;
use crate::store::Store;
use crate::uplink;
use headland_host::backoff::Backoff;
use headland_host::control::ControlSocket;
use headland_host::exit::Failure;
use headland_host::service;
use std::sync::mpsc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};

/// How long everything may take to stop: an init system is told two seconds.
const STOP_MS_MAX: u64 = 1_500;
/// How long readers of the store may hold up the end.
const READERS_MS_MAX: u64 = 100;
/// How long the broker may take to let go of its clients, after that.
const BROKER_MS_MAX: u64 = 200;

/// Runs the hub until it is told to stop.
pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    let address = settings.broker_address().map_err(Failure::bad_input)?;
    let store = opening::store(settings)?;
    let asked = Asked::default();
    let mut driver = Driver::new(opening::replica(settings, store)?);
    if settings.leader().is_some() {
        driver.look_when_asked(asked.clone());
    }
    let broker = start_broker(settings)?;
    let runtime = runtime()?;
    let result = runtime.block_on(serve(settings, address, driver, &asked));
    runtime.shutdown_timeout(Duration::from_millis(READERS_MS_MAX));
    drop_soon(broker);
    result
}

/// Stops the broker, waiting for a moment only: the process ends in any case, and its port with it.
fn drop_soon(broker: impl Send + 'static) {
    let (done, dropped) = mpsc::channel();
    let dropping = std::thread::Builder::new().spawn(move || {
        drop(broker);
        // Nobody may be waiting any more.
        let _ = done.send(());
    });
    if dropping.is_ok() {
        // Too late is as good as in time here.
        let _ = dropped.recv_timeout(Duration::from_millis(BROKER_MS_MAX));
    }
}

#[cfg(feature = "broker")]
fn start_broker(settings: &Settings) -> Result<Option<crate::broker::Broker>, Failure> {
    if !settings.broker.embedded {
        return Ok(None);
    }
    let config = crate::broker::BrokerConfig {
        listen: settings.broker.listen.get(),
        packet_bytes_max: uplink::PACKET_BYTES_MAX as u32,
        connections_max: settings.broker.connections_max,
    };
    crate::broker::Broker::start(config)
        .map(Some)
        .map_err(|error| match std::error::Error::source(&error) {
            Some(source) => Failure::bad_input(format!("{error}: {source}")),
            None => Failure::bad_input(error),
        })
}

#[cfg(not(feature = "broker"))]
fn start_broker(settings: &Settings) -> Result<Option<std::convert::Infallible>, Failure> {
    if settings.broker.embedded {
        let text =
            "starting the broker: this program was built without one; set broker.embedded = false and broker.external";
        return Err(Failure::bad_input(text));
    }
    Ok(None)
}

async fn serve(
    settings: &Settings,
    address: headland_host::broker_address::BrokerAddress,
    driver: Driver,
    asked: &Asked,
) -> Result<(), Failure> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let socket = ControlSocket::bind(&settings.socket, &settings.api.access()).await?;
    let loopback = settings.api.loopback().bind().await?;
    let (store, live, inlet) = (driver.store(), driver.live(), driver.inlet());
    let told = driver.live();
    start_writing_back(settings, &driver)?;
    let link = uplink::start(settings, address, inlet.clone())?;
    let handle = link.handle();
    let (end, mut ended) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("replica".into()).spawn(move || {
        driver.run(&handle);
        // Nobody listens any more if the program is on its way out.
        let _ = end.send(());
    });
    thread.map_err(|error| {
        Failure::failed(format!(
            "starting the replica's thread: {error}; check the limits on this process"
        ))
    })?;
    let waits = Waits::default();
    let (follower, registrar) = start_following(settings, &store, &inlet, asked, &waits)?;
    let router = api::router(Local {
        store,
        live,
        inlet: inlet.clone(),
        link: link.handle(),
        region: settings.region.to_string(),
        follower,
        registrar,
        started: now().mono,
        backups: api::Backups::default(),
        puts: api::Puts::default(),
        waits,
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let mut served = tokio::spawn(socket.serve_beside(loopback, router, async {
        // A sender that is gone means the end as well.
        let _ = stopped.await;
    }));
    be_supervised(settings, told, inlet.clone());
    let result = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        _ = &mut ended => return Err(Failure::failed("running the replica: its thread has ended; look at the log, and start the program again")),
        _ = &mut served => return Err(Failure::failed("serving the control socket: it has ended; start the program again")),
    };
    tracing::info!("stopping");
    service::stopping();
    drop(stop);
    inlet.stop();
    let stopping = async { tokio::join!(served, ended, link.shutdown()) };
    if tokio::time::timeout(Duration::from_millis(STOP_MS_MAX), stopping)
        .await
        .is_err()
    {
        tracing::warn!("stopped without waiting for everyone; what was committed is safe");
    }
    result
}

/// Begins to follow the registry that the settings name, if it is not the hub's own. The task ends with the replica.
fn start_following(
    settings: &Settings,
    store: &Store,
    inlet: &Inlet,
    asked: &Asked,
    waits: &Waits,
) -> Result<(Option<Follower>, Option<Registrar>), Failure> {
    let backoff = Backoff::new(settings.link.backoff_ms_base, settings.link.backoff_ms_max);
    match settings.registry_source().map_err(Failure::bad_input)? {
        RegistrySource::Own => Ok((None, None)),
        RegistrySource::Hub(leader) => {
            let (task, follower) = Task::new(leader, store.clone(), inlet.clone(), backoff, asked.clone());
            tokio::spawn(task.run());
            Ok((Some(follower), None))
        }
        RegistrySource::Database(database) => {
            let (ledger, pending) = Ledger::open(store, inlet.clone()).map_err(Failure::failed)?;
            let named = (*database).clone();
            let (store, inlet) = (store.clone(), inlet.clone());
            let (bridge, follower) =
                Bridge::new(*database, store.clone(), inlet, backoff, asked.clone(), ledger.clone());
            let registrar = Registrar::start(&named, store, (follower.presence(), waits.clone()), (ledger, pending));
            tokio::spawn(bridge.run());
            Ok((Some(follower), Some(registrar)))
        }
    }
}

/// Begins to write back what devices wrote, to wherever the settings name. The tasks end with the replica.
fn start_writing_back(settings: &Settings, driver: &Driver) -> Result<(), Failure> {
    let backoff = Backoff::new(settings.link.backoff_ms_base, settings.link.backoff_ms_max);
    for goal in settings.write_back().map_err(Failure::bad_input)? {
        let of = (driver.store(), driver.inlet(), driver.live());
        let outlet = goal.outlet();
        driver.show_write_back(outlet, goal.start(settings.region.clone(), of, backoff.clone()));
    }
    Ok(())
}

/// Tells the service manager that the hub serves, and from now on how it is and that it lives.
fn be_supervised(settings: &Settings, live: watch::Receiver<Live>, inlet: Inlet) {
    let region = settings.region.to_string();
    service::ready(&status_line::of(&region, &live.borrow()));
    tokio::spawn(service::tell_status(live, move |live| status_line::of(&region, live)));
    tokio::spawn(service::feed_watchdog(move || inlet.ask_for_life()));
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::failed(format!("listening for signals: {error}; start the program again")))
}
