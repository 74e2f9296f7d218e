//! Reading requests.

use super::Local;
use super::fresh::Demanded;
use super::problem::unknown_agent;
use crate::answer::{Agents, Freshness, History, Notes, OneAgent, Status, WriteBacks};
use crate::opening::now;
use crate::program::PROGRAM;
use crate::read::{Moment, Reader};
use crate::report;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use headland_api::models::Library;
use headland_api::parameters::Parameters;
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use headland_api::telling::Telling;
use headland_shared::name::ReplicaName;
use serde::Serialize;
use std::sync::Arc;

/// What the API does, as OpenAPI 3.1 has it. A test makes it from the routes and the types of their answers.
const DESCRIPTION: &str = include_str!("../../openapi.json");

/// Commits or notes of a listing when nobody says how many, and at most: what somebody reads, and what a program may
/// want at once.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100_000;

/// Agents of a page when nobody says how many, and at most.
const PAGE_SIZE_DEFAULT: usize = 100;
const PAGE_SIZE_MAX: usize = 1_000;

impl Library for Local {
    const PROGRAM: &'static str = PROGRAM;
    type Moment = Moment;
    type Freshness = Freshness;

    async fn answer<T: Serialize + Send + 'static>(
        self: Arc<Self>,
        mut asked: Parameters,
        read: impl FnOnce(&Telling<'_, Moment, Freshness>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Response, Refusal> {
        let demanded = Demanded::take(&self, &mut asked).await?;
        asked.finish()?;
        on_a_reader(move || {
            // Asked before the moment, which is then at least as new as is said.
            let moment = Reader::new(self.store.clone()).moment()?;
            let freshness = demanded.freshness(moment.views(), &self.region)?;
            let told = Telling {
                catalogue: &moment,
                freshness: &freshness,
                position: None,
            };
            Ok(Json(read(&told)?).into_response())
        })
        .await
    }
}

impl Local {
    /// Since when what is held here is known to be the registry's state: always, where the registry is this hub's own.
    pub(super) fn age_ms(&self) -> Option<u64> {
        match &self.follower {
            None => Some(0),
            Some(follower) => {
                let as_of = follower.standing.borrow().as_of;
                as_of.map(|as_of| now().mono.saturating_sub(as_of))
            }
        }
    }

    /// How the hub is.
    pub(super) fn status(&self) -> Result<Status, Refusal> {
        let now = now();
        let follow = self.follower.as_ref().map(|follower| follower.told(now.mono));
        let head = self.store.read()?.numbers()?.head.seq;
        let live = self.live.borrow();
        let mut written = WriteBacks::default();
        for (outlet, standing) in &live.write_backs {
            written.set(*outlet, standing.borrow().described(head, now.mono));
        }
        drop(live);
        let running = Some(self.running());
        Ok(report::status(
            &self.store,
            &self.region,
            follow,
            written,
            running,
            now,
        )?)
    }
}

/// `GET /v1/openapi.json`
pub(super) async fn description() -> impl IntoResponse {
    std::future::ready(([(header::CONTENT_TYPE, "application/json")], DESCRIPTION)).await
}

/// `GET /v1/status`
pub(super) async fn status(State(local): State<Arc<Local>>) -> Result<Json<Status>, Refusal> {
    on_a_reader(move || local.status()).await.map(Json)
}

/// `GET /v1/agents`
pub(super) async fn agents(State(local): State<Arc<Local>>, mut asked: Parameters) -> Result<Json<Agents>, Refusal> {
    let count = number(&mut asked, "page_size", PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)?;
    let after = asked.take("page_token")?;
    asked.finish()?;
    if after.as_deref().is_some_and(|after| ReplicaName::parse(after).is_err()) {
        return Err(Refusal::bad_request(
            "reading page_token: it is none; use the next_page_token of the page before, as it is",
        ));
    }
    let read = move || Ok(report::agents(&local.store, after.as_deref(), count, now())?);
    on_a_reader(read).await.map(Json)
}

/// `GET /v1/agents/{name}`
pub(super) async fn agent(
    State(local): State<Arc<Local>>,
    at: Result<Path<String>, PathRejection>,
    asked: Parameters,
) -> Result<Json<OneAgent>, Refusal> {
    let Path(name) = at.map_err(|error| Refusal::bad_request(error.body_text()))?;
    asked.finish()?;
    let name = ReplicaName::parse(&name)
        .map_err(|error| Refusal::bad_request(format!("reading the agent's name: {error}; check how it is written")))?;
    on_a_reader(move || {
        let agent = report::agent(&local.store, &name, now())?;
        agent.ok_or_else(|| unknown_agent(name.as_str()))
    })
    .await
    .map(|agent| Json(OneAgent { agent }))
}

/// `GET /v1/history`
pub(super) async fn history(State(local): State<Arc<Local>>, mut asked: Parameters) -> Result<Json<History>, Refusal> {
    let limit = number(&mut asked, "limit", LIMIT_DEFAULT, LIMIT_MAX)?;
    asked.finish()?;
    on_a_reader(move || Ok(report::history(&local.store, limit)?))
        .await
        .map(Json)
}

/// `GET /v1/annotations`
pub(super) async fn annotations(
    State(local): State<Arc<Local>>,
    mut asked: Parameters,
) -> Result<Json<Notes>, Refusal> {
    let limit = number(&mut asked, "limit", LIMIT_DEFAULT, LIMIT_MAX)?;
    asked.finish()?;
    on_a_reader(move || {
        let moment = Reader::new(local.store.clone()).moment()?;
        Ok(report::annotations(&moment, limit)?)
    })
    .await
    .map(Json)
}

/// Takes a parameter that is a whole number from 1.
fn number(asked: &mut Parameters, name: &'static str, default: usize, max: usize) -> Result<usize, Refusal> {
    let Some(text) = asked.take(name)? else {
        return Ok(default);
    };
    let number = text.parse().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| {
        let text: String = text.chars().take(40).collect();
        Refusal::bad_request(format!("reading {name}: {text:?} is out of range; use 1 to {max}"))
    })
}
