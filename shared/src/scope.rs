//! Scopes: the parts of the catalogue that agents follow.

use crate::bytes::DecodeError;
use crate::key::RecordKey;
use crate::name::{Namespace, Task};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// The most scopes of one hub: a frame that lists them all must stay small.
pub const SCOPES_MAX: usize = 1_024;
/// The most patterns that one agent follows.
pub const FOLLOWS_MAX: usize = 64;
/// The attributes that say what a model does, in the order in which they are asked: the first that is a text counts.
pub const TASK_ATTRIBUTES: [&str; 2] = ["task", "mode"];
/// The task of models that name none.
const NO_TASK: &str = "-";

/// One scope: the models of one namespace with one task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// Whose models.
    pub namespace: Namespace,
    /// What they do.
    pub task: Task,
}

impl Scope {
    /// The scope of a model whose `task` attribute holds `task`.
    #[must_use]
    pub fn of(namespace: Namespace, task: Option<&str>) -> Self {
        let task = task
            .and_then(|task| Task::new(task).ok())
            .unwrap_or_else(|| Task::new(NO_TASK).expect("a dash is a valid task"));
        Self { namespace, task }
    }

    /// The stable encoding.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let mut out = RecordKey::prefix(&self.namespace);
        out.extend_from_slice(self.task.as_str().as_bytes());
        out
    }

    /// Reads the stable encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        const INVALID: DecodeError = DecodeError::Invalid("scope");
        let text = core::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?;
        let (namespace, task) = text.split_once('\0').ok_or(INVALID)?;
        Ok(Self {
            namespace: Namespace::new(namespace).map_err(|_| INVALID)?,
            task: Task::new(task).map_err(|_| INVALID)?,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.task)
    }
}

/// What an agent follows: `namespace/task`, where either may be `*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Follow {
    /// The namespace; nothing for all of them.
    pub namespace: Option<Namespace>,
    /// The task; nothing for all of them.
    pub task: Option<Task>,
}

/// A pattern that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not of the form namespace/task, such as \"vision/*\" or \"*/*\"")]
pub struct FollowError(String);

impl Follow {
    /// Follows everything.
    pub const ALL: Self = Self {
        namespace: None,
        task: None,
    };

    /// Whether the scope is followed.
    #[must_use]
    pub fn matches(&self, scope: &Scope) -> bool {
        self.namespace
            .as_ref()
            .is_none_or(|namespace| *namespace == scope.namespace)
            && self.task.as_ref().is_none_or(|task| *task == scope.task)
    }
}

impl FromStr for Follow {
    type Err = FollowError;

    fn from_str(text: &str) -> Result<Self, FollowError> {
        let error = || FollowError(text.chars().take(80).collect());
        let (namespace, task) = text.split_once('/').ok_or_else(error)?;
        let wanted = |part: &str| (part != "*").then(|| part.to_string());
        Ok(Self {
            namespace: wanted(namespace).map(Namespace::new).transpose().map_err(|_| error())?,
            task: wanted(task).map(Task::new).transpose().map_err(|_| error())?,
        })
    }
}

impl TryFrom<String> for Follow {
    type Error = FollowError;
    fn try_from(text: String) -> Result<Self, FollowError> {
        text.parse()
    }
}

impl From<Follow> for String {
    fn from(follow: Follow) -> Self {
        follow.to_string()
    }
}

impl fmt::Display for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.namespace.as_ref().map_or("*", Namespace::as_str);
        let task = self.task.as_ref().map_or("*", Task::as_str);
        write!(f, "{namespace}/{task}")
    }
}
