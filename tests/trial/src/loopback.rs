//! A local API over TCP, on this machine alone and with a token.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A token that such an API takes.
pub const TOKEN: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";

/// Writes the token into a file of this mode.
#[must_use]
pub fn token_in(directory: &Path, mode: u32) -> PathBuf {
    let path = directory.join("api.token");
    let written = std::fs::write(&path, format!("{TOKEN}\n"));
    written
        .and_then(|()| std::fs::set_permissions(&path, Permissions::from_mode(mode)))
        .unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
    path
}

/// What is answered at a port to who asks how the program is with these lines in the head, as it comes.
#[must_use]
pub fn status(port: u16, head: &str) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        let request = format!("GET /v1/status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{head}\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().unwrap_or_else(|error| panic!("asking at port {port}: {error}"))
}
