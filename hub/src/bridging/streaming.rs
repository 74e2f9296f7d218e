//! Following commit by commit.

mod knowing;

use super::assembler::{Assembler, Transaction};
use super::barrier::{Barriers, Nonce, Said};
use super::ending::Ending;
use super::silence::{Silence, lost_answer};
use super::task::Bridge;
use super::watcher::{Seen, watch};
use super::{Answered, Told};
use crate::following::State;
use crate::opening::now;
use crate::postgres::{Connection, Process, Purpose, Streamed, Streaming};
use crate::registry::Removals;
use crate::registry::bridge::{BridgeError, Extent, Lsn, RowsHeard, Source, Spool};
use crate::store::Bridged;
use headland_shared::epoch::{Position, Seq};
use headland_shared::session::Ms;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::Receiver;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often the server hears that somebody is here, and what is durable, in milliseconds.
pub(super) const STATUS_MS: u64 = 1_000;
/// How often a position is stored that brought nothing, in milliseconds: each time costs the disk a write, and until
/// then the server keeps the log.
const POSITION_MS: u64 = 10_000;
/// How long the first look at the database may take, in milliseconds.
const LOOK_MS_MAX: u64 = 5_000;
/// How far such a position may be ahead before it is stored sooner, in bytes.
const POSITION_BYTES: u64 = 4 * 1024 * 1024;

/// Messages that are taken in at a time while a commit waits to be stored: what is here already is stored with it, with
/// one wait for the disk. A commit has at least three; with more of them, they would take longer than that wait.
const TOGETHER_MESSAGES_MAX: usize = 1_024;

/// Waits until the standbys have what was committed before: a commit of its own, which says nothing and touches nothing.
const BARRIER: &str = "SELECT pg_logical_emit_message(true, 'headland-barrier', '')";

/// What happens next.
enum Step {
    Streamed(Streamed),
    Tick,
    Seen,
    Confirmed,
}

/// One stream and how far it is.
struct Flow {
    streaming: Streaming,
    assembler: Assembler,
    /// Commits that are whole, and not taken over yet.
    waiting: Vec<RowsHeard>,
    /// What hubs said in commits that are whole, by the end of the commit.
    said: Vec<(Lsn, Said)>,
    /// What commits of these became here.
    seqs: BTreeMap<Lsn, Seq>,
    /// Up to here the server has said that it has sent everything.
    all_sent_to: Option<Lsn>,
    at: Bridged,
    /// Up to here everything that was said is applied, though the position may not be stored.
    received: Lsn,
    stored_at: Ms,
    /// The commit that the server must say again, since it does not know yet that it is held.
    owed: Option<(u64, u32)>,
    ticks: Interval,
    silence: Silence,
    seen: Receiver<Option<Seen>>,
    /// Where the standbys are waited for, once that was needed.
    standbys: Option<(Connection, Process)>,
    /// Asks for the present when somebody wants it.
    barriers: Barriers,
    /// The latest barrier that came, by when it was asked for, while it is not known to be confirmed.
    came: Option<Ms>,
}

impl Flow {
    /// What has come already; nothing where one would have to wait.
    async fn at_hand(&mut self) -> Result<Option<Streamed>, Ending> {
        // It is given up halfway, and nothing is lost.
        tokio::select! {
            biased;
            streamed = self.streaming.next() => Ok(Some(streamed?)),
            () = std::future::ready(()) => Ok(None),
        }
    }

    /// Puts a transaction by, unless it is held already.
    fn put_by(&mut self, transaction: Transaction) -> Result<(), Ending> {
        let Transaction {
            xid,
            end,
            at_ms,
            rows,
            said,
        } = transaction;
        if let Some((owed_end, owed_xid)) = self.owed
            && end.0 >= owed_end
        {
            if (end.0, xid) != (owed_end, owed_xid) {
                let text = "a commit that is held here is not in its log any more: it was restored from a backup";
                return Err(Ending::diverged(text));
            }
            self.owed = None;
        }
        if end <= Lsn(self.at.durable) {
            return Ok(());
        }
        let requests: Vec<String> = said
            .iter()
            .filter_map(|said| said.request().map(ToString::to_string))
            .collect();
        self.said.extend(said.into_iter().map(|said| (end, said)));
        if rows.is_empty() && requests.is_empty() {
            self.received = self.received.max(end);
            return Ok(());
        }
        let heard = self.heard(end, at_ms, Extent::Commit { xid }, rows);
        self.waiting.push(RowsHeard { requests, ..heard });
        Ok(())
    }

    fn heard(&self, end: Lsn, at_ms: u64, extent: Extent, rows: Spool) -> RowsHeard {
        let at = &self.at;
        RowsHeard {
            source: Source {
                system: at.system,
                timeline: at.timeline,
            },
            life: at.life,
            slot: at.slot.clone(),
            end,
            at_ms,
            extent,
            rows,
            requests: Vec::new(),
        }
    }

