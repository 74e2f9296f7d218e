//! Runs a program of the device's owner when models have changed.
//!
//! What has changed comes from where watches have it ([`crate::answer`]). The program runs one at a time; what changes
//! meanwhile waits in the store's ring of changes and is told by the next run. What a run did not take, since it failed,
//! was ended or the agent stopped, is told again: after a start of the agent everything may have changed.

mod command;
mod pending;

use crate::answer::{Told, Watching};
use crate::driver::Live;
use crate::settings::OnChangeSettings;
use crate::store::Store;
use command::Command;
use headland_host::backoff::Backoff;
use headland_host::tables::StoreError;
use headland_shared::query::{Question, QuestionError};
use pending::Pending;
use std::time::Duration;
use tokio::sync::watch::Receiver;
use tokio::time::sleep;

/// How long a change waits for company: a commit touches many models, and each transaction is told by itself.
const GATHER_MS: u64 = 200;
/// How long after a failed run the next one is tried, at first and at most.
const AGAIN_MS_BASE: u64 = 1_000;
const AGAIN_MS_MAX: u64 = 300_000;

/// What is run, and for which models.
#[derive(Debug)]
pub(crate) struct Hook {
    command: Command,
    question: Question,
}

impl Hook {
    /// The hook that is configured, if one is.
    pub(crate) fn of(settings: &OnChangeSettings) -> Option<Self> {
        let (program, arguments) = settings.exec.split_first()?;
        Some(Self {
            command: Command::new(program, arguments, Duration::from_secs(settings.timeout_s)),
            question: Question {
                filter: Some(settings.filter.clone()),
                ..Question::default()
            },
        })
    }

    /// Runs it whenever there is something to tell, until it is dropped, which ends a run under way.
    pub(crate) async fn run(self, store: Store, mut live: Receiver<Live>) {
        let stopped = async {
            // The driver never is what is waited for here: when it is gone, so is the agent.
            let _ = live.wait_for(|_| false).await;
        };
        let telling = async {
            while let Err(error) = self.tell(store.clone()).await {
                tracing::warn!("telling the program in on_change of changes: {error}; it is tried again");
                sleep(Duration::from_millis(AGAIN_MS_MAX)).await;
            }
        };
        tokio::select! {
            () = stopped => {}
            () = telling => {}
        }
    }

    async fn tell(&self, store: Store) -> Result<(), TellError> {
        let mut watching = Watching::new(self.question.read(None)?, store.position());
        let mut changes = store.changes();
        let mut pending = Pending::everything();
        let mut again = Backoff::new(AGAIN_MS_BASE, AGAIN_MS_MAX);
        loop {
            changes.mark_unchanged();
            watching = gather(&store, watching, &mut pending).await?;
            if pending.is_empty() {
                if changes.changed().await.is_err() {
                    return Ok(());
                }
                sleep(Duration::from_millis(GATHER_MS)).await;
                continue;
            }
            if self.command.run(&pending).await {
                pending = Pending::default();
                again.reset();
            } else {
                let wait_ms = again.delay_ms(u64::MAX);
                again.lengthen();
                sleep(Duration::from_millis(wait_ms)).await;
            }
        }
    }
}

/// Why nothing is told any more.
#[derive(Debug, thiserror::Error)]
enum TellError {
    #[error(transparent)]
    Question(#[from] QuestionError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a reader of the store has ended: {0}")]
    Reader(#[from] tokio::task::JoinError),
}

/// Adds what has changed to what is to be told. The store is read on a thread that may wait for the disk.
async fn gather(store: &Store, mut watching: Watching, pending: &mut Pending) -> Result<Watching, TellError> {
    loop {
        let store = store.clone();
        let told: Told;
        (watching, told) = tokio::task::spawn_blocking(move || {
            let told = watching.next(&store)?;
            Ok::<_, StoreError>((watching, told))
        })
        .await??;
        pending.add(&told.events);
        if !told.more {
            return Ok(watching);
        }
    }
}
