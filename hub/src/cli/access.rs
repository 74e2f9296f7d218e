//! Where the commands get their answers: from the hub that runs, or from its store when none does.

use crate::api::{missing, own_registry, target};
use crate::following::at_rest;
use crate::opening::{self, now};
use crate::operation::{
    Decision, ImportWish, OperationError, RevertWish, perform_decision, perform_import, perform_revert,
};
use crate::program::WantedModels;
use crate::read::Reader;
use crate::report;
use crate::settings::Settings;
use crate::store::Store;
use crate::writeback;
use axum::http::{Method, StatusCode};
use headland_host::control;
use headland_host::exit::Failure;
use headland_host::text::segment;
use headland_shared::key::RecordKey;
use headland_shared::name::Namespace;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// How long the hub may take to answer, in milliseconds: an import of a large catalogue takes seconds.
const ANSWER_MS_MAX: u64 = 600_000;
/// Models asked for at a time: as many as the API gives.
const PAGE_SIZE: usize = 1_000;

/// A way to answers.
#[derive(Debug)]
pub(super) enum Access {
    /// The hub runs and serves this socket.
    Socket(PathBuf),
    /// No hub runs; this process has its store.
    Store(Box<Settings>, Store),
}

impl Access {
    pub(super) fn find(settings: &Settings) -> Result<Self, Failure> {
        if someone_listens(&settings.socket)? {
            return Ok(Self::Socket(settings.socket.clone()));
        }
        Ok(Self::Store(
            Box::new(settings.clone()),
            opening::store_that_exists(settings)?,
        ))
    }

    /// Imports through the hub that runs, or into the store; a dry run makes no store.
    pub(super) fn import(settings: &Settings, mut wish: ImportWish) -> Result<Value, Failure> {
        for file in &mut wish.files {
            *file = std::path::absolute(&*file).map_err(Failure::failed)?;
        }
        if someone_listens(&settings.socket)? {
            // The hub reads the files itself.
            return ask(&settings.socket, Method::POST, "/v1/import", Some(&as_value(&wish)?));
        }
        own_registry(settings.leader().as_ref()).map_err(refused)?;
        let read = wish.read().map_err(refused)?;
        let store = if wish.dry_run {
            opening::store_to_try(settings)?
        } else {
            opening::store(settings)?
        };
        let mut replica = opening::replica(settings, store)?;
        let report = perform_import(&mut replica, read, now());
        as_value(&report.map_err(refused)?)
    }