    /// It is durable here.
    fn taken_over(&mut self, heard: &RowsHeard) {
        self.at.durable = heard.end.0;
        if let Extent::Commit { xid } = heard.extent {
            self.at.witness = Some((heard.end.0, xid));
        }
        self.received = self.received.max(heard.end);
        self.stored_at = now().mono;
    }
}

impl Bridge {
    /// Follows until something ends it.
    pub(super) async fn follow(
        &mut self,
        connection: Connection,
        at: Bridged,
        confirmed: Lsn,
        silence: Silence,
    ) -> Result<(), Ending> {
        let (plan, nonce) = (&self.database.plan, Nonce::new());
        let streaming = Streaming::start(connection, &plan.slot, &plan.publication).await?;
        let mut ticks = interval(Duration::from_millis(STATUS_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut flow = Flow {
            streaming,
            assembler: Assembler::new(Arc::clone(&self.mapping), self.database.directory.clone(), nonce),
            waiting: Vec::new(),
            said: Vec::new(),
            seqs: BTreeMap::new(),
            all_sent_to: None,
            received: Lsn(at.durable),
            owed: at.witness.filter(|(end, _)| confirmed < Lsn(*end)),
            at,
            stored_at: now().mono,
            ticks,
            silence,
            seen: watch(&self.database),
            standbys: None,
            came: None,
            barriers: Barriers::start(&self.database, nonce, self.reporter.asked()),
        };
        // What comes first must know already whether commits wait for standbys.
        let looked = tokio::time::timeout(Duration::from_millis(LOOK_MS_MAX), flow.seen.wait_for(Option::is_some));
        drop(looked.await);
        let ended = self.flow(&mut flow).await;
        // What is durable is confirmed, so that as little as possible comes again.
        let _ = flow.streaming.confirm(Lsn(flow.at.durable)).await;
        flow.streaming.close().await;
        ended
    }

    async fn flow(&mut self, flow: &mut Flow) -> Result<(), Ending> {
        loop {
            // Each of these may be given up for another, and nothing is lost.
            let step = tokio::select! {
                streamed = flow.streaming.next() => Step::Streamed(streamed?),
                _ = flow.ticks.tick() => Step::Tick,
                Ok(()) = flow.seen.changed() => Step::Seen,
                Ok(()) = flow.barriers.confirmed.changed() => Step::Confirmed,
            };
            if matches!(step, Step::Streamed(_)) {
                flow.silence.is_broken();
                self.reporter.show(|standing| standing.message_at = Some(now().mono));
            }
            match step {
                Step::Streamed(streamed) => {
                    let taken = Self::take_in_all(flow, streamed).await;
                    // What is whole counts, whatever came after it.
                    self.take_over_waiting(flow).await?;
                    self.pass(flow).await?;
                    taken?;
                }
                Step::Tick => {
                    flow.silence.lasts()?;
                    flow.streaming.confirm(Lsn(flow.at.durable)).await?;
                }
                Step::Seen => {
                    is_no_standby(&flow.seen)?;
                    self.know(flow);
                }
                Step::Confirmed => self.confirmed(flow),
            }
        }
    }

    /// Takes in what came, and, as long as a commit waits to be stored, what else is here already.
    async fn take_in_all(flow: &mut Flow, streamed: Streamed) -> Result<(), Ending> {
        Self::take_in(flow, streamed)?;
        for _ in 1..TOGETHER_MESSAGES_MAX {
            if flow.waiting.is_empty() {
                break;
            }
            match flow.at_hand().await? {
                Some(streamed) => Self::take_in(flow, streamed)?,
                None => break,
            }
        }
        Ok(())
    }

    fn take_in(flow: &mut Flow, streamed: Streamed) -> Result<(), Ending> {
        match streamed {
            Streamed::Data(data) => {
                if let Some(transaction) = flow.assembler.take(&data)? {
                    flow.put_by(transaction)?;
                }
            }
            // Within a transaction it says nothing of what is whole.
            Streamed::KeepAlive { end } if !flow.assembler.is_open() => flow.all_sent_to = Some(end),
            Streamed::KeepAlive { .. } => {}
            Streamed::Done => {
                let text = "PostgreSQL ended the replication, as when it is shut down; it is tried again";
                return Err(Ending::Refused(text.to_owned()));
            }
        }
        Ok(())
    }

    /// Where the server has said that it has sent everything, and all of that is taken over, the position may be ahead of
    /// the last commit.
    async fn pass(&mut self, flow: &mut Flow) -> Result<(), Ending> {
        if let Some(end) = flow.all_sent_to.take() {
            flow.received = flow.received.max(end);
            self.store_position(flow).await?;
            self.know(flow);
        }
        Ok(())
    }

    /// Takes over the commits that wait, all with one wait for the disk.
    async fn take_over_waiting(&mut self, flow: &mut Flow) -> Result<(), Ending> {
        if flow.waiting.is_empty() {
            self.hear(flow, flow.received);
            return Ok(());
        }
        if flow.seen.borrow().as_ref().is_some_and(|seen| seen.synchronous) {
            self.until_standbys_have_it(flow).await?;
        }
        let waiting = std::mem::take(&mut flow.waiting);
        let taken = self.take_over(flow, waiting).await;
        let here = match &taken {
            Ok(()) => flow.received,
            Err(_) => Lsn(flow.at.durable),
        };
        self.hear(flow, here);
        taken?;
        // At once, so that the server can let go of its log, and whoever waits for this hub goes on.
        flow.streaming.confirm(Lsn(flow.at.durable)).await?;
        self.know(flow);
        Ok(())
    }

    /// The server sends a commit before its standbys have confirmed it, and a failover could lose it. Commits are
    /// confirmed in their order, so a later one of this hub's own that is confirmed says it of all before.
    async fn until_standbys_have_it(&mut self, flow: &mut Flow) -> Result<(), Ending> {
        let (connection, process) = match &mut flow.standbys {
            Some(kept) => kept,
            None => {
                let mut connection = Connection::open(&self.database.server, Purpose::Queries).await?;
                let process = Process::of(&mut connection).await?;
                flow.standbys.insert((connection, process))
            }
        };
        let confirmed = connection.wait_for(BARRIER);
        let lost = lost_answer(&self.database.server, *process);
        tokio::pin!(confirmed, lost);
        let mut ticks = 0;
        loop {
            tokio::select! {
                result = &mut confirmed => return Ok(result?),
                error = &mut lost => return Err(error.into()),
                _ = flow.ticks.tick() => {
                    ticks += 1;
                    is_no_standby(&flow.seen)?;
                    // The first may come at once, and standbys that are there need no word.
                    if ticks > 1 {
                        self.reporter.tell(State::Unconfirmed);
                    }
                    flow.streaming.confirm(Lsn(flow.at.durable)).await?;
                }
            }
        }
    }

    /// Stores how far everything is held, when that is worth a write.
    async fn store_position(&mut self, flow: &mut Flow) -> Result<(), Ending> {
        let ahead = flow.received.bytes_after(Lsn(flow.at.durable));
        let due = ahead >= POSITION_BYTES || now().mono.saturating_sub(flow.stored_at) >= POSITION_MS;
        if ahead == 0 || !due {
            return Ok(());
        }
        let rows = Spool::new(self.database.directory.clone());
        let position = flow.heard(flow.received, 0, Extent::Position, rows);
        self.take_over(flow, vec![position]).await
    }

    async fn take_over(&mut self, flow: &mut Flow, heard: Vec<RowsHeard>) -> Result<(), Ending> {
        let Err((heard, error)) = self.offer(flow, heard).await? else {
            return Ok(());
        };
        if heard.len() == 1 {
            return Err(error.into());
        }
        // One by one: those before the one that cannot be taken over count.
        for one in heard {
            if let Err((_, error)) = self.offer(flow, vec![one]).await? {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Has all of them applied, or none, and then gives them back.
    async fn offer(
        &mut self,
        flow: &mut Flow,
        heard: Vec<RowsHeard>,
    ) -> Result<Result<(), (Vec<RowsHeard>, BridgeError)>, Ending> {
        let removals = match heard.as_slice() {
            [one] if one.extent != Extent::Position => self.reporter.removals_at(Position {
                life: one.life,
                number: one.end.0,
            }),
            // What is released is taken over by itself.
            _ => Removals::Braked,
        };
        let mapping = Arc::clone(&self.mapping);
        let told = Box::new(Told {
            heard,
            mapping,
            removals,
        });
        let alive = (&mut flow.streaming, Lsn(flow.at.durable));
        let Answered { told, result } = self.have_applied(told, Some(alive)).await?;
        let applied = match result {
            Ok(applied) => applied,
            Err(error) => return Ok(Err((told.heard, error))),
        };
        applied.iter().for_each(|applied| self.note(applied));
        let commits = told.heard.iter().filter(|one| one.extent != Extent::Position);
        let (commits, rows) = commits.fold((0, 0), |(commits, rows), one| (commits + 1, rows + one.rows.count()));
        self.reporter.show(|standing| {
            standing.database.commits += commits;
            standing.database.rows += rows;
        });
        for (one, applied) in told.heard.iter().zip(&applied) {
            flow.taken_over(one);
            if let Some(seq) = applied.seq.filter(|_| !flow.said.is_empty()) {
                flow.seqs.insert(one.end, seq);
            }
        }
        Ok(Ok(()))
    }
}

/// A hub that is counted among the standbys would wait for itself, and all who commit for it.
fn is_no_standby(seen: &Receiver<Option<Seen>>) -> Result<(), Ending> {
    match seen.borrow().as_ref().is_some_and(|seen| seen.waited_for) {
        false => Ok(()),
        true => Err(Ending::Halt(
            "commits of the database wait for this hub as for a standby, and it for their standbys; name the standbys in \
             synchronous_standby_names, without * and without this hub"
                .to_owned(),
        )),
    }
}
