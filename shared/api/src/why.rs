//! Telling how a value came to be: from the writes that a register keeps.

use crate::story::{TallyStory, Why, WriteStory};
use headland_shared::actor::ActorId;
use headland_shared::element::{State, Tally};
use headland_shared::key::ElementKey;
use headland_shared::name::ReplicaName;
use headland_shared::query::{Catalogue, Elements};
use headland_shared::register::{Rank, Register, Write, Writer};
use headland_shared::rule::{self, Reading, is_report_of_another};
use headland_shared::schema::Rule;
use headland_shared::stamp::utc;
use serde_json::Value;

/// Why an attribute shows what it shows; nothing when nobody has ever written it.
pub(crate) fn why(catalogue: &impl Catalogue, elements: &Elements, attribute: &str) -> Option<Why> {
    let declared = catalogue
        .declaration(attribute)
        .map_or(Rule::Latest, |declared| declared.rule);
    let mut story = Story::default();
    for (key, state) in elements {
        match (key, state) {
            (ElementKey::Attribute(name), State::Register(register)) if name.as_str() == attribute => {
                story.register(declared, register, catalogue.here(), None);
            }
            (ElementKey::Member(name, member), State::Register(register)) if name.as_str() == attribute => {
                story.register(Rule::Set, register, catalogue.here(), Some(member));
            }
            (ElementKey::Count(name, actor, region), State::Tally(tally)) if name.as_str() == attribute => {
                story.counted.push(counted(actor, region.as_str(), tally));
            }
            _ => {}
        }
    }
    story.told(attribute, declared)
}

#[derive(Debug, Default)]
struct Story {
    won: Vec<WriteStory>,
    against: Vec<WriteStory>,
    counted: Vec<TallyStory>,
}

impl Story {
    fn register(&mut self, rule: Rule, register: &Register, here: Option<&ReplicaName>, member: Option<&String>) {
        let reading = rule::read(rule, register, here);
        let stands = |writer: &Writer| register.standing().any(|(standing, _)| standing == writer);
        for (writer, write) in register.writes() {
            let shown = reading.shown.is_some_and(|(shown, _)| shown == writer);
            let because = match shown {
                true => won_by(rule, register).to_owned(),
                false if rule == Rule::Precedence && is_report_of_another(writer, here) && write.value.is_some() => {
                    "what a device reports counts on that device alone".to_owned()
                }
                false => lost_by(rule, &reading, (writer, write), stands(writer)),
            };
            let story = written(writer, write, member, because);
            match shown {
                true => self.won.push(story),
                false => self.against.push(story),
            }
        }
    }

    fn told(self, attribute: &str, rule: Rule) -> Option<Why> {
        if self.won.is_empty() && self.against.is_empty() && self.counted.is_empty() {
            return None;
        }
        let value = self.value();
        let sentence = self.sentence(attribute, rule, value.as_ref());
        Some(Why {
            attribute: attribute.to_owned(),
            rule: rule.to_string(),
            value,
            won: self.won,
            against: self.against,
            counted: self.counted,
            sentence,
        })
    }

    fn value(&self) -> Option<Value> {
        if !self.counted.is_empty() {
            let net = |tally: &TallyStory| i128::from(tally.added) - i128::from(tally.removed);
            let sum: i128 = self.counted.iter().map(net).sum();
            return Some(i64::try_from(sum).unwrap_or(i64::MAX).into());
        }
        let members: Vec<Value> = self
            .won
            .iter()
            .filter_map(|write| write.member.clone().map(Value::from))
            .collect();
        match (members.is_empty(), self.won.first()) {
            (false, _) => Some(Value::Array(members)),
            (true, won) => won.and_then(|write| write.value.clone()),
        }
    }

