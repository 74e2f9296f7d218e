//! The statement that merges rows into the table.

use crate::edge::{Columns, SCHEMA, TABLE};
use crate::postgres::literal;
use std::fmt::Write as _;

/// The columns, each with its type, in the order of values.
const COLUMNS: [(&str, &str); 16] = [
    ("namespace", "text"),
    ("model", "text"),
    ("id", "text"),
    ("kind", "text"),
    ("attribute", "text"),
    ("subject", "text"),
    ("value", "jsonb"),
    ("author", "text"),
    ("rank", "text"),
    ("dot", "text"),
    ("region", "text"),
    ("written_at", "timestamptz"),
    ("removed", "boolean"),
    ("revision", "numeric"),
    ("stamp", "numeric"),
    ("content", "bytea"),
];

/// One statement, and so one transaction: rows that say something later than what is there take its place, all others
/// change nothing. So it may be run any number of times, by several hubs. Answers how many rows changed.
///
/// Rows that would change nothing are not even locked, since hubs repeat much.
pub(super) fn merging(rows: &[Columns]) -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let set: Vec<String> = COLUMNS[3..]
        .iter()
        .map(|(name, _)| format!("{name} = excluded.{name}"))
        .collect();
    let values: Vec<String> = rows.iter().map(values).collect();
    let order = |of: &str| format!("({of}.revision, -{of}.stamp, {of}.removed)");
    format!(
        "WITH said ({names}) AS (VALUES {}), kept AS (INSERT INTO {SCHEMA}.{TABLE} AS held ({names}) \
         SELECT {names} FROM said WHERE NOT EXISTS (SELECT FROM {SCHEMA}.{TABLE} AS held \
         WHERE (held.namespace, held.model, held.id) = (said.namespace, said.model, said.id) \
         AND {} >= {}) ORDER BY namespace, model, id ON CONFLICT (namespace, model, id) DO UPDATE \
         SET {}, stored_at = now() WHERE {} > {} RETURNING 1) SELECT count(*) FROM kept",
        values.join(", "),
        order("held"),
        order("said"),
        set.join(", "),
        order("excluded"),
        order("held"),
    )
}

fn values(row: &Columns) -> String {
    let text = |text: &str| Some(literal(text));
    let maybe = |text: &Option<String>| text.as_deref().map(literal);
    let mut content = String::from("'\\x");
    for byte in &row.content {
        write!(content, "{byte:02x}").expect("a string takes what is written to it");
    }
    content.push('\'');
    let cells = [
        text(row.model.namespace.as_str()),
        text(row.model.name.as_str()),
        text(&row.id),
        text(row.kind),
        maybe(&row.attribute),
        maybe(&row.subject),
        row.value.as_ref().map(|value| literal(&value.to_string())),
        text(&row.author),
        row.rank.map(literal),
        maybe(&row.dot),
        text(&row.region),
        maybe(&row.written_at),
        Some(row.removed.to_string()),
        Some(row.revision.to_string()),
        Some(row.stamp.to_string()),
        Some(content),
    ];
    let cells = cells.into_iter().zip(COLUMNS);
    let cells: Vec<String> = cells
        .map(|(cell, (_, of_type))| format!("{}::{of_type}", cell.as_deref().unwrap_or("NULL")))
        .collect();
    format!("({})", cells.join(", "))
}
