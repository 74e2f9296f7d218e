//! A service manager, which hears what a daemon says of itself.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Far longer than anything takes, so that only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(20);
/// The watchdog's patience in microseconds: short, so that several signs of life are soon seen.
const WATCHDOG_USEC: &str = "300000";
/// Longer than anything that is said.
const SAID_BYTES_MAX: usize = 4096;

/// A service manager by the protocol of systemd.
#[derive(Debug)]
pub struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    /// Listens in this directory.
    #[must_use]
    pub fn listen(directory: &Path) -> Self {
        let path = directory.join("notify");
        let bound = UnixDatagram::bind(&path).and_then(|socket| {
            socket.set_read_timeout(Some(PATIENCE))?;
            Ok(socket)
        });
        let socket = bound.unwrap_or_else(|error| panic!("listening at {}: {error}", path.display()));
        Self { socket, path }
    }

    /// What it sets in the environment of a daemon.
    #[must_use]
    pub fn variables(&self) -> [(&str, &str); 2] {
        let path = self.path.to_str().expect("directories of tests are texts");
        [("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", WATCHDOG_USEC)]
    }

    /// Listens until a line that begins with this is said, and gives the line.
    pub fn hear(&self, wanted: &str) -> String {
        let mut bytes = [0; SAID_BYTES_MAX];
        loop {
            let length = self.socket.recv(&mut bytes);
            let length = length.unwrap_or_else(|error| panic!("waiting for {wanted}: {error}"));
            let said = String::from_utf8_lossy(&bytes[..length]);
            if let Some(line) = said.lines().find(|line| line.starts_with(wanted)) {
                return line.to_owned();
            }
        }
    }
}
