//! Rows, and what happens to them.

use serde::{Deserialize, Serialize};

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Field {
    /// NULL.
    Null,
    /// A long value that an update left as it was, and that was not sent.
    Unchanged,
    /// A text, or anything else by its text.
    Text(String),
    /// True or false.
    Bool(bool),
    /// A number, by its text.
    Number(String),
    /// JSON, by its text.
    Json(String),
}

/// Types by their numbers, which are the same in every database.
mod type_oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const NUMBERS: [u32; 6] = [20, 21, 23, 700, 701, 1_700];
    pub(super) const JSON: [u32; 2] = [114, 3_802];
}

impl Field {
    /// A value of a column of this type.
    #[must_use]
    pub fn of(text: &str, type_oid: u32) -> Self {
        match type_oid {
            type_oid::BOOL => Self::Bool(text == "t"),
            oid if type_oid::NUMBERS.contains(&oid) => Self::Number(text.to_owned()),
            oid if type_oid::JSON.contains(&oid) => Self::Json(text.to_owned()),
            _ => Self::Text(text.to_owned()),
        }
    }

    /// The value as text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) | Self::Json(text) => Some(text),
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            Self::Null | Self::Unchanged => None,
        }
    }
}

/// What happens to rows of the tables of a mapping. Fields are in the order of the table's columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowChange {
    /// A row is there, or is another than before.
    Put {
        /// The table's number.
        table: u16,
        /// What named the row before, where that changed.
        before: Option<Vec<Field>>,
        /// The row.
        row: Vec<Field>,
    },
    /// A row is gone.
    Remove {
        /// The table's number.
        table: u16,
        /// What named it.
        key: Vec<Field>,
    },
    /// All rows of a table are gone.
    Clear {
        /// The table's number.
        table: u16,
    },
}

impl RowChange {
    /// The table's number.
    #[must_use]
    pub const fn table(&self) -> u16 {
        match self {
            Self::Put { table, .. } | Self::Remove { table, .. } | Self::Clear { table } => *table,
        }
    }
}
