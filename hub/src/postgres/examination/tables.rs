//! The tables: whether they are there, may be read, and are published so that every change of a row names it.

use super::{Finding, Plan, Table, text};
use crate::postgres::connection::Connection;
use crate::postgres::error::PgError;
use crate::postgres::{literal, quoted};

/// What is known of one table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TableFacts {
    exists: bool,
    readable: bool,
    /// Its columns, and whether each is part of the identity.
    columns: Vec<(String, bool)>,
    published: bool,
    /// What only rows that meet it are published by.
    filter: Option<String>,
    /// The columns that are published; none for all.
    published_columns: Vec<String>,
}

/// Asks for all tables of a plan, in its order.
pub(super) async fn ask(connection: &mut Connection, plan: &Plan) -> Result<Vec<TableFacts>, PgError> {
    let sql = format!(
        "SELECT current_setting('server_version_num')::int >= 150000, EXISTS (SELECT FROM pg_publication \
         WHERE pubname = {})",
        literal(&plan.publication)
    );
    let rows = connection.query(&sql).await?;
    let is = |index: usize| rows.first().is_some_and(|row| text(row, index) == "t");
    let (filters, publication) = (is(0), is(1));
    let mut all = Vec::new();
    for table in &plan.tables {
        let mut facts = ask_one(connection, plan, table, filters).await?;
        // That there is no publication at all is said once, not for each table.
        facts.published |= !publication;
        all.push(facts);
    }
    Ok(all)
}

async fn ask_one(
    connection: &mut Connection,
    plan: &Plan,
    table: &Table,
    filters: bool,
) -> Result<TableFacts, PgError> {
    let of_table = format!(
        "n.nspname = {} AND c.relname = {} AND c.relkind IN ('r', 'p')",
        literal(&table.schema),
        literal(&table.name)
    );
    let columns = format!(
        "SELECT a.attname, c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND \
         a.attnum = ANY (i.indkey) AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident \
         ELSE false END), has_table_privilege(c.oid, 'SELECT') OR has_column_privilege(c.oid, a.attnum, 'SELECT') \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE {of_table} AND a.attnum > 0 AND NOT a.attisdropped"
    );
    let rows = connection.query(&columns).await?;
    let mut facts = TableFacts {
        exists: !rows.is_empty(),
        readable: rows
            .iter()
            .filter(|row| table.columns.iter().any(|column| column == text(row, 0)))
            .all(|row| text(row, 2) == "t"),
        columns: rows
            .iter()
            .map(|row| (text(row, 0).to_owned(), text(row, 1) == "t"))
            .collect(),
        ..TableFacts::default()
    };
    let more = match filters {
        true => "rowfilter, array_to_string(attnames, ',')",
        false => "NULL, NULL",
    };
    let published = format!(
        "SELECT {more} FROM pg_publication_tables WHERE pubname = {} AND schemaname = {} AND tablename = {}",
        literal(&plan.publication),
        literal(&table.schema),
        literal(&table.name)
    );
    if let Some(row) = connection.query(&published).await?.first() {
        facts.published = true;
        facts.filter = row.first().cloned().flatten();
        let listed = text(row, 1).split(',').filter(|name| !name.is_empty());
        facts.published_columns = listed.map(ToOwned::to_owned).collect();
    }
    Ok(facts)
}

impl TableFacts {
    /// Whether publishing it does not make its updates and deletions fail.
    pub(super) fn can_be_published(&self) -> bool {
        self.exists && self.columns.iter().any(|(_, identity)| *identity)
    }

    /// What is to be said of it.
    pub(super) fn findings(&self, table: &Table, plan: &Plan) -> Vec<Finding> {
        let (name, sql) = (format!("{}.{}", table.schema, table.name), table.sql());
        if !self.exists && table.is_own() {
            return Vec::new();
        }
        if !self.exists {
            let text = format!("table {name} is not there; check registry.postgres.mapping and database");
            return vec![Finding::hindering(text, None)];
        }
        let mut findings = Vec::new();
        let mut hinder = |what: String, mend: Option<String>| findings.push(Finding::hindering(what, mend));
        let has = |column: &String| self.columns.iter().any(|(name, _)| name == column);
        for column in table.columns.iter().filter(|column| !has(column)) {
            hinder(
                format!(
                    "table {name} has no column {column}; check registry.postgres.mapping against the version of the tables"
                ),
                None,
            );
        }
        let names_row = |column: &&String| self.columns.iter().any(|(name, identity)| name == *column && *identity);
        let keys = table.columns.iter().take(table.keys).filter(|column| has(column));
        let nameless: Vec<&String> = keys.filter(|column| !names_row(column)).collect();
        if !nameless.is_empty() {
            let columns: Vec<&str> = nameless.iter().map(|column| column.as_str()).collect();
            let mend = format!("ALTER TABLE {sql} REPLICA IDENTITY FULL; -- or give it a primary key of these columns");
            hinder(
                format!(
                    "table {name} does not name its rows by {} when they change or go",
                    columns.join(", ")
                ),
                Some(mend),
            );
        }
        if !self.readable && !table.is_own() {
            let mend = format!("GRANT SELECT ON {sql} TO {};", quoted(&plan.user));
            hinder(format!("role {} may not read table {name}", plan.user), Some(mend));
        }
        let publication = quoted(&plan.publication);
        if !self.published {
            let safe = self.can_be_published();
            let mend = safe.then(|| format!("ALTER PUBLICATION {publication} ADD TABLE {sql};"));
            hinder(
                format!("publication {} does not hold table {name}", plan.publication),
                mend,
            );
        }
        if let Some(filter) = &self.filter {
            // What was read at first would hold rows of which later changes never come.
            let alter = format!("ALTER PUBLICATION {publication}");
            let mend = format!("{alter} DROP TABLE {sql}; {alter} ADD TABLE {sql};");
            hinder(
                format!(
                    "publication {} holds only rows of {name} of which {filter}; publish all, and name in the mapping what is \
                     wanted (`only`, `unless`)",
                    plan.publication
                ),
                Some(mend),
            );
        }
        let left_out = |column: &&String| !self.published_columns.contains(column);
        let left_out: Vec<&String> = match self.published_columns.is_empty() {
            true => Vec::new(),
            false => table
                .columns
                .iter()
                .filter(|column| has(column))
                .filter(left_out)
                .collect(),
        };
        if !left_out.is_empty() {
            let columns: Vec<&str> = left_out.iter().map(|column| column.as_str()).collect();
            let what = format!(
                "publication {} leaves out {} of table {name}",
                plan.publication,
                columns.join(", ")
            );
            findings.push(Finding::hindering(what, None));
        }
        findings
    }
}

#[cfg(test)]
pub(super) fn facts(columns: &[(&str, bool)], published: bool, readable: bool) -> TableFacts {
    TableFacts {
        exists: true,
        readable,
        columns: columns
            .iter()
            .map(|(name, identity)| ((*name).to_owned(), *identity))
            .collect(),
        published,
        ..TableFacts::default()
    }
}
