//! A database with MLflow's tables, and a hub that follows it.

use headland_fleet::fleet::program::{Program, command};
use headland_fleet::ports::free_port;
pub(crate) use headland_fleet::postgres::PUBLICATION;
use headland_fleet::postgres::{Cluster, PASSWORD, TABLES, installed};
use headland_host::control::request_blocking;
use headland_host::text::segment;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far longer than anything here takes, so that only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(60);
const ANSWER_MS_MAX: u64 = 30_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The database's name.
pub(crate) const DATABASE: &str = "mlflow";

/// Some models with what they have.
const MODELS: &str = "
INSERT INTO registered_models (name, description) SELECT 'farm/' || n, 'number ' || n FROM generate_series(1, 40) n;
INSERT INTO registered_model_tags (name, key, value) SELECT 'farm/' || n, 'task', 'detection' FROM generate_series(1, 40) n;
INSERT INTO model_versions (name, version, source) VALUES ('farm/1', 1, 's3://models/1'), ('farm/1', 2, 's3://models/2');
INSERT INTO registered_model_aliases (name, alias, version) VALUES ('farm/1', 'champion', 1);
";

pub(crate) struct Place {
    pub(crate) cluster: Cluster,
    dir: TempDir,
    broker: u16,
}

impl Place {
    /// A database with models and a publication; nothing where there is no PostgreSQL.
    pub(crate) fn new() -> Option<Self> {
        Self::with("", &[TABLES, MODELS, PUBLICATION])
    }

    /// A database whose server has these lines in its configuration, after these statements.
    pub(crate) fn with(lines: &str, statements: &[&str]) -> Option<Self> {
        let cluster = Cluster::start(&installed()?, lines).unwrap();
        cluster.sql("postgres", "CREATE DATABASE mlflow").unwrap();
        let place = Self {
            cluster,
            dir: tempfile::tempdir().unwrap(),
            broker: free_port().unwrap(),
        };
        for statement in statements {
            place.sql(statement);
        }
        place.configure("hub", place.broker, "");
        Some(place)
    }

    pub(crate) fn with_tables(lines: &str) -> Option<Self> {
        Self::with(lines, &[TABLES, MODELS, PUBLICATION])
    }

    pub(crate) fn without_publication() -> Option<Self> {
        Self::with("", &[TABLES, MODELS])
    }

    /// Says how a hub is to run; later lines of `registry.postgres` count in place of its own.
    pub(crate) fn configure(&self, name: &str, broker: u16, lines: &str) {
        let own = [
            ("host", "\"localhost\"".to_owned()),
            ("port", self.cluster.port().to_string()),
            ("password_file", format!("{:?}", self.path("password"))),
            ("root_certificates", format!("{:?}", self.cluster.root_certificate())),
        ];
        std::fs::write(self.path("password"), format!("{PASSWORD}\n")).unwrap();
        let own: String = own
            .iter()
            .filter(|(key, _)| !lines.contains(&format!("{key} =")))
            .map(|(key, value)| format!("{key} = {value}\n"))
            .collect();
        let (store, socket) = (self.path(&format!("{name}.redb")), self.path(&format!("{name}.sock")));
        let text = format!(
            "store = {store:?}\nsocket = {socket:?}\n[registry.postgres]\n{own}{lines}\n[broker]\nlisten = \"127.0.0.1:{broker}\"\n\
             [feed]\np1_ms_max = 0\np2_ms_max = 0\nheartbeat_ms = 200\n[link]\nbackoff_ms_base = 50\nbackoff_ms_max = 500\n"
        );
        std::fs::write(self.path(&format!("{name}.toml")), text).unwrap();
    }

    /// The same, for the hub of a region.
    pub(crate) fn configure_region(&self, name: &str, region: &str, broker: u16, lines: &str) {
        self.configure(name, broker, lines);
        let path = self.path(&format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, format!("region = {region:?}\n{text}")).unwrap();
    }

