//! What hubs ask each other about the registry, and what people say about following.

use super::Local;
use crate::answer::{Follow, Registry};
use crate::driver::Input;
use crate::following::{Leader, State, WantedFor};
use crate::opening::now;
use crate::operation::OperationError;
use crate::registry::follow::{ChangesError, changes_since, has_news, held_of, position_of};
use crate::store::Followed;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use headland_shared::session::Ms;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a follower is kept waiting at most: less than what connections and people give up after.
const WAIT_MS_MAX: u64 = 30_000;
/// How long the registry is looked at for a follower who wants the present.
const LOOK_MS_MAX: u64 = 2_000;
/// How long a release may take to show: asking the leading hub for everything, and applying it.
const RELEASE_MS_MAX: u64 = 120_000;

/// Since when, what is held of the registry, and how long to wait for news.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Since {
    after: u64,
    epoch: String,
    lineage: String,
    life: String,
    revision: u64,
    wait_ms: u64,
}

/// What the registry said since a position; after a wait when that is nothing.
pub(super) async fn changes(
    Shared(local): Shared<Arc<Local>>,
    since: Result<Query<Since>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(since) = since.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let from = position_of(since.after, &since.epoch, &since.lineage);
    if let Some(held) = held_of(&since.life, since.revision) {
        // A follower that holds more shows that this hub was restored. Unheard now, it is said again with each question.
        let _ = local.inlet.try_put(Input::HeldElsewhere(held));
    }
    let (asked, mut live) = (now().mono, local.live.clone());
    if since.wait_ms == 0
        && let Some(follower) = &local.follower
    {
        // Whoever does not wait for news wants the present. What cannot be had is seen by the age of the answer.
        let presence = follower.presence();
        let present = presence.wait(Duration::from_millis(LOOK_MS_MAX));
        let _ = local.waits.counted(WantedFor::Hub, present).await;
    }
    let until = Instant::now() + Duration::from_millis(since.wait_ms.min(WAIT_MS_MAX));
    let mut last = false;
    loop {
        last |= Instant::now() >= until;
        // Before the store is read, so that no move is missed.
        let moves = live.borrow_and_update().registry_moves;
        let reader = Arc::clone(&local);
        let read = on_a_reader(move || news(&reader, from.as_ref(), asked, last));
        if let Some(bytes) = read.await? {
            return Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response());
        }
        // The replica is gone when the hub stops: whoever waits gets the answer that there is.
        let moved = tokio::time::timeout_at(until, live.wait_for(|live| live.registry_moves != moves)).await;
        last |= matches!(moved, Ok(Err(_)));
    }
}

/// The encoded answer; nothing when there is no news and this is not the last look.
fn news(local: &Local, from: Option<&Followed>, asked: Ms, last: bool) -> Result<Option<Vec<u8>>, Refusal> {
    let waited_ms = now().mono.saturating_sub(asked);
    let views = local.store.read()?;
    if !last && !has_news(&views, from)? {
        return Ok(None);
    }
    let mut changes = changes_since(&views, from).map_err(|error| match error {
        ChangesError::Store(error) => Refusal::from(error),
        ChangesError::TooLong => Refusal::internal(error),
    })?;
    changes.waited_ms = waited_ms;
    changes.age_ms = local.follower.as_ref().map_or(0, |follower| {
        let as_of = follower.standing.borrow().as_of;
        now().mono.saturating_sub(as_of.unwrap_or(0))
    });
    Ok(Some(changes.encode()))
}

/// The registry, and how the following of another hub's stands.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RegistryAnswer {
    #[serde(flatten)]
    registry: Registry,
    /// How the following stands; null where the registry is this hub's own.
    follow: Option<Follow>,
}

/// `GET /v1/registry`
pub(super) async fn registry(Shared(local): Shared<Arc<Local>>) -> Result<Json<RegistryAnswer>, Refusal> {
    let follow = local.follower.as_ref().map(|follower| follower.told(now().mono));
    let numbers = on_a_reader(move || Ok(local.store.read()?.numbers()?)).await?;
    let registry = Registry {
        life: numbers.life.number(),
        revision: numbers.revision,
    };
    Ok(Json(RegistryAnswer { registry, follow }))
}

/// Lets happen what the brake holds, and waits for what comes of it.
pub(super) async fn release(Shared(local): Shared<Arc<Local>>) -> Result<Json<Follow>, Refusal> {
    let Some(follower) = &local.follower else {
        return Err(OperationError::NotFollowing.into());
    };
    let mut standing = follower.standing.clone();
    let held = match &standing.borrow_and_update().state {
        State::Held(held) => held.clone(),
        _ => return Err(OperationError::NothingHeld.into()),
    };
    follower.release(held.registry);
    let longest = Duration::from_millis(RELEASE_MS_MAX);
    let changed = standing.wait_for(|standing| standing.state != State::Held(held.clone()));
    // Whatever has come of it by then is told.
    let _ = tokio::time::timeout(longest, changed).await;
    Ok(Json(follower.told(now().mono)))
}

/// Refuses what only the hub may do that has the registry, and tells whose it is, and how that stands.
pub(super) fn only_own(local: &Local) -> Result<(), Refusal> {
    let Some(follower) = &local.follower else {
        return Ok(());
    };
    let refusal = Refusal::from(OperationError::Follows(follower.leader.clone()));
    let told = serde_json::to_value(follower.told(now().mono));
    Err(refusal.with("follow", told.unwrap_or_default()))
}

/// Refuses to set an element at a hub that neither has the registry nor writes it.
pub(super) fn can_set(local: &Local) -> Result<(), Refusal> {
    match &local.registrar {
        Some(_) => Ok(()),
        None => only_own(local),
    }
}

/// Refuses what only the hub may do that has the registry: not one that follows another.
pub(crate) fn own_registry(leader: Option<&Leader>) -> Result<(), OperationError> {
    leader.map_or(Ok(()), |leader| Err(OperationError::Follows(leader.clone())))
}
