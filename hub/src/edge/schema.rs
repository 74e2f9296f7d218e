//! The SQL that makes the tables, and what there is then.

use crate::postgres::quoted;

/// The schema.
pub(crate) const SCHEMA: &str = "headland";
/// The table of writes.
pub(crate) const TABLE: &str = "edge_writes";
/// The table of versions.
pub(crate) const VERSION_TABLE: &str = "schema_version";
/// The version that this program makes. Versions only add: a hub works with each one from its own on.
pub(crate) const VERSION: u32 = 1;
/// What a hub reads of a row: what names it, and the write.
pub(crate) const COLUMNS: [&str; 4] = ["namespace", "model", "id", "content"];
/// What is made, each with what it is.
pub(crate) const OBJECTS: [(&str, &str); 7] = [
    ("table", VERSION_TABLE),
    ("table", TABLE),
    ("index", "edge_writes_attribute"),
    ("index", "edge_writes_stored_at"),
    ("view", "annotations"),
    ("view", "counts"),
    ("view", "reports"),
];

const MAKING: &str = include_str!("schema.sql");

/// All of it, in one transaction, for a hub that logs in as `role`. It may be run again and again, and touches nothing
/// outside of the schema.
pub(crate) fn init_sql(role: &str) -> String {
    let making = MAKING.replace("{version}", &VERSION.to_string());
    let rights = rights_sql(role).join("\n");
    format!("BEGIN;\n{making}{rights}\nCOMMIT;\n")
}

/// What the hub's role needs: to read, add and change rows, and not to delete any.
pub(crate) fn rights_sql(role: &str) -> [String; 3] {
    let role = quoted(role);
    [
        format!("GRANT USAGE ON SCHEMA {SCHEMA} TO {role};"),
        format!("GRANT SELECT ON {SCHEMA}.{VERSION_TABLE} TO {role};"),
        format!("GRANT SELECT, INSERT, UPDATE ON {SCHEMA}.{TABLE} TO {role};"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_and_column_is_made_and_explained() {
        let sql = init_sql("head\"land");
        for (kind, name) in OBJECTS {
            assert!(
                sql.contains(&format!(" {name} ")) || sql.contains(&format!("{SCHEMA}.{name} ")),
                "{name}"
            );
            if kind != "index" {
                let comment = format!("COMMENT ON {} {SCHEMA}.{name} IS", kind.to_uppercase());
                assert!(sql.contains(&comment), "{comment}");
            }
        }
        let table = sql
            .split("edge_writes (\n")
            .nth(1)
            .unwrap()
            .split("PRIMARY")
            .next()
            .unwrap();
        let columns: Vec<&str> = table
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(columns.len(), 17);
        for column in columns.iter().chain(&COLUMNS) {
            assert!(
                sql.contains(&format!("COMMENT ON COLUMN {SCHEMA}.{TABLE}.{column} IS")),
                "{column}"
            );
        }
        assert!(sql.contains("TO \"head\"\"land\";") && !sql.contains("{version}"));
    }

    #[test]
    fn nothing_outside_of_the_schema_is_named_and_nothing_is_taken_away() {
        let sql = init_sql("headland");
        for word in ["DROP", "DELETE", "ALTER", "TRUNCATE", "public", "ALL "] {
            assert!(!sql.contains(word), "{word}");
        }
    }
}
