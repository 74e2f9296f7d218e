//! The daemon under a service manager.

use crate::device::{Device, Method, StatusCode};
use headland_trial::manager::Manager;
use rustix::process::Signal;

#[test]
fn the_service_manager_hears_that_the_agent_answers_lives_and_stops() {
    let device = Device::new();
    let manager = Manager::listen(device.store().parent().unwrap());
    let daemon = device.start_with(&manager.variables());
    manager.hear("READY=1");
    assert!(device.store().exists());
    assert_eq!(device.ask(Method::GET, "/v1/status", None).0, StatusCode::OK);
    let status = manager.hear("STATUS=Answering from the cache; no link to mqtt://127.0.0.1:1/main: ");
    assert!(status.contains("refused"), "{status}");
    for _ in 0..4 {
        manager.hear("WATCHDOG=1");
    }
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
    manager.hear("STOPPING=1");
}
