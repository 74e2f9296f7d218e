//! The daemon: link, replica and control socket, until a signal comes.

use crate::api::{self, Local};
use crate::driver::Driver;
use crate::hook::Hook;
use crate::opening::{Opening, now};
use crate::program::runtime;
use crate::read::Remembered;
use crate::running::{Running, Signals};
use crate::settings::Settings;
use crate::status_line;
use headland_host::control::ControlSocket;
use headland_host::exit::Failure;
use headland_host::service;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long everything may take to stop: an init system is told two seconds, and nothing that is lost here is not
/// said again.
const STOP_MS_MAX: u64 = 1_700;

/// How long readers of the store may hold up the end, after everything else has stopped.
const READERS_MS_MAX: u64 = 100;

/// Runs the agent until it is told to stop.
pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    let manners = settings.manners();
    let driver = Driver::open(&Opening::new(settings, settings.timing()), settings)?
        .sleeping(manners.sleeping, manners.upload_ms);
    let runtime = runtime()?;
    let result = runtime.block_on(serve(settings, driver));
    runtime.shutdown_timeout(Duration::from_millis(READERS_MS_MAX));
    result
}

async fn serve(settings: &Settings, driver: Driver) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let socket = ControlSocket::bind(&settings.socket, &settings.api.access()).await?;
    let loopback = settings.api.loopback().bind().await?;
    let (store, live, inlet) = (driver.store(), driver.live(), driver.inlet());
    let status = service::tell_status(driver.live(), status_line::of);
    let watchdog = service::feed_watchdog({
        let inlet = driver.inlet();
        move || inlet.ask_for_life()
    });
    let hook = Hook::of(&settings.on_change).map(|hook| hook.run(driver.store(), driver.live()));
    let mut running = Running::start(settings, driver)?;
    let router = api::router(Local {
        store,
        live,
        inlet,
        link: running.link(),
        follow: settings.follow.iter().map(ToString::to_string).collect(),
        profile: settings.link.profile,
        sync_s_max: settings.sync.timeout_s,
        remembered: Remembered::new(settings.device()),
        started: now().mono,
        watches: api::Watches::default(),
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let mut served = tokio::spawn(socket.serve_beside(loopback, router, async {
        // A sender that is gone means the end as well.
        let _ = stopped.await;
    }));
    let socket = settings.socket.display();
    tracing::info!(name = %settings.name, %socket, "running");
    service::ready("Answering from the cache");
    tokio::spawn(status);
    tokio::spawn(watchdog);
    let hook = hook.map(tokio::spawn);
    let result = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping");
            service::stopping();
            Ok(())
        }
        failure = running.failed() => return Err(failure),
        _ = &mut served => Err(Failure::failed("serving the control socket: it has ended; start the program again")),
    };
    drop(stop);
    if let Some(hook) = hook {
        // A run under way is ended with it, and told again after the next start.
        hook.abort();
    }
    let stopping = stop_all(running, served, result.is_ok());
    if tokio::time::timeout(Duration::from_millis(STOP_MS_MAX), stopping)
        .await
        .is_err()
    {
        tracing::warn!("stopped without waiting for everyone; what was written is safe");
    }
    result
}

async fn stop_all(running: Running, served: JoinHandle<()>, serving: bool) {
    if serving {
        // How serving ends no longer matters.
        let (_, ()) = tokio::join!(served, running.stop());
    } else {
        running.stop().await;
    }
}
