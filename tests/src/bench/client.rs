//! A client that keeps its connection, as an application would, and adds as little as it can to what is measured.

use super::BenchError;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// One open connection.
#[derive(Debug)]
pub(super) struct Client<S> {
    stream: BufReader<S>,
}

impl Client<UnixStream> {
    /// Connects to the socket of a program of the fleet.
    pub(super) fn connect(socket: &Path) -> Result<Self, BenchError> {
        Ok(Self {
            stream: BufReader::new(UnixStream::connect(socket)?),
        })
    }
}

impl Client<TcpStream> {
    /// Connects to a server on this machine.
    pub(super) fn connect_to_port(port: u16) -> Result<Self, BenchError> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }
}

impl<S: Read + Write> Client<S> {
    /// Asks, and reads the answer as JSON.
    pub(super) fn get(&mut self, target: &str) -> Result<Value, BenchError> {
        let body = self.get_bytes(target)?;
        serde_json::from_slice(&body).map_err(|error| BenchError::Void(format!("asking {target:?}: {error}")))
    }

    /// Asks and takes the whole answer as it comes.
    pub(super) fn get_bytes(&mut self, target: &str) -> Result<Vec<u8>, BenchError> {
        self.ask("GET", target, "")
    }

    /// Has something done, and takes the whole answer as it comes.
    pub(super) fn post_bytes(&mut self, target: &str, body: &str) -> Result<Vec<u8>, BenchError> {
        self.ask("POST", target, body)
    }

    fn ask(&mut self, method: &str, target: &str, body: &str) -> Result<Vec<u8>, BenchError> {
        let kind = match body.is_empty() {
            true => String::new(),
            false => format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()),
        };
        let request = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n{kind}\r\n{body}");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut status = String::new();
        self.stream.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? <= 2 {
                break;
            }
            if let Some((_, value)) = line
                .split_once(':')
                .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        if !status.contains(" 200 ") {
            let body = String::from_utf8_lossy(&body);
            return Err(BenchError::Void(format!("asking {target:?}: {} {body}", status.trim())));
        }
        Ok(body)
    }
}