    /// Makes Headland's own tables, and has them published.
    pub(crate) fn make_own_tables(&self) {
        let (code, sql) = self.run(&["registry", "init", "--print"]);
        assert_eq!(code, Some(0), "{sql}");
        self.sql(&sql);
        self.sql("ALTER PUBLICATION headland ADD TABLE headland.edge_writes");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs SQL in the database; gives the rows, one a line.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.cluster.sql(DATABASE, sql).unwrap()
    }

    /// Starts the hub. It answers when this returns.
    pub(crate) fn hub(&self) -> Program {
        self.start("hub")
    }

    pub(crate) fn start(&self, name: &str) -> Program {
        let program = Program::start(binary(), self.dir.path(), "hub", name, &["serve"]).unwrap();
        self.until(name, || self.try_status(name));
        program
    }

    /// Starts an agent of the hub. It has everything that the hub has when this returns.
    pub(crate) fn agent(&self) -> Program {
        self.agent_of(&[self.broker])
    }

    /// Starts an agent of the hubs with these brokers, of which the first is this place's own.
    pub(crate) fn agent_of(&self, brokers: &[u16]) -> Program {
        let hubs: Vec<String> = brokers.iter().map(|port| format!("mqtt://127.0.0.1:{port}")).collect();
        let (store, socket) = (self.path("agent.redb"), self.path("agent.sock"));
        let text = format!(
            "name = \"leaf-7\"\nhubs = {hubs:?}\nstore = {store:?}\nsocket = {socket:?}\n\
             [timing]\nacknowledge_ms = 0\nspread_ms = 10\n[link]\nbackoff_ms_base = 50\nbackoff_ms_max = 200\n"
        );
        std::fs::write(self.path("agent.toml"), text).unwrap();
        let agent = Program::start(binary(), self.dir.path(), "agent", "agent", &["run"]).unwrap();
        self.until_agent_is_at("hub");
        agent
    }

    /// Starts an agent of this name behind the hub of a region. It has everything that the hub has when this returns.
    pub(crate) fn device(&self, name: &str, hub: &str, address: &str) -> Program {
        let (store, socket) = (self.path(&format!("{name}.redb")), self.path(&format!("{name}.sock")));
        let text = format!(
            "name = {name:?}\nhubs = [{address:?}]\nstore = {store:?}\nsocket = {socket:?}\n\
             [timing]\nacknowledge_ms = 0\nspread_ms = 10\n[link]\nbackoff_ms_base = 50\nbackoff_ms_max = 200\n"
        );
        std::fs::write(self.path(&format!("{name}.toml")), text).unwrap();
        let agent = Program::start(binary(), self.dir.path(), "agent", name, &["run"]).unwrap();
        self.until_same(name, hub);
        agent
    }

    /// Waits until the agent holds what a hub holds.
    pub(crate) fn until_agent_is_at(&self, hub: &str) {
        self.until_same("agent", hub);
    }

    /// Waits until an agent holds what a hub holds.
    pub(crate) fn until_same(&self, agent: &str, hub: &str) {
        self.until(agent, || {
            let (agent, hub) = (self.try_status(agent)?, self.try_status(hub)?);
            (agent["settled"] == true && agent["digest"] == hub["digest"]).then_some(())
        });
    }

    /// The broker of the hub.
    pub(crate) fn broker(&self) -> u16 {
        self.broker
    }

    /// What the agent answers.
    pub(crate) fn ask_agent(&self, target: &str, body: Option<&Value>) -> Value {
        let method = body.map_or(axum::http::Method::GET, |_| axum::http::Method::POST);
        request_blocking(&self.path("agent.sock"), method, target, body, ANSWER_MS_MAX)
            .unwrap()
            .1
    }

    /// What a program answers, asked by this method.
    pub(crate) fn ask(&self, name: &str, method: axum::http::Method, target: &str, body: Option<&Value>) -> Value {
        let socket = self.path(&format!("{name}.sock"));
        request_blocking(&socket, method, target, body, ANSWER_MS_MAX)
            .unwrap()
            .1
    }

