//! The commands that ask or tell the hub something, and print the answer.

mod access;
mod agents;
mod doctor;
mod init;
mod setting;
mod sheet;

use crate::backup::{self, Existing};
use crate::bridging::Database;
use crate::edge;
use crate::operation::{Decision, ImportWish, RevertWish};
use crate::program::{ModelArgument, WantedModels};
use crate::settings::{RegistrySource, Settings};
use access::Access;
use headland_host::exit::Failure;
use headland_host::text::print;
use headland_shared::key::RecordKey;
use headland_shared::name::{ModelName, Namespace};
use serde_json::Value;
pub(crate) use setting::{Wish, request, set};
use std::path::{Path, PathBuf};

/// `import`
pub(crate) fn import(settings: &Settings, wish: ImportWish, json: bool) -> Result<(), Failure> {
    let dry_run = wish.dry_run;
    let answer = Access::import(settings, wish)?;
    output(&answer, json, |answer| sheet::import(answer, dry_run))
}

/// `revert`
pub(crate) fn revert(settings: &Settings, wish: RevertWish, json: bool) -> Result<(), Failure> {
    let answer = Access::find(settings)?.revert(wish)?;
    output(&answer, json, sheet::revert)
}

/// `unfence` and `confirm-restored`
pub(crate) fn decide(settings: &Settings, decision: &Decision, json: bool) -> Result<(), Failure> {
    let answer = Access::find(settings)?.decide(decision)?;
    output(&answer, json, |answer| sheet::decision(answer, decision))
}

/// `models`
pub(crate) fn models(settings: &Settings, wanted: &WantedModels, json: bool) -> Result<(), Failure> {
    let answer = Access::find(settings)?.models(wanted)?;
    output(&answer, json, sheet::models)
}

/// `show`
pub(crate) fn show(settings: &Settings, model: &ModelArgument, json: bool) -> Result<(), Failure> {
    let bad = |error| Failure::bad_input(format!("reading the arguments: {error}"));
    let key = RecordKey {
        namespace: Namespace::new(model.namespace.as_str()).map_err(bad)?,
        name: ModelName::new(model.name.as_str()).map_err(bad)?,
    };
    let answer = Access::find(settings)?.model(&key)?;
    output(&answer, json, sheet::model)
}

/// `history`
pub(crate) fn history(settings: &Settings, limit: usize, json: bool) -> Result<(), Failure> {
    let answer = Access::find(settings)?.history(limit)?;
    output(&answer, json, sheet::history)
}

/// `backup`
pub(crate) fn backup(settings: &Settings, to: &Path, json: bool) -> Result<(), Failure> {
    let answer = Access::find(settings)?.backup(to, settings.region.as_str())?;
    output(&answer, json, sheet::backup)
}

/// `restore`
pub(crate) fn restore(settings: &Settings, from: &Path, existing: Existing, json: bool) -> Result<(), Failure> {
    if access::someone_listens(&settings.socket)? {
        let socket = settings.socket.display();
        return Err(Failure::bad_input(format!(
            "restoring: a hub runs and serves control socket {socket}; stop it first"
        )));
    }
    let (about, epoch) = backup::restore(settings, from, existing)?;
    let answer = serde_json::json!({ "about": about, "epoch": epoch.to_string() });
    output(&answer, json, sheet::restore)
}

/// `release`
pub(crate) fn release(settings: &Settings, json: bool) -> Result<(), Failure> {
    let answer = Access::release(settings)?;
    output(&answer, json, |answer| format!("{}\n", sheet::following(answer)))
}

/// `doctor`
pub(crate) fn doctor(settings: &Settings, json: bool) -> Result<(), Failure> {
    let database = database(settings, "examining the database")?;
    let answer = doctor::examine(&database)?;
    output(&answer, json, |answer| doctor::text_of(answer, &database.server))?;
    match doctor::hindering(&answer) {
        0 => Ok(()),
        count => Err(Failure::failed(format!(
            "examining the database: {} that the hub cannot do without; mend them, and run this again",
            headland_host::text::words::counted(count, "thing", "things")
        ))),
    }
}

/// `registry init --print`
pub(crate) fn print_init(settings: &Settings, json: bool) -> Result<(), Failure> {
    let sql = edge::init_sql(&settings.registry.postgres.user);
    output(&serde_json::json!({ "sql": sql }), json, |_| sql.clone())
}

/// `registry init --apply`
pub(crate) fn apply_init(
    settings: &Settings,
    user: Option<String>,
    password_file: Option<PathBuf>,
    json: bool,
) -> Result<(), Failure> {
    let database = database(settings, "making Headland's tables")?;
    let role = database.server.user.clone();
    let mut server = database.server;
    if let Some(user) = user {
        (server.user, server.password_file) = (user, password_file);
    }
    let answer = init::apply(&server, &role)?;
    output(&answer, json, |answer| init::text_of(answer, &server))
}

/// The database that the settings name.
fn database(settings: &Settings, doing: &str) -> Result<Database, Failure> {
    match settings.registry_source().map_err(Failure::bad_input)? {
        RegistrySource::Database(database) => Ok(*database),
        RegistrySource::Own | RegistrySource::Hub(_) => Err(Failure::bad_input(format!(
            "{doing}: no database is named; set registry.postgres.host"
        ))),
    }
}

/// `status`
pub(crate) fn status(settings: &Settings, json: bool) -> Result<(), Failure> {
    let answer = Access::find(settings)?.status()?;
    output(&answer, json, sheet::status)
}

/// `agents`
pub(crate) fn agents(settings: &Settings, json: bool) -> Result<(), Failure> {
    let mut status = Access::find(settings)?.status()?;
    let answer = serde_json::json!({ "agents": status["agents"].take() });
    output(&answer, json, agents::text_of)
}

fn output(answer: &Value, json: bool, text: impl FnOnce(&Value) -> String) -> Result<(), Failure> {
    if json {
        return print(&format!("{answer:#}\n"));
    }
    print(&text(answer))
}
