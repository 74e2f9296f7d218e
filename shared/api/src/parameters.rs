//! What stands in a request's path and behind its question mark.

use crate::model_key;
use crate::problem::Refusal;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use headland_shared::key::RecordKey;
use headland_shared::query::Question;

/// The parameters of a request. Each is taken once; what nobody takes is a mistake.
#[derive(Debug)]
pub struct Parameters {
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
    ///
    /// # Errors
    ///
    /// When it is there twice.
    pub fn take(&mut self, name: &'static str) -> Result<Option<String>, Refusal> {
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

    /// Takes what says which models are to be listed.
    ///
    /// # Errors
    ///
    /// When one of them is there twice.
    pub fn question(&mut self, namespace: Option<String>) -> Result<Question, Refusal> {
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
    ///
    /// # Errors
    ///
    /// Names one that there is, and all that might be.
    pub fn finish(self) -> Result<(), Refusal> {
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
pub struct InNamespace(pub String);

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
pub struct OfModel(pub RecordKey);

impl<S: Send + Sync> FromRequestParts<S> for OfModel {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((namespace, name)) = path.map_err(|error| Refusal::bad_request(error.body_text()))?;
        model_key(&namespace, &name).map(Self).map_err(Refusal::bad_request)
    }
}
