//! What a reader sees of a register under each merge rule.
//!
//! Reading is a pure function of the register, so replicas with equal registers show equal values.

use crate::name::ReplicaName;
use crate::register::{Rank, Register, Write, Writer};
use crate::schema::Rule;
use crate::stamp::Stamp;
use crate::value::Value;
use alloc::vec::Vec;

/// What a register shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<'a> {
    /// The write that decides; nothing when nobody's write stands.
    pub shown: Option<(&'a Writer, &'a Write)>,
    /// Under `keep_all`: all concurrent values, when there is more than one.
    pub conflict: Vec<(&'a Writer, &'a Write)>,
}

impl Reading<'_> {
    /// The value shown.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        self.shown.and_then(|(_, write)| write.value.as_ref())
    }

    /// When it was written.
    #[must_use]
    pub fn at(&self) -> Option<Stamp> {
        self.shown.map(|(_, write)| write.at)
    }
}

/// Reads a register by a rule, at the replica that is called `here`, or at one that writes nothing itself.
///
/// Under `precedence` what a device reports by itself counts on that device alone: that it cannot reach a model says
/// nothing of others.
#[must_use]
pub fn read<'a>(rule: Rule, register: &'a Register, here: Option<&ReplicaName>) -> Reading<'a> {
    let latest = |write: &(&'a Writer, &'a Write)| (write.1.at, write.0);
    let valued = || register.standing().filter(|(_, write)| write.value.is_some());
    let shown = match rule {
        Rule::Registry => register
            .write_of(&Writer::Central)
            .map(|write| (&Writer::Central, write)),
        Rule::Precedence => valued()
            .filter(|(writer, _)| !is_report_of_another(writer, here))
            .max_by_key(|write| (rank(write.0), latest(write))),
        Rule::KeepAll => valued().max_by_key(latest),
        Rule::Set => valued().next(),
        Rule::Latest | Rule::Counter | Rule::Unknown(_) => register.standing().max_by_key(latest),
    };
    let mut conflict = Vec::new();
    if rule == Rule::KeepAll {
        conflict.extend(valued());
        let first = conflict.first().map(|(_, write)| &write.value);
        if conflict.iter().all(|(_, write)| Some(&write.value) == first) {
            conflict.clear();
        }
    }
    Reading { shown, conflict }
}

/// Whether a write is what another device reports by itself.
#[must_use]
pub fn is_report_of_another(writer: &Writer, here: Option<&ReplicaName>) -> bool {
    match writer {
        Writer::Edge(Rank::Automation, actor) => Some(&actor.name) != here,
        Writer::Edge(Rank::Operator | Rank::Person, _) | Writer::Central => false,
    }
}

