//! What the local APIs of agent and hub have in common.
//!
//! Both answer about models over HTTP and JSON, from one moment of their store: [`telling`] makes the answers out of a
//! [`Catalogue`](headland_shared::query::Catalogue), [`models`] is the part of the API that is the same for both, and a
//! program says with [`Library`](models::Library) how it comes to its moment and how fresh that is. Beside it stand what
//! every API here needs: [`parameters`], [`problem`]s by RFC 9457, [`route`]s, numbers for Prometheus in [`numbers`], bodies that are written as they go in [`stream`], and,
//! with the feature `schema`, the description that a test compares with the file that is served.

pub mod answer;
pub mod demand;
#[cfg(feature = "schema")]
pub mod description;
pub mod models;
pub mod numbers;
pub mod parameters;
pub mod problem;
pub mod route;
pub mod story;
pub mod stream;
pub mod telling;
mod why;

use headland_shared::key::RecordKey;
use headland_shared::name::{ModelName, NameError, Namespace};

/// The key of a model, by what people write.
///
/// # Errors
///
/// When one of the two is no such name.
pub fn model_key(namespace: &str, name: &str) -> Result<RecordKey, NameError> {
    Ok(RecordKey {
        namespace: Namespace::new(namespace)?,
        name: ModelName::new(name)?,
    })
}
