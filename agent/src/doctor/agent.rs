//! The agent itself: whether it runs, and what it says of itself.

use super::finding::Finding;
use super::machine;
use crate::answer::{PhaseName, Status};
use crate::settings::Settings;
use crate::store::OWN_WRITES_MAX;
use axum::http::{Method, StatusCode};
use headland_host::control::{self, ControlError};
use headland_host::text::words::duration;
use std::path::Path;

/// How long the agent may take for each answer: nothing that is asked for here waits for a hub.
const ANSWER_MS_MAX: u64 = 10_000;
/// How long the session may stand at one step before that is worth a word.
const STEP_MS_MAX: u64 = 30_000;
/// Of the room for own writes, how many percent may be taken before that is worth a word.
const OWN_PERCENT_MAX: u64 = 80;

/// What became of asking the agent.
#[derive(Debug)]
pub(super) enum Agent {
    /// It runs and says how it is; with the reason why it cannot read its store, if it cannot.
    Runs(Box<Status>, Option<String>),
    /// Nobody listens on its socket.
    Absent,
    /// Somebody does, and does not answer as an agent would.
    Silent(String),
}

/// Asks the agent, if it runs.
pub(super) fn look(settings: &Settings) -> Agent {
    match ask(&settings.socket) {
        Ok(agent) => agent,
        Err(ControlError::NobodyListens { .. }) => Agent::Absent,
        Err(error) => Agent::Silent(error.to_string()),
    }
}

fn ask(socket: &Path) -> Result<Agent, ControlError> {
    let get = |target| control::request_blocking(socket, Method::GET, target, None, ANSWER_MS_MAX);
    let (health, why) = get("/healthz")?;
    let detail = |answer: &serde_json::Value| {
        answer["detail"]
            .as_str()
            .map_or_else(|| answer.to_string(), str::to_owned)
    };
    let ill = (health != StatusCode::OK).then(|| detail(&why));
    let (status, answer) = get("/v1/status")?;
    if status != StatusCode::OK {
        return Ok(Agent::Silent(format!(
            "the agent answered {status}: {}",
            detail(&answer)
        )));
    }
    Ok(match serde_json::from_value(answer) {
        Ok(status) => Agent::Runs(Box::new(status), ill),
        Err(error) => Agent::Silent(format!("the agent's answer is not understood ({error})")),
    })
}

impl Agent {
    pub(super) fn runs(&self) -> bool {
        matches!(self, Self::Runs(..))
    }

    /// What is known of the agent and its store.
    pub(super) fn findings(&self, settings: &Settings) -> Vec<Finding> {
        let mut findings = match self {
            Self::Runs(status, ill) => vec![version(status), store(status, ill.as_deref())],
            Self::Absent => {
                let start = "start it by `systemctl start headland-agent`, or `headland-agent run`; the commands read its store meanwhile";
                let absent = Finding::warning("agent", "it does not run", start);
                std::iter::once(absent).chain(machine::store(settings)).collect()
            }
            Self::Silent(why) => vec![
                Finding::failed(
                    "agent",
                    why,
                    "run this as a user of the socket's group, and look at the agent's log",
                ),
                Finding::skipped("store", "the agent has it and does not answer"),
            ],
        };
        findings.extend(machine::space(&settings.store));
        findings
    }

    /// How the session with the hub stands; nothing where no agent runs.
    pub(super) fn session(&self) -> Option<Finding> {
        match self {
            Self::Runs(status, _) => Some(session(status)),
            Self::Absent | Self::Silent(_) => None,
        }
    }
}

fn version(status: &Status) -> Finding {
    let uptime = status
        .uptime_ms
        .map_or_else(String::new, |ms| format!(" for {}", duration(ms)));
    let found = format!("runs{uptime}, version {}", status.version);
    match status.version == env!("CARGO_PKG_VERSION") {
        true => Finding::ok("agent", found),
        false => Finding::warning(
            "agent",
            format!("{found}; this command is {}", env!("CARGO_PKG_VERSION")),
            "restart the agent, so that the installed version runs",
        ),
    }
}

fn store(status: &Status, ill: Option<&str>) -> Finding {
    if let Some(why) = ill {
        return Finding::failed("store", why, "look at the agent's log, and restart it");
    }
    let found = machine::holds(status.models, status.pending_writes);
    if status.pending_writes.saturating_mul(100) >= OWN_WRITES_MAX.saturating_mul(OWN_PERCENT_MAX) {
        let remedy = "get the device in step with its hub: beyond that, notes and counts are refused";
        return Finding::warning("store", format!("{found}, of at most {OWN_WRITES_MAX}"), remedy);
    }
    Finding::ok("store", found)
}

fn session(status: &Status) -> Finding {
    let check = "session";
    if status.fenced {
        return Finding::failed(
            check,
            "two stores speak under this name, and the hub takes no writes from either",
            "give one of the devices another name and a new store, then say `headland-hub unfence` at the hub",
        );
    }
    let hub = status.hub.as_ref().map_or("its hub", |hub| hub.broker.as_str());
    let lasting = status.phase_for_ms.unwrap_or(0);
    let long = lasting > STEP_MS_MAX;
    let step = duration(lasting);
    match status.freshness.phase {
        PhaseName::Live => live(status, hub),
        PhaseName::CatchingUp if !long => Finding::ok(check, format!("catching up with {hub}")),
        PhaseName::CatchingUp => Finding::warning(
            check,
            format!("catching up with {hub} for {step}{}", trouble(status)),
            "give it time if the link is slow; otherwise look at the agent's log",
        ),
        PhaseName::Greeting if !long => {
            Finding::ok(check, format!("connected to {hub} {step} ago, which is to answer"))
        }
        PhaseName::Greeting => Finding::failed(
            check,
            format!("connected to {hub}, and no answer for {step}"),
            "see that the hub runs, serves the region that `hubs` names, and is linked to the same broker",
        ),
        PhaseName::Offline => {
            let why = status.lost.as_ref().map_or_else(
                || "no link yet".to_owned(),
                |lost| {
                    format!(
                        "{}: {}; next attempt in {}",
                        lost.broker,
                        lost.reason,
                        duration(lost.retry_in_ms)
                    )
                },
            );
            Finding::failed(
                check,
                why,
                "mend what the checks of the brokers say; the agent answers from its store meanwhile",
            )
        }
    }
}

fn live(status: &Status, hub: &str) -> Finding {
    let check = "session";
    if let Some(trouble) = &status.trouble {
        return Finding::warning(
            check,
            format!("held up in following {hub}: {trouble}"),
            "do as it says; the agent tries again by itself",
        );
    }
    if status.proof.is_some_and(|proof| !proof.equal) {
        let found = format!("{hub} held something else when it last compared");
        return Finding::warning(
            check,
            found,
            "nothing yet: the agent compares and mends by itself; if it stays, look at its log",
        );
    }
    let age = status
        .freshness
        .age_ms
        .map_or_else(String::new, |ms| format!(", as of {} ago", duration(ms)));
    Finding::ok(check, format!("in step with {hub}{age}"))
}

fn trouble(status: &Status) -> String {
    status
        .trouble
        .as_ref()
        .map_or_else(String::new, |trouble| format!(": {trouble}"))
}
