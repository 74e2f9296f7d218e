//! The driver on its thread.

use super::*;
use crate::running::Running;
use crate::settings::Settings;

/// Longer than a round of the driver takes, and longer than one that has begun needs to end.
const ROUND: Duration = Duration::from_millis(200);

/// Far longer than anything here takes, so that only a hang runs into it.
const TIMEOUT: Duration = Duration::from_secs(20);

fn settings(dir: &tempfile::TempDir) -> Settings {
    Settings {
        store: dir.path().join("agent.redb"),
        // A port at which no broker is.
        hubs: vec!["mqtt://127.0.0.1:1/main".parse().unwrap()],
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_driver_that_hangs_gives_no_sign_of_life() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir);
    let driver = Driver::open(&Opening::new(&settings, settings.timing()), &settings).unwrap();
    let (inlet, live) = (driver.inlet(), driver.live());
    let running = Running::start(&settings, driver).unwrap();
    inlet.ask_for_life();
    tokio::time::timeout(TIMEOUT, inlet.pulse.answered()).await.unwrap();
    {
        // The driver publishes into what is borrowed here, and hangs until it is given back.
        let _held = live.borrow();
        std::thread::sleep(ROUND);
        inlet.ask_for_life();
        std::thread::sleep(ROUND);
        assert!(inlet.pulse.is_asked(), "the driver answered while it hung");
    }
    tokio::time::timeout(TIMEOUT, inlet.pulse.answered()).await.unwrap();
    running.stop().await;
}
