//! A mosquitto of the test's own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const BINARIES: [&str; 3] = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"];

/// A port on which nothing listens.
pub(crate) fn free_port() -> u16 {
    headland_trial::ports::free_port().unwrap()
}

/// A running broker, killed when dropped.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    config: PathBuf,
    _dir: TempDir,
    child: Child,
}

impl Mosquitto {
    pub(crate) fn start() -> Self {
        Self::start_at(free_port())
    }

    pub(crate) fn start_at(port: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("mosquitto.conf");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n");
        std::fs::write(&config, text).unwrap();
        let child = launch(&config, port);
        Self {
            port,
            config,
            _dir: dir,
            child,
        }
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = launch(&self.config, self.port);
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(config: &PathBuf, port: u16) -> Child {
    let binary = BINARIES
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
        .unwrap_or_else(|| {
            panic!("mosquitto is not installed (looked for {BINARIES:?}); install it with `apt-get install mosquitto`")
        });
    let mut child = Command::new(binary)
        .arg("-c")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("mosquitto ended at once: {status}");
        }
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "mosquitto does not listen on port {port}"
        );
        // Nothing tells when a process of another program listens.
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}
