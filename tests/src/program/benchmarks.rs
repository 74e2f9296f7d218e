//! The command line of the benchmarks.

use super::{BAD_INPUT, fail};
use crate::bench::{BenchError, Wish, agent, hub_core, idle, query, registry, resolve, storm};
use crate::fleet::BrokerChoice;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// More runs than anybody waits for.
const RUNS_MAX: usize = 100;
/// The most agents that a hub enrols.
const AGENTS_ENROLLED_MAX: usize = 100_000;

/// As many agents as the proxy carries connections, less a few.
const AGENTS_MAX: usize = 4_000;

/// Shorter than a network lasts.
const SECONDS_MAX: usize = 3_600;

/// More commits a second than a registry sees.
const RATE_MAX: usize = 2_000;

/// More models than a device holds.
const MODELS_MAX: usize = 1_000_000;

/// Which benchmark.
#[derive(Debug, Subcommand)]
pub(super) enum Benchmark {
    /// Cuts the links of many agents, changes the catalogue, and lets all return at once.
    Storm(StormArguments),
    /// Measures the hub's core by itself: uploads, acknowledgements, hellos, and what depends on how many are enrolled.
    Hub(HubArguments),
    /// Measures reads over the socket of an agent that holds many models.
    Query(QueryArguments),
    /// Measures what an agent carries that has nothing to do, for each profile. As root: it makes networks.
    Idle(IdleArguments),
    /// Measures how long a device that holds 10,000 models takes to resolve, for each task.
    Resolve(Common),
    /// Measures the agent as a product: memory, start, questions, processor time, its store and what it writes to the disk;
    /// beside SQLite. Three runs take some minutes, for which nothing else should run.
    Agent(AgentArguments),
    /// Measures how soon commits in a PostgreSQL are visible at a connected agent, and what a large snapshot, a large
    /// commit and quiet times cost; beside it, the same change by polling MLflow. Three runs take some minutes.
    Registry(RegistryArguments),
}

#[derive(Debug, Args)]
pub(super) struct Common {
    /// How often to run it; with several runs, medians and spreads are shown.
    #[arg(long, default_value_t = 1, value_name = "K")]
    runs: usize,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    json: bool,
    /// Also write the benchmark's section into this document.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
}

