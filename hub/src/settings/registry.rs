//! Whose registry the hub has: its own, another hub's, or a database's.

use super::writeback::WriteBackSettings;
use super::{Settings, within};
use crate::bridging::Database;
use crate::edge::TablesUse;
use crate::following::Leader;
use crate::postgres::{Plan, Server, Table, TlsMode, Written};
use crate::registry::bridge::{Mapping, MappingError};
use serde::Deserialize;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The profile that is built in.
const MLFLOW: &str = "mlflow";
/// The longest name that PostgreSQL keeps, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// The keys below `registry`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RegistrySettings {
    /// The socket of the hub whose registry this one follows; its own when there is none.
    pub(crate) follow: Option<PathBuf>,
    /// The database whose tables this one follows, if it has a host.
    pub(crate) postgres: PostgresSettings,
    /// Where what devices wrote is written to.
    pub(crate) writeback: WriteBackSettings,
}

/// The keys below `registry.postgres`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PostgresSettings {
    pub(crate) host: Option<String>,
    #[serde(deserialize_with = "within::<1, 65_535, _, _>")]
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) tls: TlsSetting,
    pub(crate) root_certificates: Option<PathBuf>,
    pub(crate) slot: Option<String>,
    pub(crate) publication: String,
    pub(crate) mapping: String,
}

/// Whether the way to the database is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TlsSetting {
    VerifyFull,
    Off,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self {
            host: None,
            port: 5_432,
            database: MLFLOW.to_owned(),
            user: "headland".to_owned(),
            password_file: None,
            tls: TlsSetting::VerifyFull,
            root_certificates: None,
            slot: None,
            publication: "headland".to_owned(),
            mapping: MLFLOW.to_owned(),
        }
    }
}

/// Whose registry it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RegistrySource {
    /// The hub's own.
    Own,
    /// That of the hub with this socket.
    Hub(PathBuf),
    /// That of these tables.
    Database(Box<Database>),
}

/// A registry that cannot be followed as it is named.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    /// It would follow itself.
    #[error(
        "reading the configuration: registry.follow is this hub's own socket; name that of another hub, or leave it out"
    )]
    FollowsItself,
    /// The path means something else wherever the hub is started.
    #[error("reading the configuration: {key} is {}; write the whole path, beginning with \"/\"", .path.display())]
    Relative {
        /// The key.
        key: &'static str,
        /// What it says.
        path: PathBuf,
    },
    /// There would be two registries.
    #[error(
        "reading the configuration: registry.follow and registry.postgres.host are both set; a hub has one registry"
    )]
    Two,
    /// Everybody on the way could read and change what is said.
    #[error(
        "reading the configuration: registry.postgres.tls is \"off\" and registry.postgres.host is {0}; only a database on this machine goes without TLS"
    )]
    Open(String),
    /// The server would not take the name.
    #[error("reading the configuration: {key} is {name:?}; {remedy}")]
    Name {
        /// The key.
        key: &'static str,
        /// What it says.
        name: String,
        /// What it may be.
        remedy: &'static str,
    },
    /// The mapping's file cannot be read.
    #[error("reading the mapping {}: {source}; check registry.postgres.mapping", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The mapping makes no sense.
    #[error("{}: {source}", .path.display())]
    Mapping {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: MappingError,
    },
}

impl Settings {
    /// Whose registry this hub follows, if it is another's, without a look at whether it can be.
    pub(crate) fn leader(&self) -> Option<Leader> {
        match (&self.registry.follow, &self.registry.postgres.host) {
            (Some(socket), _) => Some(Leader::Hub(socket.clone())),
            (None, Some(host)) => Some(Leader::Database(self.server(host).to_string())),
            (None, None) => None,
        }
    }

    /// Whose registry it is, checked.
    pub(crate) fn registry_source(&self) -> Result<RegistrySource, RegistryError> {
        match (self.registry.follow.as_deref(), self.registry.postgres.host.as_deref()) {
            (Some(_), Some(_)) => Err(RegistryError::Two),
            (Some(leader), None) if leader == self.socket => Err(RegistryError::FollowsItself),
            (Some(leader), None) => {
                whole("registry.follow", leader)?;
                Ok(RegistrySource::Hub(leader.to_path_buf()))
            }
            (None, Some(host)) => self.database(host).map(Box::new).map(RegistrySource::Database),
            (None, None) => Ok(RegistrySource::Own),
        }
    }

    pub(super) fn server(&self, host: &str) -> Server {
        let settings = &self.registry.postgres;
        let tls = match settings.tls {
            TlsSetting::VerifyFull if !host.starts_with('/') => TlsMode::VerifyFull(settings.root_certificates.clone()),
            TlsSetting::VerifyFull | TlsSetting::Off => TlsMode::Local,
        };
        Server {
            host: host.to_owned(),
            port: settings.port,
            database: settings.database.clone(),
            user: settings.user.clone(),
            password_file: settings.password_file.clone(),
            tls,
            application: format!("headland-hub {}", self.region),
        }
    }

