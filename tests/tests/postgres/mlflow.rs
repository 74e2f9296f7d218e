//! The walk-through of `docs/mlflow.md`, with MLflow's own server and client.

use crate::place::{DATABASE, Place};
use headland_fleet::mlflow::{Mlflow, installed};
use headland_fleet::ports::free_port;
use headland_fleet::proxy::Proxy;
use headland_host::control::request_blocking;
use serde_json::{Value, json};

/// Starts MLflow with the place's database for its store.
fn start(place: &Place) -> Mlflow {
    let programs = installed().unwrap();
    Mlflow::start(&programs, &place.cluster, DATABASE, &place.path("")).unwrap()
}

/// The tags of a model that hubs wrote.
fn written(mlflow: &Mlflow, model: &str) -> Value {
    let lines = format!(
        "import json\ntags = client.get_registered_model('{model}').tags\n\
         print(json.dumps({{k: v for k, v in tags.items() if k.startswith('edge.')}}))"
    );
    serde_json::from_str(&mlflow.printed(&lines).unwrap().unwrap()).unwrap()
}

/// Does what the doctor says: that is all that has to be done.
pub(crate) fn follow_the_doctor(place: &Place) {
    let (_, said) = place.run(&["doctor"]);
    for line in said.lines().filter_map(|line| line.strip_prefix("  ")) {
        place.sql(line.split("--").next().unwrap());
    }
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
#[ignore = "needs MLflow, which tests/mlflow installs, and a minute"]
fn what_people_do_in_mlflow_is_what_an_agent_resolves() {
    let Some(place) = Place::with("", &[]) else { return };
    let mlflow = start(&place);
    follow_the_doctor(&place);
    let register = "client.create_registered_model('crop-disease', tags={'task': 'image-classification', 'license': 'apache-2.0'}, description='finds it')\n\
                    for n in (1, 2):\n    client.create_model_version('crop-disease', source=f's3://models/crop/{n}')\n\
                    client.set_registered_model_alias('crop-disease', 'champion', '1')";
    assert!(mlflow.python(register).unwrap());
    let _hub = place.hub_that_follows();
    let _agent = place.agent();
    let model = place.model("crop-disease");
    assert_eq!(
        (&model["current"], &model["attributes"]["license"]),
        (&json!("1"), &json!("apache-2.0"))
    );
    let resolved = || {
        let question = json!({ "task": "image-classification", "alias": "champion" });
        place.ask_agent("/v1/resolve", Some(&question))["answer"].clone()
    };
    assert_eq!(resolved()["manifest"]["uri"], "s3://models/crop/1");

    assert!(
        mlflow
            .python("client.set_registered_model_alias('crop-disease', 'champion', '2')")
            .unwrap()
    );
    place.until("agent", || (resolved()["version"] == "2").then_some(()));
    assert!(
        mlflow
            .python("client.set_model_version_tag('crop-disease', '2', 'approval.field-use', 'revoked')")
            .unwrap()
    );
    place.until("agent", || resolved().is_null().then_some(()));
    assert!(mlflow.python("client.set_registered_model_alias('crop-disease', 'champion', '1')\nclient.delete_model_version('crop-disease', '2')").unwrap());
    place.until("agent", || (resolved()["version"] == "1").then_some(()));
    assert!(
        mlflow
            .python("client.rename_registered_model('crop-disease', 'crop')")
            .unwrap()
    );
    let renamed = place.until_model("crop", |model| !model.is_null());
    assert_eq!(
        (&renamed["aliases"], renamed["versions"].get("2")),
        (&json!({ "champion": "1" }), None)
    );
    assert!(mlflow.python("client.delete_registered_model('crop')").unwrap());
    place.until_model("crop", serde_json::Value::is_null);
}

/// Where the agent writes about the model.
const CROP: &str = "/v1/namespaces/default/models/crop-disease";

/// Writes a note on the device; gives its id.
fn annotate(place: &Place, text: &str) -> String {
    let note = place.ask_agent(&format!("{CROP}/annotations"), Some(&json!({ "text": text })));
    note["id"].as_str().unwrap().to_owned()
}

/// Waits until the hub has made so many writes since it was started, and has none left to make.
fn until_written(place: &Place, written: u64) {
    place.until("hub", || {
        let status = place.status()["writeback"].clone();
        (status["written"] == written && status["behind"] == 0 && status["state"] == "closed").then_some(())
    });
}

#[test]
#[ignore = "needs MLflow, which tests/mlflow installs, and a minute"]
fn what_a_device_wrote_without_a_link_is_in_mlflow_once_though_mlflow_was_gone() {
    let Some(place) = Place::with("", &[]) else { return };
    let mut mlflow = start(&place);
    follow_the_doctor(&place);
    assert!(
        mlflow
            .python("client.create_registered_model('crop-disease', tags={'task': 'image-classification'})")
            .unwrap()
    );
    let server = format!("http://127.0.0.1:{}", mlflow.port());
    place.configure(
        "hub",
        place.broker(),
        &format!("[registry.writeback]\nmlflow = {server:?}"),
    );
    let mut hub = place.hub_that_follows();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let here = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let proxy = runtime
        .block_on(async { Proxy::start(here(free_port().unwrap()), here(place.broker())) })
        .unwrap();
    let _agent = place.agent_of(&[proxy.listen().port()]);

    proxy.cut();
    let wheat = annotate(&place, "wrong on winter wheat");
    proxy.restore();
    until_written(&place, 1);
    let note = |id: &str| format!("edge.note.{id}");
    assert_eq!(
        written(&mlflow, "crop-disease"),
        json!({ note(&wheat): "wrong on winter wheat" })
    );

    mlflow.stop();
    let slow = annotate(&place, "slow in the cold");
    place.ask_agent(&format!("{CROP}/usage"), Some(&json!({ "amount": 7 })));
    place.until("hub", || {
        let status = place.status()["writeback"].clone();
        let open = status["state"] == "open" && status["behind"].as_u64() > Some(0);
        (open && status["detail"].as_str()?.contains("check that it runs")).then_some(())
    });
    let (_, said) = place.run(&["status"]);
    assert!(said.contains("write-back") && said.contains(&server), "{said}");
    let gone = request_blocking(
        &place.path("agent.sock"),
        axum::http::Method::DELETE,
        &format!("{CROP}/annotations/{wheat}"),
        None,
        30_000,
    );
    assert!(gone.unwrap().0.is_success());
    mlflow.serve().unwrap();
    until_written(&place, 4);
    let there = json!({ note(&slow): "slow in the cold", "edge.usage.main": "7" });
    assert_eq!(written(&mlflow, "crop-disease"), there);

    // What is written stays so for the hub that was killed, and comes back to nobody as an attribute.
    hub.kill();
    place.again(&mut hub);
    until_written(&place, 0);
    let attributes = place.model("crop-disease")["attributes"].clone();
    assert!(
        attributes
            .as_object()
            .unwrap()
            .keys()
            .all(|name| !name.starts_with("edge.")),
        "{attributes}"
    );
    assert_eq!(written(&mlflow, "crop-disease"), there);
}
