//! What the mapping says is writable: whether the role may write it, and whether what is added can be there once only.

use super::{Finding, Plan, Table, text};
use crate::postgres::connection::Connection;
use crate::postgres::error::PgError;
use crate::postgres::{literal, quoted};

/// What is written of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// The column that is set.
    pub(crate) column: String,
    /// Whether rows are added.
    pub(crate) adds: bool,
}

/// Looks at all tables of which something is written. Nothing of it hinders the following.
pub(super) async fn findings(connection: &mut Connection, plan: &Plan) -> Result<Vec<Finding>, PgError> {
    let mut findings = Vec::new();
    for table in &plan.tables {
        if let Some(written) = &table.written {
            let facts = ask(connection, table, written).await?;
            findings.extend(facts.into_iter().flat_map(|facts| facts.findings(table, written, plan)));
        }
    }
    Ok(findings)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    updates: bool,
    inserts: bool,
    /// Whether a unique index has exactly the columns that name a row.
    unique: bool,
}

async fn ask(connection: &mut Connection, table: &Table, written: &Written) -> Result<Option<Facts>, PgError> {
    let keys: Vec<String> = table.columns[..table.keys].iter().map(|key| literal(key)).collect();
    let sql = format!(
        "SELECT has_column_privilege(c.oid, a.attnum, 'UPDATE'), has_any_column_privilege(c.oid, 'INSERT'), \
         EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL \
         AND (SELECT array_agg(k.attname::text ORDER BY k.attname::text) FROM pg_attribute k WHERE k.attrelid = c.oid \
         AND k.attnum = ANY (i.indkey)) = (SELECT array_agg(key ORDER BY key) FROM unnest(ARRAY[{}]::text[]) key)) \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE n.nspname = {} AND c.relname = {} AND a.attname = {} AND NOT a.attisdropped",
        keys.join(", "),
        literal(&table.schema),
        literal(&table.name),
        literal(&written.column)
    );
    let rows = connection.query(&sql).await?;
    Ok(rows.first().map(|row| Facts {
        updates: text(row, 0) == "t",
        inserts: text(row, 1) == "t",
        unique: text(row, 2) == "t",
    }))
}

impl Facts {
    fn findings(self, table: &Table, written: &Written, plan: &Plan) -> Vec<Finding> {
        let (name, sql) = (format!("{}.{}", table.schema, table.name), table.sql());
        let (user, column) = (quoted(&plan.user), quoted(&written.column));
        let mut findings = Vec::new();
        if !self.updates {
            let what = format!(
                "role {} may not set {} of table {name}, which the mapping says is writable",
                plan.user, written.column
            );
            let mend = format!("GRANT UPDATE ({column}) ON {sql} TO {user};");
            findings.push(Finding::warning(what, Some(mend)));
        }
        if written.adds && !self.inserts {
            let what = format!(
                "role {} may not add rows to table {name}, which the mapping says is writable",
                plan.user
            );
            findings.push(Finding::warning(
                what,
                Some(format!("GRANT INSERT ON {sql} TO {user};")),
            ));
        }
        if written.adds && !self.unique {
            let keys: Vec<String> = table.columns[..table.keys].iter().map(|key| quoted(key)).collect();
            let keys = keys.join(", ");
            let what = format!("table {name} has no unique index of exactly {keys}: what is not set yet cannot be set");
            let mend = format!("CREATE UNIQUE INDEX ON {sql} ({keys});");
            findings.push(Finding::warning(what, Some(mend)));
        }
        findings
    }
}
