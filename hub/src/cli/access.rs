//! Where the commands get their answers: from the hub that runs, or from its store when none does.

use crate::answer::{Freshness, WriteBacks};
use crate::api::{own_registry, target};
use crate::backup::{self, BackupFile};
use crate::following::at_rest;
use crate::opening::{self, now};
use crate::operation::{
    Decision, ImportWish, OperationError, RevertWish, perform_decision, perform_import, perform_revert,
};
use crate::program::{PROGRAM, WantedModels};
use crate::read::{Moment, Reader};
use crate::report;
use crate::settings::Settings;
use crate::store::Store;
use crate::writeback;
use axum::http::{Method, StatusCode};
use headland_api::problem::Refusal;
use headland_api::telling::Telling;
use headland_host::control;
use headland_host::exit::Failure;
use headland_host::text::segment;
use headland_shared::key::RecordKey;
use headland_shared::query::Question;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// How long the hub may take to answer, in milliseconds: an import of a large catalogue takes seconds.
const ANSWER_MS_MAX: u64 = 600_000;
/// How long nothing of a backup may come, in milliseconds: a block of it is read in far less.
const BACKUP_SILENCE_MS_MAX: u64 = 60_000;
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

    /// Takes a backup of the hub that runs, or of the store.
    pub(super) fn backup(&self, to: &Path, region: &str) -> Result<Value, Failure> {
        let now_ms = now().wall_ms;
        let mut file = BackupFile::begin(to, region, now_ms).map_err(Failure::bad_input)?;
        match self {
            Self::Socket(path) => {
                let taken =
                    control::download_blocking(path, "/v1/backup", BACKUP_SILENCE_MS_MAX, |piece| file.put(piece));
                let (status, problem) = taken.map_err(Failure::failed)?;
                answered(status, problem)?;
            }
            Self::Store(settings, store) => {
                let snapshot = store.snapshot().map_err(Failure::failed)?;
                let taken = backup::take(&snapshot, settings.region.as_str(), now_ms, |piece| {
                    file.put(&piece).map_err(|error| file.failed(error))
                });
                taken.map_err(Failure::failed)?;
            }
        }
        let (path, about, bytes) = file.finish().map_err(Failure::failed)?;
        Ok(json!({ "file": path, "bytes": bytes, "about": about }))
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
            Self::Store(settings, store) => at_rest_telling(settings, store, |told| {
                let model = told.model(key).map_err(Failure::failed)?;
                as_value(&model.ok_or_else(|| failure_of(Refusal::missing_model(key, PROGRAM)))?)
            }),
        }
    }

    /// The models that are wanted, all pages of them.
    pub(super) fn models(&self, wanted: &WantedModels) -> Result<Value, Failure> {
        let limit = wanted
            .limit
            .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        match self {
            Self::Socket(path) => pages(path, wanted, limit),
            Self::Store(settings, store) => {
                let question = Question {
                    namespace: wanted.namespace.clone(),
                    filter: wanted.filter.clone(),
                    q: wanted.query.clone(),
                    ..Question::default()
                };
                let listed = question.read(Some(limit)).map_err(|error| failure_of(error.into()))?;
                at_rest_telling(settings, store, |told| {
                    as_value(&told.models(&listed).map_err(Failure::failed)?)
                })
            }
        }
    }

    pub(super) fn history(&self, limit: usize) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => ask(path, Method::GET, &format!("/v1/history?limit={limit}"), None),
            Self::Store(_, store) => as_value(&report::history(store, limit).map_err(Failure::failed)?),
        }
    }

    pub(super) fn status(&self) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => ask(path, Method::GET, "/v1/status", None),
            Self::Store(settings, store) => {
                let follow = settings.leader().map(|leader| at_rest(&leader));
                let mut written = WriteBacks::default();
                let views = store.read().map_err(Failure::failed)?;
                for goal in settings.write_back().map_err(Failure::bad_input)? {
                    let standing = writeback::at_rest(goal.outlet(), &goal.name(), &views);
                    written.set(goal.outlet(), standing.map_err(Failure::failed)?);
                }
                let status = report::status(store, settings.region.as_str(), follow, written, None, now());
                as_value(&status.map_err(Failure::failed)?)
            }
        }
    }
}

/// Answers about models from the store of a hub that does not run.
fn at_rest_telling<T>(
    settings: &Settings,
    store: &Store,
    read: impl FnOnce(&Telling<'_, Moment, Freshness>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let moment = Reader::new(store.clone()).moment().map_err(Failure::failed)?;
    // A registry of one's own is what its store holds; how another one is meanwhile nobody knows.
    let age_ms = settings.leader().is_none().then_some(0);
    let freshness = report::freshness(moment.views(), settings.region.as_str(), age_ms).map_err(Failure::failed)?;
    read(&Telling {
        catalogue: &moment,
        freshness: &freshness,
        position: None,
    })
}

/// What cannot be answered is what was asked for, unless the store is at fault.
fn failure_of(refusal: Refusal) -> Failure {
    let problem = refusal.into_problem();
    match problem.status {
        500.. => Failure::failed(problem.detail),
        _ => Failure::bad_input(problem.detail),
    }
}

/// The socket of the hub that runs: only that one can do it.
pub(super) fn listening<'s>(settings: &'s Settings, doing: &str) -> Result<&'s Path, Failure> {
    match someone_listens(&settings.socket)? {
        true => Ok(&settings.socket),
        false => Err(Failure::bad_input(format!(
            "{doing}: nobody listens on control socket {}; start the hub",
            settings.socket.display()
        ))),
    }
}

pub(super) fn someone_listens(socket: &Path) -> Result<bool, Failure> {
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
    let narrowed = part("namespace", &wanted.namespace) + &part("filter", &wanted.filter) + &part("q", &wanted.query);
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
    answered(status, answer)
}

/// What was answered, if it was done.
pub(super) fn answered(status: StatusCode, answer: Value) -> Result<Value, Failure> {
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
