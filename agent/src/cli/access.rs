//! Where the commands get their answers: from the agent that runs, or from its store when none does.

mod resolve;

use crate::answer::{Answers, Counted, NoteWritten, Problem};
use crate::api::{of_missing_model, of_write};
use crate::driver::{Live, LocalWrite, Written};
use crate::opening::{Opening, OpeningError, now};
use crate::program::WantedModels;
use crate::replica::{Replica, WriteError, age_at_rest};
use crate::settings::Settings;
use crate::store::Store;
use axum::http::{Method, StatusCode};
use headland_host::control;
use headland_host::exit::Failure;
use headland_host::store_file::OpenError;
use headland_host::text::segment;
use headland_shared::actor::Dot;
use headland_shared::key::RecordKey;
use headland_shared::name::Namespace;
use headland_shared::view::annotation_id;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// How long the agent may take to answer, in milliseconds: a write waits for a flash that may be slow.
const ANSWER_MS_MAX: u64 = 30_000;

/// Models asked for at a time: as many as the API gives.
const PAGE_SIZE: u64 = 1_000;

/// A way to answers.
#[derive(Debug)]
pub(super) enum Access {
    /// The agent runs and serves this socket.
    Socket(PathBuf),
    /// No agent runs; this process has its store.
    Store(Box<Resting>),
}

/// A store that no agent runs on.
#[derive(Debug)]
pub(super) struct Resting {
    store: Store,
    live: Live,
    follow: Vec<String>,
    replica: Option<Replica>,
}

impl Access {
    /// For reading.
    pub(super) fn find(settings: &Settings) -> Result<Self, Failure> {
        if someone_listens(&settings.socket)? {
            return Ok(Self::Socket(settings.socket.clone()));
        }
        Resting::open(settings, false)
    }

    /// For writing.
    pub(super) fn find_to_write(settings: &Settings) -> Result<Self, Failure> {
        if someone_listens(&settings.socket)? {
            return Ok(Self::Socket(settings.socket.clone()));
        }
        Resting::open(settings, true)
    }

    pub(super) fn status(&self) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => ask(path, Method::GET, "/v1/status", None),
            Self::Store(resting) => {
                let status = resting.answers().status(resting.follow.clone(), None);
                as_value(&status.map_err(Failure::failed)?)
            }
        }
    }

    pub(super) fn model(&self, key: &RecordKey) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => ask(path, Method::GET, &target(key, ""), None),
            Self::Store(resting) => {
                let found = resting.answers().model(key).map_err(Failure::failed)?;
                as_value(&found.ok_or_else(|| failure_of(of_missing_model(key).into_problem()))?)
            }
        }
    }

    /// The models that are wanted, all pages of them.
    pub(super) fn models(&self, wanted: &WantedModels) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => pages(path, wanted),
            Self::Store(resting) => {
                let namespace = wanted.namespace.as_deref().map(Namespace::new).transpose();
                let namespace = namespace.map_err(Failure::bad_input)?;
                let limit = wanted
                    .limit
                    .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
                let answers = resting.answers();
                let listing = answers.models(namespace.as_ref(), None, limit, wanted.query.as_deref());
                as_value(&listing.map_err(Failure::failed)?)
            }
        }
    }

    pub(super) fn annotate(
        &mut self,
        key: &RecordKey,
        subject: Option<String>,
        text: String,
    ) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => {
                let body = json!({ "text": text, "subject": subject });
                ask(path, Method::POST, &target(key, "/annotations"), Some(&body))
            }
            Self::Store(resting) => resting.write(LocalWrite::Annotate {
                record: key.clone(),
                subject,
                text,
            }),
        }
    }

    pub(super) fn remove_note(&mut self, key: &RecordKey, id: &str, note: Dot) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => {
                let target = target(key, &format!("/annotations/{}", segment(id)));
                ask(path, Method::DELETE, &target, None)
            }
            Self::Store(resting) => resting.write(LocalWrite::RemoveNote {
                record: key.clone(),
                note,
            }),
        }
    }

    pub(super) fn count(&mut self, key: &RecordKey, amount: i64) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => {
                let body = json!({ "amount": amount });
                ask(path, Method::POST, &target(key, "/usage"), Some(&body))
            }
            Self::Store(resting) => resting.write(LocalWrite::Count {
                record: key.clone(),
                amount,
            }),
        }
    }
}

