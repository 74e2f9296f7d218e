//! Where what devices wrote is written to.

use super::Settings;
use super::registry::{RegistryError, whole};
use crate::edge::TablesUse;
use crate::writeback::{Goal, Target, TargetError};
use serde::Deserialize;
use std::path::PathBuf;

/// The keys below `registry.writeback`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WriteBackSettings {
    /// The MLflow server; nothing is written when there is none.
    pub(crate) mlflow: Option<String>,
    /// Whoever the server knows by a password; then the file holds that.
    pub(crate) user: Option<String>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) root_certificates: Option<PathBuf>,
    /// What is done with Headland's own tables in the database of `registry.postgres`.
    pub(crate) postgres: TablesUse,
}

/// A registry that cannot be written to as it is named.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteBackError {
    /// The address.
    #[error("reading the configuration: registry.writeback.mlflow: {0}")]
    Target(#[from] TargetError),
    /// No database.
    #[error(
        "reading the configuration: registry.writeback.postgres is set and registry.postgres.host is not; name the database that has Headland's tables"
    )]
    NoDatabase,
    /// No password.
    #[error(
        "reading the configuration: registry.writeback.user is set and registry.writeback.token_file is not; name the file that holds the password"
    )]
    NoPassword,
    /// A name that cannot be sent.
    #[error(
        "reading the configuration: registry.writeback.user is {0:?}: the name in HTTP's Basic authentication (RFC 7617) has at least one letter, and no colon or control character"
    )]
    User(String),
    /// A path.
    #[error(transparent)]
    Path(#[from] RegistryError),
}

impl Settings {
    /// What is written to, checked.
    pub(crate) fn write_back(&self) -> Result<Vec<Goal>, WriteBackError> {
        let mut goals: Vec<Goal> = self.mlflow()?.map(Goal::Mlflow).into_iter().collect();
        if self.registry.writeback.postgres != TablesUse::Off {
            let host = self.registry.postgres.host.as_deref();
            let host = host.ok_or(WriteBackError::NoDatabase)?;
            goals.push(Goal::Tables(self.server(host)));
        }
        Ok(goals)
    }

    /// The MLflow that is written to; nothing when there is none.
    fn mlflow(&self) -> Result<Option<Target>, WriteBackError> {
        let settings = &self.registry.writeback;
        let Some(url) = &settings.mlflow else {
            return Ok(None);
        };
        let mut target = Target::parse(url)?;
        if let Some(path) = &settings.root_certificates {
            whole("registry.writeback.root_certificates", path)?;
        }
        let token_file = settings.token_file.as_deref();
        if let Some(path) = token_file.filter(|path| path.components().count() > 1) {
            whole("registry.writeback.token_file", path)?;
        }
        if let Some(user) = &settings.user {
            if settings.token_file.is_none() {
                return Err(WriteBackError::NoPassword);
            }
            if user.is_empty() || user.contains(|letter: char| letter == ':' || letter.is_control()) {
                return Err(WriteBackError::User(user.clone()));
            }
        }
        target.user.clone_from(&settings.user);
        target.token_file.clone_from(&settings.token_file);
        target.root_certificates.clone_from(&settings.root_certificates);
        Ok(Some(target))
    }
}

#[cfg(test)]
mod tests {
    use super::super::SOURCE;
    use super::*;
    use headland_host::config;
    use std::path::Path;

    fn target(lines: &str) -> Result<Option<Target>, WriteBackError> {
        let text = format!("[registry.writeback]\n{lines}");
        let settings: Settings = config::parse(&SOURCE, Path::new("hub.toml"), &text, []).unwrap();
        settings.mlflow()
    }

    #[test]
    fn headlands_own_tables_are_in_the_database_that_is_followed() {
        let goals = |text: &str| {
            let settings: Settings = config::parse(&SOURCE, Path::new("hub.toml"), text, []).unwrap();
            settings.write_back()
        };
        let tables = "[registry.writeback]\npostgres = \"write\"\n";
        assert!(matches!(goals(tables), Err(WriteBackError::NoDatabase)));
        let found = goals(&format!("{tables}[registry.postgres]\nhost = \"db\"")).unwrap();
        let names: Vec<String> = found.iter().map(Goal::name).collect();
        assert_eq!(names, ["postgresql://db:5432/mlflow"]);
    }

    #[test]
    fn nothing_is_written_back_unless_a_server_is_named() {
        assert_eq!(target("").unwrap(), None);
        let found = target("mlflow = \"https://mlflow.farm.example\"\ntoken_file = \"headland-hub.mlflow\"");
        let found = found.unwrap().unwrap();
        assert_eq!(found.to_string(), "https://mlflow.farm.example:443");
        assert_eq!(found.token_file, Some("headland-hub.mlflow".into()));
    }

    #[test]
    fn a_server_that_cannot_be_written_to_is_refused_with_a_remedy() {
        for (lines, wanted) in [
            ("mlflow = \"http://mlflow.farm.example\"", "use https://"),
            ("mlflow = \"mlflow\"", "no address of a server"),
            (
                "mlflow = \"https://a\"\ntoken_file = \"a/b\"",
                "registry.writeback.token_file is a/b",
            ),
            (
                "mlflow = \"https://a\"\nroot_certificates = \"b\"",
                "write the whole path",
            ),
            ("mlflow = \"https://a\"\nuser = \"hub\"", "holds the password"),
            (
                "mlflow = \"https://a\"\nuser = \"a:b\"\ntoken_file = \"headland-hub.mlflow\"",
                "no colon",
            ),
        ] {
            let error = target(lines).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
