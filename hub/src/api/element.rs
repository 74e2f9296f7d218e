//! One element of a model by itself: what the registry says of it, and setting that by compare-and-swap.

use super::condition::{Condition, tag_of};
use super::fresh::Demanded;
use super::operate::{Told, done, read};
use super::problem::not_set;
use super::request::{self, Named};
use super::{Local, registry};
use crate::answer::{ElementTold, ElementValue, WasPut};
use crate::driver::Input;
use crate::import_file::value_of;
use crate::operation::{ApprovalWish, OperationError, VersionWish};
use crate::program::PROGRAM;
use crate::read::Reader;
use crate::registry::{Assertion, Element, Expected, Put, PutError, PutReport, Word};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use headland_api::answer::Facts;
use headland_api::model_key;
use headland_api::parameters::{OfModel, Parameters};
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use headland_shared::key::RecordKey;
use headland_shared::name::{AliasName, ApprovalName, NameError, VersionName};
use headland_shared::query::Catalogue;
use headland_shared::resolve::AliasTarget;
use serde::Serialize;
use std::fmt::Display;
use std::sync::Arc;

pub(super) const CURRENT: &str = "/v1/namespaces/{namespace}/models/{name}/current";
pub(super) const ALIAS: &str = "/v1/namespaces/{namespace}/models/{name}/aliases/{alias}";
pub(super) const APPROVAL: &str = "/v1/namespaces/{namespace}/models/{name}/versions/{version}/approvals/{approval}";

type At<T> = Result<Path<T>, PathRejection>;
type Alias = At<(String, String, String)>;
type Approval = At<(String, String, String, String)>;
type Answer = Result<Response, Refusal>;

/// `GET …/current`
pub(super) async fn current(State(local): State<Arc<Local>>, OfModel(record): OfModel, asked: Parameters) -> Answer {
    said(local, record, Element::Current, asked).await
}

/// `GET …/aliases/{alias}`
pub(super) async fn alias(State(local): State<Arc<Local>>, at: Alias, asked: Parameters) -> Answer {
    let (record, alias) = alias_at(at)?;
    said(local, record, Element::Alias(alias), asked).await
}

/// `GET …/versions/{version}/approvals/{approval}`
pub(super) async fn approval(State(local): State<Arc<Local>>, at: Approval, asked: Parameters) -> Answer {
    let (record, version, approval) = approval_at(at)?;
    said(local, record, Element::Approval(version, approval), asked).await
}

/// `PUT …/current`
pub(super) async fn put_current(
    State(local): State<Arc<Local>>,
    OfModel(record): OfModel,
    named: Result<Named, Refusal>,
    condition: Result<Condition, Refusal>,
    asked: Parameters,
    wish: Told<VersionWish>,
) -> Answer {
    asked.finish()?;
    registry::can_set(&local)?;
    let wish = read("which version is current", wish)?;
    let value = value_of(wish.version).map_err(unusable)?;
    let version = value
        .as_text()
        .ok_or_else(|| unusable("it is no text; name a version"))?;
    let version = VersionName::new(version).map_err(unusable)?;
    set(&local, record, Assertion::Current(version), condition?.0, named?).await
}

/// `PUT …/aliases/{alias}`
pub(super) async fn put_alias(
    State(local): State<Arc<Local>>,
    at: Alias,
    named: Result<Named, Refusal>,
    condition: Result<Condition, Refusal>,
    asked: Parameters,
    wish: Told<VersionWish>,
) -> Answer {
    let (record, alias) = alias_at(at)?;
    asked.finish()?;
    registry::can_set(&local)?;
    let wish = read("what the alias names", wish)?;
    let value = value_of(wish.version).map_err(unusable)?;
    let target = AliasTarget::of(&value)
        .ok_or_else(|| unusable("it is no target of an alias; name a version, or a list of versions and labels"))?;
    set(&local, record, Assertion::Alias(alias, target), condition?.0, named?).await
}

