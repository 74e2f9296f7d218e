//! Room for connections: who must go when there is not enough of it.
//!
//! A connection *waits* while no whole request has come from it, and *works* until its answer has been sent. Where all
//! places are taken, the one that has waited longest gives its place to whoever comes. Answers that nobody reads take
//! memory: where all of them take too much, the longest one goes, with its connection.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Connections at once: several times the programs on a device, and each costs a few kilobytes while it waits.
pub(super) const CONNECTIONS_MAX: usize = 128;

/// Bytes of answers that are being sent, of all connections together, beyond which the longest is given up: one whole
/// page of the longest models fits, and a device keeps its memory.
pub(super) const UNSENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long somebody waits for a place where all of them work for answers that are not there yet.
const PLACE_MS_MAX: u64 = 2_000;

/// How long a connection keeps its place at least: somebody who comes in a crowd is heard before it has to go.
const GRACE_MS: u64 = 200;
/// How soon to look again whether one of them has had its time.
const LOOK_AGAIN_MS: u64 = 20;

/// All places.
#[derive(Debug, Clone, Default)]
pub(super) struct Seats(Arc<All>);

#[derive(Debug, Default)]
struct All {
    taken: Mutex<Taken>,
    /// Wakes whoever waits for a place, when there may be one.
    may_be_had: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    seats: BTreeMap<u64, Arc<Seat>>,
    /// The number of the next place, or of the next to wait.
    next: u64,
}

/// One connection, as others see it.
#[derive(Debug, Default)]
struct Seat {
    waits: Mutex<Option<Waiting>>,
    unsent_bytes: AtomicUsize,
    leave: Notify,
}

