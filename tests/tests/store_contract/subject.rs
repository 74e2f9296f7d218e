//! What the contract asks of a store, whichever it is.

use crate::medium::Medium;
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::digest::{Digest, hash_128};
use std::collections::BTreeMap;

/// All that a reader can see, in lines that compare.
pub(crate) type Observation = BTreeMap<String, String>;
/// A digest for each scope.
pub(crate) type Digests = BTreeMap<String, Digest>;

/// A store that can be driven through a fixed script. Each step is one transaction, and changes what is observed.
pub(crate) trait Subject: Sized {
    /// A reader's moment.
    type Moment;
    /// What to call it.
    const NAME: &'static str;
    /// A table that is empty in a new store.
    const SOME_TABLE: &'static str;
    /// How many migrations it has.
    const FORMAT: u32;

    /// Opens the store, which is made if there is none.
    fn open(medium: &Medium) -> Result<Self, StoreError>;

    /// How many steps the script has.
    fn steps() -> usize;

    /// Takes one step, whatever happened before the store was opened: all steps before it are done.
    fn step(&mut self, number: usize) -> Result<(), StoreError>;

    /// Whether a crash may undo the step until a later one is durable.
    fn is_noted(number: usize) -> bool;

    /// Changes several tables and gives up.
    fn fail(&mut self);

    /// Writes some kilobytes; the script must have ended.
    fn fill(&mut self) -> Result<(), StoreError>;

    /// The present.
    fn moment(&self) -> Result<Self::Moment, StoreError>;

    /// What a reader of that moment sees.
    fn observe(moment: &Self::Moment) -> Observation;

    /// The digests that the scopes' rows say, and those that their records add up to.
    fn digests(moment: &Self::Moment) -> (Digests, Digests);

    /// What a reader sees now, with digests that are right.
    fn look(&self) -> Result<Observation, StoreError> {
        let moment = self.moment()?;
        let (said, counted) = Self::digests(&moment);
        assert_eq!(
            said,
            counted,
            "{}: the digests are not those of the records",
            Self::NAME
        );
        Ok(Self::observe(&moment))
    }
}

/// The states after each number of steps, from a run that nothing disturbs.
pub(crate) fn reference<S: Subject>(medium: &Medium) -> Vec<Observation> {
    let mut subject = S::open(medium).unwrap();
    let mut states = vec![subject.look().unwrap()];
    for number in 0..S::steps() {
        subject.step(number).unwrap();
        let state = subject.look().unwrap();
        assert_ne!(states.last(), Some(&state), "{}: step {number} does nothing", S::NAME);
        states.push(state);
    }
    assert!(S::steps() >= 30, "the script is too short to say much");
    states
}

/// What two observations do not share, for messages.
pub(crate) fn difference(here: &Observation, there: &Observation) -> String {
    let only = |a: &Observation, b: &Observation| {
        let lines = a.iter().filter(|(key, value)| b.get(*key) != Some(value));
        lines
            .map(|(key, value)| format!("  {key}: {value}\n"))
            .collect::<String>()
    };
    format!("only here:\n{}only there:\n{}", only(here, there), only(there, here))
}

/// A record's stored form, short enough to print.
pub(crate) fn brief(blob: &[u8]) -> String {
    let head = Blob::parse(blob).unwrap().head;
    format!("{head:?} {:032x}", hash_128(&[blob]))
}

/// Adds a record to the digest of its scope.
pub(crate) fn add_record(digests: &mut Digests, scope: String, key: &[u8], blob: &[u8]) {
    let digest = Blob::parse(blob).unwrap().digest(key).unwrap();
    digests.entry(scope).or_default().add(digest);
}
