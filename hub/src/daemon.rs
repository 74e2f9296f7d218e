//! The daemon: broker, replica, link and control socket, until a signal comes.

use crate::api::{self, Local};
use crate::bridging::Bridge;
use crate::driver::{Driver, Inlet, Live};
use crate::following::{Follower, Task};
use crate::opening::{self, now};
use crate::program::runtime;
use crate::settings::{RegistrySource, Settings};
use crate::status_line;
use crate::store::Store;
use crate::uplink;
use crate::writeback::{self, WriteBack};
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
    let driver = Driver::new(opening::replica(settings, store)?);
    let broker = start_broker(settings)?;
    let runtime = runtime()?;
    let result = runtime.block_on(serve(settings, address, driver));
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
) -> Result<(), Failure> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let socket = ControlSocket::bind(&settings.socket, &settings.api.access()).await?;
    let loopback = settings.api.loopback().bind().await?;
    let (store, live, inlet) = (driver.store(), driver.live(), driver.inlet());
    let told = driver.live();
    if let Some((task, standing)) = write_back(settings, &driver)? {
        driver.show_write_back(standing);
        tokio::spawn(task.run());
    }
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
    let follower = start_following(settings, &store, &inlet)?;
    let router = api::router(Local {
        store,
        live,
        inlet: inlet.clone(),
        link: link.handle(),
        region: settings.region.to_string(),
        follower,
        started: now().mono,
        backups: api::Backups::default(),
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
fn start_following(settings: &Settings, store: &Store, inlet: &Inlet) -> Result<Option<Follower>, Failure> {
    let backoff = Backoff::new(settings.link.backoff_ms_base, settings.link.backoff_ms_max);
    match settings.registry_source().map_err(Failure::bad_input)? {
        RegistrySource::Own => Ok(None),
        RegistrySource::Hub(leader) => {
            let (task, follower) = Task::new(leader, store.clone(), inlet.clone(), backoff);
            tokio::spawn(task.run());
            Ok(Some(follower))
        }
        RegistrySource::Database(database) => {
            let (bridge, follower) = Bridge::new(*database, store.clone(), inlet.clone(), backoff);
            tokio::spawn(bridge.run());
            Ok(Some(follower))
        }
    }
}

/// What writes to the registry what devices wrote, if the settings name one. The task ends with the replica.
fn write_back(
    settings: &Settings,
    driver: &Driver,
) -> Result<Option<(WriteBack, watch::Receiver<writeback::Standing>)>, Failure> {
    let backoff = Backoff::new(settings.link.backoff_ms_base, settings.link.backoff_ms_max);
    let of = (driver.store(), driver.inlet(), driver.live());
    let target = settings.write_back().map_err(Failure::bad_input)?;
    Ok(target.map(|target| WriteBack::new(target, settings.region.clone(), of, backoff)))
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
