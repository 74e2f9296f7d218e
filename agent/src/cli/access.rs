//! Where the commands get their answers: from the agent that runs, or from its store when none does.

mod once;
mod resolve;

pub(super) use once::Once;

use crate::answer::{Answers, Consistency, Counted, Demand, NoteWritten, Reported, Stale};
use crate::api::of_write;
use crate::driver::{Live, LocalWrite};
use crate::opening::{Opening, OpeningError, now};
use crate::program::{FreshnessArguments, PROGRAM, WantedModels};
use crate::replica::{Replica, WriteError, age_at_rest};
use crate::settings::Settings;
use crate::store::{Store, Written};
use axum::http::{Method, StatusCode};
use headland_api::problem::{Problem, Refusal};
use headland_host::control;
use headland_host::exit::Failure;
use headland_host::store_file::OpenError;
use headland_host::text::segment;
use headland_shared::actor::Dot;
use headland_shared::key::RecordKey;
use headland_shared::query::Question;
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
                let answers = resting.answers(&FreshnessArguments::default())?;
                let status = answers.status(resting.follow.clone(), None);
                as_value(&status.map_err(Failure::failed)?)
            }
        }
    }

    pub(super) fn model(&self, key: &RecordKey, freshness: &FreshnessArguments) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => {
                let query = joined(freshness_of(freshness));
                ask(path, Method::GET, &target(key, &query), None)
            }
            Self::Store(resting) => {
                let found = resting
                    .answers(freshness)?
                    .telling()
                    .model(key)
                    .map_err(Failure::failed)?;
                as_value(&found.ok_or_else(|| failure_of(Refusal::missing_model(key, PROGRAM).into_problem()))?)
            }
        }
    }

    /// Why an attribute of a model shows what it shows.
    pub(super) fn why(
        &self,
        key: &RecordKey,
        attribute: &str,
        freshness: &FreshnessArguments,
    ) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => {
                let mut parameters = vec![("attribute", attribute.to_owned())];
                parameters.extend(freshness_of(freshness));
                ask(
                    path,
                    Method::GET,
                    &target(key, &format!("/why{}", joined(parameters))),
                    None,
                )
            }
            Self::Store(resting) => {
                let found = resting
                    .answers(freshness)?
                    .telling()
                    .why(key, attribute)
                    .map_err(Failure::failed)?;
                let refused = |refusal: Refusal| failure_of(refusal.into_problem());
                let story = found.ok_or_else(|| refused(Refusal::missing_model(key, PROGRAM)))?;
                as_value(&story.ok_or_else(|| refused(Refusal::unwritten_attribute(key, attribute, PROGRAM)))?)
            }
        }
    }

    /// The models that are wanted, all pages of them.
    pub(super) fn models(&self, wanted: &WantedModels) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => pages(path, wanted),
            Self::Store(resting) => {
                let limit = wanted
                    .limit
                    .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
                let question = Question {
                    namespace: wanted.namespace.clone(),
                    filter: wanted.filter.clone(),
                    order_by: wanted.order_by.clone(),
                    fields: wanted.fields.clone(),
                    q: wanted.query.clone(),
                    ..Question::default()
                };
                let listed = question.read(Some(limit));
                let listed = listed.map_err(|error| failure_of(Refusal::from(error).into_problem()))?;
                let answers = resting.answers(&wanted.freshness)?;
                as_value(&answers.telling().models(&listed).map_err(Failure::failed)?)
            }
        }
    }

    pub(super) fn annotate(
        &mut self,
        key: &RecordKey,
        subject: Option<String>,
        text: String,
        once: &Once,
    ) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => {
                let body = json!({ "text": text, "subject": subject });
                once.ask(path, Method::POST, &target(key, "/annotations"), Some(&body))
            }
            Self::Store(resting) => {
                let record = key.clone();
                resting.write(LocalWrite::Annotate { record, subject, text }, once)
            }
        }
    }

    pub(super) fn remove_note(&mut self, key: &RecordKey, id: &str, note: Dot, once: &Once) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => {
                let target = target(key, &format!("/annotations/{}", segment(id)));
                once.ask(path, Method::DELETE, &target, None)
            }
            Self::Store(resting) => {
                let record = key.clone();
                resting.write(LocalWrite::RemoveNote { record, note }, once)
            }
        }
    }

    pub(super) fn count(&mut self, key: &RecordKey, amount: i64, once: &Once) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => {
                let body = json!({ "amount": amount });
                once.ask(path, Method::POST, &target(key, "/usage"), Some(&body))
            }
            Self::Store(resting) => {
                let record = key.clone();
                resting.write(LocalWrite::Count { record, amount }, once)
            }
        }
    }

    pub(super) fn report(&mut self, key: &RecordKey, seen: Option<String>, once: &Once) -> Result<Value, Failure> {
        match self {
            Self::Socket(path) => {
                let body = json!({ "availability": seen });
                once.ask(path, Method::POST, &target(key, "/availability"), Some(&body))
            }
            Self::Store(resting) => {
                let (record, reported) = (key.clone(), seen.clone());
                let availability = seen;
                resting.write(LocalWrite::Report { record, availability }, once)?;
                as_value(&Reported { reported })
            }
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

    /// Answers as fresh as is wanted. Nobody can be asked for the present where no agent runs.
    fn answers(&self, freshness: &FreshnessArguments) -> Result<Answers<'_>, Failure> {
        let demand = Demand::read(
            freshness.consistency.as_deref(),
            freshness.max_staleness.as_deref(),
            freshness.warn.then_some("warn"),
            None,
        );
        let demand = demand.map_err(Failure::bad_input)?;
        let absent = (demand.consistency == Consistency::Strong).then_some("the agent does not run");
        let answers = Answers::new(self.store.clone(), &self.live, now().mono).map_err(Failure::failed)?;
        let refused = |stale: Stale| failure_of(stale.into_refusal().into_problem());
        answers.demanded(&demand, absent).map_err(refused)
    }

    fn write(&mut self, write: LocalWrite, once: &Once) -> Result<Value, Failure> {
        let replica = self
            .replica
            .as_mut()
            .ok_or_else(|| Failure::failed("writing: the store was opened to read"))?;
        let refused = |error: WriteError| failure_of(of_write(error).into_problem());
        let written = match once.request(&write) {
            Some(request) => replica.once(*request, |replica| write.perform(replica, now())),
            None => write.perform(replica, now()),
        };
        match written.map_err(refused)? {
            Written::Note(dot) => as_value(&NoteWritten {
                id: annotation_id(&dot),
            }),
            Written::Removed | Written::Reported => Ok(Value::Null),
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
        return Failure::failed(format!(
            "opening store {}: another process has it, and nobody listens on control socket {socket}; name the socket of the agent that runs, or stop that process",
            settings.store.display()
        ));
    }
    error.into()
}

/// Has the agent that runs get in step with its hub; nothing where none runs.
pub(super) fn sync(settings: &Settings) -> Result<Option<Value>, Failure> {
    if !someone_listens(&settings.socket)? {
        return Ok(None);
    }
    // The agent says by itself when it took too long.
    let ms_max = settings.sync.timeout_s * 1_000 + ANSWER_MS_MAX;
    ask_within(&settings.socket, Method::POST, "/v1/sync", None, ms_max).map(Some)
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

fn ask(socket: &Path, method: Method, target: &str, body: Option<&Value>) -> Result<Value, Failure> {
    ask_within(socket, method, target, body, ANSWER_MS_MAX)
}

fn ask_within(
    socket: &Path,
    method: Method,
    target: &str,
    body: Option<&Value>,
    ms_max: u64,
) -> Result<Value, Failure> {
    let answer = control::request_blocking(socket, method, target, body, ms_max);
    success_of(target, answer.map_err(Failure::failed)?)
}

/// The answer of a request that was done, or why it was not.
fn success_of(target: &str, (status, answer): (StatusCode, Value)) -> Result<Value, Failure> {
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

pub(super) fn failure_of(problem: Problem) -> Failure {
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
    let mut parameters = freshness_of(&wanted.freshness);
    let narrowing = [
        ("filter", &wanted.filter),
        ("order_by", &wanted.order_by),
        ("fields", &wanted.fields),
        ("q", &wanted.query),
    ];
    parameters.extend(
        narrowing
            .iter()
            .filter_map(|(name, text)| Some((*name, text.as_ref()?.clone()))),
    );
    let mut left = wanted.limit.unwrap_or(u64::MAX);
    let mut models = Vec::new();
    let (mut token, mut position) = (None, None);
    loop {
        let size = left.min(PAGE_SIZE);
        let page = [("page_size", Some(size.to_string())), ("page_token", token.take())];
        let page = page.into_iter().filter_map(|(name, text)| Some((name, text?)));
        let target = format!("/v1{at}/models{}", joined(parameters.iter().cloned().chain(page)));
        let mut page = ask(socket, Method::GET, &target, None)?;
        // What has changed while the pages were asked for is to be told to who watches from here.
        position = position.or_else(|| page.get_mut("position").map(Value::take));
        if let Some(Value::Array(more)) = page.get_mut("models").map(Value::take) {
            left = left.saturating_sub(more.len() as u64);
            models.extend(more);
        }
        let next = page.get("next_page_token").and_then(Value::as_str).map(str::to_owned);
        match next {
            Some(next) if left > 0 => token = Some(next),
            _ => {
                page["models"] = Value::Array(models);
                page["position"] = position.unwrap_or_default();
                return Ok(page);
            }
        }
    }
}

/// What says how fresh an answer must be.
fn freshness_of(freshness: &FreshnessArguments) -> Vec<(&'static str, String)> {
    let wishes = [
        ("consistency", freshness.consistency.clone()),
        ("max_staleness", freshness.max_staleness.clone()),
        ("on_stale", freshness.warn.then(|| "warn".to_owned())),
    ];
    wishes
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)))
        .collect()
}

/// Parameters as they stand behind a path.
pub(super) fn joined(parameters: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let texts = parameters
        .into_iter()
        .map(|(name, text)| format!("{name}={}", segment(&text)));
    let texts: Vec<_> = texts.collect();
    if texts.is_empty() {
        String::new()
    } else {
        format!("?{}", texts.join("&"))
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
