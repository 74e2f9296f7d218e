//! The claims that hold for both stores on every medium.

use crate::agent::AgentStore;
use crate::medium::Medium;
use crate::subject::{Subject, difference, reference};
use headland_host::tables::StoreError;

fn run<S: Subject>(medium: &Medium, steps: usize) -> S {
    let mut subject = S::open(medium).unwrap();
    for number in 0..steps {
        subject.step(number).unwrap();
    }
    subject
}

pub(crate) fn what_was_committed_is_there_after_reopening<S: Subject>(medium: &Medium) {
    let states = reference::<S>(&Medium::memory());
    for (number, state) in states.iter().enumerate() {
        let mut subject = S::open(medium).unwrap();
        let found = subject.look().unwrap();
        assert!(found == *state, "after {number} steps: {}", difference(&found, state));
        if number < S::steps() {
            subject.step(number).unwrap();
        }
    }
}

pub(crate) fn a_failed_transaction_leaves_nothing<S: Subject>(medium: &Medium) {
    let mut subject = run::<S>(medium, S::steps() / 2);
    let before = subject.look().unwrap();
    subject.fail();
    assert_eq!(subject.look().unwrap(), before);
    subject.step(S::steps() / 2).unwrap();
    assert_ne!(subject.look().unwrap(), before);
}

pub(crate) fn a_reader_sees_one_moment<S: Subject>(medium: &Medium) {
    let mut subject = run::<S>(medium, 5);
    let moment = subject.moment().unwrap();
    let before = S::observe(&moment);
    for number in 5..S::steps() {
        subject.step(number).unwrap();
        assert_eq!(S::observe(&moment), before, "step {number} shows through");
    }
    assert_ne!(subject.look().unwrap(), before);
}

pub(crate) fn reopening_twice_changes_nothing<S: Subject>(medium: &Medium) {
    let before = run::<S>(medium, S::steps()).look().unwrap();
    let rows = medium.dump();
    for _ in 0..2 {
        assert_eq!(S::open(medium).unwrap().look().unwrap(), before);
        assert_eq!(medium.dump(), rows);
    }
}

pub(crate) fn a_store_of_a_newer_format_is_refused_and_left_alone<S: Subject>(medium: &Medium) {
    drop(run::<S>(medium, 5));
    let known = medium.format();
    medium.set_format(known + 6);
    let rows = medium.dump();
    let error = S::open(medium).err().expect("a store of a newer format opens");
    assert!(matches!(error, StoreError::Newer { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("format {}", known + 6)), "{text}");
    assert!(text.contains("use a newer version"), "{text}");
    assert_eq!(medium.dump(), rows);
}

pub(crate) fn migrations_run_once<S: Subject>(medium: &Medium) {
    drop(run::<S>(medium, 0));
    assert_eq!(medium.format(), S::FORMAT);
    let rows = medium.dump();
    drop(S::open(medium).unwrap());
    assert_eq!(medium.dump(), rows);
    // The first migration makes all tables: were it to run again, this one would be back.
    medium.delete_table(S::SOME_TABLE);
    assert!(S::open(medium).is_err());
    assert!(!medium.dump().contains_key(S::SOME_TABLE));
}

pub(crate) fn digests_are_those_of_the_records_after_every_step<S: Subject>(medium: &Medium) {
    let mut subject = S::open(medium).unwrap();
    let mut told = 0;
    for number in 0..S::steps() {
        subject.step(number).unwrap();
        let (said, counted) = S::digests(&subject.moment().unwrap());
        assert_eq!(said, counted, "after step {number}");
        told += usize::from(said.values().any(|digest| digest.0 != 0));
    }
    assert!(told > S::steps() / 2, "most steps must see records");
}

pub(crate) fn own_writes_survive(medium: &Medium) {
    let mut agent = AgentStore::open(medium).unwrap();
    let mut kept = agent.own_writes();
    for number in 0..AgentStore::steps() {
        agent.step(number).unwrap();
        let now = agent.own_writes();
        if AgentStore::writes_own(number) {
            assert!(
                kept.keys().all(|element| now.contains_key(element)),
                "step {number} lost an own write"
            );
        } else {
            assert_eq!(now, kept, "step {number} changed own writes");
        }
        kept = now;
    }
    assert!(kept.len() > 8);
    agent.forget_everything_but_own_writes();
    assert_eq!(agent.own_writes(), kept);
    drop(agent);
    assert_eq!(AgentStore::open(medium).unwrap().own_writes(), kept);
}
