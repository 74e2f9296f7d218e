//! The API over TCP, on this machine alone and with a token.

use crate::region::{Method, Region, StatusCode, free_port};
use rustix::process::Signal;
use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const TOKEN: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";

fn token_in(dir: &Path, mode: u32) -> PathBuf {
    let path = dir.join("api.token");
    std::fs::write(&path, format!("{TOKEN}\n")).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

/// The answer over TCP as it comes.
fn answer(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let request = format!("GET /v1/status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{head}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn over_tcp_whoever_has_the_token_is_answered_and_nobody_else() {
    let region = Region::new();
    let (port, token) = (free_port(), token_in(region.store().parent().unwrap(), 0o600));
    let daemon = region.serve_with(&[
        ("HEADLAND_API__LISTEN", &format!("127.0.0.1:{port}")),
        ("HEADLAND_API__TOKEN_FILE", token.to_str().unwrap()),
    ]);
    let answered = answer(port, &format!("authorization: Bearer {TOKEN}\r\n"));
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    assert!(answered.contains("\"region\":\"main\""), "{answered}");
    let refused = answer(port, "authorization: Bearer 5ca1ab1e\r\n").to_lowercase();
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