/// How the storm is run.
#[derive(Debug, Args)]
pub(super) struct StormArguments {
    /// How many agents.
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    agents: usize,
    /// Speak through a mosquitto that the benchmark starts, instead of the hub's own broker.
    #[arg(long)]
    mosquitto: bool,
    /// Where the agents' stores lie; /dev/shm keeps thousands of devices from sharing one disk. Among other temporary
    /// files unless said.
    #[arg(long, value_name = "DIR")]
    stores: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// How the hub's core is measured.
#[derive(Debug, Args)]
pub(super) struct HubArguments {
    /// The most agents to enrol.
    #[arg(long, default_value_t = AGENTS_ENROLLED_MAX, value_name = "N")]
    agents_max: usize,
    #[command(flatten)]
    common: Common,
}

/// How reads are measured.
#[derive(Debug, Args)]
pub(super) struct QueryArguments {
    /// How many models the device holds.
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    models: usize,
    /// How often each request is made; those that look at everything less often.
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    requests: usize,
    #[command(flatten)]
    common: Common,
}

/// How idling is measured.
#[derive(Debug, Args)]
pub(super) struct IdleArguments {
    /// For how many seconds; a few heartbeats are 15 s apart.
    #[arg(long, default_value_t = 120, value_name = "N")]
    seconds: usize,
    #[command(flatten)]
    common: Common,
}

/// How the agent is measured.
#[derive(Debug, Args)]
pub(super) struct AgentArguments {
    /// How many models the agent holds.
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    models: usize,
    /// How often each question is asked.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    requests: usize,
    /// For how many minutes memory is looked at, once after a catch-up and once connected and idle.
    #[arg(long, default_value_t = 1.0, value_name = "M")]
    minutes: f64,
    /// The agent's program as it is shipped, such as target/dist/headland-agent; this program as an agent unless said.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// The agent's package, such as target/debian/headland-agent_0.1.0_amd64.deb, for its size.
    #[arg(long, value_name = "FILE")]
    package: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// How following a registry is measured.
#[derive(Debug, Args)]
pub(super) struct RegistryArguments {
    /// Commits a second.
    #[arg(long, default_value_t = 200, value_name = "N")]
    rate: usize,
    /// For how many seconds they are made, for each kind; the first two are not counted.
    #[arg(long, default_value_t = 20, value_name = "N")]
    seconds: usize,
    /// How many models are read by one snapshot, and changed by one commit.
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    models: usize,
    /// For how many seconds the log is looked at that the database keeps while the tables rest.
    #[arg(long, default_value_t = 45, value_name = "N")]
    quiet_seconds: usize,
    /// Where the stores of hub and agent lie; /dev/shm shows what is left without the disk. Among other temporary files
    /// unless said.
    #[arg(long, value_name = "DIR")]
    stores: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Common {
    fn wish(self, command: String) -> Wish {
        let runs = self.runs;
        Wish {
            runs,
            json: self.json,
            document: self.document,
            command: format!("headland-fleet bench {command} --runs {runs}"),
        }
    }
}

/// Runs a benchmark.
pub(super) fn run(benchmark: Benchmark) -> ExitCode {
    let (what, count, most) = match &benchmark {
        Benchmark::Storm(storm) => ("--agents", storm.agents, AGENTS_MAX),
        Benchmark::Hub(hub) => ("--agents-max", hub.agents_max, AGENTS_ENROLLED_MAX),
        Benchmark::Idle(idle) => ("--seconds", idle.seconds, SECONDS_MAX),
        Benchmark::Query(query) => ("--models", query.models, MODELS_MAX),
        Benchmark::Resolve(common) => ("--runs", common.runs, RUNS_MAX),
        Benchmark::Registry(registry) => ("--rate", registry.rate, RATE_MAX),
        Benchmark::Agent(agent) => ("--models", agent.models, MODELS_MAX),
    };
    let (Benchmark::Storm(StormArguments { common, .. })
    | Benchmark::Hub(HubArguments { common, .. })
    | Benchmark::Query(QueryArguments { common, .. })
    | Benchmark::Idle(IdleArguments { common, .. })
    | Benchmark::Registry(RegistryArguments { common, .. })
    | Benchmark::Agent(AgentArguments { common, .. })
    | Benchmark::Resolve(common)) = &benchmark;
    for (what, count, most) in [(what, count, most), ("--runs", common.runs, RUNS_MAX)] {
        if !(1..=most).contains(&count) {
            return fail(&format!("{what} {count}: between 1 and {most}"), BAD_INPUT);
        }
    }
    let result = match benchmark {
        Benchmark::Storm(storm) => run_storm(storm),
        Benchmark::Hub(HubArguments { agents_max, common }) => hub_core::run(&hub_core::Options {
            wish: common.wish(format!("hub --agents-max {agents_max}")),
            agents_max,
        }),
        Benchmark::Query(QueryArguments {
            models,
            requests,
            common,
        }) => query::run(&query::Options {
            wish: common.wish(format!("query --models {models} --requests {requests}")),
            models,
            requests,
        }),
        Benchmark::Idle(IdleArguments { seconds, common }) => idle::run(&idle::Options {
            wish: common.wish(format!("idle --seconds {seconds}")),
            seconds,
        }),
        Benchmark::Resolve(common) => resolve::run(&resolve::Options {
            wish: common.wish("resolve".to_owned()),
        }),
        Benchmark::Registry(registry) => run_registry(registry),
        Benchmark::Agent(agent) => run_agent(agent),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string(), 1),
    }
}

fn run_storm(arguments: StormArguments) -> Result<(), BenchError> {
    let StormArguments {
        agents,
        mosquitto,
        stores,
        common,
    } = arguments;
    let mut flags = if mosquitto { " --mosquitto" } else { "" }.to_owned();
    if let Some(stores) = &stores {
        flags.push_str(&format!(" --stores {}", stores.display()));
    }
    storm::run(&storm::Options {
        wish: common.wish(format!("storm --agents {agents}{flags}")),
        agents,
        broker: if mosquitto {
            BrokerChoice::Mosquitto
        } else {
            BrokerChoice::Embedded
        },
        stores,
    })
}

fn run_registry(arguments: RegistryArguments) -> Result<(), BenchError> {
    let RegistryArguments {
        rate,
        seconds,
        models,
        quiet_seconds,
        stores,
        common,
    } = arguments;
    let mut command =
        format!("registry --rate {rate} --seconds {seconds} --models {models} --quiet-seconds {quiet_seconds}");
    if let Some(stores) = &stores {
        command.push_str(&format!(" --stores {}", stores.display()));
    }
    registry::run(&registry::Options {
        wish: common.wish(command),
        rate,
        seconds,
        models,
        quiet_seconds,
        stores,
    })
}

fn run_agent(arguments: AgentArguments) -> Result<(), BenchError> {
    let AgentArguments {
        models,
        requests,
        minutes,
        program,
        package,
        common,
    } = arguments;
    let mut command = format!("agent --models {models} --requests {requests} --minutes {minutes}");
    for (flag, file) in [("--program", &program), ("--package", &package)] {
        if let Some(file) = file {
            command.push_str(&format!(" {flag} {}", file.display()));
        }
    }
    agent::run(&agent::Options {
        wish: common.wish(command),
        models,
        requests,
        minutes,
        program,
        package,
    })
}
