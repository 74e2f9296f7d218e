use super::tables::{TableFacts, facts};
use super::*;

fn plan() -> (Plan, Table) {
    let table = Table {
        schema: "public".to_owned(),
        name: "models".to_owned(),
        columns: vec!["name".to_owned(), "card".to_owned()],
        keys: 1,
        written: None,
    };
    let plan = Plan {
        user: "headland".to_owned(),
        slot: "headland_main".to_owned(),
        publication: "headland".to_owned(),
        tables: vec![table.clone()],
        edge: TablesUse::Off,
    };
    (plan, table)
}

fn said(facts: &TableFacts) -> Vec<(String, Option<String>)> {
    let (plan, table) = plan();
    let findings = facts.findings(&table, &plan);
    findings.into_iter().map(|one| (one.what, one.mend)).collect()
}

#[test]
fn a_table_that_is_as_it_should_be_gives_nothing_to_say() {
    assert!(said(&facts(&[("name", true), ("card", false)], true, true)).is_empty());
}

#[test]
fn each_want_of_a_table_names_the_sql_that_mends_it() {
    let (what, _) = &said(&TableFacts::default())[0];
    assert!(what.contains("public.models is not there"), "{what}");
    let (what, mend) = &said(&facts(&[("name", true)], true, true))[0];
    assert!(what.contains("no column card") && mend.is_none(), "{what}");
    let (what, mend) = &said(&facts(&[("name", false), ("card", true)], true, true))[0];
    assert!(what.contains("by name"), "{what}");
    assert!(mend.as_deref().unwrap().contains("REPLICA IDENTITY"), "{mend:?}");
    let (_, mend) = &said(&facts(&[("name", true), ("card", false)], true, false))[0];
    assert_eq!(
        mend.as_deref(),
        Some("GRANT SELECT ON \"public\".\"models\" TO \"headland\";")
    );
    let (_, mend) = &said(&facts(&[("name", true), ("card", false)], false, true))[0];
    assert_eq!(
        mend.as_deref(),
        Some("ALTER PUBLICATION \"headland\" ADD TABLE \"public\".\"models\";")
    );
}

/// A publication of such a table makes its updates fail in the user's own program.
#[test]
fn publishing_a_table_without_identity_is_never_suggested() {
    let findings = said(&facts(&[("name", false), ("card", false)], false, true));
    let publish = findings
        .iter()
        .filter_map(|(_, mend)| mend.as_deref())
        .find(|mend| mend.contains("PUBLICATION"));
    assert_eq!(publish, None);
}
