//! One attempt to set an element in the database.

use super::remembered::{Asked, Pending};
use super::settling::settle;
use super::{BARRIER_MS_MAX, COMMIT_MS_MAX, Landed, Outcome, Registrar, RequestId, SHOW_MS_MAX, SetError, Stage};
use super::{CHANGE_MS_MAX, UNKNOWN_MS_MAX, followed, ms};
use crate::bridging::PREFIX_REQUEST;
use crate::following::{Absent, WantedFor};
use crate::postgres::{Found, PgError, Response, Swap, is_certain};
use crate::registry::bridge::{Cell, Source};
use crate::registry::{Assertion, Put, Word};
use headland_shared::query::Elements;
use headland_shared::resolve::AliasTarget;
use tokio::time::timeout;

/// What a cell holds when the element says this. A cell names one version.
pub(super) fn value_of(assertion: &Assertion) -> Result<String, SetError> {
    match assertion {
        Assertion::Current(version) | Assertion::Alias(_, AliasTarget::Version(version)) => {
            Ok(version.as_str().to_owned())
        }
        Assertion::Alias(..) => Err(SetError::List),
        Assertion::Approval(.., outcome) => Ok(outcome.clone()),
    }
}

/// An attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) registrar: Registrar,
    pub(super) put: Put,
    pub(super) cell: Cell,
    pub(super) value: String,
    pub(super) request: RequestId,
}

/// How a commit ended.
enum Committing {
    Done,
    Refused(PgError),
    /// The server was asked to commit, and what it answered is not known.
    Lost(String),
}

impl Attempt {
    /// Makes it, and notes what became of it.
    pub(super) async fn run(self) -> Result<Outcome, SetError> {
        let result = self.make().await;
        match &result {
            Ok(Outcome::Shown { .. } | Outcome::Committed) | Err(SetError::Unknown { .. }) => {}
            Err(error) => {
                let reason = error.to_string();
                self.registrar.ledger.note(&self.request, Stage::NotDone { reason });
            }
        }
        result
    }

    async fn make(&self) -> Result<Outcome, SetError> {
        let begun = Swap::begin(&self.registrar.server, &self.cell).await;
        let (mut swap, source) = begun.map_err(|error| self.failed(error))?;
        let changed = timeout(ms(CHANGE_MS_MAX), self.change(&mut swap, source)).await;
        match changed.unwrap_or_else(|_| Err(self.failed(PgError::Silent(CHANGE_MS_MAX / 1_000)))) {
            Ok(Change::None(word)) => {
                swap.give_up().await;
                let (position, seq) = (word.position, None);
                let landed = Stage::Landed(Landed { position, seq });
                self.registrar.ledger.conclude(&self.request, landed);
                Ok(Outcome::Shown { word, seq })
            }
            Ok(Change::Made(asked)) => self.commit(swap, asked).await,
            Err(error) => {
                swap.give_up().await;
                Err(error)
            }
        }
    }

    /// Changes the cell within the transaction, if it is what was seen.
    async fn change(&self, swap: &mut Swap<'_>, source: Source) -> Result<Change, SetError> {
        if followed(&self.registrar.store) != Some(source) {
            let reason = "the server that answers has another history than the one that is followed".to_owned();
            return Err(SetError::Unreachable(self.registrar.presence.absent(reason)));
        }
        let found = swap.lock().await.map_err(|error| self.failed(error))?;
        // Nobody changes the row now, and all that was committed before is here after this.
        self.have_present().await?;
        let elements = self.elements()?;
        let word = self.put.possible_with(elements.as_ref())?;
        if let Some(word) = &word {
            self.is_what_was_found(word, &found)?;
        }
        let wanted = self.put.assertion.value();
        if let Some(word) = word.filter(|word| word.value == wanted) {
            return Ok(Change::None(word));
        }
        let set = swap.set(&found, &self.value).await;
        if !set.map_err(|error| self.failed(error))? {
            // A row that somebody added after the look.
            return Err(self.stale().await);
        }
        let said = swap.say(PREFIX_REQUEST, self.request.as_str()).await;
        let transaction = said.map_err(|error| self.failed(error))?;
        let asked = Asked { source, transaction };
        // So that it can be asked what became of it, whatever dies meanwhile.
        self.registrar.ledger.remember(&self.request, &self.put, asked).await?;
        Ok(Change::Made(asked))
    }

    async fn have_present(&self) -> Result<(), SetError> {
        let Registrar { presence, waits, .. } = &self.registrar;
        let present = waits.counted(WantedFor::Put, presence.wait(ms(BARRIER_MS_MAX)));
        present.await.map_err(SetError::Unreachable)
    }

    fn elements(&self) -> Result<Option<Elements>, SetError> {
        self.registrar.elements(&self.put.record)
    }

