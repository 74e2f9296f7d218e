//! Writing back to an MLflow behind TLS that wants a proof.

use crate::place::{DATABASE, Place};
use headland_fleet::front::Front;
use headland_fleet::mlflow::{Mlflow, installed};
use headland_fleet::ports::free_port;
use headland_host::text::segment;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::runtime::Runtime;

const BEARER: &str = "Bearer s3cret of the farm";
/// `hub:s3cret of the farm`
const BASIC: &str = "Basic aHViOnMzY3JldCBvZiB0aGUgZmFybQ==";
const SECRET: &str = "s3cret of the farm\n";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn here(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A server before `behind` that wants this proof, with the certificate of the place's database.
fn front(runtime: &Runtime, place: &Place, proof: &str, behind: Option<SocketAddr>) -> Front {
    let root = place.cluster.root_certificate();
    let listen = here(free_port().unwrap());
    runtime
        .block_on(async { Front::start(listen, root.parent().unwrap(), proof, behind) })
        .unwrap()
}

fn configure(place: &Place, front: &Front, lines: &str) {
    let (port, secret) = (front.listen().port(), place.path("secret"));
    let text = format!("[registry.writeback]\nmlflow = \"https://localhost:{port}\"\ntoken_file = {secret:?}\n{lines}");
    place.configure("hub", place.broker(), &text);
}

/// The line that names the root certificate.
fn roots(place: &Place) -> String {
    // Without spaces: it is not the database's key of this name.
    format!("root_certificates={:?}\n", place.cluster.root_certificate())
}

fn annotate(place: &Place, model: &str, text: &str) {
    let notes = format!("/v1/namespaces/default/models/{}/annotations", segment(model));
    place.ask_agent(&notes, Some(&json!({ "text": text })));
}

/// Waits until nothing is left to be written, and so many writes were made since the hub was started.
fn until_written(place: &Place, written: u64) {
    place.until("hub", || {
        let status = place.status()["writeback"].clone();
        (status["written"] == written && status["behind"] == 0 && status["state"] == "closed").then_some(())
    });
}

/// Waits until the circuit breaker is open, for this reason.
fn until_open(place: &Place, reason: &str) {
    place.until("hub", || {
        let status: Value = place.status()["writeback"].clone();
        (status["state"] == "open" && status["detail"].as_str()?.contains(reason)).then_some(())
    });
}

#[test]
fn what_devices_wrote_goes_over_tls_with_the_proof_that_the_server_wants() {
    let Some(place) = Place::new() else { return };
    let runtime = runtime();
    for (proof, lines) in [(BEARER, ""), (BASIC, "user = \"hub\"\n")] {
        let front = front(&runtime, &place, proof, None);
        std::fs::write(place.path("secret"), "something else").unwrap();
        configure(&place, &front, &format!("{lines}{}", roots(&place)));
        let mut hub = place.hub_that_follows();
        let mut agent = place.agent();
        annotate(&place, "farm/1", proof);
        until_open(&place, "refuses (401");
        assert!(front.passed().is_empty());
        // The secret is read for each attempt.
        std::fs::write(place.path("secret"), SECRET).unwrap();
        place.until("hub", || (place.status()["writeback"]["behind"] == 0).then_some(()));
        let said = front.passed();
        assert!(
            said.iter()
                .any(|body| body.contains(proof) && body.contains("edge.note.")),
            "{said:?}"
        );
        agent.stop();
        hub.stop();
    }
}

#[test]
fn a_server_of_mlflow_that_cannot_prove_its_name_is_told_nothing() {
    let Some(place) = Place::new() else { return };
    let runtime = runtime();
    let front = front(&runtime, &place, BEARER, None);
    std::fs::write(place.path("secret"), SECRET).unwrap();
    configure(&place, &front, "");
    let _hub = place.hub_that_follows();
    let _agent = place.agent();
    annotate(&place, "farm/1", "for nobody else");
    until_open(&place, "making a TLS connection");
    assert!(front.passed().is_empty());
}

#[test]
#[ignore = "needs MLflow, which tests/mlflow installs, and a minute"]
fn an_mlflow_behind_tls_and_a_password_gets_what_devices_wrote() {
    let Some(place) = Place::with("", &[]) else { return };
    let programs = installed().unwrap();
    let mlflow = Mlflow::start(&programs, &place.cluster, DATABASE, &place.path("")).unwrap();
    assert!(
        mlflow
            .python("client.create_registered_model('crop', tags={'task': 'detection'})")
            .unwrap()
    );
    crate::mlflow::follow_the_doctor(&place);
    let runtime = runtime();
    let front = front(&runtime, &place, BASIC, Some(here(mlflow.port())));
    std::fs::write(place.path("secret"), SECRET).unwrap();
    configure(&place, &front, &format!("user = \"hub\"\n{}", roots(&place)));
    let _hub = place.hub_that_follows();
    let _agent = place.agent();
    annotate(&place, "crop", "wrong on winter wheat");
    until_written(&place, 1);
    let tags = "print(client.get_registered_model('crop').tags)";
    let tags = mlflow.printed(tags).unwrap().unwrap();
    assert!(
        tags.contains("edge.note.") && tags.contains("wrong on winter wheat"),
        "{tags}"
    );
}
