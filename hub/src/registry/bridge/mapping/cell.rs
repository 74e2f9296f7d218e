//! Which cell of which table says an element: the mapping read backwards, where it allows that.

use super::file::Row;
use super::{Mapping, Profile, TableMapping};
use crate::registry::Element;
use headland_shared::key::RecordKey;

/// What the tables of MLflow are called that could be written: its own server alone does that.
pub(super) const OF_MLFLOW: [&str; 3] = ["registered_models", "registered_model_aliases", "model_version_tags"];

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The columns that name the row, with their values as text.
    pub keys: Vec<(String, String)>,
    /// The column.
    pub column: String,
    /// What a row that is not there means.
    pub absent: Absent,
}

/// What is to be done where there is no such row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The element is not set yet: a row is added.
    Added,
    /// The model is not there.
    Refused,
}

/// Why an element cannot be written in the database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// The tables are MLflow's.
    #[error(
        "the registry is MLflow's, whose API has no conditional write, and a write past its server would be one that MLflow does not know of; use MLflow's own client, such as MlflowClient.set_registered_model_alias or set_model_version_tag"
    )]
    Mlflow,
    /// Nobody has allowed it.
    #[error(
        "the mapping does not say that table {0} is writable; change it in the database, or say writable = true of that table in the mapping and grant what `headland-hub doctor` prints"
    )]
    NotAllowed(String),
    /// No table says such a thing.
    #[error("no table of the mapping says that of this model; change the mapping, or the database itself")]
    Nowhere,
    /// Several tables do.
    #[error("tables {0} of the mapping both say that, and only one could be written; change it in the database")]
    Ambiguous(String),
}

impl Mapping {
    /// The cell that says an element of a model.
    pub fn cell(&self, record: &RecordKey, element: &Element) -> Result<Cell, Unwritable> {
        if self.profile == Profile::Mlflow {
            return Err(Unwritable::Mlflow);
        }
        let tables = || self.tables.iter().filter(|table| table.is_of(record));
        let found = |of: &dyn Fn(&TableMapping) -> Option<Cell>| {
            tables()
                .filter_map(|table| Some((table, of(table)?)))
                .collect::<Vec<_>>()
        };
        let mut cells = found(&|table| table.cell_of(record, element));
        if cells.is_empty() && *element == Element::Current {
            cells = found(&|table| table.alias_of_current(record));
        }
        match cells.as_slice() {
            [] => Err(Unwritable::Nowhere),
            [(table, cell)] if table.writable => Ok(cell.clone()),
            [(table, _)] => Err(Unwritable::NotAllowed(table.name.clone())),
            several => {
                let names: Vec<&str> = several.iter().map(|(table, _)| table.name.as_str()).collect();
                Err(Unwritable::Ambiguous(names.join(" and ")))
            }
        }
    }
}

impl Row {
    /// The column that a put writes.
    pub(super) fn written(&self) -> Option<&str> {
        match self {
            Self::Model { current, .. } => current.as_deref(),
            Self::Alias { version, .. } => Some(version),
            Self::VersionAttribute { value, approvals, .. } => approvals.as_ref().map(|_| value.as_str()),
            Self::Attribute { .. } | Self::Version { .. } | Self::EdgeWrite => None,
        }
    }
}