    /// The row says what is shown. It does not where another row counts more.
    fn is_what_was_found(&self, word: &Word, found: &Found) -> Result<(), SetError> {
        let shown = word.value.as_text().map(ToOwned::to_owned);
        match found {
            Found::Text(text) if shown.as_ref() == Some(text) => Ok(()),
            _ => Err(SetError::Differs {
                found: match found {
                    Found::NoRow => "nothing, for there is none".to_owned(),
                    Found::Null => "nothing".to_owned(),
                    Found::Text(text) => format!("{text:?}"),
                },
                shown: shown.map_or_else(|| "something else".to_owned(), |text| format!("{text:?}")),
            }),
        }
    }

    /// The condition is not met by what somebody did meanwhile.
    async fn stale(&self) -> SetError {
        if let Err(error) = self.have_present().await {
            return error;
        }
        match self
            .elements()
            .map(|elements| self.put.possible_with(elements.as_ref()))
        {
            Ok(Err(error)) => error.into(),
            Ok(Ok(_)) => SetError::Busy,
            Err(error) => error,
        }
    }

    async fn commit(&self, swap: Swap<'_>, asked: Asked) -> Result<Outcome, SetError> {
        let committed = match timeout(ms(COMMIT_MS_MAX), swap.commit()).await {
            Ok(Ok(())) => Committing::Done,
            Ok(Err(error)) if is_certain(&error) => Committing::Refused(error),
            Ok(Err(error)) => Committing::Lost(format!("the answer to the commit was lost: {error}")),
            Err(_) => Committing::Lost(format!(
                "the database has not answered the commit within {} s",
                COMMIT_MS_MAX / 1_000
            )),
        };
        match committed {
            Committing::Done => {
                self.note(Stage::Committed);
                self.shown(SHOW_MS_MAX).await
            }
            Committing::Refused(error) => {
                let error = self.failed(error);
                let reason = error.to_string();
                self.registrar.ledger.conclude(&self.request, Stage::NotDone { reason });
                Err(error)
            }
            Committing::Lost(reason) => {
                self.note(Stage::Unknown { reason: reason.clone() });
                let pending = Pending {
                    request: self.request.clone(),
                    put: Some(self.put.clone()),
                    asked,
                    reason,
                };
                settle(self.registrar.clone(), pending);
                self.shown(UNKNOWN_MS_MAX).await
            }
        }
    }

    /// Waits until the stream has brought it, or it is known that it never will.
    async fn shown(&self, patience_ms: u64) -> Result<Outcome, SetError> {
        let known = |stage: &Stage| stage.is_final();
        let waited = timeout(ms(patience_ms), self.registrar.ledger.until(&self.request, known)).await;
        let stage = match waited {
            Ok(stage) => stage,
            Err(_) => self
                .registrar
                .ledger
                .request(&self.request)
                .map(|request| request.stage),
        };
        match stage {
            Some(Stage::Landed(landed)) => self.word_after(landed),
            Some(Stage::NotDone { reason }) => Err(SetError::NotDone { reason }),
            Some(Stage::Unknown { reason }) => Err(SetError::Unknown {
                request: self.request.clone(),
                reason,
            }),
            Some(Stage::Committed | Stage::Running | Stage::Superseded) | None => Ok(Outcome::Committed),
        }
    }

    /// What the registry says after it: what was put, unless the database has made something else of it.
    fn word_after(&self, landed: Landed) -> Result<Outcome, SetError> {
        let Landed { position, seq } = landed;
        let present = self
            .elements()?
            .and_then(|elements| self.put.assertion.element().word(&elements));
        let word = match present {
            // Somebody has said something else since: that is not the answer to this.
            Some(present) if present.position <= position => present,
            _ => Word {
                value: self.put.assertion.value(),
                position,
            },
        };
        Ok(Outcome::Shown { word, seq })
    }

    fn note(&self, stage: Stage) {
        self.registrar.ledger.note(&self.request, stage);
    }

    /// An error before anything was committed.
    fn failed(&self, error: PgError) -> SetError {
        let locked = |code: &str| ["55P03", "40P01", "40001", "57014"].contains(&code);
        match &error {
            PgError::Server { code, .. } if locked(code) => SetError::Locked(error),
            PgError::Server { .. } if error.response() != Response::Retry => SetError::Refused(error),
            _ => {
                let Absent { age_ms, .. } = self.registrar.presence.absent(String::new());
                let reason = error.to_string();
                SetError::Unreachable(Absent { reason, age_ms })
            }
        }
    }
}

/// What was done in the transaction.
enum Change {
    /// Nothing: the registry says it already.
    None(Word),
    /// It is set, if this transaction is committed.
    Made(Asked),
}
