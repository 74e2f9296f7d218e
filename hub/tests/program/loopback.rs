//! The API over TCP, on this machine alone and with a token.

use crate::region::{Method, Region, StatusCode};
use headland_trial::loopback::{TOKEN, status, token_in};
use headland_trial::ports::free_port;
use rustix::process::Signal;

#[test]
fn over_tcp_whoever_has_the_token_is_answered_and_nobody_else() {
    let region = Region::new();
    let (port, token) = (free_port().unwrap(), token_in(region.store().parent().unwrap(), 0o600));
    let daemon = region.serve_with(&[
        ("HEADLAND_API__LISTEN", &format!("127.0.0.1:{port}")),
        ("HEADLAND_API__TOKEN_FILE", token.to_str().unwrap()),
    ]);
    let answered = status(port, &format!("authorization: Bearer {TOKEN}\r\n"));
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    assert!(answered.contains("\"region\":\"main\""), "{answered}");
    let refused = status(port, "authorization: Bearer 5ca1ab1e\r\n").to_lowercase();
    assert!(refused.starts_with("http/1.1 401"), "{refused}");
    assert!(!refused.contains("region"), "{refused}");
    assert_eq!(region.ask(Method::GET, "/v1/status", None).0, StatusCode::OK);
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
}

#[test]
fn a_token_that_everybody_may_read_is_refused_with_the_remedy() {
    let region = Region::new();
    let token = token_in(region.store().parent().unwrap(), 0o644);
    let lines = format!("[api]\nlisten = \"127.0.0.1:7410\"\ntoken_file = {token:?}\n");
    region.file("hub.toml", &lines);
    for args in [["serve"], ["--check-config"]] {
        let line = region.hub(&args).refused();
        assert!(line.contains("chmod o-rwx"), "{line}");
    }
}
