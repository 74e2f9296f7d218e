//! Which replications commits wait for: `synchronous_standby_names`, as far as it concerns the hub.

/// Whether a replication under this name is counted among the standbys. A hub that is would be waited for by the commits
/// that it waits for itself.
pub(crate) fn counts(names: &str, application: &str) -> bool {
    let mut rest = names;
    while let Some(begin) = rest.find(|letter: char| !letter.is_whitespace() && !"(),".contains(letter)) {
        rest = &rest[begin..];
        let (name, quoted, after) = match rest.strip_prefix('"') {
            Some(inner) => {
                let end = inner.find('"').unwrap_or(inner.len());
                (&inner[..end], true, inner.get(end + 1..).unwrap_or_default())
            }
            None => {
                let end = rest.find(|letter: char| letter.is_whitespace() || "(),\"".contains(letter));
                let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
                (name, false, after)
            }
        };
        // The server compares them without case.
        if !quoted && name == "*" || name.eq_ignore_ascii_case(application) {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_and_its_own_name_count_the_hub_and_nothing_else_does() {
        let hub = "headland-hub main";
        for names in [
            "*",
            "FIRST 1 (*)",
            "ANY 2 (s1, *)",
            "ANY 1 (s1,\"Headland-Hub Main\")",
            "\"headland-hub main\"",
        ] {
            assert!(counts(names, hub), "{names}");
        }
        for names in [
            "",
            "s1",
            "ANY 1 (s1, \"*\")",
            "2 (s1,s2)",
            "\"headland-hub",
            "headland-hub, main",
        ] {
            assert!(!counts(names, hub), "{names}");
        }
    }
}
