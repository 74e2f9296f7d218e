//! Reading requests.

use super::{Local, freshness_headers, present};
use crate::answer::{Answers, Consistency, Demand, Freshness, Stale};
use crate::program::PROGRAM;
use crate::read::Moment;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use headland_api::models::Library;
use headland_api::parameters::Parameters;
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use headland_api::telling::Telling;
use headland_host::clock::BootClock;
use serde::Serialize;
use std::sync::Arc;

/// What the API does, as OpenAPI 3.1 has it. A test makes it from the routes and the types of their answers.
const DESCRIPTION: &str = include_str!("../../openapi.json");

/// `GET /v1/openapi.json`
pub(super) async fn description() -> impl IntoResponse {
    std::future::ready(([(header::CONTENT_TYPE, "application/json")], DESCRIPTION)).await
}

/// `GET /v1/status`
pub(super) async fn status(State(local): State<Arc<Local>>, mut asked: Parameters) -> Result<Response, Refusal> {
    let demand = Demand::take(&mut asked)?;
    asked.finish()?;
    reading(local, demand, |local, answers| {
        let running = (local.started, local.link.counts());
        let mut status = answers.status(local.follow.clone(), Some(running))?;
        status.profile = Some(local.profile.to_string());
        Ok(status)
    })
    .await
}

impl Library for Local {
    const PROGRAM: &'static str = PROGRAM;
    type Moment = Moment;
    type Freshness = Freshness;

    async fn answer<T: Serialize + Send + 'static>(
        self: Arc<Self>,
        mut asked: Parameters,
        read: impl FnOnce(&Telling<'_, Moment, Freshness>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Response, Refusal> {
        let demand = Demand::take(&mut asked)?;
        asked.finish()?;
        reading(self, demand, move |_, answers| read(&answers.telling())).await
    }
}

/// Answers from the store on a thread that may wait for the disk, once that is as fresh as is demanded.
pub(super) async fn reading<T: Serialize + Send + 'static>(
    local: Arc<Local>,
    demand: Demand,
    read: impl FnOnce(&Local, &Answers<'_>) -> Result<T, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let absent = match demand.consistency {
        Consistency::Strong => present::wait(&local, demand.timeout_ms).await?.err(),
        Consistency::Eventual | Consistency::Bounded => None,
    };
    on_a_reader(move || {
        let live = local.live.borrow().clone();
        let answers = Answers::new(local.store.clone(), &live, BootClock.now_ms())?;
        let answers = answers
            .demanded(&demand, absent.as_deref())
            .map_err(Stale::into_refusal)?;
        let headers = freshness_headers::of(answers.freshness());
        let body = Json(read(&local, &answers)?);
        Ok((headers, body).into_response())
    })
    .await
}
