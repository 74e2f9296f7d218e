//! MLflow's REST API, of which two calls are needed: to set and to delete a tag of a registered model.

use super::destination::{Destination, Outcome};
use super::gather::Looked;
use super::http::{Connection, HttpError};
use super::tags::{Tag, tags_of};
use super::target::Target;
use crate::credential;
use crate::store::Outlet;
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use headland_host::tables::StoreError;
use headland_shared::key::RecordKey;
use http_body_util::Full;
use serde_json::{Value, json};
use std::io;

/// The workspace that servers without workspaces have, and that others take when a request names none.
const WORKSPACE_DEFAULT: &str = "default";
const WORKSPACE_HEADER: &str = "X-MLFLOW-WORKSPACE";
/// How much of an answer an error repeats, in characters.
const ERROR_CHARS_MAX: usize = 200;
/// Errors that no later attempt can change: there is no such model or workspace, or the name or value is none that
/// this server takes.
const FOR_GOOD: [&str; 3] = ["RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "FEATURE_DISABLED"];

/// Why a write was not made. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// There was no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The token or the password cannot be read.
    #[error("reading the secret in {path}: {source}; check registry.writeback.token_file")]
    Token {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The request cannot be made.
    #[error("asking {target}: {reason}; check the token and registry.writeback.mlflow")]
    Request {
        /// Whom.
        target: String,
        /// What is wrong.
        reason: String,
    },
    /// The server does not let this hub write.
    #[error(
        "{target} refuses ({status}): {message}; check registry.writeback.user and token_file, and what that one may do"
    )]
    Denied {
        /// Who.
        target: String,
        /// How.
        status: StatusCode,
        /// What it said.
        message: String,
    },
    /// The server is in trouble, or is no MLflow.
    #[error("{target} answers {status}: {message}; look at its log, and check registry.writeback.mlflow")]
    Failed {
        /// Who.
        target: String,
        /// How.
        status: StatusCode,
        /// What it said.
        message: String,
    },
}

/// An MLflow server. The connection is made when something is to be written.
#[derive(Debug)]
pub(super) struct Mlflow {
    target: Target,
    connection: Option<Connection>,
}

impl Mlflow {
    pub(super) fn new(target: Target) -> Self {
        let connection = None;
        Self { target, connection }
    }

    /// What proves who this hub is: a token (RFC 6750), or a name and a password (RFC 7617). Read each time, so that it can be
    /// changed.
    fn authorization(&self) -> Result<Option<String>, WriteError> {
        let Some(named) = &self.target.token_file else {
            return Ok(None);
        };
        let secret = credential::read(named).map_err(|(path, source)| WriteError::Token { path, source })?;
        Ok(Some(match &self.target.user {
            Some(user) => format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))),
            None => format!("Bearer {secret}"),
        }))
    }

    fn request(&self, tag: &Tag) -> Result<Request<Full<Bytes>>, WriteError> {
        let (method, call, body) = match &tag.value {
            Some(value) => {
                let body = json!({ "name": tag.model.name.as_str(), "key": tag.key, "value": value });
                (Method::POST, "set-tag", body)
            }
            None => {
                let body = json!({ "name": tag.model.name.as_str(), "key": tag.key });
                (Method::DELETE, "delete-tag", body)
            }
        };
        let path = format!("{}/api/2.0/mlflow/registered-models/{call}", self.target.prefix);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.target.authority())
            .header(header::USER_AGENT, concat!("headland-hub/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, "application/json");
        let workspace = tag.model.namespace.as_str();
        if workspace != WORKSPACE_DEFAULT {
            request = request.header(WORKSPACE_HEADER, workspace);
        }
        if let Some(proof) = self.authorization()? {
            request = request.header(header::AUTHORIZATION, proof);
        }
        let request = request.body(Full::new(Bytes::from(body.to_string())));
        request.map_err(|error| WriteError::Request {
            target: self.target.to_string(),
            reason: error.to_string(),
        })
    }
}