    fn database(&self, host: &str) -> Result<Database, RegistryError> {
        let settings = &self.registry.postgres;
        if settings.tls == TlsSetting::Off && !is_here(host) {
            return Err(RegistryError::Open(host.to_owned()));
        }
        if let Some(path) = &settings.root_certificates {
            whole("registry.postgres.root_certificates", path)?;
        }
        if let Some(path) = settings
            .password_file
            .as_deref()
            .filter(|path| path.components().count() > 1)
        {
            whole("registry.postgres.password_file", path)?;
        }
        for (key, name) in [
            ("registry.postgres.database", &settings.database),
            ("registry.postgres.user", &settings.user),
            ("registry.postgres.publication", &settings.publication),
        ] {
            if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
                let (name, remedy) = (name.clone(), "use 1 to 63 bytes of text");
                return Err(RegistryError::Name { key, name, remedy });
            }
        }
        let edge = self.registry.writeback.postgres;
        let mapping = match edge {
            TablesUse::Off | TablesUse::Write => mapping(&settings.mapping)?,
            TablesUse::Exchange => mapping(&settings.mapping)?.with_edge_writes(),
        };
        let tables = mapping.tables().iter().map(|table| Table {
            schema: table.schema.clone(),
            name: table.name.clone(),
            columns: table.columns.clone(),
            keys: table.keys,
            written: table.written().map(|column| Written {
                column: column.to_owned(),
                adds: table.is_added_to(),
            }),
        });
        let plan = Plan {
            user: settings.user.clone(),
            slot: self.slot()?,
            publication: settings.publication.clone(),
            tables: tables.collect(),
            edge,
        };
        let directory = self
            .store
            .parent()
            .map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        Ok(Database {
            server: self.server(host),
            plan,
            mapping,
            directory,
        })
    }

    /// The slot: one for each hub, so by its region unless somebody says otherwise.
    fn slot(&self) -> Result<String, RegistryError> {
        let by_region = || format!("headland_{}", self.region.as_str().replace('-', "_"));
        let slot = self.registry.postgres.slot.clone().unwrap_or_else(by_region);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if slot.is_empty() || slot.len() > NAME_BYTES_MAX || !slot.bytes().all(plain) {
            let (key, name) = ("registry.postgres.slot", slot);
            let remedy = "use 1 to 63 lower-case letters, digits and \"_\"";
            return Err(RegistryError::Name { key, name, remedy });
        }
        Ok(slot)
    }
}

fn mapping(named: &str) -> Result<Mapping, RegistryError> {
    if named == MLFLOW {
        return Ok(Mapping::mlflow());
    }
    let path = PathBuf::from(named);
    whole("registry.postgres.mapping", &path)?;
    match std::fs::read_to_string(&path) {
        Ok(text) => Mapping::parse(&text).map_err(|source| RegistryError::Mapping { path, source }),
        Err(source) => Err(RegistryError::File { path, source }),
    }
}

pub(super) fn whole(key: &'static str, path: &Path) -> Result<(), RegistryError> {
    match path.is_absolute() {
        true => Ok(()),
        false => Err(RegistryError::Relative {
            key,
            path: path.to_path_buf(),
        }),
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host.starts_with('/') || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::SOURCE;
    use super::*;
    use headland_host::config;

    fn source(text: &str) -> Result<RegistrySource, RegistryError> {
        let settings: Settings = config::parse(&SOURCE, Path::new("hub.toml"), text, []).unwrap();
        settings.registry_source()
    }

    #[test]
    fn a_hub_follows_another_by_its_whole_path_and_never_itself() {
        assert_eq!(source("").unwrap(), RegistrySource::Own);
        let north = source("[registry]\nfollow = \"/run/headland/north.sock\"").unwrap();
        assert_eq!(north, RegistrySource::Hub("/run/headland/north.sock".into()));
        let itself = "socket = \"/run/hub.sock\"\n[registry]\nfollow = \"/run/hub.sock\"";
        assert!(matches!(source(itself), Err(RegistryError::FollowsItself)));
        let relative = source("[registry]\nfollow = \"hub.sock\"");
        assert!(matches!(relative, Err(RegistryError::Relative { .. })));
    }

    #[test]
    fn a_database_is_followed_over_tls_unless_it_is_on_this_machine() {
        let database = |lines: &str| source(&format!("region = \"north-1\"\n[registry.postgres]\n{lines}"));
        let Ok(RegistrySource::Database(found)) = database("host = \"db.farm.example\"") else {
            panic!("a database");
        };
        assert_eq!(found.server.to_string(), "postgresql://db.farm.example:5432/mlflow");
        assert_eq!(
            (found.server.tls.clone(), found.plan.slot.as_str()),
            (TlsMode::VerifyFull(None), "headland_north_1")
        );
        for here in ["127.0.0.1", "::1", "localhost", "/run/postgresql"] {
            assert!(database(&format!("host = {here:?}\ntls = \"off\"")).is_ok(), "{here}");
        }
        let away = database("host = \"db.farm.example\"\ntls = \"off\"");
        assert!(matches!(away, Err(RegistryError::Open(_))));
    }

    #[test]
    fn what_no_server_would_take_is_refused_with_a_remedy() {
        for (line, wanted) in [
            ("slot = \"Slot\"", "lower-case"),
            ("database = \"\"", "1 to 63"),
            ("mapping = \"mapping.toml\"", "whole path"),
            ("mapping = \"/nowhere/mapping.toml\"", "check registry.postgres.mapping"),
            ("password_file = \"a/b\"", "whole path"),
        ] {
            let error = source(&format!("[registry.postgres]\nhost = \"db\"\n{line}")).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
        let both = source("[registry]\nfollow = \"/run/x.sock\"\n[registry.postgres]\nhost = \"db\"");
        assert!(matches!(both, Err(RegistryError::Two)));
    }
}
