//! A real MLflow, with a real PostgreSQL for its store.

use crate::ports::free_port;
use crate::postgres::Cluster;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Below the home of whoever runs the tests; `tests/mlflow` makes it.
const ENVIRONMENT: &str = ".cache/headland/mlflow-3.17.2";
/// How long its first start may take: it makes its tables, and imports much, on a machine that also compiles.
const START_TIME_MAX: Duration = Duration::from_secs(120);
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Why an MLflow did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum MlflowError {
    /// The machine failed.
    #[error("running MLflow: {0}; check space and limits of this machine")]
    Io(#[from] io::Error),
    /// It does not answer.
    #[error("waiting for MLflow: no answer within {START_TIME_MAX:?}; it said: {0}")]
    Silent(String),
}

/// MLflow's server. Dropping it ends it.
#[derive(Debug)]
pub struct Mlflow {
    programs: PathBuf,
    port: u16,
    store: String,
    directory: PathBuf,
    child: Option<Child>,
}

/// The directory of MLflow's programs, or what to do to have them.
pub fn installed() -> Result<PathBuf, String> {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let programs = PathBuf::from(home).join(ENVIRONMENT).join("bin");
    match programs.join("mlflow").exists() {
        true => Ok(programs),
        false => Err(format!("{} is not there: run tests/mlflow", programs.display())),
    }
}

impl Mlflow {
    /// Starts the server with a database of a cluster for its store; its log and its files are in `directory`. It has
    /// made its tables and answers when this returns.
    pub fn start(programs: &Path, cluster: &Cluster, database: &str, directory: &Path) -> Result<Self, MlflowError> {
        let mut mlflow = Self {
            programs: programs.to_owned(),
            port: free_port()?,
            store: format!(
                "postgresql+psycopg2://postgres@/{database}?host={}&port={}",
                cluster.socket_directory().display(),
                cluster.port()
            ),
            directory: directory.to_owned(),
            child: None,
        };
        mlflow.serve()?;
        Ok(mlflow)
    }

    /// Starts the server that was stopped. It answers when this returns.
    pub fn serve(&mut self) -> Result<(), MlflowError> {
        let log = File::create(self.log())?;
        let port = self.port.to_string();
        let child = Command::new(self.programs.join("mlflow"))
            .args(["server", "--host", "127.0.0.1", "--port", &port, "--workers", "1"])
            .args([
                "--backend-store-uri",
                &self.store,
                "--default-artifact-root",
                "/nowhere",
            ])
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        let begun = Instant::now();
        while !self.python("client.search_registered_models()")? {
            if begun.elapsed() > START_TIME_MAX {
                return Err(MlflowError::Silent(
                    std::fs::read_to_string(self.log()).unwrap_or_default(),
                ));
            }
            std::thread::sleep(ASK_EVERY);
        }
        Ok(())
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    fn log(&self) -> PathBuf {
        self.directory.join("mlflow.log")
    }

    /// Ends the server.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It ends its own processes when it is asked to.
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            let _ = child.wait();
        }
    }

    /// Runs lines of Python that use MLflow's client; whether they did.
    pub fn python(&self, lines: &str) -> io::Result<bool> {
        Ok(self.printed(lines)?.is_some())
    }

    /// What lines of Python print that use MLflow's client; nothing when they fail.
    pub fn printed(&self, lines: &str) -> io::Result<Option<String>> {
        let script = format!(
            "from mlflow import MlflowClient\nclient = MlflowClient('http://127.0.0.1:{}')\n{lines}\n",
            self.port
        );
        let mut command = Command::new(self.programs.join("python"));
        command
            .args(["-c", &script])
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0");
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
        let printed = output.status.success().then_some(output.stdout);
        Ok(printed.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

impl Drop for Mlflow {
    fn drop(&mut self) {
        self.stop();
    }
}
