//! SQLite in the agent's place: the same records in the tables that one would make for these questions.

use super::device::versions;
use crate::bench::BenchError;
use crate::bench::records::Record;
use headland_shared::scope::TASK_ATTRIBUTES;
use rusqlite::{Connection, params};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

const TABLES: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE models (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, task TEXT NOT NULL,
  attributes TEXT NOT NULL, UNIQUE (namespace, name));
CREATE INDEX models_by_task ON models (task, namespace, name);
CREATE TABLE versions (model INTEGER NOT NULL, version TEXT NOT NULL, approval TEXT NOT NULL, manifest TEXT NOT NULL,
  PRIMARY KEY (model, version)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (text);
";

/// Bytes of all that is stored, without what SQLite makes of it for itself.
const CONTENT: &str = "SELECT (SELECT total(length(namespace) + length(name) + length(task) + length(CAST(attributes AS BLOB))) \
                       FROM models) + (SELECT total(length(version) + length(approval) + length(manifest)) FROM versions)";

fn failed(error: rusqlite::Error) -> BenchError {
    BenchError::Void(format!("asking SQLite: {error}"))
}

/// The database.
#[derive(Debug)]
pub(super) struct Twin {
    connection: Connection,
    path: PathBuf,
}

impl Twin {
    /// A database without records.
    pub(super) fn empty(path: &Path) -> Result<Self, BenchError> {
        let connection = Connection::open(path).map_err(failed)?;
        connection.execute_batch(TABLES).map_err(failed)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
        })
    }

    /// A database with these records.
    pub(super) fn filled(path: &Path, records: &[Record]) -> Result<Self, BenchError> {
        let mut twin = Self::empty(path)?;
        twin.together(|twin| {
            for (number, record) in records.iter().enumerate() {
                let mut attributes = record.attributes.clone();
                attributes.insert("description".to_owned(), record.description().into());
                attributes.insert("tags".to_owned(), serde_json::json!(record.tags()));
                twin.put(&record.namespace, &record.name, &attributes)?;
                for version in versions(number)
                    .iter()
                    .flat_map(|versions| versions.as_array())
                    .flatten()
                {
                    twin.put_version(version)?;
                }
            }
            Ok(())
        })?;
        twin.checkpoint()?;
        Ok(twin)
    }

    /// Does something in one transaction.
    pub(super) fn together(&mut self, act: impl FnOnce(&mut Self) -> Result<(), BenchError>) -> Result<(), BenchError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
        act(self)?;
        self.connection.execute_batch("COMMIT").map_err(failed)
    }

    /// Sets a model; its words are only written when they are others.
    pub(super) fn put(
        &mut self,
        namespace: &str,
        name: &str,
        attributes: &Map<String, Value>,
    ) -> Result<(), BenchError> {
        let task = TASK_ATTRIBUTES.iter().find_map(|task| attributes.get(*task)?.as_str());
        let text = Value::Object(attributes.clone()).to_string();
        let sql = "INSERT INTO models (namespace, name, task, attributes) VALUES (?, ?, ?, ?) ON CONFLICT (namespace, name) \
                   DO UPDATE SET task = excluded.task, attributes = excluded.attributes RETURNING id";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let id: i64 = statement
            .query_row(params![namespace, name, task.unwrap_or("-"), text], |row| row.get(0))
            .map_err(failed)?;
        let words = format!(
            "{name} {} {}",
            attributes.get("description").unwrap_or(&Value::Null),
            attributes.get("tags").unwrap_or(&Value::Null)
        );
        let sql = "INSERT OR REPLACE INTO words (rowid, text) SELECT ?1, ?2 WHERE NOT EXISTS \
                   (SELECT 1 FROM words WHERE rowid = ?1 AND text = ?2)";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        statement.execute(params![id, words]).map_err(failed)?;
        Ok(())
    }

    /// A version of the model that was put last.
    fn put_version(&self, version: &Value) -> Result<(), BenchError> {
        let sql =
            "INSERT INTO versions (model, version, approval, manifest) VALUES ((SELECT max(id) FROM models), ?, ?, ?)";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let texts = params![
            version["version"].as_str(),
            version["approvals"]["field-use"].as_str(),
            version["manifest"].to_string()
        ];
        statement.execute(texts).map_err(failed)?;
        Ok(())
    }

    /// Takes a model away.
    pub(super) fn remove(&mut self, namespace: &str, name: &str) -> Result<(), BenchError> {
        let sql = "DELETE FROM words WHERE rowid = (SELECT id FROM models WHERE namespace = ? AND name = ?)";
        self.connection.execute(sql, params![namespace, name]).map_err(failed)?;
        let sql = "DELETE FROM models WHERE namespace = ? AND name = ?";
        self.connection.execute(sql, params![namespace, name]).map_err(failed)?;
        Ok(())
    }

    /// Asks, and takes every row; gives how many there are.
    pub(super) fn ask(&self, sql: &str, parameter: &str) -> Result<usize, BenchError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let texts = |row: &rusqlite::Row<'_>| -> rusqlite::Result<usize> {
            let text = |index| row.get::<_, String>(index).map(|text| text.len());
            Ok(text(0)? + text(1)? + text(2)?)
        };
        let rows = statement.query_map([parameter], texts).map_err(failed)?;
        let lengths: Vec<usize> = rows.collect::<Result<_, _>>().map_err(failed)?;
        Ok(lengths.len())
    }

    /// Moves the log into the database.
    pub(super) fn checkpoint(&self) -> Result<(), BenchError> {
        let moved = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        moved.map_err(failed)
    }

    /// Bytes of its file, and of what is stored in it.
    pub(super) fn sizes(&self) -> Result<(f64, f64), BenchError> {
        self.checkpoint()?;
        let content = self
            .connection
            .query_row(CONTENT, [], |row| row.get(0))
            .map_err(failed)?;
        Ok((std::fs::metadata(&self.path)?.len() as f64, content))
    }
}