/// `PUT …/versions/{version}/approvals/{approval}`
pub(super) async fn put_approval(
    State(local): State<Arc<Local>>,
    at: Approval,
    named: Result<Named, Refusal>,
    condition: Result<Condition, Refusal>,
    asked: Parameters,
    wish: Told<ApprovalWish>,
) -> Answer {
    let (record, version, approval) = approval_at(at)?;
    asked.finish()?;
    registry::can_set(&local)?;
    let wish = read("an approval", wish)?;
    value_of(wish.status.as_str().into()).map_err(unusable)?;
    let assertion = Assertion::Approval(version, approval, wish.status);
    set(&local, record, assertion, condition?.0, named?).await
}

fn alias_at(at: Alias) -> Result<(RecordKey, AliasName), Refusal> {
    let Path((namespace, name, alias)) = at.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let named = || Ok::<_, NameError>((model_key(&namespace, &name)?, AliasName::new(alias)?));
    named().map_err(Refusal::bad_request)
}

fn approval_at(at: Approval) -> Result<(RecordKey, VersionName, ApprovalName), Refusal> {
    let Path((namespace, name, version, approval)) = at.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let named = || {
        let record = model_key(&namespace, &name)?;
        Ok::<_, NameError>((record, VersionName::new(version)?, ApprovalName::new(approval)?))
    };
    named().map_err(Refusal::bad_request)
}

fn unusable(error: impl Display) -> Refusal {
    Refusal::bad_request(format!("reading the body: {error}"))
}

/// What the registry says of an element, from one moment of the store.
async fn said(local: Arc<Local>, record: RecordKey, element: Element, mut asked: Parameters) -> Answer {
    let demanded = Demanded::take(&local, &mut asked).await?;
    asked.finish()?;
    on_a_reader(move || {
        let moment = Reader::new(local.store.clone()).moment()?;
        let elements = moment.elements(&record)?;
        let elements = elements.ok_or_else(|| Refusal::missing_model(&record, PROGRAM))?;
        let freshness = demanded.freshness(moment.views(), &local.region)?;
        let word = element.word(&elements).ok_or_else(|| not_set(&record, &element))?;
        Ok(tagged(&element, word, |part| Facts {
            namespace: record.namespace.to_string(),
            name: record.name.to_string(),
            part,
            freshness,
        }))
    })
    .await
}

/// Has the registry say something, if it still says what is expected.
async fn set(local: &Local, record: RecordKey, assertion: Assertion, expected: Expected, named: Named) -> Answer {
    local
        .puts
        .counted(try_set(local, record, assertion, expected, named))
        .await
}

async fn try_set(local: &Local, record: RecordKey, assertion: Assertion, expected: Expected, named: Named) -> Answer {
    let element = assertion.element();
    let put = Box::new(Put {
        record: record.clone(),
        assertion,
        expected,
    });
    if let Some(registrar) = &local.registrar {
        return request::set(local, registrar, *put, named).await;
    }
    match done(local, |answer| Input::Put(put, answer)).await? {
        Ok(PutReport { seq, word }) => Ok(tagged(&element, word, |part| WasPut {
            namespace: record.namespace.to_string(),
            name: record.name.to_string(),
            part,
            seq,
        })),
        Err(OperationError::Put(error @ PutError::Stale { .. })) => Ok(stale(error)),
        Err(error) => Err(error.into()),
    }
}

/// Somebody else was faster: with the tag of what is there now, as an answer of success has it.
pub(super) fn stale(error: PutError) -> Response {
    let tag = match &error {
        PutError::Stale { present, .. } => present.as_ref().map(|word| tag_of(word.position)),
        _ => None,
    };
    let refusal = Refusal::from(OperationError::Put(error));
    match tag {
        Some(tag) => ([(header::ETAG, tag)], refusal).into_response(),
        None => refusal.into_response(),
    }
}

/// An answer that tells of a word, with the tag of that word.
pub(super) fn tagged<T: Serialize>(element: &Element, word: Word, told: impl FnOnce(ElementTold) -> T) -> Response {
    let Word { value, position } = word;
    let value = match element {
        Element::Current | Element::Alias(_) => ElementValue::Version(value),
        Element::Approval(..) => ElementValue::Status(value),
    };
    let etag = tag_of(position);
    let part = ElementTold {
        value,
        etag: etag.clone(),
    };
    ([(header::ETAG, etag)], Json(told(part))).into_response()
}
