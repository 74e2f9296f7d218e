//! The driver on its thread.

use super::*;
use crate::opening;
use crate::settings::Settings;
use crate::uplink;

/// Longer than a round of the driver takes, and longer than one that has begun needs to end.
const ROUND: Duration = Duration::from_millis(200);

/// Far longer than anything here takes, so that only a hang runs into it.
const TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_driver_that_hangs_gives_no_sign_of_life() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        store: dir.path().join("hub.redb"),
        ..Settings::default()
    };
    let store = opening::store(&settings).unwrap();
    let driver = Driver::new(opening::replica(&settings, store).unwrap());
    let (inlet, live) = (driver.inlet(), driver.live());
    // A port at which no broker is.
    let nowhere = "mqtt://127.0.0.1:1/main".parse().unwrap();
    let link = uplink::start(&settings, nowhere, inlet.clone()).unwrap();
    let handle = link.handle();
    let running = std::thread::spawn(move || driver.run(&handle));
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
    inlet.stop();
    running.join().unwrap();
    link.shutdown().await;
}

fn frame(bytes: usize) -> LinkEvent {
    LinkEvent::Frame {
        topic: String::new(),
        payload: vec![0; bytes],
    }
}

#[test]
fn long_frames_are_dropped_before_the_inbox_is_full() {
    let (inputs, _inbox) = sync_channel(8);
    let inlet = Inlet {
        inputs,
        bytes: Arc::default(),
        frames: Arc::default(),
        stop: Arc::default(),
        pulse: Pulse::default(),
    };
    assert_eq!(inlet.put_event(frame(INBOX_BYTES_MAX - 1)), Delivery::Taken);
    assert_eq!(inlet.put_event(frame(2)), Delivery::Dropped);
    assert_eq!(inlet.put_event(frame(1)), Delivery::Taken);
}
