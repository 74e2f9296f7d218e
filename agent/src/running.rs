//! The driver on its thread and the link beside it, started and stopped together.

use crate::driver::{Driver, Inlet};
use crate::settings::Settings;
use crate::uplink;
use headland_host::exit::Failure;
use headland_host::link::{Link, LinkHandle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// A replica at work.
#[derive(Debug)]
pub(crate) struct Running {
    link: Link,
    inlet: Inlet,
    ended: oneshot::Receiver<()>,
}

impl Running {
    /// Starts both. Must be called within a runtime.
    pub(crate) fn start(settings: &Settings, driver: Driver) -> Result<Self, Failure> {
        let inlet = driver.inlet();
        let link = uplink::start(settings, driver.name(), driver.listening(), inlet.clone())?;
        let handle = link.handle();
        let (end, ended) = oneshot::channel();
        let started = std::thread::Builder::new().name("replica".into()).spawn(move || {
            driver.run(&handle);
            // Nobody listens any more if the program is on its way out.
            let _ = end.send(());
        });
        match started {
            Ok(_) => Ok(Self { link, inlet, ended }),
            Err(error) => Err(Failure::failed(format!(
                "starting the replica's thread: {error}; check the limits on this process"
            ))),
        }
    }

    /// A handle to the link.
    pub(crate) fn link(&self) -> LinkHandle {
        self.link.handle()
    }

    /// Waits for the driver to end by itself, which it never should.
    pub(crate) async fn failed(&mut self) -> Failure {
        // Whether it ended or was torn down by a panic, it is gone.
        let _ = (&mut self.ended).await;
        Failure::failed("running the replica: its thread has ended; look at the log, and start the program again")
    }

    /// Finishes the transaction under way, says goodbye to the broker and ends.
    pub(crate) async fn stop(self) {
        self.inlet.stop();
        let (_, ()) = tokio::join!(self.ended, self.link.shutdown());
    }
}

/// The signals that end the program.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over. Must be called within a runtime.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let take = |kind| {
            signal(kind)
                .map_err(|error| Failure::failed(format!("listening for signals: {error}; start the program again")))
        };
        Ok(Self {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them; gives its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
