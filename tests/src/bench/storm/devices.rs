//! Agents as guests of a worker: the shipped replica, store, link and timing, many to a process.

use super::board::Board;
use super::worker::Arguments;
use headland_agent::device::{Device, Observer};
use headland_host::exit::Failure;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Agents of one worker that copy everything at the same time: the start is no storm.
const STARTING_MAX: usize = 2;
/// How often to look whether another may start.
const LOOK: Duration = Duration::from_millis(10);

/// Starts the agents one after another and watches them. Ends only with a failure.
pub(super) async fn host(arguments: &Arguments, board: &Arc<Board>) -> Failure {
    let mut watches = JoinSet::new();
    for guest in 0..arguments.count {
        while guest - board.tally(1).reached.min(guest) >= STARTING_MAX {
            tokio::time::sleep(LOOK).await;
        }
        let started = start(&arguments.stores, arguments.first + guest, arguments.port);
        let device = match started {
            Ok(device) => device,
            Err(failure) => return failure,
        };
        board.observe(device.observer());
        watches.spawn(watch(device, guest, Arc::clone(board)));
    }
    match watches.join_next().await {
        Some(Ok(failure)) => failure,
        Some(Err(error)) => Failure::failed(error),
        None => std::future::pending().await,
    }
}

fn start(directory: &Path, number: usize, port: u16) -> Result<Device, Failure> {
    let name = format!("agent-{number:05}");
    let at = directory.display();
    // All else is as shipped.
    let config = format!("name = \"{name}\"\nhubs = [\"mqtt://127.0.0.1:{port}\"]\nstore = \"{at}/{name}.redb\"\n");
    let file = directory.join(format!("{name}.toml"));
    std::fs::write(&file, config).map_err(|error| Failure::failed(format!("writing {}: {error}", file.display())))?;
    Device::start(&file)
}

async fn watch(mut device: Device, guest: usize, board: Arc<Board>) -> Failure {
    let mut observer = device.observer();
    let mut changes = 0;
    while observer.happened().await {
        let standing = observer.standing();
        board.stands(guest, standing.linked, standing.settled);
        if standing.changes != changes {
            changes = standing.changes;
            note(&observer, guest, &board);
        }
    }
    device.failed().await
}

fn note(observer: &Observer, guest: usize, board: &Board) {
    // A store that cannot be read just now is read after the next change.
    if let Ok(head) = observer.head() {
        let link = observer.standing().link;
        board.reaches(guest, head.0, link.frames_in, link.bytes_in);
    }
}
