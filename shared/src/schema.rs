//! The catalogue schema: which attributes exist and how each of them behaves.

mod codec;

use crate::name::AttributeName;
use crate::value::Value;
use core::fmt;

/// The most attributes that one catalogue may declare: the largest real one seen has 213.
pub const ATTRIBUTES_MAX: usize = 4_096;

/// How concurrent writes of one attribute merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// Only the registry writes; its latest revision stands.
    Registry,
    /// The latest write stands; equal stamps are decided by the writer's name.
    Latest,
    /// The highest rank stands until a release names it; within a rank the latest.
    Precedence,
    /// All concurrent writes stand, and are listed as a conflict.
    KeepAll,
    /// A set of texts: a removal takes away only what its writer saw.
    Set,
    /// A sum of what each writer counted.
    Counter,
    /// A rule that a newer version brought: kept and passed on, shown like `latest`.
    Unknown(u8),
}

/// How strongly an attribute must agree across replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Decided by the registry.
    Decided,
    /// As fresh as its bound says.
    Bounded,
    /// Agrees eventually.
    Eventual,
}

/// How soon a change must travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Security and availability: at once.
    P0,
    /// Metrics and capabilities: within a second.
    P1,
    /// Documentation: within ten seconds.
    P2,
}

/// How far a device's writes of an attribute may travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Residency {
    /// To every region.
    Anywhere,
    /// To the region's hub and no further.
    Region,
    /// Nowhere: it stays on the device.
    Device,
}

/// Who may write an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writers {
    /// The registry alone.
    Registry,
    /// The registry and devices.
    Devices,
}

/// What kind of value an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
    /// Anything, lists and maps among them.
    Any,
}

/// One attribute's declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declaration {
    /// What it holds.
    pub kind: Kind,
    /// How it merges.
    pub rule: Rule,
    /// How strongly it agrees.
    pub tier: Tier,
    /// How soon it travels.
    pub priority: Priority,
    /// How far devices' writes of it travel.
    pub residency: Residency,
    /// Who writes it.
    pub writers: Writers,
}

impl Declaration {
    const fn plain(kind: Kind, rule: Rule) -> Self {
        Self {
            kind,
            rule,
            tier: Tier::Eventual,
            priority: Priority::P1,
            residency: Residency::Anywhere,
            writers: Writers::Registry,
        }
    }

    const fn decided(kind: Kind, priority: Priority) -> Self {
        Self {
            tier: Tier::Decided,
            priority,
            ..Self::plain(kind, Rule::Registry)
        }
    }

    /// The declaration of an attribute that every catalogue has, whether it uses it or not.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        Some(match name {
            "access" | "requires" => Self::decided(Kind::Any, Priority::P0),
            "status" => Self::decided(Kind::Text, Priority::P0),
            "availability" => Self {
                tier: Tier::Bounded,
                priority: Priority::P0,
                writers: Writers::Devices,
                ..Self::plain(Kind::Text, Rule::Precedence)
            },
            "description" => Self {
                priority: Priority::P2,
                ..Self::plain(Kind::Text, Rule::KeepAll)
            },
            "tags" | "languages" => Self::plain(Kind::Any, Rule::Set),
            "task" | "mode" => Self::decided(Kind::Text, Priority::P1),
            "usage" => Self {
                priority: Priority::P2,
                writers: Writers::Devices,
                ..Self::plain(Kind::Number, Rule::Counter)
            },
            _ => return None,
        })
    }

    /// The declaration that an import infers for an attribute it has not seen: prices, dates of withdrawal and
    /// licences are the registry's to decide, everything else is a plain fact.
    #[must_use]
    pub fn inferred(name: &AttributeName, kind: Kind) -> Self {
        if let Some(built_in) = Self::built_in(name.as_str()) {
            return built_in;
        }
        let decided = ["cost", "price", "pricing", "deprecat", "licen"];
        if decided.iter().any(|part| name.as_str().contains(part)) {
            return Self::decided(kind, Priority::P1);
        }
        Self::plain(kind, Rule::Latest)
    }

    /// The same attribute, able to hold values of `kind` as well. Every value carries its own kind, so that old
    /// readers of the wider attribute still read what is there: widening is compatible both ways.
    #[must_use]
    pub fn widened(self, kind: Kind) -> Self {
        let kind = if self.kind == kind { kind } else { Kind::Any };
        Self { kind, ..self }
    }
}

impl Kind {
    /// The narrowest kind that holds `value`; nothing for null, which every kind holds.
    #[must_use]
    pub const fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Bool),
            Value::Number(_) => Some(Self::Number),
            Value::Text(_) => Some(Self::Text),
            Value::List(_) | Value::Map(_) => Some(Self::Any),
        }
    }

    /// Whether `value` may be held.
    #[must_use]
    pub fn holds(self, value: &Value) -> bool {
        self == Self::Any || Self::of(value).is_none_or(|kind| kind == self)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "true/false",
            Self::Number => "number",
            Self::Text => "text",
            Self::Any => "any",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry => f.write_str("registry"),
            Self::Latest => f.write_str("latest"),
            Self::Precedence => f.write_str("precedence"),
            Self::KeepAll => f.write_str("keep_all"),
            Self::Set => f.write_str("set"),
            Self::Counter => f.write_str("counter"),
            Self::Unknown(number) => write!(f, "rule {number}"),
        }
    }
}
