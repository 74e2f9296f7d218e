//! Requests that set something in a database: what became of them, by their names.

use super::{Tables, Writing};
use crate::store::rows::{self, PutRow, RequestRow, RequestStage};
use headland_host::tables::{ByteTable, StoreError};
use headland_shared::epoch::{Position, Seq};
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

/// A request's name -> request row.
pub(super) const REQUESTS: ByteTable = TableDefinition::new("requests-1");

/// Requests that are remembered: a day of releases, in some hundred kilobytes.
pub const REQUESTS_MAX: usize = 1_024;

/// Migration 6: makes room for requests. What a version that does not know them leaves behind stays true.
pub(crate) fn add_requests(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(REQUESTS)?;
    Ok(())
}

impl<T: ReadableTable<&'static [u8], &'static [u8]> + ReadableTableMetadata> Tables<T> {
    /// All requests that are remembered, the oldest first.
    pub fn requests(&self) -> Result<Vec<(String, RequestRow)>, StoreError> {
        let mut requests = Vec::new();
        for row in self.requests.iter()? {
            let (name, value) = row?;
            let name = std::str::from_utf8(name.value()).map_err(|error| StoreError::corrupt("requests-1", error))?;
            let row: RequestRow = rows::decode("requests-1", value.value())?;
            requests.push((name.to_owned(), row));
        }
        requests.sort_by_key(|(_, row)| row.number);
        Ok(requests)
    }
}

impl Tables<Writing<'_>> {
    /// Remembers how far a request is, and what it is to set where that is said. For a new one the oldest goes where there
    /// are too many, of those whose outcome is known if there is one.
    pub fn set_request(&mut self, name: &str, put: Option<PutRow>, stage: RequestStage) -> Result<(), StoreError> {
        let before = self.requests.get(name.as_bytes())?;
        let before = before.map(|value| rows::decode::<RequestRow>("requests-1", value.value()));
        let row = match before.transpose()? {
            Some(before) => RequestRow {
                number: before.number,
                put: put.or(before.put),
                stage,
            },
            None => {
                let number = self.make_room()?;
                RequestRow { number, put, stage }
            }
        };
        self.requests.insert(name.as_bytes(), rows::encode(&row).as_slice())?;
        Ok(())
    }

    /// Notes that the stream has brought a request, in the commit of this seq if it changed anything that is seen.
    pub fn land_request(&mut self, name: &str, position: Position, seq: Option<Seq>) -> Result<(), StoreError> {
        let seq = seq.map(|seq| seq.0);
        self.set_request(name, None, RequestStage::Landed { position, seq })
    }

    /// Makes room for one more, and gives its number.
    fn make_room(&mut self) -> Result<u64, StoreError> {
        let requests = self.requests()?;
        if requests.len() >= REQUESTS_MAX {
            let known = |row: &RequestRow| !matches!(row.stage, RequestStage::Asked { .. });
            let oldest = requests.iter().find(|(_, row)| known(row)).or(requests.first());
            if let Some((name, _)) = oldest {
                self.requests.remove(name.as_bytes())?;
            }
        }
        Ok(requests.last().map_or(1, |(_, row)| row.number + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, meta};
    use redb::Database;
    use redb::backends::InMemoryBackend;

    const ASKED: RequestStage = RequestStage::Asked {
        system: 1,
        timeline: 1,
        transaction: 700,
    };

    fn store() -> Store {
        let open = || Ok(Database::builder().create_with_backend(InMemoryBackend::new())?);
        Store::open(open, 7).unwrap()
    }

    fn names(store: &Store) -> Vec<String> {
        let requests = store.read().unwrap().requests().unwrap();
        requests.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_oldest_request_whose_outcome_is_known_makes_room_for_the_next() {
        let store = store();
        let position = Position::default();
        store
            .write(|tables| {
                tables.set_request("first", None, ASKED)?;
                for nth in 1..REQUESTS_MAX {
                    tables.land_request(&format!("r-{nth}"), position, None)?;
                }
                tables.land_request("last", position, Some(Seq(3)))
            })
            .unwrap();
        let held = names(&store);
        assert_eq!(held.len(), REQUESTS_MAX);
        assert_eq!(held[..2], ["first", "r-2"]);
        assert_eq!(held[REQUESTS_MAX - 1], "last");
        store
            .write(|tables| tables.land_request("first", position, None))
            .unwrap();
        assert_eq!(names(&store)[0], "first", "what becomes of it does not make it later");
    }

    #[test]
    fn a_store_of_the_version_before_gets_room_for_requests() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let before = &crate::store::MIGRATIONS[..5];
        headland_host::tables::migrate(&database, before).unwrap();
        let database = std::sync::Mutex::new(Some(database));
        let store = Store::open(move || Ok(database.lock().unwrap().take().unwrap()), 7).unwrap();
        assert!(names(&store).is_empty());
        store.write(|tables| tables.set_request("r-1", None, ASKED)).unwrap();
        assert_eq!(names(&store), ["r-1"]);
        let number = |name: &[u8]| meta(&store.read().unwrap().meta, name).unwrap().unwrap();
        assert_eq!(
            (number(b"format"), number(b"needs")),
            (6_u32.to_be_bytes().to_vec(), 5_u32.to_be_bytes().to_vec()),
            "the version before goes on using it"
        );
    }
}
