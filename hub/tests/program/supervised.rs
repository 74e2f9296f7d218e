//! The hub under a service manager.

use crate::region::{Method, Region, StatusCode};
use headland_trial::manager::Manager;
use rustix::process::Signal;

#[test]
fn the_service_manager_hears_that_the_hub_answers_lives_and_stops() {
    let region = Region::new();
    let manager = Manager::listen(region.store().parent().unwrap());
    let daemon = region.serve_with(&manager.variables());
    manager.hear("READY=1");
    assert!(region.store().exists());
    assert_eq!(region.ask(Method::GET, "/v1/status", None).0, StatusCode::OK);
    manager.hear(&format!(
        "STATUS=Serving region main at mqtt://127.0.0.1:{}/main",
        region.port()
    ));
    for _ in 0..4 {
        manager.hear("WATCHDOG=1");
    }
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
    manager.hear("STOPPING=1");
}
