//! Headland's own tables: whether they are there, of which version, and what the hub's role may do with them.

use super::{Finding, Plan, text};
use crate::edge::{SCHEMA, TABLE, TablesUse, VERSION, VERSION_TABLE, init_sql, rights_sql};
use crate::postgres::connection::Connection;
use crate::postgres::error::PgError;
use crate::postgres::literal;

/// What is to be said of them. Without them nothing can be exchanged; that nothing can be written keeps nobody from
/// following.
pub(super) async fn findings(connection: &mut Connection, plan: &Plan) -> Result<Vec<Finding>, PgError> {
    let finding = match plan.edge {
        TablesUse::Off => return Ok(Vec::new()),
        TablesUse::Write => Finding::warning,
        TablesUse::Exchange => Finding::hindering,
    };
    let missing = |what: String| Ok(vec![finding(what, Some(init_sql(&plan.user)))]);
    let (versions, writes) = (
        of_table(connection, plan, VERSION_TABLE).await?,
        of_table(connection, plan, TABLE).await?,
    );
    let Some((versions, writes)) = versions.zip(writes) else {
        return missing(format!("schema {SCHEMA} has not all of Headland's own tables"));
    };
    let mut mend = Vec::new();
    let [schema, version, table] = rights_sql(&plan.user);
    let lacks = |needed: bool, sql: String, mend: &mut Vec<String>| {
        if needed {
            mend.push(sql);
        }
    };
    lacks(!versions.usage, schema, &mut mend);
    lacks(!versions.select, version, &mut mend);
    lacks(!(writes.select && writes.insert && writes.update), table, &mut mend);
    if !mend.is_empty() {
        let what = format!(
            "role {} may not use all of Headland's own tables in schema {SCHEMA}",
            plan.user
        );
        return Ok(vec![finding(what, Some(mend.join("\n")))]);
    }
    let sql = format!("SELECT coalesce(max(version), 0) FROM {SCHEMA}.{VERSION_TABLE}");
    let rows = connection.query(&sql).await?;
    let found: u32 = rows.first().map_or(0, |row| text(row, 0).parse().unwrap_or(0));
    match found {
        found if found < VERSION => missing(format!(
            "schema {SCHEMA} has version {found}, and this hub needs {VERSION}"
        )),
        _ => Ok(Vec::new()),
    }
}

/// What the role may do with a table.
#[derive(Debug, Clone, Copy)]
struct Rights {
    usage: bool,
    select: bool,
    insert: bool,
    update: bool,
}

/// Nothing when there is no such table.
async fn of_table(connection: &mut Connection, plan: &Plan, table: &str) -> Result<Option<Rights>, PgError> {
    let role = literal(&plan.user);
    let may = |right: &str| format!("has_table_privilege({role}, c.oid, '{right}')");
    let sql = format!(
        "SELECT has_schema_privilege({role}, n.oid, 'USAGE'), {}, {}, {} FROM pg_class c JOIN pg_namespace n \
         ON n.oid = c.relnamespace WHERE n.nspname = {} AND c.relname = {} AND c.relkind IN ('r', 'p')",
        may("SELECT"),
        may("INSERT"),
        may("UPDATE"),
        literal(SCHEMA),
        literal(table)
    );
    let rows = connection.query(&sql).await?;
    Ok(rows.first().map(|row| {
        let is = |index: usize| text(row, index) == "t";
        Rights {
            usage: is(0),
            select: is(1),
            insert: is(2),
            update: is(3),
        }
    }))
}