impl Destination for Mlflow {
    type Write = Tag;
    type Error = WriteError;

    const OUTLET: Outlet = Outlet::Mlflow;

    fn writes_of(looked: &Looked<'_>, record: &RecordKey, blob: &[u8]) -> Result<Vec<Tag>, StoreError> {
        let declared = |name: &_| looked.declared(name);
        let tags = tags_of(record, blob, declared, looked.base, looked.region);
        tags.map_err(|error| StoreError::corrupt("records-1", error))
    }

    /// One: its API has no way to set several.
    async fn write(&mut self, tags: &[Tag]) -> Result<Outcome, WriteError> {
        let Some(tag) = tags.first() else {
            return Ok(Outcome {
                taken: 0,
                written: 0,
                passed_over: None,
            });
        };
        let request = self.request(tag)?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.target).await?,
        };
        let (status, body) = connection.ask(request).await?;
        self.connection = Some(connection);
        judge(&self.target, tag, status, &body)
    }

    /// Servers close a connection that rests, and the next request would find that out.
    fn hang_up(&mut self) {
        self.connection = None;
    }
}

/// What an answer means.
fn judge(target: &Target, tag: &Tag, status: StatusCode, body: &[u8]) -> Result<Outcome, WriteError> {
    if status.is_success() {
        return Ok(Outcome {
            taken: 1,
            written: 1,
            passed_over: None,
        });
    }
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = said["error_code"].as_str().unwrap_or_default();
    let text = said["message"].as_str().map(ToOwned::to_owned);
    let text = text.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let message: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let message: String = message.chars().take(ERROR_CHARS_MAX).collect();
    if FOR_GOOD.contains(&code) {
        return Ok(Outcome {
            taken: 1,
            written: 0,
            passed_over: Some(format!("{} of {}: {code}, {message}", tag.key, tag.model)),
        });
    }
    let target = target.to_string();
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => WriteError::Denied {
            target,
            status,
            message,
        },
        _ => WriteError::Failed {
            target,
            status,
            message,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use headland_shared::key::RecordKey;

    fn tag(value: Option<&str>) -> Tag {
        Tag {
            model: RecordKey::decode(b"field\0crop/disease").unwrap(),
            key: "edge.usage.main".to_owned(),
            value: value.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn a_tag_is_set_or_deleted_in_its_workspace() {
        let mlflow = Mlflow::new(Target::parse("http://127.0.0.1:5000/ml").unwrap());
        for (value, method, path) in [
            (Some("7"), "POST", "/ml/api/2.0/mlflow/registered-models/set-tag"),
            (None, "DELETE", "/ml/api/2.0/mlflow/registered-models/delete-tag"),
        ] {
            let request = mlflow.request(&tag(value)).unwrap();
            assert_eq!((request.method().as_str(), request.uri().path()), (method, path));
            assert_eq!(request.headers()[WORKSPACE_HEADER], "field");
        }
    }

    #[test]
    fn what_no_attempt_can_change_is_passed_over_and_all_else_is_tried_again() {
        let target = Target::parse("http://127.0.0.1:5000").unwrap();
        let judged = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            judge(&target, &tag(Some("7")), status, body.as_bytes())
        };
        assert_eq!(judged(200, "{}").unwrap().written, 1);
        let unknown = judged(
            404,
            r#"{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"not\nfound"}"#,
        );
        let told = "edge.usage.main of field/crop/disease: RESOURCE_DOES_NOT_EXIST, not found";
        assert_eq!(unknown.unwrap().passed_over.as_deref(), Some(told));
        assert!(matches!(judged(401, "who?"), Err(WriteError::Denied { .. })));
        for (status, body) in [
            (404, "<html>"),
            (429, ""),
            (503, r#"{"error_code":"TEMPORARILY_UNAVAILABLE"}"#),
        ] {
            assert!(
                matches!(judged(status, body), Err(WriteError::Failed { .. })),
                "{status}"
            );
        }
    }
}
