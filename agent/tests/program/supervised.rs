//! The daemon under a service manager.

use crate::device::{Device, Method, StatusCode};
use rustix::process::Signal;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// Far longer than anything here takes, so that only a hang runs into it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The watchdog's patience in microseconds: short, so that several signs of life are soon seen.
const WATCHDOG_USEC: &str = "300000";

/// Listens until a line that begins with this is said, and gives the line.
fn hear(manager: &UnixDatagram, wanted: &str) -> String {
    let mut bytes = [0; 4096];
    loop {
        let length = manager.recv(&mut bytes).unwrap();
        let said = std::str::from_utf8(&bytes[..length]).unwrap();
        if let Some(line) = said.lines().find(|line| line.starts_with(wanted)) {
            return line.to_owned();
        }
    }
}

#[test]
fn the_service_manager_hears_that_the_agent_answers_lives_and_stops() {
    let device = Device::new();
    let path = device.store().with_file_name("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(TIMEOUT)).unwrap();
    let variables = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", WATCHDOG_USEC),
    ];
    let daemon = device.start_with(&variables);
    hear(&manager, "READY=1");
    assert!(device.store().exists());
    assert_eq!(device.ask(Method::GET, "/v1/status", None).0, StatusCode::OK);
    let status = hear(
        &manager,
        "STATUS=Answering from the cache; no link to mqtt://127.0.0.1:1/main: ",
    );
    assert!(status.contains("refused"), "{status}");
    for _ in 0..4 {
        hear(&manager, "WATCHDOG=1");
    }
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
    hear(&manager, "STOPPING=1");
}
