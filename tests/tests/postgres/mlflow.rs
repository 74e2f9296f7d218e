//! The walk-through of `docs/mlflow.md`, with MLflow's own server and client.

use crate::place::Place;
use headland_fleet::ports::free_port;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Below the home of whoever runs the tests; `tests/mlflow` makes it.
const ENVIRONMENT: &str = ".cache/headland/mlflow-3.17.2";

/// MLflow's server, with the database for its store. Dropping it ends it.
struct Mlflow {
    programs: PathBuf,
    port: u16,
    child: Child,
}

impl Mlflow {
    fn start(place: &Place) -> Self {
        let programs = PathBuf::from(std::env::var_os("HOME").unwrap())
            .join(ENVIRONMENT)
            .join("bin");
        assert!(
            programs.exists(),
            "{} is not there: run tests/mlflow",
            programs.display()
        );
        let port = free_port().unwrap();
        let store = format!(
            "postgresql+psycopg2://postgres@/mlflow?host={}&port={}",
            place.cluster.socket_directory().display(),
            place.cluster.port()
        );
        let log = File::create(place.path("mlflow.log")).unwrap();
        let child = Command::new(programs.join("mlflow"))
            .args([
                "server",
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--workers",
                "1",
            ])
            .args(["--backend-store-uri", &store, "--default-artifact-root", "/nowhere"])
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .current_dir(place.path(""))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mlflow = Self { programs, port, child };
        place.until("mlflow", || {
            mlflow.python("client.search_registered_models()").then_some(())
        });
        mlflow
    }

    /// Runs lines of Python that use MLflow's client; whether they did.
    fn python(&self, lines: &str) -> bool {
        let script = format!(
            "from mlflow import MlflowClient\nclient = MlflowClient('http://127.0.0.1:{}')\n{lines}\n",
            self.port
        );
        let mut command = Command::new(self.programs.join("python"));
        command
            .args(["-c", &script])
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    }
}

impl Drop for Mlflow {
    fn drop(&mut self) {
        // It ends its own processes when it is asked to.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs MLflow, which tests/mlflow installs, and a minute"]
fn what_people_do_in_mlflow_is_what_an_agent_resolves() {
    let Some(place) = Place::with("", &[]) else { return };
    let mlflow = Mlflow::start(&place);
    // What the doctor says is all that has to be done.
    let (_, said) = place.run(&["doctor"]);
    for line in said.lines().filter_map(|line| line.strip_prefix("  ")) {
        place.sql(line.split("--").next().unwrap());
    }
    let (code, said) = place.run(&["doctor"]);
    assert_eq!(code, Some(0), "{said}");
    let register = "client.create_registered_model('crop-disease', tags={'task': 'image-classification', 'license': 'apache-2.0'}, description='finds it')\n\
                    for n in (1, 2):\n    client.create_model_version('crop-disease', source=f's3://models/crop/{n}')\n\
                    client.set_registered_model_alias('crop-disease', 'champion', '1')";
    assert!(mlflow.python(register));
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

    assert!(mlflow.python("client.set_registered_model_alias('crop-disease', 'champion', '2')"));
    place.until("agent", || (resolved()["version"] == "2").then_some(()));
    assert!(mlflow.python("client.set_model_version_tag('crop-disease', '2', 'approval.field-use', 'revoked')"));
    place.until("agent", || resolved().is_null().then_some(()));
    assert!(mlflow.python("client.set_registered_model_alias('crop-disease', 'champion', '1')\nclient.delete_model_version('crop-disease', '2')"));
    place.until("agent", || (resolved()["version"] == "1").then_some(()));
    assert!(mlflow.python("client.rename_registered_model('crop-disease', 'crop')"));
    let renamed = place.until_model("crop", |model| !model.is_null());
    assert_eq!(
        (&renamed["aliases"], renamed["versions"].get("2")),
        (&json!({ "champion": "1" }), None)
    );
    assert!(mlflow.python("client.delete_registered_model('crop')"));
    place.until_model("crop", serde_json::Value::is_null);
}
