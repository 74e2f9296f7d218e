//! A real PostgreSQL, for tests of a hub that follows one: with TLS, passwords, and logical replication; it can be
//! killed, restored, and promoted.

mod directory;
mod session;
mod tables;

use crate::ports::free_port;
pub use session::Session;
pub use tables::{PUBLICATION, TABLES};

use directory::{Account, Directory, run};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where Debian puts its programs.
const DEBIAN: &str = "/usr/lib/postgresql";
/// How long a start may take, on a machine that also compiles and after a crash.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// How often to look whether it is there; nothing announces it.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Says that a test must not be passed over because something is not installed.
const NO_SKIP: &str = "FLEET_TESTS_NO_SKIP";

/// Who may connect.
const ACCESS: &str =
    "local all postgres trust\nlocal replication postgres trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";

/// The password of the role `headland`.
pub const PASSWORD: &str = "only for tests";

/// Why a cluster did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The machine failed.
    #[error("running PostgreSQL: {0}; check space and limits of this machine")]
    Io(#[from] io::Error),
    /// A program failed.
    #[error("running {program}: {said}")]
    Failed {
        /// Which.
        program: String,
        /// What it said.
        said: String,
    },
    /// It does not answer.
    #[error("waiting for PostgreSQL: no answer within {START_TIME_MAX:?}; it said: {0}")]
    Silent(String),
}

/// A cluster on 127.0.0.1. Dropping it kills it.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    directory: Directory,
    port: u16,
    child: Option<Child>,
}

/// The directory of PostgreSQL's programs, or why tests with it are passed over. Where that must not happen, it panics.
pub fn installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.retain(|programs| programs.join("initdb").exists());
    found.sort();
    let programs = found.pop();
    if programs.is_none() {
        let text = format!("no PostgreSQL below {DEBIAN}; install it with `apt-get install postgresql`");
        assert!(std::env::var_os(NO_SKIP).is_none(), "{text}");
        // Standard error of a test is shown when somebody asks for it.
        let _ = writeln!(io::stderr(), "skipped: {text}");
    }
    programs
}

impl Cluster {
    /// Makes a cluster with these lines in its configuration, and starts it.
    pub fn start(programs: &Path, lines: &str) -> Result<Self, PostgresError> {
        let account = Account::for_servers();
        let directory = Directory::new(account)?;
        let port = free_port()?;
        run(account
            .command(&programs.join("initdb"))
            .args(["--auth=trust", "--username=postgres", "--no-sync", "-D"])
            .arg(directory.data()))?;
        let mut cluster = Self {
            programs: programs.to_owned(),
            directory,
            port,
            child: None,
        };
        cluster.configure(lines)?;
        cluster.start_again()?;
        cluster.sql(
            "postgres",
            &format!("CREATE ROLE headland LOGIN REPLICATION PASSWORD '{PASSWORD}'"),
        )?;
        Ok(cluster)
    }

