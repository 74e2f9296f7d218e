//! What stands in a request's path and behind its question mark.

use super::problem::Refusal;
use crate::answer::{Demand, Question, model_key};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use headland_shared::key::RecordKey;

/// The parameters of a request. Each is taken once; what nobody takes is a mistake.
#[derive(Debug)]
pub(super) struct Parameters {
    left: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(left) = query.map_err(|error| Refusal::bad_request(error.body_text()))?;
        Ok(Self {
            left,
            known: Vec::new(),
        })
    }
}

impl Parameters {
    /// Takes a parameter.
    pub(super) fn take(&mut self, name: &'static str) -> Result<Option<String>, Refusal> {
        self.known.push(name);
        let Some(at) = self.left.iter().position(|(found, _)| found == name) else {
            return Ok(None);
        };
        let (_, value) = self.left.remove(at);
        if self.left.iter().any(|(found, _)| found == name) {
            return Err(Refusal::bad_request(format!(
                "reading the parameters: {name} is there twice; say it once"
            )));
        }
        Ok(Some(value))
    }

    /// Takes what says how fresh the answer must be.
    pub(super) fn demand(&mut self) -> Result<Demand, Refusal> {
        let consistency = self.take("consistency")?;
        let max_staleness = self.take("max_staleness")?;
        let on_stale = self.take("on_stale")?;
        let timeout = self.take("timeout")?;
        Demand::read(
            consistency.as_deref(),
            max_staleness.as_deref(),
            on_stale.as_deref(),
            timeout.as_deref(),
        )
        .map_err(Refusal::bad_request)
    }

    /// Takes what says which models are to be listed.
    pub(super) fn question(&mut self, namespace: Option<String>) -> Result<Question, Refusal> {
        Ok(Question {
            namespace,
            filter: self.take("filter")?,
            order_by: self.take("order_by")?,
            fields: self.take("fields")?,
            q: self.take("q")?,
            page_size: self.take("page_size")?,
            page_token: self.take("page_token")?,
        })
    }

    /// Ends the reading: there must be no others.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        match self.left.first() {
            None => Ok(()),
            Some((other, _)) => {
                let other: String = other.chars().take(40).collect();
                Err(Refusal::bad_request(format!(
                    "reading the parameters: there is no {other:?} here; there are {}",
                    self.known.join(", ")
                )))
            }
        }
    }
}

/// The namespace that a path names.
#[derive(Debug)]
pub(super) struct InNamespace(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for InNamespace {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(namespace) = path.map_err(|error| Refusal::bad_request(error.body_text()))?;
        Ok(Self(namespace))
    }
}

/// The model that a path names.
#[derive(Debug)]
pub(super) struct OfModel(pub(super) RecordKey);

impl<S: Send + Sync> FromRequestParts<S> for OfModel {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((namespace, name)) = path.map_err(|error| Refusal::bad_request(error.body_text()))?;
        model_key(&namespace, &name).map(Self).map_err(Refusal::bad_request)
    }
}