impl Resting {
    fn open(settings: &Settings, to_write: bool) -> Result<Access, Failure> {
        let opening = Opening::new(settings, settings.timing());
        let store = opening.store_that_exists().map_err(|error| explain(error, settings))?;
        let now = now();
        let age = age_at_rest(&store, opening.boot(), now).map_err(Failure::failed)?;
        let replica = match to_write {
            true => Some(opening.replica(store.clone())?),
            false => None,
        };
        Ok(Access::Store(Box::new(Self {
            store,
            live: Live::at_rest(age, now),
            follow: settings.follow.iter().map(ToString::to_string).collect(),
            replica,
        })))
    }

    fn answers(&self) -> Answers<'_> {
        Answers {
            store: self.store.clone(),
            live: &self.live,
            at: now().mono,
        }
    }

    fn write(&mut self, write: LocalWrite) -> Result<Value, Failure> {
        let replica = self
            .replica
            .as_mut()
            .ok_or_else(|| Failure::failed("writing: the store was opened to read"))?;
        let refused = |error: WriteError| failure_of(of_write(error).into_problem());
        match write.perform(replica, now()).map_err(refused)? {
            Written::Note(dot) => as_value(&NoteWritten {
                id: annotation_id(&dot),
            }),
            Written::Removed => Ok(Value::Null),
            Written::Counted(tally) => as_value(&Counted {
                added: tally.added,
                removed: tally.removed,
            }),
        }
    }
}

/// A store that somebody holds who does not answer.
fn explain(error: OpeningError, settings: &Settings) -> Failure {
    if matches!(error, OpeningError::File(OpenError::InUse { .. })) {
        let socket = settings.socket.display();
        return Failure::bad_input(format!(
            "opening store {}: another process has it, and nobody listens on control socket {socket}; name the socket of the agent that runs, or stop that process",
            settings.store.display()
        ));
    }
    error.into()
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

fn ask(socket: &Path, method: Method, target: &str, body: Option<&Value>) -> Result<Value, Failure> {
    let (status, answer) =
        control::request_blocking(socket, method, target, body, ANSWER_MS_MAX).map_err(Failure::failed)?;
    if status.is_success() {
        return Ok(answer);
    }
    match serde_json::from_value::<Problem>(answer) {
        Ok(problem) => Err(failure_of(problem)),
        Err(_) => Err(Failure::failed(format!(
            "asking {target:?}: the agent answered {status}; look at its log"
        ))),
    }
}

fn failure_of(problem: Problem) -> Failure {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_client_error() {
        Failure::bad_input(problem.detail)
    } else {
        Failure::failed(problem.detail)
    }
}

/// Asks page by page and puts the pages together.
fn pages(socket: &Path, wanted: &WantedModels) -> Result<Value, Failure> {
    let at = wanted
        .namespace
        .as_deref()
        .map_or_else(String::new, |namespace| format!("/namespaces/{}", segment(namespace)));
    let query = wanted
        .query
        .as_deref()
        .map_or_else(String::new, |query| format!("&q={}", segment(query)));
    let mut left = wanted.limit.unwrap_or(u64::MAX);
    let mut models = Vec::new();
    let mut token = String::new();
    loop {
        let size = left.min(PAGE_SIZE);
        let target = format!("/v1{at}/models?page_size={size}{query}{token}");
        let mut page = ask(socket, Method::GET, &target, None)?;
        if let Some(Value::Array(more)) = page.get_mut("models").map(Value::take) {
            left = left.saturating_sub(more.len() as u64);
            models.extend(more);
        }
        let next = page
            .get("next_page_token")
            .and_then(Value::as_str)
            .map(|next| format!("&page_token={next}"));
        match next {
            Some(next) if left > 0 => token = next,
            _ => {
                page["models"] = Value::Array(models);
                return Ok(page);
            }
        }
    }
}

fn target(key: &RecordKey, rest: &str) -> String {
    format!(
        "/v1/namespaces/{}/models/{}{rest}",
        segment(key.namespace.as_str()),
        segment(key.name.as_str())
    )
}

fn as_value(answer: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(answer).map_err(|error| Failure::failed(format!("reading the store: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_whatever_it_holds() {
        let key = RecordKey::decode("a b\0timm/x:1?ü%".as_bytes()).unwrap();
        assert_eq!(
            target(&key, "/usage"),
            "/v1/namespaces/a%20b/models/timm%2Fx%3A1%3F%C3%BC%25/usage"
        );
    }
}
