//! What must stay in its region is not in the tables, and not taken out of them.

use crate::place::Place;
use axum::http::Method;
use headland_fleet::ports::free_port;
use headland_hub::replica::{Commit, CommitError};
use headland_hub::store::Store;
use headland_shared::name::AttributeName;
use headland_shared::schema::{Declaration, Residency};
use serde_json::json;

const CROP: &str = "/v1/namespaces/default/models/farm%2F1";

/// Has a hub that does not run keep in its region what devices count.
fn keep_usage_here(place: &Place, hub: &str) {
    let path = place.path(&format!("{hub}.redb"));
    let open = move || Ok(redb::Database::open(&path)?);
    let store = Store::open(open, 7).unwrap();
    let usage = Declaration {
        residency: Residency::Region,
        ..Declaration::built_in("usage").unwrap()
    };
    let declared: Result<_, CommitError> = store.write(|tables| {
        let mut commit = Commit::begin(tables, 1)?;
        commit.declare(&AttributeName::new("usage").unwrap(), usage)?;
        commit.finish()
    });
    declared.unwrap();
}

#[test]
fn what_must_stay_in_its_region_is_never_in_the_table_and_is_not_taken_from_it() {
    let Some(place) = Place::new() else { return };
    place.make_own_tables();
    let mut ports = Vec::new();
    for hub in ["north", "south"] {
        let port = free_port().unwrap();
        place.configure_region(hub, hub, port, "[registry.writeback]\npostgres = \"exchange\"");
        ports.push(port);
    }
    let mut north = place.start("north");
    let south = place.start("south");
    for hub in ["north", "south"] {
        place.until(hub, || {
            (place.try_status(hub)?["follow"]["state"] == "following").then_some(())
        });
    }
    north.stop();
    keep_usage_here(&place, "north");
    place.again(&mut north);
    let _leaf = place.device("leaf-n", "north", &format!("mqtt://127.0.0.1:{}/north", ports[0]));
    let _twig = place.device("leaf-s", "south", &format!("mqtt://127.0.0.1:{}/south", ports[1]));
    for (agent, amount) in [("leaf-n", 7), ("leaf-s", 5)] {
        let usage = json!({ "amount": amount });
        place.ask(agent, Method::POST, &format!("{CROP}/usage"), Some(&usage));
        let note = json!({ "text": agent });
        place.ask(agent, Method::POST, &format!("{CROP}/annotations"), Some(&note));
    }
    let model = |program: &str| place.ask(program, Method::GET, CROP, None)["model"].clone();
    // The notes came by the same way and later, so the counts would be there as well.
    for program in ["north", "south", "leaf-n", "leaf-s"] {
        place.until(program, || {
            (model(program)["annotations"].as_array()?.len() == 2).then_some(())
        });
    }
    let rows = place.sql("SELECT region, kind FROM headland.edge_writes ORDER BY region, kind");
    assert_eq!(rows, "north|annotation\nsouth|annotation\nsouth|count");
    assert_eq!(
        (
            model("north")["counts"]["usage"].clone(),
            model("south")["counts"]["usage"].clone()
        ),
        (json!(7), json!(5))
    );
    let database = place.try_status("north").unwrap()["follow"]["database"].clone();
    assert!(
        database["left_out_last"]
            .as_str()
            .unwrap()
            .contains("stays in its region"),
        "{database}"
    );
    drop(south);
}