    pub(super) fn revert(&self, wish: RevertWish) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => ask(path, Method::POST, "/v1/revert", Some(&as_value(&wish)?)),
            Self::Store(settings, store) => {
                own_registry(settings.leader().as_ref()).map_err(refused)?;
                let mut replica = opening::replica(settings, store.clone())?;
                let report = perform_revert(&mut replica, wish, now());
                as_value(&report.map_err(refused)?)
            }
        }
    }

    pub(super) fn decide(&self, decision: &Decision) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => ask(path, Method::POST, "/v1/decisions", Some(&as_value(decision)?)),
            Self::Store(settings, store) => {
                let mut replica = opening::replica(settings, store.clone())?;
                as_value(&perform_decision(&mut replica, decision).map_err(refused)?)
            }
        }
    }

    /// Releases what the hub that runs holds.
    pub(super) fn release(settings: &Settings) -> Result<Value, Failure> {
        if someone_listens(&settings.socket)? {
            return ask(&settings.socket, Method::POST, "/v1/registry/release", None);
        }
        Err(Failure::bad_input(format!(
            "releasing: nobody listens on control socket {}; what is held is held by a hub that runs, start it",
            settings.socket.display()
        )))
    }

    pub(super) fn model(&self, key: &RecordKey) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => ask(path, Method::GET, &target(key), None),
            Self::Store(_, store) => {
                let model = Reader::new(store.clone()).model(key).map_err(Failure::failed)?;
                let model = model.ok_or_else(|| Failure::bad_input(missing(key)))?;
                Ok(json!({ "model": model }))
            }
        }
    }

    /// The models that are wanted, all pages of them.
    pub(super) fn models(&self, wanted: &WantedModels) -> Result<Value, Failure> {
        let limit = wanted
            .limit
            .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        match self {
            Self::Socket(path) => pages(path, wanted, limit),
            Self::Store(_, store) => {
                let namespace = wanted
                    .namespace
                    .clone()
                    .map(Namespace::new)
                    .transpose()
                    .map_err(Failure::bad_input)?;
                let query = wanted.query.clone().unwrap_or_default().to_lowercase();
                let reader = Reader::new(store.clone());
                let matches = |model: &headland_shared::view::Model| model.name.to_lowercase().contains(&query);
                let (models, _) = reader
                    .models(namespace.as_ref(), None, limit, matches)
                    .map_err(Failure::failed)?;
                Ok(json!({ "models": models }))
            }
        }
    }

    pub(super) fn history(&self, limit: usize) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => ask(path, Method::GET, &format!("/v1/history?limit={limit}"), None),
            Self::Store(_, store) => report::history(store, limit).map_err(Failure::failed),
        }
    }

    pub(super) fn status(&self) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => ask(path, Method::GET, "/v1/status", None),
            Self::Store(settings, store) => {
                let status = report::status(store, settings.region.as_str(), None, now());
                let mut answer = status.map_err(Failure::failed)?;
                if let Some(leader) = settings.leader() {
                    answer["follow"] = at_rest(&leader);
                }
                if let Some(target) = settings.write_back().map_err(Failure::bad_input)? {
                    let views = store.read().map_err(Failure::failed)?;
                    let written = writeback::at_rest(&target.to_string(), &views);
                    answer["writeback"] = written.map_err(Failure::failed)?;
                }
                Ok(answer)
            }
        }
    }
}

fn someone_listens(socket: &Path) -> Result<bool, Failure> {
    match UnixStream::connect(socket) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Failure::bad_input(format!(
            "connecting to control socket {}: permission denied; run as its owner, or join its group",
            socket.display()
        ))),
        Err(_) => Ok(false),
    }
}

fn refused(error: OperationError) -> Failure {
    if error.is_internal() {
        Failure::failed(error)
    } else {
        Failure::bad_input(error)
    }
}

fn as_value(value: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(Failure::failed)
}

fn pages(path: &Path, wanted: &WantedModels, limit: usize) -> Result<Value, Failure> {
    let part = |name: &str, value: &Option<String>| {
        value
            .as_deref()
            .map_or_else(String::new, |value| format!("&{name}={}", segment(value)))
    };
    let narrowed = part("namespace", &wanted.namespace) + &part("q", &wanted.query);
    let (mut models, mut token) = (Vec::new(), String::new());
    loop {
        let size = (limit - models.len()).min(PAGE_SIZE);
        let mut page = ask(
            path,
            Method::GET,
            &format!("/v1/models?page_size={size}{narrowed}{token}"),
            None,
        )?;
        if let Some(Value::Array(more)) = page.get_mut("models").map(Value::take) {
            models.extend(more);
        }
        match page["next_page_token"].as_str() {
            Some(next) if models.len() < limit => token = format!("&page_token={next}"),
            _ => return Ok(json!({ "models": models })),
        }
    }
}

fn ask(socket: &Path, method: Method, target: &str, body: Option<&Value>) -> Result<Value, Failure> {
    let answer = control::request_blocking(socket, method, target, body, ANSWER_MS_MAX);
    let (status, answer) = answer.map_err(Failure::failed)?;
    if status.is_success() {
        return Ok(answer);
    }
    let detail = answer["detail"]
        .as_str()
        .map_or_else(|| format!("the hub answered {status}; look at its log"), str::to_owned);
    let wrong = status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT;
    Err(if wrong {
        Failure::bad_input(detail)
    } else {
        Failure::failed(detail)
    })
}
