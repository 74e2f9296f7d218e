//! A worker: a process that hosts many agents, or many plain MQTT clients, and tells how far each of them is.
//!
//! Thousands of processes would be too many for a small machine; the agents are the shipped ones all the same, each
//! with a store, a thread, a connection and a name of its own.

use super::board::Board;
use super::{devices, plain};
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use clap::{Parser, ValueEnum};
use headland_host::control::{ControlSocket, SocketAccess};
use headland_host::exit::Failure;
use headland_host::log;
use serde::Deserialize;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The role under which this binary is a worker.
pub(crate) const ROLE: &str = "storm-worker";

/// What a worker hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Guests {
    /// Agents.
    Devices,
    /// MQTT clients that only receive.
    Plain,
}

/// What a worker is told.
#[derive(Debug, Clone, Parser)]
pub(super) struct Arguments {
    /// Beside this path lies the worker's socket.
    #[arg(long)]
    pub(super) config: PathBuf,
    #[arg(long)]
    pub(super) guests: Guests,
    /// The first guest's number.
    #[arg(long)]
    pub(super) first: usize,
    /// How many guests.
    #[arg(long)]
    pub(super) count: usize,
    /// The port on loopback that they connect to.
    #[arg(long)]
    pub(super) port: u16,
    /// Where the guests' files lie.
    #[arg(long)]
    pub(super) stores: PathBuf,
}

/// Runs a worker until it is ended from outside.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return Failure::bad_input(error).report(ROLE),
    };
    match work(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(ROLE),
    }
}

fn work(arguments: Arguments) -> Result<(), Failure> {
    log::init("error")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("starting the worker's runtime: {error}")))?;
    runtime.block_on(host(arguments))
}

async fn host(arguments: Arguments) -> Result<(), Failure> {
    let board = Arc::new(Board::of(arguments.count));
    let socket = ControlSocket::bind(&arguments.config.with_extension("sock"), &SocketAccess::default()).await?;
    let router = Router::new()
        .route("/v1/standing", get(standing))
        .route("/v1/events", get(events))
        .route("/v1/proof", get(proof))
        .with_state(Arc::clone(&board));
    let serving = socket.serve(router, std::future::pending());
    let hosting = async {
        match arguments.guests {
            Guests::Devices => devices::host(&arguments, &board).await,
            Guests::Plain => plain::host(&arguments, &board).await,
        }
    };
    tokio::select! {
        () = serving => Ok(()),
        failure = hosting => Err(failure),
    }
}

#[derive(Debug, Deserialize)]
struct Reached {
    mark: u64,
}

async fn standing(State(board): State<Arc<Board>>, Query(reached): Query<Reached>) -> axum::Json<Value> {
    let tally = board.tally(reached.mark);
    axum::Json(json!({
        "linked": tally.linked, "settled": tally.settled, "reached": tally.reached,
    }))
}

async fn events(State(board): State<Arc<Board>>) -> axum::Json<Value> {
    axum::Json(json!({ "events": board.take_events() }))
}

async fn proof(State(board): State<Arc<Board>>) -> axum::Json<Value> {
    axum::Json(json!({ "digests": board.digests() }))
}
