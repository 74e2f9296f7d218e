//! Finding out what became of a commit whose answer is not known.

use super::remembered::{Asked, Pending};
use super::{BARRIER_MS_MAX, Landed, Registrar, RequestId, Stage, ms};
use crate::postgres::{Fate, fate};
use crate::registry::Put;
use std::time::Duration;
use tokio::time::sleep;

/// How soon the server is asked again what became of a transaction, in milliseconds: twice as long each time.
const ASK_MS_BASE: u64 = 200;
const ASK_MS_MAX: u64 = 5_000;

/// Finds out what became of a request, until that is known or can no longer be.
pub(super) fn settle(registrar: Registrar, pending: Pending) {
    tokio::spawn(async move {
        let landing = registrar.clone();
        let landed = landing
            .ledger
            .until(&pending.request, |stage| matches!(stage, Stage::Landed(_)));
        tokio::select! {
            _ = landed => {}
            () = find_out(&registrar, &pending) => {}
        }
    });
}

async fn find_out(registrar: &Registrar, pending: &Pending) {
    let Pending {
        request,
        put,
        asked,
        reason,
    } = pending;
    let fate = decided(registrar, *asked).await;
    match fate {
        Some(Fate::Committed) => {
            registrar.ledger.note(request, Stage::Committed);
            look(registrar, request, put.as_ref()).await;
        }
        Some(Fate::Aborted) => {
            let reason = format!("{reason}; the database has given it up");
            registrar.ledger.conclude(request, Stage::NotDone { reason });
        }
        Some(Fate::Open | Fate::Forgotten) => {
            let reason = format!("{reason}; the database does not know it any more");
            registrar.ledger.note(request, Stage::Unknown { reason });
        }
        None => {
            let reason = format!("{reason}; the database has another history by now");
            registrar.ledger.note(request, Stage::Unknown { reason });
        }
    }
}

/// What the server says of a transaction that has ended; nothing when it has another history by now.
async fn decided(registrar: &Registrar, asked: Asked) -> Option<Fate> {
    let mut wait_ms = ASK_MS_BASE;
    loop {
        sleep(Duration::from_millis(wait_ms)).await;
        wait_ms = (2 * wait_ms).min(ASK_MS_MAX);
        match fate(&registrar.server, asked.source, asked.transaction).await {
            Err(_) | Ok(Some(Fate::Open)) => {}
            Ok(fate) => return fate,
        }
    }
}

/// What was committed comes by the stream, and tells where it is. Where everything was read anew meanwhile it does not:
/// then what the element says, once all is here, tells whether it still stands.
async fn look(registrar: &Registrar, request: &RequestId, put: Option<&Put>) {
    while registrar.presence.wait(ms(BARRIER_MS_MAX)).await.is_err() {
        sleep(Duration::from_millis(ASK_MS_MAX)).await;
    }
    let word = put.and_then(|put| {
        let elements = registrar.elements(&put.record).ok()??;
        let word = put.assertion.element().word(&elements)?;
        (word.value == put.assertion.value()).then_some(word)
    });
    let stage = match word {
        Some(word) => Stage::Landed(Landed {
            position: word.position,
            seq: None,
        }),
        None => Stage::Superseded,
    };
    registrar.ledger.conclude(request, stage);
}
