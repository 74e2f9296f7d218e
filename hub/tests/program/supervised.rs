//! The hub under a service manager.

use crate::region::{Method, Region, StatusCode};
use rustix::process::Signal;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// Far longer than anything here takes, so that only a hang runs into it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The watchdog's patience in microseconds: short, so that several signs of life are soon seen.
const WATCHDOG_USEC: &str = "300000";

/// Listens until a line that begins with this is said.
fn hear(manager: &UnixDatagram, wanted: &str) {
    let mut bytes = [0; 4096];
    loop {
        let length = manager.recv(&mut bytes).unwrap();
        let said = std::str::from_utf8(&bytes[..length]).unwrap();
        if said.lines().any(|line| line.starts_with(wanted)) {
            return;
        }
    }
}

#[test]
fn the_service_manager_hears_that_the_hub_answers_lives_and_stops() {
    let region = Region::new();
    let path = region.store().with_file_name("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(TIMEOUT)).unwrap();
    let variables = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", WATCHDOG_USEC),
    ];
    let daemon = region.serve_with(&variables);
    hear(&manager, "READY=1");
    assert!(region.store().exists());
    assert_eq!(region.ask(Method::GET, "/v1/status", None).0, StatusCode::OK);
    hear(
        &manager,
        &format!("STATUS=Serving region main at mqtt://127.0.0.1:{}/main", region.port()),
    );
    for _ in 0..4 {
        hear(&manager, "WATCHDOG=1");
    }
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
    hear(&manager, "STOPPING=1");
}