    fn configure(&self, lines: &str) -> Result<(), PostgresError> {
        let certificates = self.directory.certificates()?;
        let at = self.directory.path().display();
        let text = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{at}'\nssl = on\n\
             ssl_cert_file = '{0}/server.pem'\nssl_key_file = '{0}/server.key'\nwal_level = logical\n\
             fsync = off\nwal_sender_timeout = '10s'\nmax_slot_wal_keep_size = '4GB'\nlogging_collector = off\n{lines}\n",
            certificates.display()
        );
        let data = self.directory.data();
        File::options()
            .append(true)
            .open(data.join("postgresql.conf"))?
            .write_all(text.as_bytes())?;
        std::fs::write(data.join("pg_hba.conf"), ACCESS)?;
        Ok(())
    }

    /// Has it look at these lines first when somebody connects.
    pub fn admit(&self, lines: &str) -> Result<(), PostgresError> {
        std::fs::write(self.directory.data().join("pg_hba.conf"), format!("{lines}\n{ACCESS}"))?;
        self.sql("postgres", "SELECT pg_reload_conf()").map(|_| ())
    }

    /// Where it listens, on 127.0.0.1; its certificate is of `localhost`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The root certificate that signed its own.
    pub fn root_certificate(&self) -> PathBuf {
        self.directory.path().join("certificates/root.pem")
    }

    /// Adds lines to the configuration, which count from the next start on.
    pub fn add_lines(&self, lines: &str) -> Result<(), PostgresError> {
        let path = self.directory.data().join("postgresql.conf");
        Ok(File::options().append(true).open(path)?.write_all(lines.as_bytes())?)
    }

    /// Runs it if it does not run. It answers when this returns.
    pub fn start_again(&mut self) -> Result<(), PostgresError> {
        let begun = Instant::now();
        while begun.elapsed() < START_TIME_MAX {
            // Processes of one that was killed may still end, and until then no other one starts.
            if self
                .child
                .as_mut()
                .is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
            {
                self.child = Some(self.spawn()?);
            }
            if self.sql("postgres", "SELECT 1").is_ok() {
                return Ok(());
            }
            std::thread::sleep(ASK_EVERY);
        }
        Err(PostgresError::Silent(self.logged()))
    }

    fn spawn(&self) -> Result<Child, PostgresError> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = self.directory.account().command(&self.programs.join("postgres"));
        command
            .arg("-D")
            .arg(self.directory.data())
            .args(["-p", &self.port.to_string()]);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command.spawn()?)
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// Stops it as an administrator would who does not wait for clients. It is gone when this returns.
    pub fn stop(&mut self) {
        self.end(Signal::INT);
    }

    /// Kills it, with no chance to tidy up. It is gone when this returns.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    fn end(&mut self, signal: Signal) {
        if let Some(mut child) = self.child.take() {
            // Fails only if it has ended already, and then it is only left to be collected.
            let _ = kill_process(Pid::from_child(&child), signal);
            let _ = child.wait();
        }
    }

    /// A command of its own programs as its superuser, over its own socket.
    fn client(&self, program: &str) -> Command {
        let mut command = self.directory.account().command(&self.programs.join(program));
        command
            .arg("-h")
            .arg(self.directory.path())
            .args(["-p", &self.port.to_string(), "-U", "postgres"]);
        command.stdin(Stdio::null());
        command
    }

    /// Runs SQL as the superuser; gives the rows, one a line, columns between bars.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, PostgresError> {
        let mut command = self.client("psql");
        let said = run(command.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            database,
            "-c",
            sql,
        ]))?;
        Ok(said.trim_end().to_owned())
    }

    /// A session as the superuser that stays.
    pub fn session(&self, database: &str) -> Result<Session, PostgresError> {
        let mut command = self.client("psql");
        command
            .args(["-X", "-q", "-A", "-t", "-d", database])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Session::of(command.spawn()?)
    }

    /// The directory of its socket, over which its superuser needs no password.
    pub fn socket_directory(&self) -> &Path {
        self.directory.path()
    }

    /// Has another program read the slot, until it is killed.
    pub fn occupy(&self, database: &str, slot: &str, publication: &str) -> Result<Child, PostgresError> {
        let mut command = self.client("pg_recvlogical");
        command.args([
            "-d",
            database,
            "-S",
            slot,
            "--start",
            "-f",
            "/dev/null",
            "-o",
            "proto_version=1",
            "-o",
        ]);
        command.arg(format!("publication_names={publication}"));
        Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    /// Keeps a copy of all its files while it does not run.
    pub fn back_up(&mut self) -> Result<(), PostgresError> {
        assert!(self.child.is_none(), "files of a cluster that runs are no backup");
        self.directory.copy("data", "backup")
    }

    /// Puts the copy back in place of its files.
    pub fn restore(&mut self) -> Result<(), PostgresError> {
        assert!(self.child.is_none(), "stop it first");
        self.directory.copy("backup", "data")
    }

    /// Makes a standby of it and starts it.
    pub fn standby(&self) -> Result<Self, PostgresError> {
        let account = self.directory.account();
        let directory = Directory::new(account)?;
        let port = free_port()?;
        let mut command = self.client("pg_basebackup");
        run(command
            .args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-D"])
            .arg(directory.data()))?;
        let mut standby = Self {
            programs: self.programs.clone(),
            directory,
            port,
            child: None,
        };
        let at = standby.directory.path().display().to_string();
        standby.add_lines(&format!("unix_socket_directories = '{at}'\n"))?;
        standby.start_again()?;
        Ok(standby)
    }

    /// Makes a primary of a standby.
    pub fn promote(&self) -> Result<(), PostgresError> {
        self.sql("postgres", "SELECT pg_promote()").map(|_| ())
    }

    /// Takes over the port of a cluster that does not run, as a name or an address is moved to the one that was promoted.
    pub fn take_port_of(&mut self, other: &Self) -> Result<(), PostgresError> {
        self.stop();
        self.port = other.port;
        self.start_again()
    }

    /// What it logged.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its own processes end by themselves when they find that it is gone; a stop waits for them.
        self.stop();
    }
}