/// Since when a connection waits: in the order of all, and by the clock.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    order: u64,
    since: Instant,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub(super) struct Taking {
    seats: Seats,
    number: u64,
    seat: Arc<Seat>,
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub(super) struct Working(Arc<Taking>);

impl Seats {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place, and waits a while for one; nothing when there is none by then.
    pub(super) async fn place(&self) -> Option<Arc<Taking>> {
        let mut too_late = pin!(tokio::time::sleep(Duration::from_millis(PLACE_MS_MAX)));
        loop {
            // What happens from here on is not missed.
            let may_be_had = self.0.may_be_had.notified();
            if let Some(taking) = self.take(Duration::from_millis(GRACE_MS)) {
                return Some(taking);
            }
            tokio::select! {
                () = may_be_had => {}
                () = tokio::time::sleep(Duration::from_millis(LOOK_AGAIN_MS)) => {}
                () = &mut too_late => return None,
            }
        }
    }

    /// Takes a place, perhaps from the connection that has waited longest, if longer than `grace`, or else from the one that has most of its answer
    /// to read; nothing when all of them work for answers that are not there yet.
    fn take(&self, grace: Duration) -> Option<Arc<Taking>> {
        let mut taken = self.taken();
        if taken.seats.len() >= CONNECTIONS_MAX {
            let waiting = taken
                .seats
                .iter()
                .filter_map(|(number, seat)| Some((*number, seat.waiting()?)));
            let longest = waiting.min_by_key(|(_, waiting)| waiting.order);
            let longest = longest.map(|(number, waiting)| (number, waiting.since.elapsed() >= grace));
            let longest = match longest {
                Some((number, true)) => number,
                Some((_, false)) => return None,
                None => taken.longest_unsent(0)?,
            };
            taken.send_away(longest);
        }
        let number = taken.number();
        let seat = Arc::new(Seat {
            waits: Mutex::new(Some(Waiting::now(number))),
            ..Seat::default()
        });
        taken.seats.insert(number, Arc::clone(&seat));
        Some(Arc::new(Taking {
            seats: self.clone(),
            number,
            seat,
        }))
    }
}

impl Waiting {
    fn now(order: u64) -> Self {
        Self {
            order,
            since: Instant::now(),
        }
    }
}

impl Seat {
    fn waiting(&self) -> Option<Waiting> {
        *self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_waiting(&self, waiting: Option<Waiting>) {
        *self.waits.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }
}

impl Taken {
    /// Numbers from 1.
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Who has most of its answer to read, but for one.
    fn longest_unsent(&self, but: u64) -> Option<u64> {
        let unsent = self.seats.iter().filter(|(number, _)| **number != but);
        let unsent = unsent.map(|(number, seat)| (seat.unsent_bytes.load(Ordering::Acquire), *number));
        unsent.filter(|(bytes, _)| *bytes > 0).max().map(|(_, number)| number)
    }

    fn send_away(&mut self, number: u64) {
        if let Some(seat) = self.seats.remove(&number) {
            seat.leave.notify_one();
        }
    }
}

impl Taking {
    /// Waits until the place is wanted by somebody else.
    pub(super) async fn wanted(&self) {
        self.seat.leave.notified().await;
    }

    /// A whole request is here.
    pub(super) fn works(self: &Arc<Self>) -> Working {
        self.seat.set_waiting(None);
        Working(Arc::clone(self))
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.seats.taken().seats.remove(&self.number);
        self.seats.0.may_be_had.notify_one();
    }
}

impl Working {
    /// Its answer has so many bytes, which nobody has read yet. Where all answers have too many, the longest of the
    /// others goes.
    pub(super) fn holds(&self, bytes: usize) {
        self.0.seat.unsent_bytes.store(bytes, Ordering::Release);
        self.0.seats.0.may_be_had.notify_one();
        let mut taken = self.0.seats.taken();
        loop {
            let unsent = taken
                .seats
                .values()
                .map(|seat| seat.unsent_bytes.load(Ordering::Acquire));
            let all = unsent.sum::<usize>();
            match taken.longest_unsent(self.0.number) {
                Some(number) if all > UNSENT_BYTES_MAX => taken.send_away(number),
                _ => return,
            }
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let order = self.0.seats.taken().number();
        self.0.seat.unsent_bytes.store(0, Ordering::Release);
        self.0.seat.set_waiting(Some(Waiting::now(order)));
        self.0.seats.0.may_be_had.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn must_leave(taking: &Taking) -> bool {
        tokio::time::timeout(Duration::ZERO, taking.wanted()).await.is_ok()
    }

    #[tokio::test]
    async fn whoever_has_waited_longest_gives_its_place_and_whoever_works_keeps_it() {
        let seats = Seats::default();
        let all: Vec<_> = (0..CONNECTIONS_MAX)
            .map(|_| seats.take(Duration::ZERO).unwrap())
            .collect();
        let first = all[0].works();
        // It has waited, worked and waits again: others have waited longer.
        drop(all[1].works());
        let late = seats.take(Duration::ZERO).unwrap();
        assert!(!must_leave(&all[0]).await && !must_leave(&all[1]).await);
        assert!(must_leave(&all[2]).await);
        let working: Vec<_> = all.iter().chain([&late]).skip(1).map(Taking::works).collect();
        assert!(!must_leave(&late).await);
        assert!(seats.take(Duration::ZERO).is_none());
        working[5].holds(1);
        let instead = seats.take(Duration::ZERO).unwrap();
        assert!(must_leave(&working[5].0).await);
        drop((instead, first));
        // One place is free, and then who has just begun to wait goes.
        let _last = [(); 2].map(|()| seats.take(Duration::ZERO).unwrap().works());
        assert!(must_leave(&all[0]).await);
        drop(working);
    }

    #[tokio::test]
    async fn whoever_finds_no_place_waits_until_there_is_one() {
        let seats = Seats::default();
        let all: Vec<_> = (0..CONNECTIONS_MAX)
            .map(|_| seats.take(Duration::ZERO).unwrap())
            .collect();
        let mut working: Vec<_> = all.iter().map(Taking::works).collect();
        assert!(seats.take(Duration::ZERO).is_none());
        let place = seats.place();
        let ended = async { drop(working.pop()) };
        let (place, ()) = tokio::join!(place, ended);
        assert!(place.is_some());
    }

    #[tokio::test]
    async fn the_longest_answer_that_nobody_reads_goes_when_others_need_the_room() {
        let seats = Seats::default();
        let [a, b, c] = [(); 3].map(|()| seats.take(Duration::ZERO).unwrap());
        let (one, two, three) = (a.works(), b.works(), c.works());
        one.holds(UNSENT_BYTES_MAX / 4);
        two.holds(UNSENT_BYTES_MAX / 2);
        three.holds(UNSENT_BYTES_MAX / 4);
        assert!(!must_leave(&a).await && !must_leave(&b).await);
        drop(one);
        let again = a.works();
        again.holds(UNSENT_BYTES_MAX / 4 + 1);
        assert!(must_leave(&b).await);
        assert!(!must_leave(&a).await && !must_leave(&c).await);
        // Alone it may be as long as it likes.
        drop((two, three));
        again.holds(2 * UNSENT_BYTES_MAX);
        assert!(!must_leave(&a).await);
    }
}
