//! Conditions of a request (RFC 9110, section 13), and the entity tags that they name.
//!
//! The tag of an element is the position at which the registry said what it says of it. To whoever asks it is an opaque
//! text: it is compared and nothing else.

use crate::registry::Expected;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use headland_api::problem::Refusal;
use headland_shared::epoch::{Life, Position};
use std::fmt::Display;

/// The most tags of one condition: whoever writes has seen one, and some programs name the few that they would take.
const TAGS_MAX: usize = 16;

/// The condition of a request that sets something.
#[derive(Debug)]
pub(super) struct Condition(pub(super) Expected);

/// The entity tag of a position.
pub(super) fn tag_of(position: Position) -> String {
    format!("\"{:016x}-{:x}\"", position.life.0, position.number)
}

/// The position that a tag names; nothing of a tag that is none of ours.
fn position_of(opaque: &str) -> Option<Position> {
    let (life, number) = opaque.split_once('-')?;
    let hex = |digits| u64::from_str_radix(digits, 16).ok();
    let (life, number) = (Life(hex(life)?), hex(number)?);
    let position = Position { life, number };
    // Tags are compared as texts: another way to write a position is another tag.
    (tag_of(position).trim_matches('"') == opaque).then_some(position)
}

impl<S: Send + Sync> FromRequestParts<S> for Condition {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        expected(&parts.headers).map(Self)
    }
}

fn expected(headers: &HeaderMap) -> Result<Expected, Refusal> {
    let matching = text(headers, &header::IF_MATCH)?;
    let differing = text(headers, &header::IF_NONE_MATCH)?;
    match (matching.as_deref(), differing.as_deref()) {
        (None, None) => Err(Refusal::new(
            StatusCode::PRECONDITION_REQUIRED,
            "condition-required",
            "A condition is required",
            "reading the request: it would overwrite whatever is there; GET the same path and send the ETag of the answer as If-Match, or If-None-Match: * for what is not set yet",
        )),
        (Some("*"), None) => Ok(Expected::Anything),
        (None, Some("*")) => Ok(Expected::Nothing),
        (Some(tags), None) => Ok(Expected::SaidAt(
            listed(tags).map_err(|error| unreadable(&header::IF_MATCH, error))?,
        )),
        (None, Some(_)) => Err(unreadable(
            &header::IF_NONE_MATCH,
            "only * can be said with PUT; send the ETag that you have seen as If-Match",
        )),
        (Some(_), Some(_)) => Err(unreadable(
            &header::IF_MATCH,
            "If-None-Match is there too; send one of them",
        )),
    }
}

fn unreadable(name: &HeaderName, error: impl Display) -> Refusal {
    Refusal::bad_request(format!("reading {name}: {error}"))
}

/// All that a header says: several of it are one list.
fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    let mut texts = Vec::new();
    for value in headers.get_all(name) {
        let text = value
            .to_str()
            .map_err(|_| unreadable(name, "it is no text of ASCII; send the ETag as it came"))?;
        texts.push(text.trim());
    }
    Ok((!texts.is_empty()).then(|| texts.join(",")))
}

/// The positions that a list of tags names. Tags that are not ours, and weak ones, match nothing.
fn listed(text: &str) -> Result<Vec<Position>, &'static str> {
    const NO_TAG: &str = "it is no list of entity tags; send the ETag as it came, with its quotes";
    let mut positions = Vec::new();
    let mut count = 0;
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            break;
        }
        let (strong, quoted) = match rest.strip_prefix("W/") {
            Some(weak) => (false, weak),
            None => (true, rest),
        };
        let (opaque, after) = quoted
            .strip_prefix('"')
            .and_then(|open| open.split_once('"'))
            .ok_or(NO_TAG)?;
        rest = after.trim_start_matches([' ', '\t']);
        if !(rest.is_empty() || rest.starts_with(',')) {
            return Err(NO_TAG);
        }
        count += 1;
        positions.extend(position_of(opaque).filter(|_| strong));
    }
    match count {
        0 => Err(NO_TAG),
        1..=TAGS_MAX => Ok(positions),
        _ => Err("it names too many entity tags; send the one that you have seen"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(life: u64, number: u64) -> Position {
        let life = Life(life);
        Position { life, number }
    }

    fn headers(all: &[(HeaderName, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn what_a_condition_says_is_what_is_expected() {
        let (ours, other) = (tag_of(at(7, 255)), tag_of(at(7, 256)));
        assert_eq!(ours, "\"0000000000000007-ff\"");
        let both = format!("{ours} , \"a,b\", W/{other},");
        for (name, value, expecting) in [
            (header::IF_MATCH, "*", Expected::Anything),
            (header::IF_NONE_MATCH, "*", Expected::Nothing),
            (header::IF_MATCH, ours.as_str(), Expected::SaidAt(vec![at(7, 255)])),
            (header::IF_MATCH, both.as_str(), Expected::SaidAt(vec![at(7, 255)])),
            (header::IF_MATCH, "\"7-ff\"", Expected::SaidAt(Vec::new())),
        ] {
            assert_eq!(expected(&headers(&[(name, value)])).unwrap(), expecting, "{value}");
        }
        let lines: HeaderMap = [&ours, &other].iter().fold(HeaderMap::new(), |mut all, tag| {
            all.append(header::IF_MATCH, tag.parse().unwrap());
            all
        });
        assert_eq!(
            expected(&lines).unwrap(),
            Expected::SaidAt(vec![at(7, 255), at(7, 256)])
        );
    }

    #[test]
    fn what_is_no_condition_is_refused_by_its_kind() {
        let many = vec!["\"a\""; TAGS_MAX + 1].join(",");
        for (all, status) in [
            (vec![], 428),
            (vec![(header::IF_MATCH, "0000000000000007-ff")], 400),
            (vec![(header::IF_MATCH, "\"open")], 400),
            (vec![(header::IF_MATCH, "\"a\"\"b\"")], 400),
            (vec![(header::IF_MATCH, "")], 400),
            (vec![(header::IF_MATCH, many.as_str())], 400),
            (vec![(header::IF_NONE_MATCH, "\"a\"")], 400),
            (vec![(header::IF_MATCH, "*"), (header::IF_NONE_MATCH, "*")], 400),
        ] {
            let problem = expected(&headers(&all)).unwrap_err().into_problem();
            assert_eq!(problem.status, status, "{all:?}");
        }
    }

    proptest! {
        #[test]
        fn a_tag_names_its_position_and_no_other(life: u64, number: u64, other: u64) {
            let tag = tag_of(at(life, number));
            prop_assert_eq!(listed(&tag), Ok(vec![at(life, number)]));
            prop_assert_eq!(tag == tag_of(at(life, other)), number == other);
        }
    }
}
