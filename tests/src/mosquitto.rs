//! A real mosquitto, for tests of what another broker does.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use thiserror::Error;

use crate::ports::try_bind;

/// Where Debian puts it, which is not on everyone's path.
const SYSTEM_BINARY: &str = "/usr/sbin/mosquitto";

/// How long a start may take, on a machine that also compiles.
const START_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a port may take to be free: a process that another test starts at the same time holds
/// copies of all sockets until it runs.
const PORT_TIME_MAX: Duration = Duration::from_millis(500);

/// How often to look whether the port is free, or the broker there; nothing announces either.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Messages held for one client: mosquitto's own 1,000 would lose a burst from a fleet. As many
/// as the hub's own broker holds.
const QUEUE_MESSAGES_MAX: usize = 20_000;

/// Messages sent to one client and not yet acknowledged: mosquitto's own 20 would tie a test to
/// its round trips.
const UNACKNOWLEDGED_MAX: usize = 512;

/// A CONNECT in MQTT 3.1.1: clean session, 60 s keep-alive, the client id left to the broker.
const CONNECT: [u8; 14] = [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 0];

/// The CONNACK that accepts it.
const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];

/// Why mosquitto did not start.
#[derive(Debug, Error)]
pub enum MosquittoStartError {
    /// It is not installed.
    #[error(
        "looking for mosquitto in PATH and at {SYSTEM_BINARY}: not found; install it with `apt-get install mosquitto`"
    )]
    NotFound,
    /// Something else has the port.
    #[error("checking that port {port} on 127.0.0.1 is free for mosquitto; choose another")]
    PortTaken {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// Its directory or its files could not be written.
    #[error("writing mosquitto's configuration; check the directory for temporary files")]
    Configuration {
        /// What the system said.
        source: io::Error,
    },
    /// The system would not run it.
    #[error("running {}; check that it may be executed", .binary.display())]
    Run {
        /// The program.
        binary: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It ended instead of serving.
    #[error("starting mosquitto on port {port}: it ended; it said: {log}")]
    Ended {
        /// The port asked for.
        port: u16,
        /// Everything it wrote.
        log: String,
    },
    /// It runs and does not answer.
    #[error("waiting for mosquitto on port {port}: no answer within {START_TIME_MAX:?}; it said: {log}")]
    Silent {
        /// The port asked for.
        port: u16,
        /// Everything it wrote.
        log: String,
    },
}

/// The file in which it keeps what it holds for clients.
const SAVED: &str = "mosquitto.db";

/// A mosquitto on 127.0.0.1 that lets everyone in and keeps nothing unless told to. Dropping it kills it.
#[derive(Debug)]
pub struct Mosquitto {
    port: u16,
    binary: PathBuf,
    directory: TempDir,
    child: Option<Child>,
}

impl Mosquitto {
    /// Runs mosquitto on `port`. It answers when this returns, which may block for a few seconds.
    pub fn start(port: u16) -> Result<Self, MosquittoStartError> {
        let binary =
            find(std::env::var_os("PATH").as_deref(), Path::new(SYSTEM_BINARY)).ok_or(MosquittoStartError::NotFound)?;
        let directory = write_configuration(port).map_err(|source| MosquittoStartError::Configuration { source })?;
        let mut mosquitto = Self {
            port,
            binary,
            directory,
            child: None,
        };
        mosquitto.run()?;
        Ok(mosquitto)
    }

    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The process's number, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills it, with no chance to say goodbye. It is gone when this returns.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails only if it has ended already, and then it is only left to be collected.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Kills it if it still runs, and runs it again on the same port. It answers when this
    /// returns.
    pub fn restart(&mut self) -> Result<(), MosquittoStartError> {
        self.kill();
        self.run()
    }

    /// Has it keep on disk what it holds for clients at this moment, such as retained messages: they outlive
    /// [`Mosquitto::kill`]. They are there when this returns.
    pub fn save(&self) -> io::Result<()> {
        self.wipe()?;
        let Some(child) = &self.child else {
            return Err(io::Error::other("saving what mosquitto holds: it does not run"));
        };
        kill_process(Pid::from_child(child), Signal::USR1)?;
        let until = Instant::now() + START_TIME_MAX;
        // It writes another file first, and gives it this name when it is whole.
        while !self.saved().exists() {
            if Instant::now() > until {
                return Err(io::Error::other(format!(
                    "saving what mosquitto holds: {}",
                    self.read_log()
                )));
            }
            std::thread::sleep(ASK_EVERY);
        }
        Ok(())
    }

    /// Removes what it has kept on disk.
    pub fn wipe(&self) -> io::Result<()> {
        match fs::remove_file(self.saved()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn saved(&self) -> PathBuf {
        self.directory.path().join(SAVED)
    }

    fn run(&mut self) -> Result<(), MosquittoStartError> {
        let port = self.port;
        // Otherwise whatever has the port would answer in its place.
        await_port(port).map_err(|source| MosquittoStartError::PortTaken { port, source })?;
        let configuration = |source| MosquittoStartError::Configuration { source };
        let log = File::create(self.log()).map_err(configuration)?;
        let also_log = log.try_clone().map_err(configuration)?;
        let child = Command::new(&self.binary)
            .arg("-c")
            .arg(self.directory.path().join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(also_log)
            .spawn()
            .map_err(|source| MosquittoStartError::Run {
                binary: self.binary.clone(),
                source,
            })?;
        self.await_answer(child)
    }

    fn await_answer(&mut self, child: Child) -> Result<(), MosquittoStartError> {
        let (port, listen) = (self.port, self.listen());
        let child = self.child.insert(child);
        let until = Instant::now() + START_TIME_MAX;
        while Instant::now() < until {
            // An error is as good as an end here: a child that cannot be asked serves nobody.
            if !matches!(child.try_wait(), Ok(None)) {
                self.kill();
                return Err(MosquittoStartError::Ended {
                    port,
                    log: self.read_log(),
                });
            }
            if answers(listen).is_ok_and(|accepted| accepted) {
                return Ok(());
            }
            std::thread::sleep(ASK_EVERY);
        }
        self.kill();
        Err(MosquittoStartError::Silent {
            port,
            log: self.read_log(),
        })
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("mosquitto.log")
    }

    fn read_log(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_else(|error| format!("(its log: {error})"))
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

fn find(path: Option<&OsStr>, otherwise: &Path) -> Option<PathBuf> {
    let directories = std::env::split_paths(path.unwrap_or_default());
    let in_path = directories.map(|directory| directory.join("mosquitto"));
    in_path
        .chain([otherwise.to_owned()])
        .find(|candidate| candidate.is_file())
}

fn write_configuration(port: u16) -> io::Result<TempDir> {
    let directory = tempfile::Builder::new().prefix("headland-mosquitto-").tempdir()?;
    // A limit of 0 is none at all. Its interval of 0 makes it write only when it is asked to. Started by root it would
    // otherwise become a user who cannot write here.
    let at = directory.path().display();
    let configuration = format!(
        "listener {port} 127.0.0.1\n\
         allow_anonymous true\n\
         user root\n\
         persistence true\n\
         persistence_location {at}/\n\
         persistence_file {SAVED}\n\
         autosave_interval 0\n\
         set_tcp_nodelay true\n\
         max_queued_messages {QUEUE_MESSAGES_MAX}\n\
         max_queued_bytes 0\n\
         max_inflight_messages {UNACKNOWLEDGED_MAX}\n\
         message_size_limit 0\n\
         log_dest stderr\n"
    );
    fs::write(directory.path().join("mosquitto.conf"), configuration)?;
    Ok(directory)
}

/// Waits until nothing listens on `port`.
fn await_port(port: u16) -> io::Result<()> {
    let until = Instant::now() + PORT_TIME_MAX;
    loop {
        match try_bind(port) {
            Err(error) if Instant::now() > until => return Err(error),
            Err(_) => std::thread::sleep(ASK_EVERY),
            Ok(()) => return Ok(()),
        }
    }
}

/// Whether a broker is there that accepts a client: an open port alone says less.
fn answers(listen: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&listen, START_TIME_MAX)?;
    stream.set_read_timeout(Some(START_TIME_MAX))?;
    stream.write_all(&CONNECT)?;
    let mut answer = [0; ACCEPTED.len()];
    stream.read_exact(&mut answer)?;
    Ok(answer == ACCEPTED)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::ports::free_port;

    #[test]
    fn a_killed_mosquitto_is_gone_and_a_restarted_one_answers_on_its_port() {
        let mut mosquitto = Mosquitto::start(free_port().unwrap()).unwrap();
        assert!(answers(mosquitto.listen()).unwrap());
        mosquitto.kill();
        assert!(answers(mosquitto.listen()).is_err());
        mosquitto.restart().unwrap();
        assert!(answers(mosquitto.listen()).unwrap());
        mosquitto.restart().unwrap();
        let listen = mosquitto.listen();
        drop(mosquitto);
        assert!(answers(listen).is_err());
    }

    #[test]
    fn what_was_saved_outlives_a_kill_until_it_is_wiped() {
        let mut mosquitto = Mosquitto::start(free_port().unwrap()).unwrap();
        // Topic "t", payload "x", retained, QoS 0.
        let mut stream = TcpStream::connect(mosquitto.listen()).unwrap();
        stream.write_all(&CONNECT).unwrap();
        stream.write_all(&[0x31, 4, 0, 1, b't', b'x']).unwrap();
        // A PINGREQ: its answer says that what came before was dealt with.
        stream.write_all(&[0xc0, 0]).unwrap();
        stream.read_exact(&mut [0; 6]).unwrap();
        mosquitto.save().unwrap();
        mosquitto.restart().unwrap();
        assert_eq!(retained(mosquitto.listen()), [0x31, 4, 0, 1, b't', b'x']);
        mosquitto.kill();
        mosquitto.wipe().unwrap();
        mosquitto.restart().unwrap();
        assert_eq!(retained(mosquitto.listen()), [0xd0, 0]);
    }

    /// What comes behind the answer to a subscription to everything: what is retained, or the answer to a ping.
    fn retained(listen: SocketAddr) -> Vec<u8> {
        let mut stream = TcpStream::connect(listen).unwrap();
        stream.write_all(&CONNECT).unwrap();
        stream.write_all(&[0x82, 6, 0, 1, 0, 1, b'#', 0]).unwrap();
        stream.write_all(&[0xc0, 0]).unwrap();
        let mut answers = [0; 4 + 5 + 2];
        stream.read_exact(&mut answers).unwrap();
        let mut first = answers[9..].to_vec();
        if first[0] == 0x31 {
            first.resize(2 + usize::from(first[1]), 0);
            stream.read_exact(&mut first[2..]).unwrap();
        }
        first
    }

    #[test]
    fn a_port_in_use_is_an_error_that_names_it() {
        let port = free_port().unwrap();
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let error = Mosquitto::start(port).unwrap_err();
        assert!(matches!(error, MosquittoStartError::PortTaken { .. }));
        assert!(error.to_string().contains(&port.to_string()));
    }

    #[test]
    fn a_mosquitto_that_is_not_installed_is_an_error_that_says_how_to_install_it() {
        let nowhere = tempfile::tempdir().unwrap();
        let binary = find(Some(nowhere.path().as_os_str()), &nowhere.path().join("mosquitto"));
        assert_eq!(binary, None);
        assert!(
            MosquittoStartError::NotFound
                .to_string()
                .contains("apt-get install mosquitto")
        );
    }

    #[test]
    fn a_mosquitto_that_ends_at_once_is_an_error_with_what_it_said() {
        let mut mosquitto = Mosquitto::start(free_port().unwrap()).unwrap();
        fs::write(mosquitto.directory.path().join("mosquitto.conf"), "nonsense\n").unwrap();
        let error = mosquitto.restart().unwrap_err();
        assert!(matches!(&error, MosquittoStartError::Ended { log, .. } if log.contains("nonsense")));
    }
}