/// The rank of a writer; the registry speaks as automation does, so that a person in the field can overrule it
/// until the release.
fn rank(writer: &Writer) -> Rank {
    match writer {
        Writer::Central => Rank::Automation,
        Writer::Edge(rank, _) => *rank,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::{Life, Position};
    use crate::register::tests::{actor, any_registers};
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    fn edge(rank: Rank, who: u8) -> Writer {
        Writer::Edge(rank, actor(who))
    }

    fn write(number: u64, at: u64, value: Option<&str>, sees: &Register) -> Write {
        Write {
            position: Position {
                life: Life::NONE,
                number,
            },
            sticky: false,
            at: Stamp::at_ms(at),
            value: value.map(Value::text),
            covers: sees.seen(),
        }
    }

    fn merged(parts: &[&Register]) -> Register {
        let mut all = Register::default();
        for part in parts {
            all.merge((*part).clone());
        }
        all
    }

    fn shown(rule: Rule, register: &Register) -> Option<Value> {
        read(rule, register, Some(&actor(2).name)).value().cloned()
    }

    #[test]
    fn what_a_device_reports_counts_on_that_device_alone() {
        let base = Register::default();
        let said = Write::central(Position::default(), Stamp::at_ms(5), Some(Value::text("up")));
        let central = Register::of(Writer::Central, said);
        let report = |value, sees| Register::of(edge(Rank::Automation, 1), write(1, 10, value, sees));
        let both = merged(&[&central, &report(Some("down"), &base)]);
        let (one, other) = (actor(1).name, actor(2).name);
        let at = |register: &Register, here| read(Rule::Precedence, register, here).value().cloned();
        assert_eq!(at(&both, Some(&one)), Some(Value::text("down")));
        assert_eq!(at(&both, Some(&other)), Some(Value::text("up")));
        assert_eq!(at(&both, None), Some(Value::text("up")));
        let taken_back = merged(&[
            &both,
            &Register::of(edge(Rank::Automation, 1), write(2, 20, None, &base)),
        ]);
        assert_eq!(at(&taken_back, Some(&one)), Some(Value::text("up")));
        // Somebody on duty speaks for everybody.
        let duty = Register::of(edge(Rank::Operator, 1), write(1, 1, Some("down"), &base));
        assert_eq!(at(&merged(&[&both, &duty]), Some(&other)), Some(Value::text("down")));
    }

    #[test]
    fn the_latest_write_stands_and_ties_go_by_actor() {
        let base = Register::default();
        let a = Register::of(edge(Rank::Automation, 1), write(1, 10, Some("a"), &base));
        let b = Register::of(edge(Rank::Automation, 2), write(1, 10, Some("b"), &base));
        for all in [merged(&[&a, &b]), merged(&[&b, &a])] {
            assert_eq!(shown(Rule::Latest, &all), Some(Value::text("b")));
        }
    }

    #[test]
    fn a_person_overrules_automation_until_a_release_names_it() {
        let base = Register::default();
        let person = Register::of(edge(Rank::Person, 1), write(1, 10, Some("down"), &base));
        let monitor = Register::of(edge(Rank::Automation, 2), write(1, 99, Some("up"), &base));
        let both = merged(&[&person, &monitor]);
        assert_eq!(shown(Rule::Precedence, &both), Some(Value::text("down")));
        let mut released = both.clone();
        let mut release = write(2, 100, None, &person);
        release.covers = BTreeMap::from([(
            edge(Rank::Person, 1),
            Position {
                life: Life::NONE,
                number: 1,
            },
        )]);
        released.put(edge(Rank::Operator, 3), release);
        assert_eq!(shown(Rule::Precedence, &released), Some(Value::text("up")));
    }

    #[test]
    fn concurrent_descriptions_are_kept_until_someone_resolves_exactly_those() {
        let base = Register::default();
        let a = Register::of(edge(Rank::Person, 1), write(1, 10, Some("a"), &base));
        let b = Register::of(edge(Rank::Person, 2), write(1, 11, Some("b"), &base));
        let late = Register::of(edge(Rank::Person, 4), write(1, 12, Some("late"), &base));
        let both = merged(&[&a, &b]);
        assert_eq!(read(Rule::KeepAll, &both, None).conflict.len(), 2);
        let resolved = Register::of(edge(Rank::Person, 3), write(1, 9, Some("ab"), &both));
        let all = merged(&[&both, &resolved]);
        assert_eq!(shown(Rule::KeepAll, &all), Some(Value::text("ab")));
        assert!(read(Rule::KeepAll, &all, None).conflict.is_empty());
        let with_late = merged(&[&late, &all]);
        assert_eq!(read(Rule::KeepAll, &with_late, None).conflict.len(), 2);
    }

    #[test]
    fn a_concurrent_add_survives_a_removal() {
        let base = Register::default();
        let added = Register::of(edge(Rank::Automation, 1), write(1, 1, Some("wheat"), &base));
        let removed = merged(&[
            &added,
            &Register::of(edge(Rank::Automation, 2), write(1, 2, None, &added)),
        ]);
        assert_eq!(shown(Rule::Set, &removed), None);
        let again = Register::of(edge(Rank::Automation, 3), write(1, 1, Some("wheat"), &added));
        assert_eq!(
            shown(Rule::Set, &merged(&[&removed, &again])),
            Some(Value::text("wheat"))
        );
    }

    proptest! {
        #[test]
        fn every_rule_shows_the_same_whatever_the_order(all in any_registers(), turn in 0..4_usize) {
            let mut forth = Register::default();
            let mut back = Register::default();
            for at in 0..all.len() {
                forth.merge(all[at].clone());
                back.merge(all[(all.len() + turn - at) % all.len()].clone());
            }
            for rule in [Rule::Registry, Rule::Latest, Rule::Precedence, Rule::KeepAll, Rule::Set] {
                prop_assert_eq!(read(rule, &forth, None), read(rule, &back, None));
            }
        }
    }
}