    fn sentence(&self, attribute: &str, rule: Rule, value: Option<&Value>) -> String {
        let shown = value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        if !self.counted.is_empty() {
            let parts = self.counted.len();
            return format!("{attribute} is {shown}: the sum of {parts} counts, one for each device and region.");
        }
        let others = match self.against.len() {
            0 => "nobody else has written it".to_owned(),
            1 => format!("one other write is not shown: {}", self.against[0].because),
            many => format!("{many} other writes are not shown"),
        };
        match self.won.as_slice() {
            [] => format!(
                "{attribute} shows nothing, by the rule {rule:?}: {others}.",
                rule = rule.to_string()
            ),
            [won] => {
                let at = won.at.as_deref().unwrap_or("an unknown time");
                format!(
                    "{attribute} is {shown}, written by {} at {at}, since {}; {others}.",
                    by(won),
                    won.because
                )
            }
            many => format!(
                "{attribute} has {} members, each added by somebody; {others}.",
                many.len()
            ),
        }
    }
}

fn by(write: &WriteStory) -> String {
    match (write.life, write.revision, &write.rank) {
        (Some(life), Some(revision), _) => format!("the registry (life {life}, revision {revision})"),
        (_, _, Some(rank)) => format!("{} ({rank})", write.actor),
        _ => write.actor.clone(),
    }
}

fn written(writer: &Writer, write: &Write, member: Option<&String>, because: String) -> WriteStory {
    let (actor, rank) = match writer {
        Writer::Central => (None, None),
        Writer::Edge(rank, actor) => (Some(actor), Some(*rank)),
    };
    let central = actor.is_none();
    WriteStory {
        actor: actor.map_or_else(|| "registry".to_owned(), |actor| actor.name.to_string()),
        incarnation: actor.map(incarnation),
        rank: rank.map(|rank| name_of(rank).to_owned()),
        life: central.then(|| write.position.life.number()),
        revision: central.then_some(write.position.number),
        write: (!central).then_some(write.position.number),
        at_ms: write.at.ms(),
        at: utc(write.at.ms()),
        member: member.cloned(),
        value: write.value.as_ref().and_then(|value| serde_json::to_value(value).ok()),
        sticky: write.sticky,
        because,
    }
}

fn counted(actor: &ActorId, region: &str, tally: &Tally) -> TallyStory {
    TallyStory {
        actor: actor.name.to_string(),
        incarnation: incarnation(actor),
        region: region.to_owned(),
        added: tally.added,
        removed: tally.removed,
    }
}

fn incarnation(actor: &ActorId) -> String {
    format!("{:016x}", actor.incarnation.0)
}

const fn name_of(rank: Rank) -> &'static str {
    match rank {
        Rank::Automation => "automation",
        Rank::Operator => "operator",
        Rank::Person => "person",
    }
}

/// Why the write that is shown is.
fn won_by(rule: Rule, register: &Register) -> &'static str {
    match rule {
        Rule::Registry => "the registry alone decides it",
        _ if register.len() == 1 => "nobody else has written it",
        Rule::Precedence => "it is the latest of the highest rank",
        Rule::KeepAll => "it is the latest of those that stand; concurrent ones are kept as a conflict",
        Rule::Set => "a member is in the set as long as one addition stands",
        Rule::Latest | Rule::Counter | Rule::Unknown(_) => "it is the latest",
        _ => "its rule chose it",
    }
}

/// Why a write is not shown.
fn lost_by(rule: Rule, reading: &Reading<'_>, (writer, write): (&Writer, &Write), stands: bool) -> String {
    if rule == Rule::Registry && *writer != Writer::Central {
        return "the registry alone decides it".to_owned();
    }
    if !stands {
        return "a later write replaced it that had seen it".to_owned();
    }
    if write.value.is_none() {
        return "it took the value away".to_owned();
    }
    let Some((shown, winner)) = reading.shown else {
        return "its rule shows nothing".to_owned();
    };
    match (rule, shown, writer) {
        (Rule::Precedence, shown, writer) if rank_of(shown) > rank_of(writer) => {
            format!("{} outranks {}", name_of(rank_of(shown)), name_of(rank_of(writer)))
        }
        (Rule::Set, ..) => "another addition stands as well".to_owned(),
        (Rule::KeepAll, ..) if winner.value != write.value => "it is kept as a concurrent value".to_owned(),
        _ if winner.at == write.at => "it was written at the same moment, and names decide".to_owned(),
        _ => "it is earlier".to_owned(),
    }
}

/// The registry speaks as automation does.
const fn rank_of(writer: &Writer) -> Rank {
    match writer {
        Writer::Central => Rank::Automation,
        Writer::Edge(rank, _) => *rank,
    }
}
