//! The directory of a cluster: owned by whom the server runs as, with certificates made for it.

use super::PostgresError;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// As whom servers run: PostgreSQL refuses to be root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// As whoever runs the test.
    Own,
    /// As the user of the package.
    Postgres,
}

const USER: &str = "postgres";

impl Account {
    pub(super) fn for_servers() -> Self {
        match rustix::process::geteuid().is_root() {
            true => Self::Postgres,
            false => Self::Own,
        }
    }

    /// A command that runs as this account, with the same process number as if it had been run itself.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = match self {
            Self::Own => Command::new(program),
            Self::Postgres => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"])
                    .arg(program);
                command
            }
        };
        command.current_dir("/");
        command
    }
}

#[derive(Debug)]
pub(super) struct Directory {
    temporary: TempDir,
    account: Account,
}

impl Directory {
    pub(super) fn new(account: Account) -> Result<Self, PostgresError> {
        let temporary = tempfile::Builder::new().prefix("headland-postgres-").tempdir()?;
        // Others may pass through; what is inside has rights of its own.
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o755))?;
        let directory = Self { temporary, account };
        directory.give(directory.path())?;
        Ok(directory)
    }

    pub(super) const fn account(&self) -> Account {
        self.account
    }

    pub(super) fn path(&self) -> &Path {
        self.temporary.path()
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Gives something to the account, with all that is in it.
    fn give(&self, path: &Path) -> Result<(), PostgresError> {
        if self.account == Account::Postgres {
            run(Command::new("chown").args(["-R", USER]).arg(path))?;
        }
        Ok(())
    }

    /// Copies a directory, in place of what is there.
    pub(super) fn copy(&self, from: &str, to: &str) -> Result<(), PostgresError> {
        let to = self.path().join(to);
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        run(Command::new("cp").arg("-a").arg(self.path().join(from)).arg(to)).map(|_| ())
    }

    /// A root certificate, and one of `localhost` that it has signed.
    pub(super) fn certificates(&self) -> Result<PathBuf, PostgresError> {
        let at = self.path().join("certificates");
        fs::create_dir(&at)?;
        let key = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
        ];
        run(openssl(
            &at,
            "req -x509 -subj /CN=root -addext basicConstraints=critical,CA:TRUE -keyout root.key -out root.pem",
        )
        .args(key))?;
        run(openssl(
            &at,
            "req -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout server.key -out server.csr",
        )
        .args(key))?;
        run(&mut openssl(
            &at,
            "x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -copy_extensions copy -days 30 -out server.pem",
        ))?;
        fs::set_permissions(at.join("server.key"), fs::Permissions::from_mode(0o600))?;
        self.give(&at)?;
        Ok(at)
    }
}

fn openssl(at: &Path, arguments: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(at);
    command
}

/// Runs a command to its end; gives what it printed.
pub(super) fn run(command: &mut Command) -> Result<String, PostgresError> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(PostgresError::Failed {
        program: command.get_program().to_string_lossy().into_owned(),
        said: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
    })
}