impl TableMapping {
    /// The column that may be written, if one may.
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        self.row.written().filter(|_| self.writable)
    }

    /// Whether a row may be added where there is none.
    #[must_use]
    pub fn is_added_to(&self) -> bool {
        !matches!(self.row, Row::Model { .. })
    }

    /// Whether rows of this table can be of a model.
    fn is_of(&self, record: &RecordKey) -> bool {
        self.namespace_fixed
            .as_ref()
            .is_none_or(|fixed| *fixed == record.namespace)
    }

    fn cell_of(&self, record: &RecordKey, element: &Element) -> Option<Cell> {
        match (&self.row, element) {
            (Row::Model { current, .. }, Element::Current) => {
                Some(self.cell(record, &[], current.as_ref()?, Absent::Refused))
            }
            (Row::Alias { version, .. }, Element::Alias(alias)) => {
                Some(self.cell(record, &[alias.as_str()], version, Absent::Added))
            }
            (
                Row::VersionAttribute {
                    value,
                    approvals: Some(prefix),
                    ignore,
                    ..
                },
                Element::Approval(version, approval),
            ) => {
                let key = format!("{prefix}{approval}");
                let passed_over = ignore.iter().any(|prefix| key.starts_with(prefix.as_str()));
                let keys = [version.as_str(), key.as_str()];
                (!passed_over).then(|| self.cell(record, &keys, value, Absent::Added))
            }
            _ => None,
        }
    }

    /// Where an alias also says which version is current.
    fn alias_of_current(&self, record: &RecordKey) -> Option<Cell> {
        match &self.row {
            Row::Alias {
                version,
                current: Some(alias),
                ..
            } => Some(self.cell(record, &[alias], version, Absent::Added)),
            _ => None,
        }
    }

    fn cell(&self, record: &RecordKey, more: &[&str], column: &str, absent: Absent) -> Cell {
        let namespace = self.namespace_fixed.is_none().then(|| record.namespace.as_str());
        let values = namespace
            .into_iter()
            .chain([record.name.as_str()])
            .chain(more.iter().copied());
        let keys = self.columns.iter().take(self.keys).cloned();
        Cell {
            schema: self.schema.clone(),
            table: self.name.clone(),
            keys: keys.zip(values.map(ToOwned::to_owned)).collect(),
            column: column.to_owned(),
            absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headland_shared::name::{AliasName, ApprovalName, ModelName, Namespace, VersionName};

    const MODELS: &str = "[[table]]\nname = \"models\"\nrow = \"model\"\nnamespace_is = \"farm\"\nmodel = \"id\"\n";
    const ALIASES: &str = "[[table]]\nname = \"aliases\"\nrow = \"alias\"\nnamespace = \"ns\"\nmodel = \"m\"\nalias = \"a\"\nversion = \"v\"\n";
    const TAGS: &str = "[[table]]\nname = \"tags\"\nrow = \"version-attribute\"\nnamespace_is = \"farm\"\nmodel = \"m\"\nversion = \"v\"\nkey = \"k\"\nvalue = \"x\"\n";

    fn record(namespace: &str) -> RecordKey {
        RecordKey {
            namespace: Namespace::new(namespace).unwrap(),
            name: ModelName::new("crop").unwrap(),
        }
    }

    fn approval(name: &str) -> Element {
        Element::Approval(VersionName::new("2").unwrap(), ApprovalName::new(name).unwrap())
    }

    fn alias() -> Element {
        Element::Alias(AliasName::new("champion").unwrap())
    }

    fn keys(cell: &Cell) -> Vec<(&str, &str)> {
        cell.keys
            .iter()
            .map(|(column, value)| (column.as_str(), value.as_str()))
            .collect()
    }

    #[test]
    fn each_element_has_its_cell_where_the_mapping_says_so_and_allows_it() {
        let allowed = "writable = true\n";
        let text =
            format!("{MODELS}current = \"stable\"\n{allowed}{ALIASES}{allowed}{TAGS}approvals = \"ok.\"\n{allowed}");
        let mapping = Mapping::parse(&text).unwrap();
        for (element, table, column, wanted, absent) in [
            (
                Element::Current,
                "models",
                "stable",
                vec![("id", "crop")],
                Absent::Refused,
            ),
            (
                alias(),
                "aliases",
                "v",
                vec![("ns", "farm"), ("m", "crop"), ("a", "champion")],
                Absent::Added,
            ),
            (
                approval("field"),
                "tags",
                "x",
                vec![("m", "crop"), ("v", "2"), ("k", "ok.field")],
                Absent::Added,
            ),
        ] {
            let cell = mapping.cell(&record("farm"), &element).unwrap();
            assert_eq!((cell.table.as_str(), cell.column.as_str()), (table, column));
            assert_eq!((keys(&cell), cell.absent), (wanted, absent));
        }
        assert_eq!(
            mapping.cell(&record("other"), &Element::Current),
            Err(Unwritable::Nowhere)
        );
    }

    #[test]
    fn current_is_written_where_an_alias_says_it_only_if_no_column_does() {
        let text = format!("{MODELS}{ALIASES}current = \"champion\"\nwritable = true\n");
        let cell = Mapping::parse(&text).unwrap().cell(&record("farm"), &Element::Current);
        assert_eq!(keys(&cell.unwrap())[2], ("a", "champion"));
        let text = format!("{MODELS}current = \"stable\"\n{ALIASES}current = \"champion\"\nwritable = true\n");
        let cell = Mapping::parse(&text).unwrap().cell(&record("farm"), &Element::Current);
        assert_eq!(cell, Err(Unwritable::NotAllowed("models".to_owned())));
    }

    #[test]
    fn what_is_not_allowed_not_said_or_said_twice_is_not_written() {
        let twice = ALIASES.replace("name = \"aliases\"", "name = \"more\"");
        let text = format!(
            "{MODELS}{ALIASES}writable = true\n{twice}writable = true\n{TAGS}approvals = \"edge.\"\nignore = [\"edge.\"]\nwritable = true\n"
        );
        let mapping = Mapping::parse(&text).unwrap();
        let farm = record("farm");
        assert!(
            matches!(mapping.cell(&farm, &alias()), Err(Unwritable::Ambiguous(names)) if names == "aliases and more")
        );
        assert_eq!(mapping.cell(&farm, &approval("x")), Err(Unwritable::Nowhere));
        let plain = Mapping::parse(&format!("{MODELS}{ALIASES}")).unwrap();
        assert_eq!(
            plain.cell(&farm, &alias()),
            Err(Unwritable::NotAllowed("aliases".to_owned()))
        );
        assert_eq!(plain.cell(&farm, &Element::Current), Err(Unwritable::Nowhere));
        assert_eq!(Mapping::mlflow().cell(&farm, &alias()), Err(Unwritable::Mlflow));
    }

    #[test]
    fn a_table_with_nothing_to_write_or_of_mlflow_is_not_said_to_be_writable() {
        for (text, wanted) in [
            (format!("{MODELS}writable = true\n"), "no column"),
            (format!("{MODELS}{TAGS}writable = true\n"), "no column"),
            (
                format!("{MODELS}{ALIASES}writable = true\n").replace("\"aliases\"", "\"registered_model_aliases\""),
                "MLflow",
            ),
        ] {
            let error = Mapping::parse(&text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
