//! What has changed lately: the keys of records that readers see otherwise than before, each under a number of its own.
//!
//! It is gathered where tables are changed, and told of when the transaction is done: whoever reads the store after
//! having seen a number sees all that happened up to it. It lives as long as the process; the store itself is the
//! state, and who comes back too late reads that.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The most changed keys that are kept for those who watch: a fifth of a large catalogue, and less than two hundred
/// kilobytes of memory with names of sixty letters. Who is further behind reads everything anew, which costs less than
/// to be told of each.
pub const CHANGED_KEYS_MAX: usize = 2_048;

/// A place in the order of changes, within one run of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    run: u64,
    number: u64,
}

impl Position {
    /// Reads what [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (run, number) = text.split_once('-')?;
        if run.len() != 16 || number.starts_with('+') {
            return None;
        }
        Some(Self {
            run: u64::from_str_radix(run, 16).ok()?,
            number: number.parse().ok()?,
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.run, self.number)
    }
}

/// What has changed since a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// The encoded keys of these records, each with the position that its change leads to.
    Keys(Vec<(Position, Vec<u8>)>),
    /// Nobody knows any more: everything may have. The position of now.
    Unknown(Position),
}

/// What a transaction changes.
#[derive(Debug, Default)]
pub(super) struct Touched {
    keys: BTreeSet<Vec<u8>>,
    all: bool,
}

impl Touched {
    /// A record that readers may see otherwise now.
    pub(super) fn record(&mut self, key: &[u8]) {
        if !self.all && !self.keys.contains(key) {
            self.keys.insert(key.to_vec());
        }
        if self.keys.len() > CHANGED_KEYS_MAX {
            self.everything();
        }
    }

    /// Readers may see any record otherwise now.
    pub(super) fn everything(&mut self) {
        self.all = true;
        self.keys.clear();
    }
}

/// The latest changes.
#[derive(Debug)]
pub(super) struct Changes {
    run: u64,
    log: Mutex<Log>,
    last: watch::Sender<u64>,
}

/// The keys of the changes after `forgotten`, in their order.
#[derive(Debug, Default)]
struct Log {
    forgotten: u64,
    keys: VecDeque<Vec<u8>>,
}

impl Log {
    fn last(&self) -> u64 {
        self.forgotten + self.keys.len() as u64
    }
}

