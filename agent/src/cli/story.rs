//! What `why` prints.

use super::age::as_of;
use crate::answer::Facts;
use headland_api::story::{TallyStory, Why, WriteStory};
use headland_host::text::table::pairs;
use headland_host::text::words::{moment, printable, value, whole};

const INDENT: &str = "  ";

/// Why an attribute shows what it shows.
pub(super) fn text(facts: &Facts<Why>) -> String {
    let why = &facts.part;
    let mut out = format!(
        "{}\n\nrule {}, {}\n",
        printable(&why.sentence),
        printable(&why.rule),
        as_of(&facts.freshness, true)
    );
    for (title, writes) in [("Shown", &why.won), ("Not shown", &why.against)] {
        if !writes.is_empty() {
            out.push_str(&format!("\n{title}\n"));
            let authors: Vec<_> = writes.iter().map(author).collect();
            let lines = writes.iter().map(line);
            out.push_str(&pairs(INDENT, authors.iter().map(String::as_str).zip(lines)));
        }
    }
    if !why.counted.is_empty() {
        let author = |tally: &TallyStory| format!("{} in {}", printable(&tally.actor), printable(&tally.region));
        let authors: Vec<_> = why.counted.iter().map(author).collect();
        let lines = why.counted.iter().map(|tally| {
            let (added, removed) = (whole(tally.added), whole(tally.removed));
            format!("{added} added, {removed} taken back")
        });
        let rows = authors.iter().map(String::as_str).zip(lines);
        out.push_str(&format!("\nCounted by\n{}", pairs(INDENT, rows)));
    }
    out
}

fn author(write: &WriteStory) -> String {
    let rank = write
        .rank
        .as_ref()
        .map_or_else(String::new, |rank| format!(" ({})", printable(rank)));
    match (write.life, write.revision) {
        (Some(life), Some(revision)) => format!("registry, life {life}, revision {revision}"),
        _ => format!("{}{rank}", printable(&write.actor)),
    }
}

fn line(write: &WriteStory) -> String {
    let what = match (&write.member, &write.value) {
        (Some(member), _) => printable(member),
        (None, Some(written)) => value(written),
        (None, None) => "took it away".to_owned(),
    };
    let sticky = if write.sticky { ", for good" } else { "" };
    format!("{}: {what}{sticky}; {}", moment(write.at_ms), printable(&write.because))
}
