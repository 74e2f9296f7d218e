//! What is looked at before anything is replicated: rights, publication, identities, limits. Each finding says which SQL
//! would mend it; nobody runs that SQL but people.

mod attempt;
mod limits;
mod own;
mod tables;
#[cfg(test)]
mod tests;
mod writing;

pub(crate) use writing::Written;

use super::connection::{Connection, Row};
use super::error::PgError;
use super::synchronous::counts;
use super::{literal, quoted};
use crate::edge::{self, TablesUse};
use crate::registry::bridge::Lsn;
pub(crate) use attempt::examine_and_try;
use limits::Limits;
use tables::TableFacts;

/// The oldest server: it has messages in the stream, and states of slots.
const VERSION_MIN: u32 = 140_000;

/// What is to be replicated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) user: String,
    pub(crate) slot: String,
    pub(crate) publication: String,
    pub(crate) tables: Vec<Table>,
    /// What is done with Headland's own tables.
    pub(crate) edge: TablesUse,
}

/// A table that is to be replicated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// All columns that are needed; the first `keys` of them name a row.
    pub(crate) columns: Vec<String>,
    pub(crate) keys: usize,
    /// What is written of it, if anything is.
    pub(crate) written: Option<Written>,
}

impl Table {
    /// Whether it is Headland's own, which [`own`] looks at.
    fn is_own(&self) -> bool {
        (self.schema.as_str(), self.name.as_str()) == (edge::SCHEMA, edge::TABLE)
    }

    /// Its name as SQL has it.
    pub(crate) fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What.
    pub(crate) what: String,
    /// The SQL that would mend it, if SQL can.
    pub(crate) mend: Option<String>,
    /// Whether nothing can be replicated because of it.
    pub(crate) hinders: bool,
}

impl Finding {
    fn hindering(what: impl Into<String>, mend: Option<String>) -> Self {
        let (what, hinders) = (what.into(), true);
        Self { what, mend, hinders }
    }

    fn warning(what: impl Into<String>, mend: Option<String>) -> Self {
        let (what, hinders) = (what.into(), false);
        Self { what, mend, hinders }
    }
}

/// What is known of the hub's slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SlotFacts {
    /// Whether the log that it needs may be gone.
    pub(crate) lost: bool,
    /// `reserved`, `extended`, `unreserved` or `lost`.
    pub(crate) wal_status: String,
    /// How much log may still be written before the slot is lost, in bytes; nothing for no limit.
    pub(crate) safe_wal_bytes: Option<i64>,
    /// How much log is kept for it, in bytes.
    pub(crate) kept_bytes: i64,
    /// Up to here the server knows that everything is durable here.
    pub(crate) confirmed: Lsn,
    /// Whether it is one that could be used.
    pub(crate) ours: bool,
    /// The process that uses it.
    pub(crate) used_by: Option<String>,
}

/// What an examination found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) findings: Vec<Finding>,
    /// The hub's slot, if there is one.
    pub(crate) slot: Option<SlotFacts>,
}

impl Facts {
    /// What hinders, as one sentence.
    pub(crate) fn hindrance(&self) -> Option<String> {
        let hindering: Vec<&str> = self
            .findings
            .iter()
            .filter(|one| one.hinders)
            .map(|one| one.what.as_str())
            .collect();
        (!hindering.is_empty()).then(|| hindering.join("; "))
    }
}

/// Looks at everything, and changes nothing.
pub(crate) async fn examine(connection: &mut Connection, plan: &Plan) -> Result<Facts, PgError> {
    let general = General::ask(connection, plan).await?;
    let mut findings = general.findings(plan);
    if general.version < VERSION_MIN {
        // Older catalogues have other columns.
        let slot = None;
        return Ok(Facts { findings, slot });
    }
    let slot = slot_facts(connection, &plan.slot).await?;
    let tables = tables::ask(connection, plan).await?;
    for (table, facts) in plan.tables.iter().zip(&tables) {
        findings.extend(facts.findings(table, plan));
    }
    findings.extend(publication(connection, plan, &tables).await?);
    findings.extend(own::findings(connection, plan).await?);
    findings.extend(writing::findings(connection, plan).await?);
    findings.extend(Limits::ask(connection).await?.findings(slot.as_ref()));
    if let Some(slot) = &slot {
        findings.extend(slot.findings(plan));
    }
    Ok(Facts { findings, slot })
}

/// What is known of a slot.
pub(crate) async fn slot_facts(connection: &mut Connection, slot: &str) -> Result<Option<SlotFacts>, PgError> {
    let sql = format!(
        "SELECT coalesce(wal_status, 'lost'), safe_wal_size, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), \
         restart_lsn), 0)::bigint, coalesce(confirmed_flush_lsn, '0/0'), plugin = 'pgoutput' AND slot_type = 'logical' \
         AND database = current_database(), active_pid FROM pg_replication_slots WHERE slot_name = {}",
        literal(slot)
    );
    let rows = connection.query(&sql).await?;
    Ok(rows.first().map(|row| {
        let text = |index: usize| text(row, index);
        SlotFacts {
            lost: text(0) == "lost",
            wal_status: text(0).to_owned(),
            safe_wal_bytes: text(1).parse().ok(),
            kept_bytes: text(2).parse().unwrap_or(0),
            confirmed: text(3).parse().unwrap_or_default(),
            ours: text(4) == "t",
            used_by: row.get(5).cloned().flatten(),
        }
    }))
}