impl Changes {
    /// No changes yet. `run` tells positions from those of other runs.
    pub(super) fn new(run: u64) -> Self {
        Self {
            run,
            log: Mutex::default(),
            last: watch::Sender::new(0),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, number: u64) -> Position {
        Position { run: self.run, number }
    }

    /// Tells of a transaction that is done.
    pub(super) fn tell(&self, touched: Touched) {
        let mut log = self.log();
        if touched.all {
            log.forgotten = log.last() + 1;
            log.keys.clear();
        }
        log.keys.extend(touched.keys);
        let excess = log.keys.len().saturating_sub(CHANGED_KEYS_MAX);
        log.keys.drain(..excess);
        log.forgotten += excess as u64;
        let last = log.last();
        drop(log);
        self.last.send_if_modified(|told| std::mem::replace(told, last) != last);
    }

    pub(super) fn position(&self) -> Position {
        self.at(self.log().last())
    }

    pub(super) fn since(&self, position: Position, count: usize) -> Since {
        let log = self.log();
        let known = position.run == self.run && (log.forgotten..=log.last()).contains(&position.number);
        if !known {
            return Since::Unknown(self.at(log.last()));
        }
        let numbered = (log.forgotten + 1..).zip(&log.keys);
        let later = numbered.skip_while(|(number, _)| *number <= position.number);
        Since::Keys(
            later
                .take(count)
                .map(|(number, key)| (self.at(number), key.clone()))
                .collect(),
        )
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(keys: &[&str]) -> Touched {
        let mut touched = Touched::default();
        keys.iter().for_each(|key| touched.record(key.as_bytes()));
        touched
    }

    fn keys(since: Since) -> Vec<String> {
        match since {
            Since::Keys(keys) => keys
                .into_iter()
                .map(|(_, key)| String::from_utf8(key).unwrap())
                .collect(),
            Since::Unknown(_) => panic!("nothing is known"),
        }
    }

    #[test]
    fn changes_come_in_order_from_any_position_that_is_kept() {
        let changes = Changes::new(7);
        let begin = changes.position();
        changes.tell(touched(&["b", "a", "b"]));
        let middle = changes.position();
        changes.tell(touched(&["c"]));
        assert_eq!(keys(changes.since(begin, 9)), ["a", "b", "c"]);
        assert_eq!(keys(changes.since(begin, 2)), ["a", "b"]);
        assert_eq!(keys(changes.since(middle, 9)), ["c"]);
        assert!(keys(changes.since(changes.position(), 9)).is_empty());
        assert_eq!(Position::parse(&middle.to_string()), Some(middle));
    }

    #[test]
    fn who_is_too_far_behind_or_of_another_run_is_told_so() {
        let changes = Changes::new(7);
        let begin = changes.position();
        for number in 0..CHANGED_KEYS_MAX {
            changes.tell(touched(&[&number.to_string()]));
        }
        assert_eq!(keys(changes.since(begin, usize::MAX)).len(), CHANGED_KEYS_MAX);
        changes.tell(touched(&["one more"]));
        assert_eq!(changes.since(begin, 9), Since::Unknown(changes.position()));
        let before = changes.position();
        let many: Vec<_> = (0..=CHANGED_KEYS_MAX).map(|number| number.to_string()).collect();
        changes.tell(touched(&many.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!(changes.since(before, 9), Since::Unknown(changes.position()));
        let other = Changes::new(8);
        assert_eq!(changes.since(other.position(), 9), Since::Unknown(changes.position()));
        let ahead = changes.at(changes.position().number + 1);
        assert_eq!(changes.since(ahead, 9), Since::Unknown(changes.position()));
        for text in [
            "",
            "7-0",
            "0000000000000007",
            "0000000000000007-+1",
            "0000000000000007-x",
        ] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }

    mod of_a_store {
        use super::*;
        use crate::store::{Store, Tables};
        use headland_host::tables::StoreError;
        use headland_shared::blob::{self, Tombstones};
        use headland_shared::element::{State, Tally};
        use headland_shared::epoch::Seq;
        use headland_shared::key::ElementKey;
        use headland_shared::name::{AttributeName, ReplicaName, Task};
        use headland_shared::stamp::Stamp;
        use redb::{Database, backends::InMemoryBackend};

        const A: &[u8] = b"default\0a";
        const B: &[u8] = b"default\0b";

        /// A record's blob, which says nothing but its task.
        fn blob(task: &str) -> Vec<u8> {
            let head = blob::Head {
                task: Some(Task::new(task).unwrap()),
                ..blob::Head::default()
            };
            blob::patch(A, None, &head, Vec::new(), Tombstones::Drop).unwrap().bytes
        }

        fn store() -> Store {
            let open = || Ok(Database::builder().create_with_backend(InMemoryBackend::new()).unwrap());
            Store::open(open, &ReplicaName::parse("leaf-7").unwrap(), 7).unwrap()
        }

        /// The keys that a transaction is told to have changed.
        fn told(store: &Store, change: impl FnOnce(&mut Tables<'_>) -> Result<(), StoreError>) -> Vec<Vec<u8>> {
            let before = store.position();
            let _ = store.write(change);
            match store.changed_since(before, usize::MAX) {
                Since::Keys(keys) => keys.into_iter().map(|(_, key)| key).collect(),
                Since::Unknown(_) => panic!("nothing is known"),
            }
        }

        #[test]
        fn all_that_readers_see_is_told_once_and_what_they_do_not_see_is_not() {
            let (store, x, y) = (store(), blob("x"), blob("y"));
            assert_eq!(told(&store, |tables| tables.set_record(1, A, &x)), [A]);
            assert_eq!(told(&store, |tables| tables.set_record(2, B, &x)), [B]);
            assert!(told(&store, |tables| tables.set_record(1, A, &x)).is_empty());
            assert!(told(&store, |tables| tables.renumber(A, 1, 3)).is_empty());
            assert_eq!(told(&store, |tables| tables.set_record(3, A, &y)), [A]);
            let element = ElementKey::Attribute(AttributeName::new("usage").unwrap()).encoded();
            let state = State::Tally(Tally { added: 1, removed: 0 });
            assert_eq!(
                told(&store, |tables| tables.put_own(B, &element, &state, 1, Stamp(1))),
                [B]
            );
            assert_eq!(told(&store, |tables| tables.refuse_own(1)), [B]);
            let ahead = |tables: &mut Tables<'_>| tables.put_ahead(A, &element, Seq(5), &state.encoded()).map(drop);
            assert_eq!(told(&store, ahead), [A]);
            assert_eq!(told(&store, |tables| tables.clear_ahead()), [A]);
            assert_eq!(
                told(&store, |tables| tables.retain_records(|key| key == A).map(drop)),
                [B]
            );
            assert_eq!(told(&store, |tables| tables.remove_record(3, A)), [A]);
        }

        #[test]
        fn a_transaction_that_did_not_happen_is_not_told() {
            let store = store();
            let failing = |tables: &mut Tables<'_>| {
                tables.set_record(1, A, &blob("x"))?;
                Err(StoreError::Closed)
            };
            assert!(told(&store, failing).is_empty());
        }
    }
}
