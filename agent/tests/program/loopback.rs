//! The API over TCP, on this machine alone and with a token.

use crate::device::{Device, Method, StatusCode};
use headland_trial::loopback::{TOKEN, status, token_in};
use headland_trial::ports::free_port;
use rustix::process::Signal;
use std::net::{Ipv4Addr, TcpStream};

/// A device that answers over TCP as well, its port, and where the token is.
fn device(mode: u32) -> (Device, u16, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let (port, token) = (free_port().unwrap(), token_in(dir.path(), mode));
    let device = Device::with(&format!("[api]\nlisten = \"127.0.0.1:{port}\"\ntoken_file = {token:?}"));
    (device, port, dir)
}

#[test]
fn over_tcp_whoever_has_the_token_is_answered_and_nobody_else() {
    let (device, port, _dir) = device(0o600);
    let daemon = device.start();
    let answered = status(port, &format!("authorization: Bearer {TOKEN}\r\n"));
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    assert!(answered.contains("\"name\":\"leaf-7\""), "{answered}");
    for head in [
        "",
        "authorization: Bearer 5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1f\r\n",
        "authorization: Basic 5ca1ab1e\r\n",
    ] {
        let refused = status(port, head).to_lowercase();
        assert!(refused.starts_with("http/1.1 401"), "{refused}");
        assert!(refused.contains("www-authenticate: bearer"), "{refused}");
        assert!(refused.contains("application/problem+json"), "{refused}");
        assert!(
            refused.contains("api.token_file") && !refused.contains("leaf-7"),
            "{refused}"
        );
    }
    assert_eq!(device.ask(Method::GET, "/v1/status", None).0, StatusCode::OK);
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
}

#[test]
fn a_connection_that_says_nothing_does_not_keep_the_agent_from_stopping() {
    let (device, port, _dir) = device(0o640);
    let daemon = device.start();
    let _idle = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let (code, took) = daemon.stop(Signal::TERM);
    assert_eq!(code, Some(0));
    assert!(took.as_secs() < 2, "{took:?}");
}

#[test]
fn a_token_that_everybody_may_read_or_nobody_has_is_refused_with_the_remedy() {
    let (device, port, _dir) = device(0o644);
    for args in [["run"], ["--check-config"]] {
        let line = device.agent(&args).refused();
        assert!(line.contains("chmod o-rwx"), "{line}");
    }
    let without = Device::with(&format!("[api]\nlisten = \"127.0.0.1:{port}\""));
    let line = without.agent(&["run"]).refused();
    assert!(line.contains("api.token_file"), "{line}");
    let reachable = Device::with("[api]\nlisten = \"0.0.0.0:7411\"");
    assert!(reachable.agent(&["run"]).refused().contains("other machines"));
}