impl SlotFacts {
    fn findings(&self, plan: &Plan) -> Vec<Finding> {
        let slot = &plan.slot;
        let mut findings = Vec::new();
        if !self.ours {
            let text = format!(
                "slot {slot} is another program's: it is not a logical one of pgoutput in this database; name another in registry.postgres.slot"
            );
            findings.push(Finding::hindering(text, None));
        }
        if self.lost {
            let text = format!(
                "slot {slot} was lost, since the hub was away for too much log; the hub makes it anew by itself"
            );
            findings.push(Finding::warning(text, None));
        }
        findings
    }
}

/// What concerns the whole server.
#[derive(Debug)]
struct General {
    version: u32,
    wal_level: String,
    recovering: bool,
    replicates: bool,
    synchronous: String,
    /// What this hub is called there.
    application: String,
}

impl General {
    async fn ask(connection: &mut Connection, plan: &Plan) -> Result<Self, PgError> {
        let sql = format!(
            "SELECT current_setting('server_version_num'), current_setting('wal_level'), pg_is_in_recovery(), \
             coalesce((SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = {}), false), \
             current_setting('synchronous_standby_names'), current_setting('application_name')",
            literal(&plan.user)
        );
        let rows = connection.query(&sql).await?;
        let row = rows
            .first()
            .ok_or_else(|| PgError::protocol("the server does not describe itself"))?;
        Ok(Self {
            version: text(row, 0).parse().map_err(PgError::protocol)?,
            wal_level: text(row, 1).to_owned(),
            recovering: text(row, 2) == "t",
            replicates: text(row, 3) == "t",
            synchronous: text(row, 4).to_owned(),
            application: text(row, 5).to_owned(),
        })
    }

    fn findings(&self, plan: &Plan) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut hinder = |what: String, mend: Option<String>| findings.push(Finding::hindering(what, mend));
        if self.version < VERSION_MIN {
            hinder(
                format!(
                    "the server has version {}; at least {VERSION_MIN} (14) is needed",
                    self.version
                ),
                None,
            );
        }
        if self.recovering {
            hinder(
                "the server is a standby; name the primary in registry.postgres.host".to_owned(),
                None,
            );
        }
        if self.wal_level != "logical" {
            let mend = "ALTER SYSTEM SET wal_level = 'logical'; -- then restart the server";
            hinder(
                format!("wal_level is {}, and must be logical", self.wal_level),
                Some(mend.to_owned()),
            );
        }
        if !self.replicates {
            let user = quoted(&plan.user);
            let mend = format!("ALTER ROLE {user} REPLICATION;");
            hinder(format!("role {} may not replicate", plan.user), Some(mend));
        }
        if counts(&self.synchronous, &self.application) {
            let what = format!(
                "synchronous_standby_names is {:?}, and counts this hub as a standby: commits would wait for the hub, and \
                 the hub for their standbys; name the standbys there, without * and without this hub",
                self.synchronous
            );
            findings.push(Finding::hindering(what, None));
        } else if !self.synchronous.is_empty() {
            let what = "synchronous_standby_names is set: the hub puts a message into the log after each commit, and waits until the standbys have it";
            findings.push(Finding::warning(what, None));
        }
        findings
    }
}

/// Whether the publication is there, and publishes what is needed; and whether it would break the tables' own users.
async fn publication(connection: &mut Connection, plan: &Plan, tables: &[TableFacts]) -> Result<Vec<Finding>, PgError> {
    let sql = format!(
        "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM pg_publication WHERE pubname = {}",
        literal(&plan.publication)
    );
    let rows = connection.query(&sql).await?;
    let name = quoted(&plan.publication);
    let mut findings = Vec::new();
    match rows.first() {
        None => {
            let named: Vec<String> = plan.tables.iter().map(Table::sql).collect();
            // A publication of a table whose rows cannot be named would make its updates fail.
            let safe = tables.iter().all(TableFacts::can_be_published);
            let mend = safe.then(|| format!("CREATE PUBLICATION {name} FOR TABLE {};", named.join(", ")));
            let what = format!("publication {} is not there", plan.publication);
            findings.push(Finding::hindering(what, mend));
            return Ok(findings);
        }
        Some(row) if text(row, 0) != "t" => {
            let mend = format!("ALTER PUBLICATION {name} SET (publish = 'insert, update, delete, truncate');");
            let what = format!("publication {} leaves some kinds of change out", plan.publication);
            findings.push(Finding::hindering(what, Some(mend)));
        }
        Some(_) => {}
    }
    let without = format!(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_publication_tables p JOIN pg_namespace n \
         ON n.nspname = p.schemaname JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename \
         WHERE p.pubname = {} AND (c.relreplident = 'n' OR c.relreplident = 'd' \
         AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))",
        literal(&plan.publication)
    );
    for row in connection.query(&without).await? {
        let table = text(&row, 0);
        let mend = format!("ALTER PUBLICATION {name} DROP TABLE {table};");
        let what = format!(
            "publication {} holds table {table}, whose rows have no identity: updates and deletions of it fail",
            plan.publication
        );
        findings.push(Finding::warning(what, Some(mend)));
    }
    Ok(findings)
}

fn text(row: &Row, index: usize) -> &str {
    row.get(index).and_then(Option::as_deref).unwrap_or_default()
}