    /// Starts the hub again that was stopped or killed. It answers when this returns.
    pub(crate) fn again(&self, hub: &mut Program) {
        hub.start_again().unwrap();
        let name = hub.name().to_owned();
        self.until(&name, || self.try_status(&name));
    }

    /// Starts the hub, and waits until it follows.
    pub(crate) fn hub_that_follows(&self) -> Program {
        let program = self.hub();
        self.until_it_follows();
        program
    }

    pub(crate) fn try_status(&self, name: &str) -> Option<Value> {
        let socket = self.path(&format!("{name}.sock"));
        request_blocking(&socket, get(), "/v1/status", None, ANSWER_MS_MAX)
            .ok()
            .map(|(_, status)| status)
    }

    pub(crate) fn status(&self) -> Value {
        self.try_status("hub").unwrap()
    }

    /// The hub in numbers.
    pub(crate) fn metrics(&self) -> String {
        let socket = self.path("hub.sock");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let answer = runtime.block_on(headland_host::control::request_bytes(
            &socket,
            "/metrics",
            1 << 20,
            ANSWER_MS_MAX,
        ));
        String::from_utf8(answer.unwrap().1.to_vec()).unwrap()
    }

    /// How the following stands.
    pub(crate) fn follow(&self) -> Value {
        self.status()["follow"].clone()
    }

    /// Waits until the hub knows all that the database says at this moment.
    pub(crate) fn until_it_follows(&self) {
        let begun = Instant::now();
        self.until("hub", || {
            let follow = self.follow();
            let heard = follow["heard_ms_ago"].as_u64()?;
            (follow["state"] == "following" && u128::from(heard) < begun.elapsed().as_millis()).then_some(())
        });
    }

    /// Waits until the following is in this state; gives its detail.
    pub(crate) fn until_state(&self, state: &str) -> String {
        self.until("hub", || {
            let follow = self.follow();
            (follow["state"] == state).then(|| follow["detail"].as_str().unwrap_or_default().to_owned())
        })
    }

    /// A model as the hub shows it; null when it holds none.
    pub(crate) fn model(&self, name: &str) -> Value {
        let target = format!("/v1/namespaces/default/models/{}", segment(name));
        request_blocking(&self.path("hub.sock"), get(), &target, None, ANSWER_MS_MAX)
            .unwrap()
            .1["model"]
            .clone()
    }

    /// The names of all models.
    pub(crate) fn names(&self) -> Vec<String> {
        let answer = request_blocking(
            &self.path("hub.sock"),
            get(),
            "/v1/models?page_size=1000",
            None,
            ANSWER_MS_MAX,
        );
        let models = answer.unwrap().1["models"].as_array().unwrap().clone();
        models
            .iter()
            .map(|model| model["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The registry's life and revision.
    pub(crate) fn registry(&self) -> Value {
        self.status()["registry"].clone()
    }

    /// Lets happen what is held.
    pub(crate) fn release(&self) -> Value {
        let target = "/v1/registry/release";
        let post = axum::http::Method::POST;
        request_blocking(&self.path("hub.sock"), post, target, Some(&json!({})), 120_000)
            .unwrap()
            .1
    }

    /// Runs a command of the hub to its end: its exit code, and what it printed to both.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = command(binary());
        command
            .arg("hub")
            .args(arguments)
            .arg("--config")
            .arg(self.path("hub.toml"))
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap(),
        )
    }

    /// Waits until there is something; shows the log of `name` when there never is.
    pub(crate) fn until<T>(&self, name: &str, mut there: impl FnMut() -> Option<T>) -> T {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(found) = there() {
                return found;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let log = std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
        panic!("{name} does not come there: {log}\n{:?}", self.try_status(name));
    }

    /// Waits until the hub shows a model so.
    pub(crate) fn until_model(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.until("hub", || Some(self.model(name)).filter(&wanted))
    }
}

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headland-fleet"))
}

fn get() -> axum::http::Method {
    axum::http::Method::GET
}
